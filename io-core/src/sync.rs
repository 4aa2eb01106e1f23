//! The sync chapter: locks for tasks, written once above the futex. Programs use
//! them; backends know nothing of them.
//!
//! They hold no executor, so they can be made anywhere (`const fn new`, in a
//! `static`); what may have to wait takes the executor as an argument. All users
//! of one lock use the same executor (a wrapper counts as what it wraps): mixing
//! executors can lose a wake, nothing worse.

//! Mutex and Condvar stand on their word alone: a wake lets the woken one try
//! again. What hands over directly (Semaphore, RwLock, Queue, Barrier) has a line
//! of waiters (`line.rs`). Each state machine is in a file that knows no executor:
//! it waits and wakes through `park.rs`, which `waiting.rs` implements by the
//! futex of an executor and the models by their own.

mod barrier;
mod condvar;
mod condvar_word;
mod event;
mod event_word;
mod gathering;
mod items;
mod line;
mod lock_word;
mod mutex;
mod once_cell;
mod oneshot_word;
mod park;
mod permits;
mod queue;
mod read_write;
mod rwlock;
mod semaphore;
mod version_word;
mod waiting;
mod watch;

pub mod oneshot;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::Condvar;
pub use event::Event;
pub use mutex::{Mutex, MutexGuard};
pub use once_cell::OnceCell;
pub use queue::{PutError, Queue, TryGetError, TryPutError};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{Semaphore, SemaphorePermit};
pub use watch::{Watch, Watcher};
