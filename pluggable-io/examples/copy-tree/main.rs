//! Copies a tree, many files at once, on the executor of your choice:
//!
//! ```sh
//! cargo run --release --example copy-tree -- SOURCE DESTINATION
//! ```
//!
//! This file picks the executor, and has the one unsafe line of the program. The
//! others are written against `&dyn Io` and forbid unsafe code.
#![expect(unsafe_code, reason = "an event loop is made, in one line")]

#[forbid(unsafe_code)]
mod copy;
#[forbid(unsafe_code)]
mod problem;
#[forbid(unsafe_code)]
#[path = "../shared/work.rs"]
mod work;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use pluggable_io::{Backend, Clock, Executor};

use copy::copy_tree;

/// Copy a tree, many files at once, on an executor of your choice
///
/// Copies files, directories, their permission bits, and symbolic links as
/// links. Hard links become files of their own; owners and times are not kept.
/// FIFOs, sockets and devices are named and skipped. Exit status 1 if anything
/// was not copied.
#[derive(Parser)]
#[command(name = "copy-tree", arg_required_else_help = true)]
struct Options {
    /// The executor: event-loop, threaded, blocking or auto
    #[arg(long, value_name = "EXECUTOR", default_value = "auto")]
    backend: Backend,

    /// How many files to copy at once
    #[arg(long, value_name = "N", default_value = "32")]
    tasks: NonZeroUsize,

    /// The directory to copy
    source: PathBuf,

    /// The copy, which must not exist
    destination: PathBuf,
}

fn main() -> ExitCode {
    let options = Options::parse();
    // SAFETY: nothing in this program keeps a thread-local scope open across a
    // call of `Io`, and no initialiser of a thread-local calls it.
    let executor = unsafe { Executor::new(options.backend) };
    let executor = match executor {
        Ok(executor) => executor,
        Err(refusal) => return fail(&refusal),
    };
    if executor.choice().refusal.is_some() {
        eprintln!("copy-tree: running on {}", executor.choice());
    }
    let (source, destination) = (&options.source, &options.destination);
    let copied = executor.run(|io| {
        let began = io.now(Clock::Monotonic);
        let copied = copy_tree(io, source, destination, options.tasks.get());
        let elapsed = io.now(Clock::Monotonic).saturating_duration_since(began);
        (copied, elapsed)
    });
    let (copied, elapsed) = match copied {
        Ok((Ok(copied), elapsed)) => (copied, elapsed),
        Ok((Err(problem), _)) => return fail(&problem),
        Err(refusal) => return fail(&refusal),
    };
    for problem in &copied.problems {
        eprintln!("copy-tree: {problem}");
    }
    println!(
        "{} files, {} directories, {} links, {} bytes in {:.3} s on {}",
        copied.files,
        copied.directories,
        copied.links,
        copied.bytes,
        elapsed.as_secs_f64(),
        executor.choice().backend,
    );
    if copied.problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn fail(reason: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("copy-tree: {reason}");
    ExitCode::FAILURE
}
