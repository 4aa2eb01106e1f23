//! The sync chapter: locks for tasks, written once above the futex. Programs use
//! them; backends know nothing of them.
//!
//! They hold no executor, so they can be made anywhere (`const fn new`, in a
//! `static`); what may have to wait takes the executor as an argument. All users
//! of one lock use the same executor (a wrapper counts as what it wraps): mixing
//! executors can lose a wake, nothing worse.

mod condvar;
mod lock_word;
mod mutex;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
