//! I/O and concurrency as a **value that a program receives**: what a program
//! depends on.
//!
//! Library code takes [`&dyn Io`](Io) and is written once, in plain sequential
//! Rust with plain borrowed buffers:
//!
//! ```
//! use pluggable_io::{Io, fs};
//!
//! fn copy_both(io: &dyn Io, from: [&str; 2], to: [&str; 2]) -> std::io::Result<u64> {
//!     io.scope(|scope| {
//!         let first = scope.spawn(|| fs::copy(io, from[0], to[0]));
//!         let second = fs::copy(io, from[1], to[1])?;
//!         Ok(first.join()? + second)
//!     })
//! }
//! ```
//!
//! The application picks the executor, once, in its `main`:
//!
//! ```
//! use pluggable_io::{Backend, Io};
//!
//! fn application(io: &dyn Io) -> &'static str {
//!     io.capabilities().name
//! }
//!
//! let backend: Backend = "auto".parse()?;
//! // SAFETY: nothing in this program keeps a thread-local scope open across a
//! // call of `Io`, and no initialiser of a thread-local calls it.
//! let name = unsafe { pluggable_io::run(backend, application) }?;
//! println!("ran on {name}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | executor | a task is | a wait is | unsafe to make |
//! |---|---|---|---|
//! | [`EventLoop`](event_loop::EventLoop) | a stackful fiber | a submitted io_uring entry; the worker runs other fibers | [yes](run#safety) |
//! | [`Threaded`](threaded::Threaded) | an OS thread from a pool | a blocking system call | no |
//! | [`Blocking`](blocking::Blocking) | a call | a blocking system call; no threads | no |
//!
//! [`run`] is the short way. [`Executor`] is the long one: it tells what
//! [`Backend::Auto`] came to and why, and takes executors made with options of
//! their own.

mod backend;
mod executor;

pub mod guide;

pub use backend::{Backend, UnknownBackend};
pub use executor::{Choice, Executor, run, run_blocking, run_threaded};

pub use io_core::{
    At, BatchEntry, Capabilities, Clock, FutexAddress, FutexWord, Handle, HandleKind, Instant,
    Interest, Io, IoId, Links, Operation, OperationKind, Outcome, SyncLevel, Target, canceled,
    deadline_passed, forward_io, fs, is_canceled, is_deadline, parking, readable_bytes, sync, task,
    unsupported, watch, wrappers, writable_bytes,
};

/// The program of the README, compiled and run with the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The executor whose tasks are fibers over io_uring, and its options.
pub mod event_loop {
    pub use io_evloop_uring::{Builder, EventLoop, Metrics, StartError, Waker, os_code};
}

/// The executor whose tasks are threads of a pool, and its options.
pub mod threaded {
    pub use io_threaded::{Builder, Threaded};
}

/// The executor whose tasks are calls, and the system calls under it for those
/// who write an executor of their own.
pub mod blocking {
    pub use io_blocking::{Blocking, system};
}
