//! The task chapter: starting jobs, yielding, ending waits. `event_loop.rs`
//! calls it on any thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use io_blocking::system;
use io_core::task::{self, Job, Rejected, Start, TaskRef};
use io_core::{Clock, IoId};

use crate::shared::{Message, Shared};
use crate::worker::{self, Worker};

/// Starts a job where it belongs: the pool, the deque of this worker, or the
/// common queue.
pub(crate) fn start(shared: &Arc<Shared>, job: Job, how: Start) -> Result<(), Rejected> {
    match how {
        Start::Offload => shared.offload.run(shared, job).map_err(Rejected::new),
        Start::Concurrent if !shared.admit_concurrent() => Err(Rejected::new(job)),
        Start::Concurrent | Start::MayRunInline => queue(shared, job),
    }
}

fn queue(shared: &Arc<Shared>, job: Job) -> Result<(), Rejected> {
    shared.count_started();
    let mut job = Some(job);
    let is_worker = worker::with_current(shared, |worker| {
        if worker.is_draining() {
            return false;
        }
        worker.push_job(job.take().expect("it was not taken before"));
        true
    });
    if let Some(job) = job.take() {
        shared.injector.push(job);
    }
    shared.announce_job();
    if is_worker != Some(true) && !shared.has_workers() {
        // No thread could be started. Any job will do for running inline.
        if let Some(job) = shared.take_injected() {
            shared.count_ended();
            return Err(Rejected::new(job));
        }
    }
    Ok(())
}

/// Lets the other fibers of this worker run.
pub(crate) fn yield_now(shared: &Shared, id: IoId) -> io::Result<()> {
    task::point(id, || system::now(Clock::Monotonic))?;
    let is_fiber = worker::with_current(shared, Worker::yield_current);
    if is_fiber != Some(true) {
        system::yield_thread();
    }
    Ok(())
}

/// Ends the wait of a task: a thread's at once, a fiber's by its worker.
pub(crate) fn interrupt(shared: &Shared, task: &TaskRef) {
    let place = task.place().load(Ordering::Relaxed);
    if shared.thread_words.interrupt(place) {
        return;
    }
    let Some(index) = shared.worker_of_place(place) else {
        return;
    };
    let is_own = worker::with_current(shared, |worker| {
        let is_own = worker.index == index;
        if is_own {
            worker.interrupt(task);
        }
        is_own
    });
    if is_own != Some(true) {
        shared.send(index, Message::Interrupt(task.clone()));
    }
}
