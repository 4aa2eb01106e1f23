//! [`Blocking`]: the contract as plain blocking system calls, without threads
//! and without a scheduler. The crate to read first: every operation is told
//! straight, and what it leaves out is what the other executors add.
//!
//! The chapters have the names that they have in io-core and in the other
//! executors: `file`, `time`, `futex`, `task`. Below them lie `wait` (one
//! descriptor, with a time-out), `handle`, `path`, `errno` and `syscall`, which
//! holds every unsafe line of the crate. [`watch`] is for executors with a
//! scheduler.
//!
//! Performing one operation as a blocking system call is written once, here:
//! the other executors use it through [`system`].

mod errno;
mod file;
mod futex;
mod handle;
mod path;
mod syscall;
mod task;
mod time;
mod wait;
pub mod watch;

use std::io;

use io_core::task::{Job, Rejected, Start};
use io_core::{
    Capabilities, Clock, FutexAddress, FutexWord, Handle, Instant, Io, Operation, Outcome,
};

/// The system calls under this executor, for other executors: no task, no
/// request and no deadline is looked at here, except the time-outs that are
/// passed in. `EINTR` is retried everywhere but inside `interruptible`.
pub mod system {
    pub use crate::errno::{errno, interruptible, is_errno, would_wait};
    pub use crate::file::directory::{parse_entries, read_directory};
    pub use crate::file::metadata::{metadata_from_statx, statx_query};
    pub use crate::file::open::{CREATE_FLAGS, handle_from_open, open_flags};
    pub use crate::file::transfer::{
        BUFFERS_MAX, POLLED_BYTES_MAX, file_offset, read, read_attempt, read_cached, read_nowait,
        readable_window, writable_window, write, write_attempt, write_nowait,
    };
    pub use crate::file::{perform, perform_until};
    pub use crate::futex::{FutexEnd, futex_wait, futex_wake};
    pub use crate::handle::{can_poll, close, descriptor, directory_of, flags, kind};
    pub use crate::path::{PATH_STACK_BYTES, with_c_path};
    pub use crate::syscall::{
        WORKING_DIRECTORY, process_barrier, random, thread_ran_nanos, wait_count, yield_thread,
    };
    pub use crate::time::{earliest, has_passed, last_tick_nanos, now, sleep_until, to_timespec};
    pub use crate::wait::Readiness;
}

/// The executor whose tasks are calls and whose waits are blocking system
/// calls: for command line tools, tests and start-up code.
///
/// - `spawn` runs the closure before it returns; `spawn_concurrent` always says
///   that concurrency is unavailable.
/// - A deadline ends sleeps, futex waits, and reads and writes at the cursor of
///   what can be polled (pipes, sockets, terminals). It does not end a call on a
///   regular file, nor the opening of a FIFO whose other end is missing.
/// - Nothing ends a wait on request: a request is delivered at the next point.
/// - A write to a pipe or socket that nobody reads raises `SIGPIPE`, as
///   write(2) does; Rust programs ignore that signal unless told otherwise, and
///   get `EPIPE`.
///
/// ```
/// use io_core::{Clock, Io};
///
/// let blocking = io_blocking::Blocking::new();
/// let io: &dyn Io = &blocking;
/// let sum = io.scope(|scope| {
///     let half = scope.spawn(|| 20 + 1);
///     half.join() * 2
/// });
/// assert_eq!(sum, 42);
/// assert!(io.now(Clock::Monotonic) > io_core::Instant::from_nanos(Clock::Monotonic, 0));
/// ```
#[derive(Debug, Default)]
pub struct Blocking {
    /// An executor's id is its address, so it must have a size.
    _address: u8,
}

impl Blocking {
    /// Makes the executor; it holds no resources.
    #[must_use]
    pub const fn new() -> Blocking {
        Blocking { _address: 0 }
    }
}

impl Io for Blocking {
    #[inline]
    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        file::perform_as_task(self.id(), operation)
    }

    fn close(&self, handle: Handle) -> io::Result<()> {
        handle::close(handle)
    }

    fn start(&self, job: Job, _how: Start) -> Result<(), Rejected> {
        task::refuse(job)
    }

    fn yield_now(&self) -> io::Result<()> {
        task::yield_now(self.id())
    }

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        futex::wait_as_task(self.id(), word, expected, deadline)
    }

    fn futex_wake(&self, address: FutexAddress, count: u32) {
        futex::futex_wake(address, count);
    }

    fn now(&self, clock: Clock) -> Instant {
        time::now(clock)
    }

    fn sleep_until(&self, deadline: Instant) -> io::Result<()> {
        time::sleep_as_task(self.id(), deadline)
    }

    fn random(&self, buffer: &mut [u8]) {
        syscall::random(buffer);
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal("blocking");
        capabilities.bounds_operations = true;
        capabilities.has_descriptors = true;
        capabilities
    }
}

#[cfg(test)]
mod tests;
