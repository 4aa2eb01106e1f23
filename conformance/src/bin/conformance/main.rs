//! `cargo run -p conformance`: prints the matrix of claims and executors, each
//! claim in a process of its own, so that a hang or a crash costs one claim.
//! Exits with 1 if a claim fails or nothing ran. With `--all-configurations` there
//! is a line for each of 40 configurations instead: 42,000 processes, less than ten
//! minutes of two processors in a release build.

mod backends;
mod matrix;

use std::process::ExitCode;

use clap::Parser;
use conformance::{ALL, Backend, Claim, Verdict};

use backends::find;

/// The executors of the matrix if none is named.
const PLAIN: [&str; 3] = ["event-loop", "threaded", "blocking"];

/// Prints which claims of the contract hold on which executors.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// An executor; several may be named. All of the plain ones if none is.
    #[arg(long, value_name = "NAME")]
    backend: Vec<String>,

    /// Every configuration of the executors: options each with each, one line for
    /// each configuration.
    #[arg(long, conflicts_with = "backend")]
    all_configurations: bool,

    /// Only claims whose name contains this; several may be given.
    #[arg(long, value_name = "TEXT")]
    claim: Vec<String>,

    /// Names the executors and the claims with their clauses, and runs nothing.
    #[arg(long)]
    list: bool,

    /// Runs one claim in this process and exits as the matrix wants to know.
    #[arg(long, hide = true)]
    child: bool,
}

/// What a child's exit status says.
pub(crate) mod status {
    pub(crate) const PASSED: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const SKIPPED: u8 = 3;
    pub(crate) const UNAVAILABLE: u8 = 4;
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        list();
        return ExitCode::SUCCESS;
    }
    let names: Vec<String> = if arguments.all_configurations {
        backends::crossed_names()
    } else if arguments.backend.is_empty() {
        PLAIN.map(str::to_owned).to_vec()
    } else {
        arguments.backend.clone()
    };
    let mut columns = Vec::new();
    for name in names {
        let Some(backend) = find(&name) else {
            eprintln!("no executor is called {name}; --list names them");
            return ExitCode::from(2);
        };
        columns.push(backend);
    }
    if arguments.child {
        return child(columns[0].as_ref(), &arguments.claim[0]);
    }
    let is_wanted = |claim: &&Claim| {
        let wanted = &arguments.claim;
        wanted.is_empty() || wanted.iter().any(|text| claim.name.contains(text.as_str()))
    };
    let claims: Vec<&Claim> = ALL.iter().filter(is_wanted).collect();
    if arguments.all_configurations {
        matrix::print_totals(&columns, &claims)
    } else {
        matrix::print(&columns, &claims)
    }
}

fn list() {
    println!("executors: {}", backends::names().join(", "));
    for claim in ALL {
        println!("{}  [{}]", claim.name, claim.clauses.join(", "));
    }
}

/// Runs one claim here. The reason of a skip is the last line that it says.
fn child(backend: &dyn Backend, name: &str) -> ExitCode {
    let claim = conformance::find(name).expect("the matrix names claims that exist");
    let seed = conformance::seed();
    let (code, reason) = match conformance::run_alone(backend, claim, seed) {
        Verdict::Passed => (status::PASSED, String::new()),
        Verdict::Failed(message) => {
            let repeat = format!("repeat with CONFORMANCE_SEED={seed}");
            (status::FAILED, format!("{message}\n{repeat}"))
        }
        Verdict::Skipped(reason) => (status::SKIPPED, reason),
        Verdict::Unavailable(reason) => (status::UNAVAILABLE, reason),
    };
    println!("{reason}");
    ExitCode::from(code)
}
