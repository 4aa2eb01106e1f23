//! Searches files for a pattern, many at once, on the executor of your choice:
//!
//! ```sh
//! cargo run --release --example search -- 'fn .*\(io: &dyn Io' .
//! ```
//!
//! This file picks the executor, and has the one unsafe line of the program. The
//! others are written against `&dyn Io` and forbid unsafe code.
#![expect(unsafe_code, reason = "an event loop is made, in one line")]

#[forbid(unsafe_code)]
mod lines;
#[forbid(unsafe_code)]
mod print;
#[forbid(unsafe_code)]
mod search;
#[forbid(unsafe_code)]
#[path = "../shared/walk.rs"]
mod walk;

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Parser;
use pluggable_io::fs::File;
use pluggable_io::{Backend, Executor, Io};
use regex::bytes::Regex;

use print::Printer;
use search::{Findings, Quest, search_all, search_first};

/// Search files for a pattern, many at once, on an executor of your choice
///
/// Prints lines as `grep -rn` does: path, number and text, with colons between;
/// those of one file together, the files in no particular order. Links are followed
/// only if they are named. A file with a NUL byte is binary and not searched from
/// there on. What can not be read is named on standard error. Exit status 0 if a
/// line matches, 1 if none does, 2 after an error, also if a line matches (not with
/// --first).
#[derive(Parser)]
#[command(name = "search", arg_required_else_help = true)]
struct Options {
    /// The executor: event-loop, threaded, blocking or auto
    #[arg(long, value_name = "EXECUTOR", default_value = "auto")]
    backend: Backend,

    /// How many files to search at once
    #[arg(long, value_name = "N", default_value = "16")]
    tasks: NonZeroUsize,

    /// Print one line, the first that is found, and cancel the rest
    #[arg(long)]
    first: bool,

    /// A regular expression, in the syntax of the crate regex
    pattern: Regex,

    /// Files and directories
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

const ERROR: u8 = 2;

fn main() -> ExitCode {
    let options = Options::parse();
    let is_first_enough = options.first;
    match run(options) {
        Ok(findings) => status(&findings, is_first_enough),
        // Who reads our output wanted no more of it.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(ERROR),
        Err(error) => {
            eprintln!("search: {error}");
            ExitCode::from(ERROR)
        }
    }
}

fn run(options: Options) -> io::Result<Findings> {
    // SAFETY: nothing in this program keeps a thread-local scope open across a
    // call of `Io`, and no initialiser of a thread-local calls it.
    let executor = unsafe { Executor::new(options.backend) }?;
    if executor.choice().refusal.is_some() {
        eprintln!("search: running on {}", executor.choice());
    }
    let quest = Quest {
        pattern: options.pattern,
        paths: options.paths,
        tasks: options.tasks.get(),
    };
    executor.run(|io| {
        let output = duplicate(io, &io::stdout())?;
        let printer = Printer::new(io, output, duplicate(io, &io::stderr())?);
        if options.first {
            search_first(io, &quest, &printer)
        } else {
            search_all(io, &quest, &printer)
        }
    })?
}

/// A file of its own for one of the program's streams.
fn duplicate<'io>(io: &'io dyn Io, stream: &impl AsFd) -> io::Result<File<'io>> {
    let fd = stream.as_fd().try_clone_to_owned()?;
    Ok(File::from_fd(io, fd))
}

/// As grep's; with `--first` as that of `grep -q`.
fn status(findings: &Findings, is_first_enough: bool) -> ExitCode {
    let has_match = findings.has_match.load(Ordering::Relaxed);
    let has_problem = findings.has_problem.load(Ordering::Relaxed);
    match (has_match, has_problem) {
        (true, _) if is_first_enough => ExitCode::SUCCESS,
        (_, true) => ExitCode::from(ERROR),
        (true, false) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    }
}
