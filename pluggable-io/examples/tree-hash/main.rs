//! Hashes trees with BLAKE3, on the executor of your choice:
//!
//! ```sh
//! cargo run --release --example tree-hash -- --backend all /usr/share
//! ```
//!
//! This file picks the executor, and has the one unsafe line of the program. All
//! others are written against `&dyn Io` (`hash.rs`, `measure.rs`, `work.rs`) or
//! do no I/O at all, and forbid unsafe code.
#![expect(unsafe_code, reason = "an event loop is made, in one line")]

#[forbid(unsafe_code)]
mod hash;
#[forbid(unsafe_code)]
mod json;
#[forbid(unsafe_code)]
mod list;
#[forbid(unsafe_code)]
mod measure;
#[forbid(unsafe_code)]
mod options;
#[forbid(unsafe_code)]
mod progress;
#[forbid(unsafe_code)]
mod report;
#[forbid(unsafe_code)]
#[path = "../shared/work.rs"]
mod work;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;
use pluggable_io::{Backend, Executor};

use options::{Executors, Options};
use progress::Progress;
use report::Row;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(status) => status,
        // Who reads our output wanted no more of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tree-hash: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<ExitCode> {
    let rows = match options.backend {
        Executors::One(backend) => {
            let row = pass(backend, options, backend.name())?;
            vec![row]
        }
        Executors::All => compare(options)?,
    };
    print(options, &rows)?;
    Ok(status(&rows))
}

/// Every executor in turn. A pass that is not measured goes before, so that the
/// first does not find an empty page cache where the others find a full one.
fn compare(options: &Options) -> io::Result<Vec<Row>> {
    pass(Backend::Auto, options, "page cache")?;
    let executors = Backend::ALL
        .into_iter()
        .filter(|backend| *backend != Backend::Auto);
    let rows = executors.map(|backend| {
        pass(backend, options, backend.name()).unwrap_or_else(|reason| Row {
            backend,
            outcome: Err(reason),
        })
    });
    Ok(rows.collect())
}

/// One pass over the trees.
fn pass(backend: Backend, options: &Options, title: &str) -> io::Result<Row> {
    // SAFETY: nothing in this program keeps a thread-local scope open across a
    // call of `Io`, and no initialiser of a thread-local calls it.
    let executor = unsafe { Executor::new(backend) }?;
    let choice = executor.choice();
    if choice.refusal.is_some() && options.backend != Executors::All {
        eprintln!("tree-hash: running on {choice}");
    }
    let backend = choice.backend;
    let tasks = options.tasks_on(backend);
    let progress = Progress::new(title);
    let outcome = executor.run(|io| measure::measure(io, &options.paths, tasks, &progress))?;
    Ok(Row { backend, outcome })
}

/// The failures and the table on standard error if the list is printed, the
/// table on standard output otherwise.
fn print(options: &Options, rows: &[Row]) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    for failure in report::failures(rows) {
        writeln!(stderr, "tree-hash: {failure}")?;
    }
    let mut stdout = BufWriter::new(io::stdout().lock());
    if options.json {
        writeln!(stdout, "{:#}", json::document(options, rows))?;
    } else if options.list {
        let first = report::measured(rows).next();
        stdout.write_all(first.map_or(b"", |row| row.list.as_bytes()))?;
        report::print(rows, &mut stderr)?;
    } else {
        report::print(rows, &mut stdout)?;
    }
    stdout.flush()
}

/// Success if all was read, and all executors saw the same.
fn status(rows: &[Row]) -> ExitCode {
    let is_complete = report::measured(rows).all(|row| row.hashed.failures.is_empty());
    if is_complete && report::agreed_digest(rows).is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
