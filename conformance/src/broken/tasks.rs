//! Faults in tasks and in what an executor says of itself.

use io_core::task::{Job, Rejected, Start};
use io_core::{Capabilities, Io, IoId};

use crate::broken::broken;
use crate::broken::faulty::Faulty;

broken! {
    "every fifth task is lost" breaks T6,
        fails "task::starting::every_task_runs_exactly_once": { start: lose_some }
    "concurrent tasks run inside spawn" breaks T8,
        hangs "task::starting::concurrent_tasks_make_progress_together": { start: run_inline }
    "concurrency is declared and refused" breaks T9,
        fails "task::starting::concurrency_is_had_or_declared": { start: refuse, capabilities: boast }
    "a wrapper has an id of its own" breaks C3,
        fails "cancel::pending_at_entry::metadata": { id: own_id }
}

fn lose_some(faulty: &Faulty<'_>, job: Job, how: Start) -> Result<(), Rejected> {
    if faulty.is_every(5) {
        drop(job);
        return Ok(());
    }
    faulty.below.start(job, how)
}

fn run_inline(faulty: &Faulty<'_>, job: Job, _how: Start) -> Result<(), Rejected> {
    job.run(faulty.id()).publish();
    Ok(())
}

fn refuse(_faulty: &Faulty<'_>, job: Job, _how: Start) -> Result<(), Rejected> {
    Err(Rejected::new(job))
}

fn boast(faulty: &Faulty<'_>) -> Capabilities {
    let mut capabilities = faulty.below.capabilities();
    capabilities.concurrent_tasks_max = 1000;
    capabilities
}

fn own_id(faulty: &Faulty<'_>) -> IoId {
    IoId::of(faulty)
}
