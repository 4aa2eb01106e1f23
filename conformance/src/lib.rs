//! The suite that holds every executor to CONTRACT.md: a claim is one behaviour
//! that the contract promises, with the clauses it checks. It knows no executor
//! and needs nothing of one but [`Io`](io_core::Io).
//!
//! Whoever writes an executor says how it is run, and stamps one `#[test]` per
//! claim:
//!
//! ```
//! use conformance::{Backend, Unavailable};
//! use io_core::Io;
//!
//! struct Mine;
//!
//! impl Backend for Mine {
//!     fn name(&self) -> String {
//!         "mine".to_owned()
//!     }
//!
//!     fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
//!         body(&io_blocking::Blocking::new());
//!         Ok(())
//!     }
//! }
//!
//! conformance::conformance_suite!(Mine);
//! # let claim = conformance::find("file::reading::read_at_the_end_gives_zero").unwrap();
//! # let verdict = conformance::run(&Mine, claim, 1);
//! # assert_eq!(verdict, conformance::Verdict::Passed);
//! ```
//!
//! - A test has the name of its claim: `file::reading::read_at_the_end_gives_zero`.
//! - A claim whose [`Need`] the executor's capabilities do not meet is skipped
//!   aloud. What an executor fails at for a good reason it declares in
//!   [`Backend::skips`]; the claim has to fail then, or the declaration is wrong.
//! - A claim that hangs ends the process with its name and seed.
//!   `CONFORMANCE_SEED` repeats a seed.
//! - Claims that change or measure the process run in one of their own: the
//!   test binary starts itself again.
//!
//! | to understand | read |
//! |---|---|
//! | the list of claims | `registry.rs` |
//! | how one is run and judged | `backend.rs`, `fixture.rs`, `run.rs`, `standstill.rs`, `stamp.rs` |
//! | the claims themselves, by chapter | `file`, `task`, `futex`, `time`, ... |

mod backend;
mod broken;
mod claim;
mod compile;
mod contract;
mod fixture;
mod freedom;
mod growth;
mod random;
mod registry;
mod run;
mod standstill;
mod system;
mod wrapped;

mod cancel;
mod deadline;
mod file;
mod futex;
mod sync;
mod task;
mod time;
mod wrappers;

/// Long series of races between requests and results.
pub use cancel::race;

#[doc(hidden)]
pub mod stamp;

pub use backend::{Backend, Skip, Unavailable};
pub use broken::{BROKEN, Broken, Symptom};
pub use claim::{Claim, Need};
pub use contract::{Clause, Strength, clauses};
pub use fixture::Fixture;
pub use freedom::{FREEDOMS, Freedom};
pub use random::Random;
pub use registry::ALL;
pub use run::{Verdict, claim_limit, find, run, run_alone, seed, skip_reason};
pub use wrapped::{Wrap, Wrapped};
