//! Holds [`ThreadPerTask`] to the contract: one test for each claim of the suite.
//!
//! ```sh
//! cargo test --example your-own-backend
//! ```
//!
//! A crate of your own adds `conformance` to its `[dev-dependencies]` and writes
//! these lines in one of its tests. A failing test names the claim, and the claim
//! its clauses in CONTRACT.md.

use conformance::{Backend, Unavailable};
use pluggable_io::Io;

use super::thread_per_task::ThreadPerTask;

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
}

conformance::conformance_suite!(Mine);
