//! Counts lines, words and bytes of many files in a pipeline, on the executor of
//! your choice; Ctrl-C stops it gracefully:
//!
//! ```sh
//! cargo run --release --example pipeline -- /usr/share
//! ```
//!
//! This file picks the executor, and has the one unsafe line of the program. The
//! others are written against `&dyn Io` and forbid unsafe code.
#![expect(unsafe_code, reason = "an event loop is made, in one line")]

#[forbid(unsafe_code)]
mod collect;
#[forbid(unsafe_code)]
mod count;
#[forbid(unsafe_code)]
mod in_sequence;
#[forbid(unsafe_code)]
mod pipeline;
#[forbid(unsafe_code)]
mod produce;
#[forbid(unsafe_code)]
mod signals;
#[forbid(unsafe_code)]
#[path = "../shared/walk.rs"]
mod walk;

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use pluggable_io::fs::File;
use pluggable_io::{Backend, Executor, Io};

use pipeline::{Console, Plan, Report};
use signals::Signals;

/// Count lines, words and bytes of many files, on an executor of your choice
///
/// Prints a line for each file, in no particular order, and the sums to standard
/// error. SIGINT (Ctrl-C) and SIGTERM stop it: no further file is begun, those that
/// are begun are finished, and what was done is told; a second one breaks them off.
/// Exit status 1 if a file could not be read or the output not be written, 128 and
/// the signal's number if a signal stopped it.
#[derive(Parser)]
#[command(name = "pipeline", arg_required_else_help = true)]
struct Options {
    /// The executor: event-loop, threaded, blocking or auto
    #[arg(long, value_name = "EXECUTOR", default_value = "auto")]
    backend: Backend,

    /// How many files to read at once
    #[arg(long, value_name = "N", default_value = "8")]
    workers: NonZeroUsize,

    /// How many files may wait to be read
    #[arg(long, value_name = "N", default_value = "64")]
    queue: NonZeroUsize,

    /// Files, directories, and - for paths from standard input, one a line
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match run(options) {
        Ok(report) => end(&report),
        Err(error) => {
            eprintln!("pipeline: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<Report> {
    let mut signals = Signals::catch()?;
    // SAFETY: nothing in this program keeps a thread-local scope open across a
    // call of `Io`, and no initialiser of a thread-local calls it.
    let executor = unsafe { Executor::new(options.backend) }?;
    if executor.choice().refusal.is_some() {
        eprintln!("pipeline: running on {}", executor.choice());
    }
    let plan = Plan {
        sources: options.paths,
        workers: options.workers.get(),
        queued: options.queue.get(),
    };
    executor.run(|io| {
        let console = Console {
            input: duplicate(io, &io::stdin())?,
            output: duplicate(io, &io::stdout())?,
            messages: duplicate(io, &io::stderr())?,
        };
        pipeline::run(io, &plan, &console, &mut signals)
    })?
}

/// A file of its own for one of the program's streams.
fn duplicate<'io>(io: &'io dyn Io, stream: &impl AsFd) -> io::Result<File<'io>> {
    let fd = stream.as_fd().try_clone_to_owned()?;
    Ok(File::from_fd(io, fd))
}

/// Tells what was done.
fn end(report: &Report) -> ExitCode {
    if let Some(signal) = report.stopped_by {
        eprintln!("pipeline: stopped by {signal}");
    }
    let collected = &report.collected;
    eprintln!(
        "pipeline: {} done, {} failed, {} broken off, {} not begun; \
         {} lines, {} words, {} bytes",
        collected.done,
        collected.failed,
        report.broken_off,
        report.unbegun,
        collected.sum.lines,
        collected.sum.words,
        collected.sum.bytes,
    );
    match &report.failure {
        // Who reads our output wanted no more of it.
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        Some(error) => eprintln!("pipeline: standard output: {error}"),
        None => {}
    }
    match report.stopped_by {
        Some(signal) => ExitCode::from(signal.exit_status()),
        None if report.failure.is_some() || collected.failed > 0 => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    }
}
