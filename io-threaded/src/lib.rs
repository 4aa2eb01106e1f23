//! [`Threaded`]: the contract on a pool of operating-system threads. A task is a
//! thread while it runs, and a wait is a blocking system call that others can
//! end.
//!
//! The chapters have the names that they have in io-core and in the other
//! executors: `file`, `time`, `futex`, `task`. Below them lie `pool` (the
//! threads), `parker` (where a thread waits, and how its wait is ended),
//! `poller` (the only file that names mio) and `signal`. Operations are
//! performed by `io_blocking::system`.

mod atomics;
mod file;
mod futex;
mod options;
mod parker;
mod poller;
mod pool;
mod shared;
mod signal;
mod task;
mod time;
mod watched;

use std::io;
use std::sync::Arc;

use io_blocking::system;
use io_core::task::{Job, Rejected, Start, TaskRef};
use io_core::{
    Capabilities, Clock, FutexAddress, FutexWord, Handle, Instant, Io, IoId, Operation, Outcome,
};

pub use options::Builder;
use options::Options;
use shared::Shared;

/// The executor whose tasks are threads of a pool: for everywhere that io_uring
/// is not, and for debuggers, profilers and foreign code, to which a task is
/// what it looks like.
///
/// - `spawn` starts the task on a thread, up to a limit (the number of cores);
///   beyond it, or if the system refuses a thread, the task runs inside `spawn`.
///   `spawn_concurrent` has a limit of its own and is refused beyond it.
///   `offload` runs its closure where it is called. Threads start when there is
///   no idle one, and end when they were idle for a time.
/// - A request or a deadline ends every wait: sleeps, futex waits, reads and
///   writes of pipes, sockets and terminals, and the opening of a FIFO. It does
///   not end a call on a regular file, nor on a directory or a name.
/// - A task that waits for a pipe, socket or terminal for the first time on a
///   thread costs two descriptors for as long as the thread lives. If there are
///   none it waits without.
/// - **The signal SIGURG** ends the opening of a FIFO and the few other calls
///   that can not be polled. Its handler is installed when such a call has to be
///   ended (or has a deadline) for the first time, and what was there before is
///   restored when the last executor that needed it is dropped. A handler that
///   was there before goes on being called for every SIGURG that is not ours; a
///   program must not install another one meanwhile. On threads of the program
///   the signal is let through for such a call only, on threads of the pool
///   always. Timers send it; if the system has none left (`RLIMIT_SIGPENDING`), a
///   deadline does not end such a call, and a request may fail to.
/// - A write to a pipe or socket that nobody reads raises `SIGPIPE` (pipes only),
///   as write(2) does; Rust programs ignore that signal unless told otherwise,
///   and get `EPIPE`.
///
/// Every method works on every thread. Dropping the executor ends and joins its
/// threads.
///
/// ```
/// use io_core::Io;
///
/// let threaded = io_threaded::Threaded::new();
/// let io: &dyn Io = &threaded;
/// let sum = io.scope(|scope| {
///     let half = scope.spawn(|| 20 + 1);
///     half.join() * 2
/// });
/// assert_eq!(sum, 42);
/// ```
#[derive(Debug)]
pub struct Threaded {
    shared: Arc<Shared>,
}

impl Threaded {
    /// An executor with the default options. It starts no thread yet.
    #[must_use]
    pub fn new() -> Threaded {
        Threaded::builder().build()
    }

    /// An executor with options.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn with_options(options: Options) -> Threaded {
        Threaded {
            shared: Arc::new(Shared::new(options)),
        }
    }
}

impl Default for Threaded {
    fn default() -> Threaded {
        Threaded::new()
    }
}

impl Drop for Threaded {
    fn drop(&mut self) {
        self.shared.pool.stop();
        if let Some(watch) = &self.shared.watch {
            watch.stop();
        }
    }
}

impl Io for Threaded {
    #[inline]
    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        file::perform(&self.shared, operation)
    }

    fn close(&self, handle: Handle) -> io::Result<()> {
        system::close(handle)
    }

    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        task::start(&self.shared, job, how)
    }

    fn interrupt(&self, task: &TaskRef) {
        self.shared.parkers.interrupt(task);
    }

    fn yield_now(&self) -> io::Result<()> {
        task::yield_now(&self.shared)
    }

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        futex::wait(&self.shared, word, expected, deadline)
    }

    fn futex_wake(&self, address: FutexAddress, count: u32) {
        futex::wake(&self.shared, address, count);
    }

    fn now(&self, clock: Clock) -> Instant {
        system::now(clock)
    }

    fn sleep_until(&self, deadline: Instant) -> io::Result<()> {
        time::sleep_until(&self.shared, deadline)
    }

    fn random(&self, buffer: &mut [u8]) {
        system::random(buffer);
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal("threaded");
        capabilities.concurrent_tasks_max = self.shared.options.concurrent_threads;
        capabilities.interrupts_waits = true;
        capabilities.bounds_operations = true;
        capabilities.has_descriptors = true;
        capabilities
    }

    fn id(&self) -> IoId {
        self.shared.id()
    }
}

#[cfg(test)]
mod tests;
