//! Compares the executors with their baselines (and, with the feature `peers`,
//! with other runtimes) in one run on this machine.
//!
//! ```text
//! cargo run --release -p benches --bin compare [-- OPTIONS]
//!
//! --quick          three short rounds, to see that it works
//! --rounds N       so many rounds (default 15)
//! --minutes N      measurements so long that it all takes about N minutes
//! --only TEXT      only cases whose `workload/parameter` contains TEXT, or
//!                  only the sleeping tasks (`asleep`)
//! --against REV    only our executors, beside those of another revision;
//!                  exits with 1 if one is slower beyond the noise
//! --resume         go on with a run of the same options that was interrupted
//! ```
//!
//! Every measurement is a process of its own, pinned to the CPUs it can keep
//! busy. Within a round the contenders run in random order; what is compared is
//! the ratio within each round. Writes `target/compare/`: `raw.csv`, `table.md`
//! (as it goes into BENCHMARKS.md), a chart for each case and each curve, and
//! `index.html`, which has it all in one file.

mod against;
mod chart;
mod child;
mod curve;
mod journal;
mod pace;
mod page;
mod rounds;
mod sleep;
mod table;
mod targets;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use std::time::{Duration, Instant};

use benches::{Asleep, Scale, Shape, description};

use crate::curve::Line;
use crate::journal::Journal;
use crate::rounds::{Case, Plan, Series};

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
    minutes: Option<u32>,
    pub(crate) only: Option<String>,
    against: Option<String>,
    resume: bool,
}

impl Options {
    fn from_arguments() -> io::Result<Options> {
        let mut options = Options {
            scale: Scale::Full,
            rounds: 15,
            minutes: None,
            only: None,
            against: None,
            resume: false,
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
                "--minutes" => {
                    let count = arguments.next().and_then(|text| text.parse().ok());
                    options.minutes = Some(count.ok_or_else(missing)?);
                }
                "--resume" => options.resume = true,
                "--only" => options.only = Some(arguments.next().ok_or_else(missing)?),
                "--against" => options.against = Some(arguments.next().ok_or_else(missing)?),
                other => return Err(io::Error::other(format!("no such option: {other}"))),
            }
        }
        Ok(options)
    }

    /// Whether sleeping tasks are asked for.
    pub(crate) fn has_sleepers(&self) -> bool {
        let only = self.only.as_ref();
        self.against.is_none() && only.is_none_or(|only| "asleep".contains(only.as_str()))
    }

    /// What a run that goes on must have in common with the one before.
    fn title(&self, machine: &[(&'static str, String)]) -> String {
        let revision = machine.iter().find(|(name, _)| *name == "revision");
        format!(
            "{} {:?} rounds {} only {:?} against {:?} peers {}",
            revision.map_or("unknown", |(_, value)| value),
            self.scale,
            self.rounds,
            self.only,
            self.against,
            cfg!(feature = "peers")
        )
    }
}

fn compare(options: &Options) -> io::Result<ExitCode> {
    let minutes = options.minutes.map(|minutes| u64::from(minutes) * 60);
    let end = minutes.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let machine = description();
    for (name, value) in &machine {
        println!("{name}: {value}");
    }
    let mut plan = Plan::new(options)?;
    if let Some(revision) = &options.against {
        plan.add_other(&against::build(revision)?, revision);
    }
    let mut journal = Journal::open(&options.title(&machine), options.resume)?;
    let asleep = if options.has_sleepers() {
        sleep::measure(options.scale, &mut journal)?
    } else {
        Vec::new()
    };
    let cases = plan.measure(options, &mut journal, end)?;
    let text = table::text(&machine, options.rounds, &cases, &asleep);
    println!("\n{text}");
    write("raw.csv", &table::raw(&cases))?;
    write("table.md", &text)?;
    for case in cases.iter().filter(|case| case.shape == Shape::Points) {
        let name = format!("{}-{}.svg", case.workload, case.parameter);
        write(&name, &chart::svg(case))?;
    }
    let pictures = pictures(&cases, &asleep);
    for (name, picture) in &pictures {
        write(&format!("{name}.svg"), picture)?;
    }
    let pictures: Vec<String> = pictures.into_iter().map(|(_, picture)| picture).collect();
    write(
        "index.html",
        &page::html(&machine, options, &cases, &pictures),
    )?;
    journal.remove()?;
    println!("written to {}", directory().display());
    let is_slower = options.against.is_some() && cases.iter().any(Case::is_slower);
    Ok(if is_slower {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The curves, by name.
fn pictures(cases: &[Case], asleep: &[sleep::Row]) -> Vec<(String, String)> {
    let mut pictures = Vec::new();
    for (index, first) in cases.iter().enumerate() {
        let is_first = index == 0 || cases[index - 1].workload != first.workload;
        if first.shape == Shape::Points || !is_first {
            continue;
        }
        let line = |series: &Series| -> Line {
            let points = table::of_workload(cases, first.workload).filter_map(|case| {
                #[expect(clippy::cast_precision_loss, reason = "a million is far below 2^52")]
                let x = case.parameter as f64;
                Some((x, case.find(&series.name)?.nanos()?))
            });
            (series.name.clone(), points.collect())
        };
        let lines: Vec<Line> = first.series.iter().map(line).collect();
        let title = format!("{}: ns for {}", first.workload, first.operation);
        let picture = curve::svg(&title, first.parameter_name, &lines);
        pictures.push((first.workload.to_owned(), picture));
    }
    type Value = fn(&Asleep) -> f64;
    let of_sleepers: [(&str, &str, Value); 4] = [
        ("asleep-bytes", "bytes for one sleeping task", |asleep| {
            asleep.bytes
        }),
        ("asleep-start", "ns to start one", |asleep| {
            asleep.start_nanos
        }),
        ("asleep-end", "ns to cancel and end one", |asleep| {
            asleep.end_nanos
        }),
        ("asleep-timer", "ns for one more timer", |asleep| {
            asleep.timer_nanos
        }),
    ];
    for (name, title, of) in of_sleepers {
        let picture = sleep::svg(title, asleep, of);
        pictures.extend(picture.map(|picture| (name.to_owned(), picture)));
    }
    pictures
}

/// Below the build directory that this program lies in.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/compare")
}

fn write(name: &str, text: &str) -> io::Result<()> {
    fs::write(directory().join(name), text)
}
