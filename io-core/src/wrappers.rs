//! Executors around executors: [`forward_io!`](crate::forward_io) for those who
//! write one, and two that show how: [`Counting`] and [`Failing`].
//!
//! A wrapper borrows what it wraps and answers for it as
//! [`Io::id`](crate::Io::id): its tasks are the tasks of the executor below.

mod counting;
mod failing;
mod forward;

pub use counting::{Counting, Counts, KindCounts};
pub use failing::Failing;
