//! Compares the executors with their baselines (and, with the feature `peers`,
//! with other runtimes) in one run on this machine.
//!
//! ```text
//! cargo run --release -p benches --bin compare [-- OPTIONS]
//!
//! --quick          three short rounds, to see that it works
//! --rounds N       so many rounds (default 15)
//! --only TEXT      only cases whose `workload/parameter` contains TEXT
//! --against REV    only our executors, beside those of another revision;
//!                  exits with 1 if one is slower beyond the noise
//! ```
//!
//! Every measurement is a process of its own, pinned to the CPUs it can keep
//! busy. Within a round the contenders run in random order; what is compared is
//! the ratio within each round. Writes `target/compare/`: `raw.csv`, `table.md`,
//! a chart for each case, and `index.html`, which has it all in one file.

mod against;
mod chart;
mod child;
mod page;
mod rounds;
mod table;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use benches::{Scale, description};

use crate::rounds::{Case, Plan};

fn main() -> ExitCode {
    if let Some(status) = child::perform_if_asked() {
        return status;
    }
    let answer = Options::from_arguments().and_then(|options| compare(&options));
    match answer {
        Ok(status) => status,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What the command line asks for.
pub(crate) struct Options {
    pub(crate) scale: Scale,
    pub(crate) rounds: usize,
    pub(crate) only: Option<String>,
    pub(crate) against: Option<String>,
}

impl Options {
    fn from_arguments() -> io::Result<Options> {
        let mut options = Options {
            scale: Scale::Full,
            rounds: 15,
            only: None,
            against: None,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let missing = || io::Error::other(format!("{argument} wants a value"));
            match argument.as_str() {
                "--quick" => (options.scale, options.rounds) = (Scale::Small, 3),
                "--rounds" => {
                    let count = arguments.next().and_then(|text| text.parse().ok());
                    options.rounds = count.filter(|count| *count > 0).ok_or_else(missing)?;
                }
                "--only" => options.only = Some(arguments.next().ok_or_else(missing)?),
                "--against" => options.against = Some(arguments.next().ok_or_else(missing)?),
                other => return Err(io::Error::other(format!("no such option: {other}"))),
            }
        }
        Ok(options)
    }
}

fn compare(options: &Options) -> io::Result<ExitCode> {
    let machine = description();
    for (name, value) in &machine {
        println!("{name}: {value}");
    }
    let mut plan = Plan::new(options)?;
    if let Some(revision) = &options.against {
        plan.add_other(&against::build(revision)?, revision);
    }
    let cases = plan.measure(options)?;
    let directory = directory();
    fs::create_dir_all(&directory)?;
    let text = table::text(&cases);
    println!("\n{text}");
    write(&directory, "raw.csv", &table::raw(&cases))?;
    write(&directory, "table.md", &text)?;
    for case in &cases {
        let name = format!("{}-{}.svg", case.workload, case.parameter);
        write(&directory, &name, &chart::svg(case))?;
    }
    write(
        &directory,
        "index.html",
        &page::html(&machine, options, &cases),
    )?;
    println!("written to {}", directory.display());
    let is_slower = options.against.is_some() && cases.iter().any(Case::is_slower);
    Ok(if is_slower {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Below the build directory that this program lies in.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/compare")
}

fn write(directory: &Path, name: &str, text: &str) -> io::Result<()> {
    fs::write(directory.join(name), text)
}
