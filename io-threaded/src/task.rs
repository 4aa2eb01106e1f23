//! The task chapter: which jobs get a thread, and letting others run. `lib.rs`
//! calls it, on any thread.

use std::io;
use std::sync::Arc;

use io_blocking::system;
use io_core::Clock;
use io_core::task::{self, Job, Rejected, Start};

use crate::pool::Share;
use crate::shared::Shared;

/// Starts a job on a thread of its own, or gives it back.
///
/// What is given back of `spawn` and `offload` io-core runs inline. For `offload`
/// that is always so: its caller is an operating-system thread with nothing else
/// to do until the result is there. So it costs nothing and can not be refused.
pub(crate) fn start(shared: &Arc<Shared>, job: Job, how: Start) -> Result<(), Rejected> {
    let share = match how {
        Start::MayRunInline => Share::Spawned,
        Start::Concurrent => Share::Concurrent,
        Start::Offload => return Err(Rejected::new(job)),
    };
    shared.enter_thread();
    shared.pool.start(shared, job, share).map_err(Rejected::new)
}

/// A cancellation point; then other threads of the machine may run.
pub(crate) fn yield_now(shared: &Shared) -> io::Result<()> {
    task::point(shared.id(), || system::now(Clock::Monotonic))?;
    shared.enter_thread();
    system::yield_thread();
    Ok(())
}
