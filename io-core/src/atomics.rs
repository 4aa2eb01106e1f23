//! The atomics and the lock of the pure state machines (completion, cancel and
//! lock words, the wait line) and of the parking lot, which name them by
//! `crate::atomics`. The models (`tests/models.rs`, `tests/sync_models.rs`) compile the same files into a
//! crate whose `atomics` are loom's, so that no `cfg` is needed here.
//!
//! The lock is the thread's own. Nobody waits through `Io` while holding it, and
//! a fiber is never put aside in between, so it is held for a few loads and
//! stores at most.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard, PoisonError};

use std::cell::Cell;
use std::sync::atomic::compiler_fence;

/// The other side of a [`ProcessBarrier`](crate::parking::ProcessBarrier), which has
/// the processor do what this asks of the compiler.
#[inline]
pub(crate) fn light_barrier() {
    compiler_fence(Ordering::SeqCst);
}

thread_local! {
    static THREAD: Cell<usize> = const { Cell::new(0) };
}

/// The number of this thread, from 1. No other thread has it or ever had it.
#[inline]
pub(crate) fn this_thread() -> usize {
    match THREAD.get() {
        0 => new_thread(),
        number => number,
    }
}

#[cold]
fn new_thread() -> usize {
    /// Relaxed: only the numbers matter.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    THREAD.set(number);
    number
}
