//! loom models of the protocols between threads: every order in which the steps
//! of a few threads can happen, and every value that the memory model lets them
//! read. Run by `cargo test -p io-core --test models`.
//!
//! The sources under test are compiled in here a second time, with loom's atomics
//! under the name `crate::atomics`. A lost wake is a model that ends with a thread
//! still waiting, which loom reports as a deadlock; memory that two threads use at
//! once is found by loom's cells.
//!
//! How much is explored: everything, unless a model says how often a thread may
//! be preempted at most. `LOOM_MAX_PREEMPTIONS`, `LOOM_LOG` and
//! `LOOM_CHECKPOINT_FILE` work as loom's documentation says.

#![expect(
    clippy::unwrap_used,
    reason = "models are tests, in functions that are not marked so"
)]

mod atomics {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
    pub(crate) use std::sync::PoisonError;

    use loom::sync::atomic::fence;
    use std::cell::Cell;

    /// As the processor behaves once the process barrier was passed.
    pub(crate) fn light_barrier() {
        fence(Ordering::SeqCst);
    }

    loom::thread_local! {
        static THREAD: Cell<usize> = Cell::new(0);
    }

    /// Only equal for the same thread.
    pub(crate) fn this_thread() -> usize {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        THREAD.with(|thread| {
            if thread.get() == 0 {
                thread.set(COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1);
            }
            thread.get()
        })
    }
}
mod explore {
    //! What models are made of: threads and cells whose every order is tried.
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::Arc;
    pub(crate) use loom::sync::Notify;
    pub(crate) use loom::sync::atomic::AtomicUsize;
    pub(crate) use loom::thread::{JoinHandle, spawn, yield_now};

    /// Explores every order.
    pub(crate) fn every_order(model: impl Fn() + Sync + Send + 'static) {
        loom::model(model);
    }

    /// Explores every order in which the threads are preempted at most `count`
    /// times; waiting is no preemption.
    pub(crate) fn orders_with_preemptions(count: usize, model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(count));
        // A lot that is asked whether it is empty locks all its buckets.
        builder.max_branches = 10_000;
        builder.check(model);
    }
}

#[path = "../src/biased.rs"]
#[expect(unreachable_pub, reason = "public where it belongs to")]
mod biased;
#[path = "../src/task/cancel.rs"]
mod cancel;
#[path = "../src/task/completion.rs"]
mod completion;
#[path = "../src/sync/condvar_word.rs"]
mod condvar_word;
#[path = "../src/futex.rs"]
#[expect(unreachable_pub, dead_code, reason = "public where it belongs to")]
mod futex;
#[path = "../src/sync/lock_word.rs"]
mod lock_word;
#[path = "../src/parking.rs"]
#[expect(unreachable_pub, reason = "public where it belongs to")]
mod parking;

#[path = "models/biases.rs"]
mod biases;
#[path = "models/cancels.rs"]
mod cancels;
#[path = "models/completions.rs"]
mod completions;
#[path = "models/locks.rs"]
mod locks;
#[path = "models/lots.rs"]
mod lots;
#[path = "models/waits.rs"]
mod waits;
