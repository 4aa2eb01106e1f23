//! loom models of the protocols between threads: every order in which the steps
//! of a few threads can happen. The sources under test are compiled in here a
//! second time, with loom's atomics under the name `crate::atomics`. A lost wake
//! or interrupt is a model that ends with a thread still waiting, which loom
//! reports as a deadlock.

#![expect(
    clippy::unwrap_used,
    reason = "models are tests, in functions that are not marked so"
)]

mod atomics {
    pub(crate) use loom::sync::atomic::{AtomicU32, Ordering};
}

mod explore {
    //! What models are made of.
    pub(crate) use loom::sync::{Arc, Condvar, Mutex};
    pub(crate) use loom::thread::spawn;

    /// Explores every order in which the threads are preempted at most three
    /// times; waiting is no preemption.
    pub(crate) fn every_order(model: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = builder.preemption_bound.or(Some(3));
        builder.check(model);
    }
}

#[path = "../src/pool/seat_word.rs"]
mod seat_word;
#[path = "../src/parker/word.rs"]
mod word;

#[path = "models/interrupts.rs"]
mod interrupts;
#[path = "models/seats.rs"]
mod seats;
