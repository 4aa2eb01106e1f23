//! [`Io`]: all that a backend implements, in chapters. CONTRACT.md says in
//! numbered clauses what each method promises; `conformance` checks them.
//!
//! A minimal backend writes eight methods: [`perform`](Io::perform),
//! [`close`](Io::close), [`futex_wait`](Io::futex_wait),
//! [`futex_wake`](Io::futex_wake), [`now`](Io::now),
//! [`sleep_until`](Io::sleep_until), [`random`](Io::random) and
//! [`capabilities`](Io::capabilities). None of it needs unsafe code.
//!
//! Programs use the typed front instead: the methods on `dyn Io`, `fs`, `sync`.

use std::io;

use crate::futex::{FutexAddress, FutexWord};
use crate::handle::Handle;
use crate::operation::{BatchEntry, Operation, Outcome};
use crate::task::{self, Job, Rejected, Start, TaskRecord, TaskRef};
use crate::time::{Clock, Instant};

/// I/O and concurrency as a value. Every method may be called from every
/// thread and waits, where it has to, as a task of this executor waits.
pub trait Io: Send + Sync {
    // ---- file: operations -------------------------------------------------

    /// Performs one operation and waits for its result.
    ///
    /// # Cancellation
    /// A cancellation point. It returns only after the system has let go of
    /// every buffer. A completed operation returns its result and leaves a
    /// request pending.
    ///
    /// # Errors
    /// The system's, with the OS code kept; Canceled; deadline passed.
    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome>;

    /// Closes a handle. Whatever the answer, the handle is gone.
    ///
    /// # Cancellation
    /// No cancellation point, and no deadline applies.
    ///
    /// # Errors
    /// What close(2) says; data may not have reached the device.
    fn close(&self, handle: Handle) -> io::Result<()>;

    /// Performs all entries, together or one after another in any order; each
    /// gets its own result. None may depend on another.
    ///
    /// # Cancellation
    /// One request is delivered to the entries that had not finished: they all
    /// answer Canceled; the others keep their results.
    fn perform_batch(&self, batch: &mut [BatchEntry<'_, '_>]) {
        let mut canceled = false;
        for entry in batch {
            let result = if canceled {
                Err(crate::canceled())
            } else {
                self.perform(&mut entry.operation)
            };
            canceled = canceled || result.as_ref().is_err_and(crate::is_canceled);
            entry.result = Some(result);
        }
    }

    // ---- task -------------------------------------------------------------

    /// Starts a job: [`Start`] says what it needs. A backend runs it with
    /// [`Job::run`], at once or later, on any thread, exactly once.
    ///
    /// # Errors
    /// The job itself, if what it needs can not be had (now). io-core then runs
    /// it inline, or reports `ConcurrencyUnavailable`.
    fn start(&self, job: Job, _how: Start) -> Result<(), Rejected> {
        Err(Rejected::new(job))
    }

    /// Waits for the end of a task. May return early: io-core looks again.
    ///
    /// # Cancellation
    /// A forwarding point: a request only ends the wait; no deadline applies.
    fn wait_task(&self, task: &TaskRecord) {
        if let Some((word, expected)) = task.prepare_wait() {
            // An early return of any kind is a look at the task's state.
            drop(self.futex_wait(word, expected, None));
        }
    }

    /// Wakes who waits for the end of `task`. Overridden together with
    /// [`wait_task`](Io::wait_task) or not at all. Never waits.
    fn wake_task(&self, task: &TaskRecord) {
        self.futex_wake(task.wait_address(), u32::MAX);
    }

    /// Ends the wait that `task` is in, if it still is in one: it looks for its
    /// request. Never waits, and starts or cancels no task. A backend whose
    /// waits can not be ended does nothing and declares it.
    fn interrupt(&self, _task: &TaskRef) {}

    /// Lets other tasks run.
    ///
    /// # Cancellation
    /// A cancellation point.
    ///
    /// # Errors
    /// Canceled, or the deadline in force has passed.
    fn yield_now(&self) -> io::Result<()> {
        task::point(self.id(), || self.now(Clock::Monotonic))
    }

    /// Runs `body` so that waits of this thread inside it block the thread
    /// instead of running other tasks; for code whose thread-local scopes have
    /// to nest. A wait for another task inside it panics. At the end of a scope that
    /// wait can not be given up, since members borrow what unwinding would free:
    /// the process ends there, with a message.
    fn no_suspend(&self, body: &mut dyn FnMut()) {
        body();
    }

    // ---- futex ------------------------------------------------------------

    /// Waits until woken, as long as `word` is `expected` when the wait begins.
    /// May return early for no reason.
    ///
    /// # Cancellation
    /// A cancellation point if it waits. Canceled only at entry or when no wake
    /// was consumed.
    ///
    /// # Errors
    /// Canceled; `deadline` or the deadline in force has passed.
    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()>;

    /// Wakes at most `count` waits on the word at `address`, those that wait
    /// longest first. Never waits; callable where nothing can wait.
    fn futex_wake(&self, address: FutexAddress, count: u32);

    // ---- time -------------------------------------------------------------

    /// Reads a clock. No cancellation point.
    fn now(&self, clock: Clock) -> Instant;

    /// Waits until `deadline`, by its clock; never returns `Ok` earlier.
    ///
    /// # Cancellation
    /// A cancellation point, also when `deadline` has passed.
    ///
    /// # Errors
    /// Canceled, or the deadline in force has passed before.
    fn sleep_until(&self, deadline: Instant) -> io::Result<()>;

    // ---- the rest ---------------------------------------------------------

    /// Fills `buffer` with random bytes fit for cryptography. No cancellation point.
    fn random(&self, buffer: &mut [u8]);

    /// What this executor can do.
    fn capabilities(&self) -> Capabilities;

    /// Which executor this is: the key of its tasks' records. A wrapper answers
    /// for what it wraps; nobody else overrides it.
    fn id(&self) -> IoId {
        IoId::of(self)
    }
}

/// Names one executor within the process, for as long as it lives and is not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IoId(usize);

impl IoId {
    /// The id of the executor at this address. A backend must not be a type
    /// without size, or all of its values are one executor.
    #[must_use]
    pub fn of<T: ?Sized>(executor: &T) -> IoId {
        IoId(std::ptr::from_ref(executor).cast::<()>().addr())
    }
}

/// What an executor can do. What is absent here is answered with
/// [`io::ErrorKind::Unsupported`] or not promised; the suite skips its claims
/// aloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// The executor's name, as in tables: `event-loop`, `threaded`, `blocking`.
    pub name: &'static str,
    /// How many tasks `spawn_concurrent` can have at once; 0 if it never can.
    pub concurrent_tasks_max: usize,
    /// Whether a request ends a wait that has begun; otherwise it is delivered
    /// at the next point.
    pub interrupts_waits: bool,
    /// Whether a deadline ends a wait of an operation that has begun.
    pub bounds_operations: bool,
    /// Whether handles are file descriptors.
    pub has_descriptors: bool,
    /// Whether an opening that can not wait (`O_NONBLOCK`) takes less time than one that
    /// might, for the other end of a FIFO. Says how fast it is and promises nothing.
    pub is_open_without_waiting_faster: bool,
}

impl Capabilities {
    /// An executor called `name` that can do nothing beyond what must be.
    #[must_use]
    pub const fn minimal(name: &'static str) -> Capabilities {
        Capabilities {
            name,
            concurrent_tasks_max: 0,
            interrupts_waits: false,
            bounds_operations: false,
            has_descriptors: false,
            is_open_without_waiting_faster: false,
        }
    }
}
