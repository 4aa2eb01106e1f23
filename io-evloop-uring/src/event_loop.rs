//! [`EventLoop`]: the executor itself: made by programs, implements the
//! contract by handing each chapter's calls to the chapter.

#![expect(
    unsafe_code,
    reason = "constructing an event loop is unsafe; the contract is in its docs"
)]

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use io_blocking::system;
use io_core::task::{Job, Rejected, Start, TaskRecord, TaskRef};
use io_core::{
    BatchEntry, Capabilities, Clock, FutexAddress, FutexWord, Handle, Instant, Io, IoId, Operation,
    Outcome,
};

use crate::fiber::StackPool;
use crate::metrics::Metrics;
use crate::options::{Builder, Options};
use crate::ring::{Opcode, Ring, StartError};
use crate::shared::{CALLER, Shared};
use crate::worker::{self, Worker};
use crate::{file, foreign, futex, task, time};

/// What nothing can stand in for: waiting for a FIFO's other end and for
/// readiness, and ending both. Every kernel from 5.6 on has them.
const REQUIRED: [Opcode; 3] = [Opcode::OpenAt, Opcode::PollAdd, Opcode::AsyncCancel];

/// The executor whose tasks are stackful fibers over one io_uring per worker
/// thread.
///
/// To every other executor, another event loop too, a worker is a thread like any:
/// a fiber that joins a task, takes a lock or performs an operation through another
/// executor blocks its worker, and the fibers of that worker wait with it. Two
/// loops whose workers all wait for each other wait for ever. Put such a call into
/// `io.offload`: then a thread of the pool waits.
///
/// ```
/// use io_evloop_uring::EventLoop;
///
/// // SAFETY: nothing here keeps a thread-local scope open across a call of `Io`,
/// // and no initialiser of a thread-local calls it.
/// let event_loop = match unsafe { EventLoop::new() } {
///     Ok(event_loop) => event_loop,
///     Err(refused) => return println!("no io_uring here: {refused}"),
/// };
/// let sum = event_loop.run(|io| {
///     io.scope(|scope| {
///         let half = scope.spawn(|| 20 + 1);
///         half.join() * 2
///     })
/// });
/// assert_eq!(sum.expect("a ring for this thread"), 42);
/// ```
pub struct EventLoop {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("EventLoop")
            .field("options", &self.shared.options)
            .finish_non_exhaustive()
    }
}

impl EventLoop {
    /// An event loop with the default options.
    ///
    /// # Errors
    /// As [`Builder::build`].
    ///
    /// # Safety
    /// Fibers of one thread do not nest as calls do. For as long as the event
    /// loop exists, code that runs on its fibers
    /// 1. does not keep, across a call that may wait through `Io`, a thread-local
    ///    scope whose end relies on the order of calls on the thread
    ///    (`scoped-tls`, `slog-scope` and the like), unless inside
    ///    [`no_suspend`](Io::no_suspend);
    /// 2. does not call `Io` from the initialiser of a thread-local.
    ///
    /// Everything else (locks, `RefCell`, `Rc`, panics) can go wrong in logic,
    /// never in memory. `fiber/SOUNDNESS.md` has the whole list.
    pub unsafe fn new() -> io::Result<EventLoop> {
        // SAFETY: the caller's contract.
        unsafe { EventLoop::builder().build() }
    }

    /// An event loop with options.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }

    /// # Errors
    /// As [`Builder::build`].
    pub(crate) fn with_options(options: Options) -> io::Result<EventLoop> {
        // A trial: what the kernel refuses shows here, not at the first task.
        let trial = Ring::new(&options.ring)?;
        let supported = trial.supported();
        drop(trial);
        if !REQUIRED
            .into_iter()
            .all(|opcode| supported.contains(opcode))
        {
            return Err(StartError::lacking().into());
        }
        crate::fiber::install_overflow_report()?;
        // A trial stack too: how it is guarded decides how many there can be.
        let mut stacks = StackPool::new(options.stack.clone())?;
        let stack = stacks.take()?;
        let guard = stacks.guard();
        stacks.give_back(stack);
        Ok(EventLoop {
            shared: Arc::new(Shared::new(options, supported, guard)),
        })
    }

    /// Makes the calling thread a worker and runs `body` on its own stack, as a
    /// task whose waits let other tasks run. Returns when `body` and every fiber
    /// that this thread has started are done.
    ///
    /// Without `run`, tasks run on worker threads alone, and this thread takes
    /// part as any thread does.
    ///
    /// # Errors
    /// There is no ring for this thread; `body` has not run.
    ///
    /// # Panics
    /// With the panic of `body`; if another `run` of this loop is active; on a
    /// worker thread of any event loop.
    pub fn run<T>(&self, body: impl FnOnce(&dyn Io) -> T) -> io::Result<T> {
        assert!(
            !worker::is_worker_thread(),
            "EventLoop::run on a worker thread of an event loop"
        );
        let place = CallerPlace::enter(&self.shared);
        let worker = Worker::new(Arc::clone(&self.shared), CALLER)?;
        if let Err(error) = worker.begin_main() {
            worker.leave();
            return Err(error);
        }
        worker.enter();
        worker.begin_run_loop();
        let result = panic::catch_unwind(AssertUnwindSafe(|| body(self)));
        worker.drain_main();
        worker.end_main();
        worker.end_fibers();
        worker.leave();
        drop(place);
        match result {
            Ok(value) => Ok(value),
            Err(payload) => panic::resume_unwind(payload),
        }
    }

    /// What this loop has done so far. From any thread; it costs a load for each
    /// number and worker.
    ///
    /// ```
    /// # use io_evloop_uring::EventLoop;
    /// // SAFETY: nothing here keeps a thread-local scope open across a call of `Io`,
    /// // and no initialiser of a thread-local calls it.
    /// let Ok(event_loop) = (unsafe { EventLoop::new() }) else {
    ///     return println!("no io_uring here");
    /// };
    /// event_loop
    ///     .run(|io| io.scope(|scope| scope.spawn(|| 7).join()))
    ///     .expect("a ring for this thread");
    /// assert_eq!(event_loop.metrics().spawns, 1);
    /// println!("{:#?}", event_loop.metrics());
    /// ```
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.shared.metrics()
    }

    fn on_fiber<R>(&self, body: impl FnOnce(&Worker) -> R) -> Option<R> {
        worker::with_current(&self.shared, |worker| {
            worker.current_fiber().map(|_| body(worker))
        })
        .flatten()
    }
}

/// The caller's place as worker 0.
pub(crate) struct CallerPlace<'a>(&'a Arc<Shared>);

impl<'a> CallerPlace<'a> {
    pub(crate) fn enter(shared: &'a Arc<Shared>) -> CallerPlace<'a> {
        shared.places.enter_caller();
        CallerPlace(shared)
    }
}

impl Drop for CallerPlace<'_> {
    fn drop(&mut self) {
        self.0.places.leave_caller();
        // If there was no ring for it: others may have counted on it already.
        task::leave_none_behind(self.0);
    }
}

impl Drop for EventLoop {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

impl Io for EventLoop {
    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        self.on_fiber(|worker| file::perform(worker, operation))
            .unwrap_or_else(|| foreign::perform(&self.shared, self.id(), operation))
    }

    fn close(&self, handle: Handle) -> io::Result<()> {
        // The handle goes to whoever closes it.
        let mut handle = Some(handle);
        let mut take = || handle.take().expect("it is closed once");
        match self.on_fiber(|worker| file::close(worker, take())) {
            Some(answer) => answer,
            None => system::close(take()),
        }
    }

    fn perform_batch(&self, batch: &mut [BatchEntry<'_, '_>]) {
        let performed = self.on_fiber(|worker| file::perform_batch(worker, batch));
        if performed.is_none() {
            foreign::perform_batch(&self.shared, self.id(), batch);
        }
    }

    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        if self.shared.options.switch_seed.is_some() {
            self.on_fiber(Worker::switch_for_test);
        }
        task::start(&self.shared, job, how)
    }

    fn wait_task(&self, task: &TaskRecord) {
        let has_run = self.on_fiber(|worker| {
            worker.switch_for_test();
            worker.run_joined(task)
        });
        if has_run != Some(true)
            && let Some((word, expected)) = task.prepare_wait()
        {
            // An early return of any kind is a look at the task's state.
            drop(self.futex_wait(word, expected, None));
        }
    }

    fn wake_task(&self, task: &TaskRecord) {
        self.futex_wake(task.wait_address(), u32::MAX);
    }

    fn interrupt(&self, task: &TaskRef) {
        task::interrupt(&self.shared, task);
    }

    fn yield_now(&self) -> io::Result<()> {
        task::yield_now(&self.shared, self.id())
    }

    fn no_suspend(&self, body: &mut dyn FnMut()) {
        let fiber = self.on_fiber(|worker| worker.current_fiber()).flatten();
        match fiber {
            Some(fiber) => fiber.no_suspend(body),
            None => body(),
        }
    }

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        self.on_fiber(|worker| {
            worker.switch_for_test();
            futex::wait(worker, word, expected, deadline)
        })
        .unwrap_or_else(|| foreign::futex_wait(&self.shared, self.id(), word, expected, deadline))
    }

    fn futex_wake(&self, address: FutexAddress, count: u32) {
        self.shared.wake_waiters(address, count);
    }

    fn now(&self, clock: Clock) -> Instant {
        system::now(clock)
    }

    fn sleep_until(&self, deadline: Instant) -> io::Result<()> {
        self.on_fiber(|worker| {
            worker.switch_for_test();
            time::sleep_until(worker, deadline)
        })
        .unwrap_or_else(|| foreign::sleep_until(&self.shared, self.id(), deadline))
    }

    fn random(&self, buffer: &mut [u8]) {
        system::random(buffer);
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal("event-loop");
        capabilities.concurrent_tasks_max = self.shared.concurrent_tasks_max();
        capabilities.interrupts_waits = true;
        capabilities.bounds_operations = true;
        capabilities.has_descriptors = true;
        capabilities.is_open_without_waiting_faster = true;
        capabilities
    }

    fn id(&self) -> IoId {
        IoId::of(&*self.shared)
    }
}
