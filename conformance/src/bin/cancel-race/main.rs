//! `cargo run --release -p conformance --bin cancel-race`: long series of races
//! between a request and the result that a task waits for, of every kind on every
//! executor. Prints how often which came first. Exits with 1 if a result or a
//! request was lost or came twice, if descriptors are left, or nothing ran.

#[path = "../conformance/backends.rs"]
mod backends;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use conformance::race::{self, Agents, Counts, Series};

/// Races requests against results and counts what came first.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// How many rounds of each kind, on each executor, with each sort of agents.
    #[arg(long, default_value_t = 10_000)]
    rounds: u64,

    /// An executor; several may be named. The plain ones if none is.
    #[arg(long, value_name = "NAME")]
    backend: Vec<String>,

    /// A kind of race; several may be named. All if none is.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(race::kinds()))]
    kind: Vec<String>,

    /// Repeats the hesitations of another run.
    #[arg(long)]
    seed: Option<u64>,
}

const PLAIN: &[&str] = &["event-loop", "threaded", "blocking"];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(conformance::seed);
    let is_wanted =
        |kind: &&str| arguments.kind.is_empty() || arguments.kind.iter().any(|name| name == kind);
    let kinds: Vec<&str> = race::kinds().filter(is_wanted).collect();
    let mut names: Vec<&str> = arguments.backend.iter().map(String::as_str).collect();
    if names.is_empty() {
        names = PLAIN.to_vec();
    }
    println!("seed {seed}, {} rounds each", arguments.rounds);
    println!(
        "{:14} {:14} {:8} {:>10} {:>10} {:>9}",
        "executor", "kind", "agents", "result", "canceled", "us/round"
    );
    let (mut ran, mut failed) = (0, 0);
    for name in names {
        for &kind in &kinds {
            for agents in [Agents::Threads, Agents::Tasks] {
                let rounds = arguments.rounds;
                let series = Series {
                    kind,
                    agents,
                    rounds,
                    seed,
                };
                match line(name, series) {
                    Some(true) => ran += 1,
                    Some(false) => failed += 1,
                    None => {}
                }
            }
        }
    }
    println!("{ran} series passed, {failed} failed");
    if failed == 0 && ran > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs a series and prints its line. `None` if the executor can not run it.
fn line(name: &str, series: Series) -> Option<bool> {
    let Some(backend) = backends::find(name) else {
        eprintln!(
            "no executor is called {name}; there are {}",
            backends::names().join(", ")
        );
        return Some(false);
    };
    let began = Instant::now();
    let run = AssertUnwindSafe(|| race::run(backend.as_ref(), series));
    let counts = panic::catch_unwind(run);
    let micros = began.elapsed().as_secs_f64() * 1e6 / series.rounds.max(1) as f64;
    let agents = match series.agents {
        Agents::Threads => "threads",
        Agents::Tasks => "tasks",
    };
    let (is_right, text) = match counts {
        Ok(None) => return None,
        Ok(Some(Counts { results, canceled })) => {
            (true, format!("{results:>10} {canceled:>10} {micros:>9.1}"))
        }
        // The panic has said what is wrong.
        Err(_) => (false, "FAILED".to_owned()),
    };
    println!("{name:14} {:14} {agents:8} {text}", series.kind);
    Some(is_right)
}
