//! The offload pool: threads for operations that would stop a worker, and for
//! jobs that want a thread of their own. The event loop's chapters hand it
//! requests; it performs them with io-blocking and gives the fiber back to its
//! worker.
//!
//! Operations and jobs have a *lane* each, with its own threads: a job may wait
//! for a fiber that waits for an operation. A job that found no stack is *alone*:
//! it adds a thread to its lane's limit as long as it lasts, so that whatever it
//! waits for can not be stuck behind it. So is a job while it waits as a task
//! ([`waiting`]).
//!
//! # Safety argument: requests
//! A [`Request`] lies on the stack of a fiber that parks for it. The fiber goes
//! on only when the pool gives it back, which is the pool's last touch of the
//! request: so the request, and the operation it borrows, outlive their use.

#![expect(unsafe_code, reason = "requests lie on the stacks of parked fibers")]

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::ptr::NonNull;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use io_blocking::system;
use io_blocking::watch::Watch;
use io_core::task::Job;
use io_core::{Clock, IoId, Operation, Outcome};

use crate::cell::FiberRef;
use crate::route::SLOW_NANOS;
use crate::shared::Shared;
use crate::waits::PoolWaits;

/// An idle thread of the pool ends after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// One operation for the pool: lies on the stack of the fiber that waits for it.
pub(crate) struct Request {
    operation: NonNull<Operation<'static, 'static>>,
    fiber: FiberRef,
    /// For tests: how much longer it takes.
    delay: Duration,
    pub(crate) answer: Option<Answer>,
}

/// What came of a request.
pub(crate) struct Answer {
    pub(crate) result: io::Result<Outcome>,
    pub(crate) began_nanos: u64,
    pub(crate) ended_nanos: u64,
    /// Whether it waited for long, or only lost the processor now and then.
    pub(crate) has_waited: bool,
}

impl Request {
    pub(crate) fn new(
        operation: &mut Operation<'_, '_>,
        fiber: FiberRef,
        delay: Duration,
    ) -> Request {
        // The lifetimes are forgotten here; the safety argument keeps them.
        let operation = NonNull::from(operation).cast::<Operation<'static, 'static>>();
        Request {
            operation,
            fiber,
            delay,
            answer: None,
        }
    }

    /// Performs it on this thread, whose waits are `waits`.
    ///
    /// # Safety
    /// Requests: its fiber parks for it, and nobody else has it.
    pub(crate) unsafe fn perform(mut request: NonNull<Request>, waits: &PoolWaits) {
        // SAFETY: the caller's contract.
        let request = unsafe { request.as_mut() };
        // SAFETY: requests: what it borrows outlives the parked fiber's wait.
        let operation = unsafe { request.operation.as_mut() };
        let call = waits.begin(system::now(Clock::Monotonic).as_nanos());
        if !request.delay.is_zero() {
            thread::sleep(request.delay);
        }
        let result = system::perform(operation);
        let ended_nanos = system::now(Clock::Monotonic).as_nanos();
        request.answer = Some(Answer {
            result,
            began_nanos: call.began_nanos,
            ended_nanos,
            has_waited: call.has_waited(ended_nanos, SLOW_NANOS),
        });
    }
}

enum Work {
    Perform(NonNull<Request>),
    Run(Job),
    /// A job that found no stack, and was counted as a task.
    RunStarved(Job),
}

// SAFETY: requests: the pool has it alone until it gives the fiber back; what an
// operation borrows is Send (slices, paths and handles).
unsafe impl Send for Work {}

/// The pool of one loop.
pub(crate) struct OffloadPool {
    operations: Lane,
    jobs: Lane,
}

/// Threads for one sort of work.
struct Lane {
    name: &'static str,
    threads_max: usize,
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Work, Place)>,
    threads: Vec<JoinHandle<()>>,
    running_count: usize,
    idle_count: usize,
    /// Work that is alone, queued or under way, and jobs that wait as tasks.
    alone_count: usize,
    is_stopping: bool,
}

/// Whether work counts against its lane's limit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Shared,
    Alone,
}

thread_local! {
    /// Whether this thread is one of a lane of jobs. Such a thread runs no fibers.
    static RUNS_JOBS: Cell<bool> = const { Cell::new(false) };
}

impl OffloadPool {
    /// With at most `threads_max` threads for each of the two lanes, apart from
    /// those for work that is alone.
    pub(crate) fn new(threads_max: usize) -> OffloadPool {
        OffloadPool {
            operations: Lane::new("io-operation", threads_max),
            jobs: Lane::new("io-offload", threads_max),
        }
    }

    /// Queues an operation.
    ///
    /// # Errors
    /// There is no thread and none can be started.
    ///
    /// # Safety
    /// Requests: the request's fiber parks for it, next of all that it does.
    pub(crate) unsafe fn perform(
        &self,
        shared: &Arc<Shared>,
        request: NonNull<Request>,
    ) -> io::Result<()> {
        let work = (Work::Perform(request), Place::Shared);
        Lane::submit(shared, |pool| &pool.operations, work).map_err(|(_, error)| error)
    }

    /// Queues a job.
    ///
    /// # Errors
    /// The job, if there is no thread and none can be started.
    pub(crate) fn run(&self, shared: &Arc<Shared>, job: Job) -> Result<(), Job> {
        Lane::submit(shared, |pool| &pool.jobs, (Work::Run(job), Place::Shared))
            .map_err(|(work, _)| work.into_job())
    }

    /// Runs a job that found no stack on a thread beyond the limit.
    ///
    /// # Errors
    /// The job, if there is no thread and none can be started.
    pub(crate) fn run_alone(&self, shared: &Arc<Shared>, job: Job) -> Result<(), Job> {
        let work = (Work::RunStarved(job), Place::Alone);
        Lane::submit(shared, |pool| &pool.jobs, work).map_err(|(work, _)| work.into_job())
    }

    /// Ends the pool: what is queued is carried out first.
    pub(crate) fn stop(&self) {
        self.jobs.stop();
        self.operations.stop();
    }
}

/// Runs `wait`, in which this thread waits as a task: if it is one of the pool,
/// another one may take its place meanwhile.
pub(crate) fn waiting<R>(shared: &Arc<Shared>, wait: impl FnOnce() -> R) -> R {
    if !RUNS_JOBS.get() {
        return wait();
    }
    let lane = &shared.offload.jobs;
    let mut state = lane.state();
    state.alone_count += 1;
    if state.queue.len() > state.idle_count {
        // If none can be started, what is queued waits for this thread.
        drop(lane.start_thread(&mut state, shared, |pool| &pool.jobs));
    }
    drop(state);
    let result = wait();
    lane.state().alone_count -= 1;
    result
}

impl Lane {
    fn new(name: &'static str, threads_max: usize) -> Lane {
        Lane {
            name,
            threads_max,
            state: Mutex::default(),
            arrived: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(
        shared: &Arc<Shared>,
        lane_of: fn(&OffloadPool) -> &Lane,
        work: (Work, Place),
    ) -> Result<(), (Work, io::Error)> {
        let lane = lane_of(&shared.offload);
        let counted = Counted::begin(shared);
        let mut state = lane.state();
        state.alone_count += usize::from(work.1 == Place::Alone);
        let wants_thread = state.queue.len() >= state.idle_count;
        if wants_thread && state.running_count < lane.threads_max + state.alone_count {
            match lane.start_thread(&mut state, shared, lane_of) {
                Ok(()) => {}
                // Work that is alone may be what all the threads there are wait for.
                Err(error) if state.running_count == 0 || work.1 == Place::Alone => {
                    state.alone_count -= usize::from(work.1 == Place::Alone);
                    return Err((work.0, error));
                }
                // The threads there are will come to it.
                Err(_) => {}
            }
        }
        state.queue.push_back(work);
        counted.goes_on();
        drop(state);
        lane.arrived.notify_one();
        Ok(())
    }

    fn start_thread(
        &self,
        state: &mut State,
        shared: &Arc<Shared>,
        lane_of: fn(&OffloadPool) -> &Lane,
    ) -> io::Result<()> {
        let thread_shared = Arc::clone(shared);
        let thread = thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || lane_of(&thread_shared.offload).serve(&thread_shared))?;
        state.threads.retain(|thread| !thread.is_finished());
        state.threads.push(thread);
        state.running_count += 1;
        Ok(())
    }

    /// A thread of the lane.
    fn serve(&self, shared: &Shared) {
        if let Some(watch) = &shared.watch {
            watch.leave_uncounted();
        }
        let waits = PoolWaits::new();
        let mut state = self.state();
        loop {
            if let Some((work, place)) = state.queue.pop_front() {
                drop(state);
                let counted = Counted(shared.watch.as_deref());
                work.carry_out(shared, &waits);
                drop(counted);
                state = self.state();
                state.alone_count -= usize::from(place == Place::Alone);
                continue;
            }
            let is_surplus = state.running_count > self.threads_max + state.alone_count;
            if state.is_stopping || is_surplus {
                break;
            }
            state.idle_count += 1;
            let (locked, timeout) = self
                .arrived
                .wait_timeout(state, IDLE_TIMEOUT)
                .unwrap_or_else(PoisonError::into_inner);
            state = locked;
            state.idle_count -= 1;
            if timeout.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.running_count -= 1;
    }

    fn stop(&self) {
        let mut state = self.state();
        state.is_stopping = true;
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        self.arrived.notify_all();
        for thread in threads {
            // A thread that ends may own the loop by a thread-local of its own.
            if thread.thread().id() != thread::current().id() {
                thread
                    .join()
                    .expect("a thread of the pool catches the panics of its jobs");
            }
        }
    }
}

/// Work of the pool that the watch counts as active: from before it is queued until
/// its fiber, if it has one, has been given back.
struct Counted<'a>(Option<&'a Watch>);

impl<'a> Counted<'a> {
    fn begin(shared: &'a Shared) -> Counted<'a> {
        let watch = shared.watch.as_deref();
        if let Some(watch) = watch {
            watch.go_on();
        }
        Counted(watch)
    }

    /// The thread that does it ends the count.
    fn goes_on(mut self) {
        self.0 = None;
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(watch) = self.0 {
            watch.rest();
        }
    }
}

impl Work {
    fn into_job(self) -> Job {
        match self {
            Work::Run(job) | Work::RunStarved(job) => job,
            Work::Perform(_) => unreachable!("a job was submitted"),
        }
    }

    fn carry_out(self, shared: &Shared, waits: &PoolWaits) {
        match self {
            Work::Run(job) => run_job(shared, job),
            Work::RunStarved(job) => {
                run_job(shared, job);
                shared.count_ended();
            }
            Work::Perform(request) => {
                // SAFETY: requests: the fiber parks for it, the pool has it alone.
                let fiber = unsafe { request.as_ref() }.fiber;
                // SAFETY: as above.
                unsafe { Request::perform(request, waits) };
                shared.make_ready(fiber);
            }
        }
    }
}

fn run_job(shared: &Shared, job: Job) {
    RUNS_JOBS.set(true);
    job.run(IoId::of(shared)).publish();
    RUNS_JOBS.set(false);
}
