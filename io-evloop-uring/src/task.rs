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
        Start::Offload => offload(shared, job),
        Start::Concurrent if !shared.admit() => Err(Rejected::new(job)),
        Start::MayRunInline if !shared.admit() => {
            if may_run_inline(shared) {
                return Err(Rejected::new(job));
            }
            shared.count_started();
            queue(shared, job)
        }
        Start::Concurrent | Start::MayRunInline => queue(shared, job),
    }
}

/// A thread that is no worker stops nobody else: there the job runs in place.
fn offload(shared: &Arc<Shared>, job: Job) -> Result<(), Rejected> {
    match worker::with_current(shared, |_| ()) {
        Some(()) => shared.offload.run(shared, job).map_err(Rejected::new),
        None => Err(Rejected::new(job)),
    }
}

/// Whether the running stack has room for a further task.
fn may_run_inline(shared: &Shared) -> bool {
    worker::with_current(shared, Worker::has_room_inline).unwrap_or(true)
}

fn queue(shared: &Arc<Shared>, job: Job) -> Result<(), Rejected> {
    let mut job = Some(job);
    let is_alone = worker::with_current(shared, |worker| {
        if worker.is_draining() {
            if shared.ensure_taker() {
                return false;
            }
            worker.take_jobs_again();
        }
        worker.push_job(job.take().expect("it was not taken before"));
        worker.is_alone()
    });
    match job {
        None => {
            if is_alone != Some(true) {
                shared.announce_job();
            }
            Ok(())
        }
        Some(job) => queue_for_others(shared, job),
    }
}

/// The steps are those of `shared/places.rs`.
fn queue_for_others(shared: &Arc<Shared>, job: Job) -> Result<(), Rejected> {
    shared.enter_thread();
    if !shared.ensure_taker() {
        shared.count_ended();
        return Err(Rejected::new(job));
    }
    shared.others.spawns.add_one_shared();
    shared.injector.push(job);
    shared.announce_job();
    leave_none_behind(shared);
    Ok(())
}

/// Sees to it that somebody takes the jobs that are queued. Only if the caller of
/// `run` takes none any more just now, and no thread can be started, this thread
/// runs what is there, its own or another's.
pub(crate) fn leave_none_behind(shared: &Arc<Shared>) {
    while shared.places.taker_count() == 0 && !shared.injector.is_empty() && !shared.ensure_taker()
    {
        let Some(job) = shared.take_injected() else {
            break;
        };
        job.run(IoId::of(&**shared)).publish();
        shared.count_ended();
    }
}

/// Lets the other fibers of this worker run.
pub(crate) fn yield_now(shared: &Shared, id: IoId) -> io::Result<()> {
    task::point(id, || system::now(Clock::Monotonic))?;
    let is_fiber = worker::with_current(shared, Worker::yield_current);
    if is_fiber != Some(true) {
        shared.enter_thread();
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
    let Some(fiber) = shared.fiber_at(place) else {
        return;
    };
    let index = fiber.cell().worker;
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
