//! `cargo run --release -p conformance --bin lateness`: how late sleeps and
//! deadlines are on each executor. Prints the median, the 99th percentile and the
//! worst of many; on an idle machine they are below a millisecond. Exits with 1
//! if one was early, or nothing ran.

#[path = "../conformance/backends.rs"]
mod backends;

use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use clap::Parser;
use conformance::Random;
use io_core::fs::File;
use io_core::{Clock, FutexWord, Io};

/// Measures how late sleeps and deadlines are.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// How many of each.
    #[arg(long, default_value_t = 300)]
    count: u32,

    /// An executor; several may be named. The plain ones if none is.
    #[arg(long, value_name = "NAME")]
    backend: Vec<String>,
}

const PLAIN: &[&str] = &["event-loop", "threaded", "blocking"];
/// Timeouts are random up to this, in microseconds.
const TIMEOUT_MICROS_MAX: usize = 5000;
const FAR: Duration = Duration::from_secs(60);

/// What is bounded: returns when its time is over.
type Timed = fn(&dyn Io, Duration);

fn sleep(io: &dyn Io, timeout: Duration) {
    io.sleep(timeout).expect("nobody cancels");
}

fn expect_deadline<T>(result: io::Result<T>) {
    let is_deadline = result.as_ref().err().is_some_and(io_core::is_deadline);
    assert!(
        is_deadline,
        "something else than the deadline ended the wait"
    );
}

fn sleep_under_a_deadline(io: &dyn Io, timeout: Duration) {
    expect_deadline(io.with_timeout(timeout, || io.sleep(FAR)));
}

fn futex_under_a_deadline(io: &dyn Io, timeout: Duration) {
    let word = AtomicU32::new(0);
    expect_deadline(io.with_timeout(timeout, || io.futex_wait(FutexWord::of(&word), 0, None)));
}

fn read_under_a_deadline(io: &dyn Io, timeout: Duration) {
    let (reader, _writer) = io::pipe().expect("there are descriptors");
    let mut file = File::from_fd(io, reader.into());
    expect_deadline(io.with_timeout(timeout, || file.read(&mut [0])));
}

const KINDS: &[(&str, Timed)] = &[
    ("sleep", sleep),
    ("sleep, deadline", sleep_under_a_deadline),
    ("futex, deadline", futex_under_a_deadline),
    ("pipe, deadline", read_under_a_deadline),
];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut names: Vec<&str> = arguments.backend.iter().map(String::as_str).collect();
    if names.is_empty() {
        names = PLAIN.to_vec();
    }
    println!(
        "{:12} {:16} {:>10} {:>10} {:>10}",
        "executor", "kind", "median us", "99 % us", "worst us"
    );
    let (mut ran, mut early) = (0, 0);
    for name in names {
        let Some(backend) = backends::find(name) else {
            eprintln!(
                "no executor is called {name}; there are {}",
                backends::names().join(", ")
            );
            return ExitCode::from(2);
        };
        for (kind, timed) in KINDS {
            let mut lateness = Vec::new();
            let result = backend.run(&mut |io| {
                (lateness, early) = measure(io, *timed, arguments.count, early);
            });
            match result {
                Ok(()) => ran += 1,
                Err(unavailable) => {
                    println!("{name:12} {unavailable}");
                    break;
                }
            }
            lateness.sort_unstable();
            let at = |part: usize| lateness[(lateness.len() - 1) * part / 100].as_micros();
            println!(
                "{name:12} {kind:16} {:>10} {:>10} {:>10}",
                at(50),
                at(99),
                at(100)
            );
        }
    }
    println!("{early} were early");
    if early == 0 && ran > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// How late each one was; adds to the count of those that were early.
fn measure(io: &dyn Io, timed: Timed, count: u32, mut early: u32) -> (Vec<Duration>, u32) {
    let mut random = Random::new(u64::from(count));
    let mut lateness = Vec::new();
    for _ in 0..count.max(1) {
        let timeout = Duration::from_micros(random.below(TIMEOUT_MICROS_MAX) as u64);
        let before = io.now(Clock::Monotonic);
        timed(io, timeout);
        let took = io.now(Clock::Monotonic).saturating_duration_since(before);
        match took.checked_sub(timeout) {
            Some(late) => lateness.push(late),
            None => early += 1,
        }
    }
    (lateness, early)
}
