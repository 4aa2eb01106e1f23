//! [`measure`]: one pass over the trees on one executor, and what it took.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use blake3::Hash;
use pluggable_io::fs::{self, DirEntry};
use pluggable_io::wrappers::Counting;
use pluggable_io::{Clock, Io};

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
    /// How many threads took part: the caller's, and those that were there at the
    /// end and not before, the kernel's own for io_uring among them.
    pub(crate) threads: usize,
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
    let others = thread_ids(io);
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
        threads: 1 + thread_ids(io).difference(&others).count(),
    })
}

/// The threads of this process by their ids (proc_pid_task(5)), or none where the
/// system does not tell.
fn thread_ids(io: &dyn Io) -> BTreeSet<OsString> {
    let entries = fs::read_dir(io, "/proc/self/task");
    let ids = entries.into_iter().flatten().flatten();
    ids.map(DirEntry::into_file_name).collect()
}
