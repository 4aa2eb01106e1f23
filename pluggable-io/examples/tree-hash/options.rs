//! [`Options`]: the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Parser;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use pluggable_io::Backend;

/// Fibers cost little: enough of them to keep a device busy.
const EVENT_LOOP_TASKS: usize = 64;
/// Threads cost more, and the cores are few.
const THREADED_TASKS: usize = 16;

/// Hash every regular file below the paths with BLAKE3, on an executor of your
/// choice
///
/// Prints how fast that was, and a digest of the whole tree: that of the list of
/// its files, as b3sum prints it, sorted by the bytes of their paths. Symbolic
/// links are not followed. Exit status 1 if a file could not be read.
#[derive(Parser)]
#[command(name = "tree-hash", arg_required_else_help = true)]
pub(crate) struct Options {
    /// The executor; `all` compares them, and fills the page cache first
    #[arg(long, value_name = "EXECUTOR", default_value = "auto", value_parser = executors())]
    pub(crate) backend: Executors,

    /// How many files to hash at once [default: what suits the executor]
    #[arg(long, value_name = "N")]
    pub(crate) tasks: Option<NonZeroUsize>,

    /// Print the files' digests as b3sum does, and the rest to standard error
    #[arg(long)]
    pub(crate) list: bool,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    /// The files and directories to hash
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,
}

impl Options {
    /// How many files are hashed at once on `backend`.
    pub(crate) fn tasks_on(&self, backend: Backend) -> usize {
        let default = match backend {
            Backend::EventLoop => EVENT_LOOP_TASKS,
            Backend::Threaded => THREADED_TASKS,
            Backend::Blocking | Backend::Auto => 1,
        };
        self.tasks.map_or(default, NonZeroUsize::get)
    }
}

/// Which executors hash the trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Executors {
    /// The one that is named.
    One(Backend),
    /// One after the other.
    All,
}

fn executors() -> impl TypedValueParser<Value = Executors> {
    let names = Backend::ALL.map(Backend::name).into_iter().chain(["all"]);
    // What is no backend's name can only be the other possible value.
    PossibleValuesParser::new(names).map(|name| name.parse().map_or(Executors::All, Executors::One))
}
