//! Holds [`ThreadPerTask`] to the contract: one test for each claim of the suite.
//!
//! ```sh
//! cargo test --example your-own-backend
//! ```
//!
//! A crate of your own adds `conformance` to its `[dev-dependencies]` and writes
//! these lines in one of its tests. A failing test names the claim, and the claim
//! its clauses in CONTRACT.md.

use conformance::{Backend, Skip, Unavailable};
use pluggable_io::Io;

use super::thread_per_task::ThreadPerTask;

/// What the executor is known not to meet. What is declared here has to fail, so
/// that the list can not outlive its reason. These are `Blocking`'s.
const SKIPS: &[Skip] = &[
    cannot_bound("deadline::passes_while_it_waits::open_fifo"),
    cannot_bound("deadline::inside_protect::open_fifo"),
    cannot_bound("deadline::inherited::open_fifo"),
];

const fn cannot_bound(claim: &'static str) -> Skip {
    Skip {
        claim,
        reason: "a deadline does not end the opening of a FIFO",
    }
}

/// Tells the suite how the executor is made and run.
struct Mine;

impl Backend for Mine {
    fn name(&self) -> String {
        "thread-per-task".to_owned()
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        body(&ThreadPerTask::default());
        Ok(())
    }

    fn skips(&self) -> &[Skip] {
        SKIPS
    }
}

conformance::conformance_suite!(Mine);
