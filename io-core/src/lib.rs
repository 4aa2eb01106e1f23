//! The contract: I/O and concurrency as a **value that a program receives**.
//!
//! Library code takes `&dyn Io` and is written once, in plain sequential Rust
//! with plain borrowed buffers; the application picks the executor. Read
//! [`Io`] for what a backend implements, [`fs`], [`task`] and [`sync`] for what
//! programs use.

#![cfg_attr(
    test,
    allow(
        clippy::disallowed_methods,
        reason = "tests race on threads; clippy.toml forbids them to the contract"
    )
)]

mod atomics;
mod biased;
mod error;
mod file;
mod futex;
mod handle;
mod io;
mod operation;
mod readiness;
mod time;

pub mod parking;
pub mod sync;
pub mod task;
pub mod watch;
pub mod wrappers;

#[cfg(test)]
mod tests;

pub use error::{canceled, deadline_passed, is_canceled, is_deadline, unsupported};
pub use futex::{FutexAddress, FutexWord};
pub use handle::{Handle, HandleKind};
pub use io::{Capabilities, Io, IoId};
pub use operation::{
    At, BatchEntry, Interest, Links, Operation, OperationKind, Outcome, SyncLevel, Target,
    readable_bytes, writable_bytes,
};
pub use time::{Clock, Instant};

/// Files and directories: what programs use, in the shape of [`std::fs`], with
/// the executor as first argument.
pub mod fs {
    pub use crate::file::{
        Dir, DirEntry, DirEntryRef, DirectoryEntries, File, FileTime, FileType, Metadata,
        OpenOptions, Progress, ReadDir, copy, copy_fully, create_dir, create_dir_all, exists,
        hard_link, metadata, read, read_dir, read_link, read_to_string, remove_dir, remove_dir_all,
        remove_file, rename, set_permissions, symlink, symlink_metadata, write,
    };
}
