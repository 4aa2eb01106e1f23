//! [`ThreadPerTask`]: an executor of one's own, in safe code. The place to start
//! from for whoever writes one.
//!
//! Each task that has to run beside its spawner gets a new thread, and nothing is
//! kept for the next one. Everything else is what `Blocking` does: a wait blocks
//! its thread, which is all that a task needs that has a thread to itself.
//!
//! # How to write an executor
//! 1. Start as this one does: hold a `Blocking`, answer for it in
//!    [`id`](Io::id), and hand every method on. That is a correct executor, and
//!    `suite.rs` proves it.
//! 2. Take over one method after another, and run the suite each time. Within
//!    [`perform`](Io::perform) take over one operation after another:
//!
//!    ```text
//!    match operation {
//!        Operation::Read { handle, buffers, offset } => ...,
//!        _ => self.blocking.perform(operation),
//!    }
//!    ```
//! 3. Whatever may wait begins with `task::begin_wait` and ends with
//!    `task::end_wait`: they deliver requests and deadlines. What can not be
//!    interrupted begins with `task::point`. `Blocking` does it here; its source
//!    is the place to look at next.
//! 4. Once tasks and waits are all your own, leave `id` to its default: then the
//!    executor answers for itself.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use pluggable_io::blocking::Blocking;
use pluggable_io::task::{Job, Rejected, Start};
use pluggable_io::{
    Capabilities, Clock, FutexAddress, FutexWord, Handle, Instant, Io, IoId, Operation, Outcome,
};

/// How many tasks there can be at once: every limit has a name.
const TASKS_MAX: usize = 256;

/// An executor that starts a thread for each task.
#[derive(Debug, Default)]
pub(crate) struct ThreadPerTask {
    blocking: Blocking,
    /// How many threads run a task. Written by whoever starts a task and by the
    /// threads themselves, which may outlive the executor by a few instructions:
    /// hence the `Arc`. Relaxed: it is a count and orders nothing.
    running: Arc<AtomicUsize>,
}

impl Io for ThreadPerTask {
    // ---- what every executor writes ---------------------------------------

    /// Performs one operation. It must not return before the system has let go of
    /// the buffers in it, must keep the system's error codes, and must answer
    /// with the outcome that belongs to the operation.
    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        self.blocking.perform(operation)
    }

    /// Closes a handle, which is gone whatever the answer. Neither a request nor
    /// a deadline keeps it from being closed.
    fn close(&self, handle: Handle) -> io::Result<()> {
        self.blocking.close(handle)
    }

    /// Waits to be woken as long as the word is what is expected, which has to be
    /// looked at when a wake can already find the wait, or the wake is lost. The
    /// kernel's futex does so, and wakes across threads.
    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        self.blocking.futex_wait(word, expected, deadline)
    }

    /// Wakes waits by their address. The word may be gone: never look at it.
    fn futex_wake(&self, address: FutexAddress, count: u32) {
        self.blocking.futex_wake(address, count);
    }

    /// Reads a clock. A simulated executor makes up its own time here.
    fn now(&self, clock: Clock) -> Instant {
        self.blocking.now(clock)
    }

    /// Sleeps, never shorter than asked.
    fn sleep_until(&self, deadline: Instant) -> io::Result<()> {
        self.blocking.sleep_until(deadline)
    }

    /// Fills a buffer with random bytes.
    fn random(&self, buffer: &mut [u8]) {
        self.blocking.random(buffer);
    }

    /// Says what the executor can do. The suite skips what is declared absent, and
    /// programs learn from it whether `spawn_concurrent` can work.
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.blocking.capabilities();
        capabilities.name = "thread-per-task";
        capabilities.concurrent_tasks_max = TASKS_MAX;
        capabilities
    }

    // ---- what makes it more than `Blocking` -------------------------------

    /// Starts a job: runs it exactly once, anywhere, or gives it back.
    ///
    /// What is given back although it may run inline, io-core runs inline: so
    /// `spawn` is a call here. `spawn_concurrent` has to have a thread, or to be
    /// told that there is none.
    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        match how {
            Start::MayRunInline | Start::Offload => Err(Rejected::new(job)),
            Start::Concurrent if self.reserve_place() => self.start_thread(job),
            Start::Concurrent => Err(Rejected::new(job)),
        }
    }

    /// Lets other tasks run. The default is a cancellation point and nothing else.
    fn yield_now(&self) -> io::Result<()> {
        self.blocking.yield_now()
    }

    /// The tasks' records are kept under the id of the executor that looks at
    /// them: here that is `Blocking`, which does all the waiting.
    fn id(&self) -> IoId {
        self.blocking.id()
    }
}

impl ThreadPerTask {
    fn reserve_place(&self) -> bool {
        let one_more = |running: usize| (running < TASKS_MAX).then_some(running + 1);
        let order = Ordering::Relaxed;
        self.running.fetch_update(order, order, one_more).is_ok()
    }

    /// Runs the job on a new thread. A place is reserved for it.
    fn start_thread(&self, job: Job) -> Result<(), Rejected> {
        // Shared, since a closure that gets no thread is dropped, and the job has
        // to be given back then: a job that is dropped has not been run.
        let job = Arc::new(Mutex::new(Some(job)));
        let take = |job: &Mutex<Option<Job>>| {
            let mut job = job.lock().unwrap_or_else(PoisonError::into_inner);
            job.take().expect("only one of us two takes it")
        };
        let (id, running, to_run) = (self.id(), Arc::clone(&self.running), Arc::clone(&job));
        let body = move || {
            let done = take(&to_run).run(id);
            running.fetch_sub(1, Ordering::Relaxed);
            // Last: from here on the scope may end, and with it everything that
            // the task has borrowed, this executor among it.
            done.publish();
        };
        match thread::Builder::new().spawn(body) {
            Ok(_detached) => Ok(()),
            Err(_no_thread) => {
                self.running.fetch_sub(1, Ordering::Relaxed);
                Err(Rejected::new(take(&job)))
            }
        }
    }
}
