//! The task chapter: there is nothing to schedule. `lib.rs` calls it.

use std::io;

use io_core::task::{self, Job, Rejected};
use io_core::{Clock, IoId};

use crate::syscall;
use crate::time;

/// Gives every job back. io-core then runs it inline, on the stack of its
/// spawner and as a task of its own; or reports that concurrency is
/// unavailable, which is true: nothing here runs beside anything else.
pub(crate) fn refuse(job: Job) -> Result<(), Rejected> {
    Err(Rejected::new(job))
}

/// A cancellation point; then other threads of the machine may run.
pub(crate) fn yield_now(io: IoId) -> io::Result<()> {
    task::point(io, || time::now(Clock::Monotonic))?;
    syscall::yield_thread();
    Ok(())
}
