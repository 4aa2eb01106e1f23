//! loom models of the sync chapter's state machines: every order in which the
//! steps of a few threads can happen (up to a number of preemptions), and every
//! value that the memory model lets them read. Run by
//! `cargo test --release -p io-core --test sync_models`; a debug build explores
//! less. `LOOM_MAX_PREEMPTIONS` sets the number.
//!
//! The sources under test are compiled in here a second time, with loom's atomics
//! under the name `crate::atomics`. A turn or a wake that is lost is a model that
//! ends with a thread still waiting, which loom reports as a deadlock; what two
//! threads use at once is found by loom's cells.

mod atomics {
    pub(crate) use loom::sync::atomic::{AtomicU32, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}

mod explore {
    //! What models are made of: threads and cells whose every order is tried.
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::{Arc, Notify};
    pub(crate) use loom::thread::{JoinHandle, spawn};

    /// How often a thread is preempted at most in a model of three threads.
    pub(crate) const OF_THREE: usize = if cfg!(debug_assertions) { 1 } else { 2 };
    /// As above, of two threads.
    pub(crate) const OF_TWO: usize = if cfg!(debug_assertions) { 2 } else { 4 };

    /// Explores every order in which the threads are preempted at most `count`
    /// times; waiting is no preemption.
    pub(crate) fn orders_with_preemptions(count: usize, model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(count));
        builder.check(model);
    }
}

#[path = "../src/futex.rs"]
#[expect(unreachable_pub, dead_code, reason = "public where it belongs to")]
mod futex;

#[expect(dead_code, reason = "models use a part of each state machine")]
mod sync {
    //! The state machines, under the names that they use.
    #[path = "../../src/sync/event_word.rs"]
    pub(crate) mod event_word;
    #[path = "../../src/sync/gathering.rs"]
    pub(crate) mod gathering;
    #[path = "../../src/sync/items.rs"]
    pub(crate) mod items;
    #[path = "../../src/sync/line.rs"]
    pub(crate) mod line;
    #[path = "../../src/sync/oneshot_word.rs"]
    pub(crate) mod oneshot_word;
    #[path = "../../src/sync/park.rs"]
    pub(crate) mod park;
    #[path = "../../src/sync/permits.rs"]
    pub(crate) mod permits;
    #[path = "../../src/sync/read_write.rs"]
    pub(crate) mod read_write;
    #[path = "../../src/sync/version_word.rs"]
    pub(crate) mod version_word;
}

#[path = "sync_models/lines.rs"]
mod lines;
#[path = "sync_models/lot.rs"]
mod lot;
#[path = "sync_models/signals.rs"]
mod signals;
