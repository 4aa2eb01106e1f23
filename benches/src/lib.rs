//! The executors beside their baselines: what is measured, and who measures it.
//!
//! A [`Workload`] is a question ("what does a yield cost?"), a [`Contender`]
//! one answer to it: an executor, or a baseline that does the same with std, a
//! bare coroutine or a ring driven by hand. Everybody who measures uses the same
//! contenders: the criterion benches (`benches/workloads.rs`) and the programs
//! in `src/bin/`.
//!
//! | to understand | read |
//! |---|---|
//! | what a contender promises | `contender.rs` |
//! | how an executor is started | `executor.rs` |
//! | one workload, with its baselines | `workload/` |
//! | what the baselines stand on | `baseline/` |
//! | other runtimes (feature `peers`) | `peers/` |
//! | what sleeping tasks cost | `sleepers.rs` |
//! | what the trait object costs | `dispatch.rs` |
//! | how sure a number is | `statistics.rs`, `instructions.rs` |

mod baseline;
mod contender;
mod data;
mod dispatch;
mod executor;
mod instructions;
mod machine;
#[cfg(feature = "peers")]
mod peers;
#[cfg(not(feature = "peers"))]
#[path = "no_peers.rs"]
mod peers;
mod sleepers;
mod statistics;
mod workload;

pub use contender::{Contender, Scale, Shape, Workload};
pub use data::{CachedFile, DATA_DIRECTORY, assume_prepared, data_directory};
pub use dispatch::Dispatch;
pub use executor::Executor;
pub use instructions::{Counter, asked, per_operation};
pub use machine::{cpu_time, description, pin_to_first};
pub use sleepers::{Asleep, Sleepers};
pub use statistics::{Estimate, Random, median};
pub use workload::all;
