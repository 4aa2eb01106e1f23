//! The task chapter: structured tasks for programs (`scope`, `control`), their
//! names and local values (`name`, `local`), their erased jobs and records for
//! backends (`block`, `record`, `slot`), and the state machines under them (`completion`,
//! `cancel`). What programs build of tasks stands above: `group`, `concurrent`,
//! `retry`, `future`.

mod block;
pub(crate) mod cancel;
pub(crate) mod completion;
mod concurrent;
mod control;
mod future;
mod group;
mod local;
mod memory;
mod name;
mod record;
mod retry;
mod scope;
mod slot;

pub(crate) use block::AbortOnUnwind;
pub use block::{Done, Job, Rejected, Start, TaskRef};
pub use concurrent::{for_each_concurrent, map_concurrent};
pub use future::{TaskFuture, block_on, block_on_cancelable};
pub use group::{GroupTaskBuilder, TaskGroup, join_all, race};
pub use local::TaskLocal;
pub use name::{TaskBuilder, TaskName, name_of_thread};
pub use record::{
    StackContext, TaskRecord, WaitEntry, begin_wait, deadline, end_wait, interruption, point,
    swap_stack_context, with_current,
};
pub(crate) use record::{protected, with_record};
pub use retry::Retry;
pub use scope::{ConcurrencyUnavailable, Scope, Task};
pub use slot::JobSlot;
