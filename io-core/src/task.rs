//! The task chapter: structured tasks for programs (`scope`, `control`), their
//! erased jobs and records for backends (`block`, `record`), and the state
//! machines under them (`completion`, `cancel`).

mod block;
pub(crate) mod cancel;
pub(crate) mod completion;
mod control;
mod memory;
mod record;
mod scope;

pub use block::{Done, Job, Rejected, Start, TaskRef};
pub(crate) use record::protected;
pub use record::{
    StackContext, TaskRecord, WaitEntry, begin_wait, deadline, end_wait, interruption, point,
    swap_stack_context, with_current,
};
pub use scope::{ConcurrencyUnavailable, Scope, Task};
