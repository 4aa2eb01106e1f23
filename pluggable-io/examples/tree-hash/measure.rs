//! [`measure`]: one pass over the trees on one executor, and what it took.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use blake3::Hash;
use pluggable_io::wrappers::Counting;
use pluggable_io::{Clock, Io, fs};

use crate::hash::{Hashed, hash_trees};
use crate::list::{list, tree_digest};
use crate::progress::Progress;

/// What one executor made of the trees.
pub(crate) struct Measured {
    pub(crate) hashed: Hashed,
    /// The list of files as b3sum prints it.
    pub(crate) list: String,
    /// The digest of the list.
    pub(crate) digest: Hash,
    /// The sum of the files' sizes.
    pub(crate) bytes: u64,
    /// How long walking and hashing took.
    pub(crate) elapsed: Duration,
    /// How many operations went through `Io`, each close among them.
    pub(crate) operations: u64,
    /// How many threads the process had when the work was done, the kernel's own
    /// for io_uring among them; `None` where the system does not tell.
    pub(crate) threads: Option<usize>,
}

/// Hashes the trees below `roots`, up to `tasks` files at once.
///
/// # Errors
/// Canceled; the deadline in force has passed.
pub(crate) fn measure(
    io: &dyn Io,
    roots: &[PathBuf],
    tasks: usize,
    progress: &Progress,
) -> io::Result<Measured> {
    let counting = Counting::new(io);
    let began = io.now(Clock::Monotonic);
    let mut hashed = hash_trees(&counting, roots, tasks, progress)?;
    let elapsed = io.now(Clock::Monotonic).saturating_duration_since(began);
    let counts = counting.snapshot();
    let list = list(&mut hashed.files);
    Ok(Measured {
        digest: tree_digest(&list),
        bytes: hashed.files.iter().map(|file| file.bytes).sum(),
        list,
        hashed,
        elapsed,
        operations: counts.total().operations + counts.closes,
        threads: thread_count(io),
    })
}

/// The threads of this process (proc_pid_status(5)).
fn thread_count(io: &dyn Io) -> Option<usize> {
    let status = fs::read_to_string(io, "/proc/self/status").ok()?;
    let mut lines = status.lines();
    let count = lines.find_map(|line| line.strip_prefix("Threads:"))?;
    count.trim().parse().ok()
}
