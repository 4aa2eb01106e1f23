//! The options of an event loop, and the builder that checks them. Programs use
//! the builder; everything else reads [`Options`].

use std::io;
use std::thread;
use std::time::Duration;

use io_blocking::watch::WatchOptions;
use io_core::OperationKind;
use io_core::watch::{Report, Reporter};

use crate::event_loop::EventLoop;
use crate::fiber::{GuardKind, StackOptions, protected_count_max};
use crate::ring::{EnterFaults, Opcode, OpcodeSet, RingOptions};
use crate::wake::{WORKERS_MAX, WakerKind};

/// How one worker of an event loop wakes another. All of them are stressed by
/// the tests; the default was chosen by measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Waker {
    /// A futex wait in the sleeper's ring (Linux 6.7).
    Futex,
    /// A message from ring to ring (Linux 5.18).
    MsgRing,
    /// An eventfd under a multishot poll (Linux 5.13). What the others fall back to.
    EventFd,
}

impl Waker {
    /// Every waker, for tests and tables.
    pub const ALL: [Waker; 3] = [Waker::Futex, Waker::MsgRing, Waker::EventFd];
}

/// How many offload threads there are at most, unless the builder says otherwise:
/// as many slow system calls are under way at once.
const OFFLOAD_THREADS_DEFAULT: usize = 16;

/// Debug builds note at every switch which fiber runs, so that a watch sees one that
/// does not let others run.
pub(crate) const STALLS_ARE_SEEN: bool = cfg!(debug_assertions);

/// After this time a fiber that does not let others run is reported, unless the
/// builder says otherwise.
const STALL_TIME_DEFAULT: Duration = Duration::from_secs(1);

/// What `force_fallbacks` takes away: everything but what waits and wakes need.
const FALLBACK_TESTED: OpcodeSet = OpcodeSet::EMPTY
    .with(Opcode::Read)
    .with(Opcode::Readv)
    .with(Opcode::Write)
    .with(Opcode::Writev)
    .with(Opcode::Close)
    .with(Opcode::Fsync)
    .with(Opcode::MsgRing)
    .with(Opcode::FutexWait)
    .with(Opcode::FutexWake);

/// The options, checked.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) workers: usize,
    pub(crate) offload_threads: usize,
    pub(crate) waker: WakerKind,
    pub(crate) ring: RingOptions,
    pub(crate) stack: StackOptions,
    /// Switch at every call of `Io`, in random order from this seed.
    pub(crate) switch_seed: Option<u64>,
    /// What is reported, and to whom.
    pub(crate) watch: WatchOptions,
    /// For tests: worker threads cannot be started.
    pub(crate) refuse_threads: bool,
    /// For tests: direct calls of this kind take so much longer, wherever they
    /// are made.
    pub(crate) slow_kind: Option<(OperationKind, Duration)>,
}

/// Builds an [`EventLoop`]; made by [`EventLoop::builder`].
#[derive(Clone, Debug)]
pub struct Builder {
    pub(crate) options: Options,
}

impl Options {
    /// As many tasks as there can be stacks, if `guard` needs mappings, of which
    /// the system allows a limited number.
    pub(crate) fn tasks_max(&self, guard: GuardKind) -> Option<usize> {
        match guard {
            GuardKind::Marker => None,
            GuardKind::Protect => Some(protected_count_max().min(self.stack.stack_count_max)),
        }
    }
}

impl Builder {
    pub(crate) fn new() -> Builder {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Builder {
            options: Options {
                workers: cores.min(WORKERS_MAX - 1),
                offload_threads: OFFLOAD_THREADS_DEFAULT,
                waker: WakerKind::EventFd,
                ring: RingOptions::default(),
                stack: StackOptions::default(),
                switch_seed: None,
                watch: WatchOptions {
                    stall_time: STALLS_ARE_SEEN.then_some(STALL_TIME_DEFAULT),
                    ..WatchOptions::default()
                },
                refuse_threads: false,
                slow_kind: None,
            },
        }
    }

    /// How many workers run fibers, the caller of `run` included; at least 1.
    /// Default: the number of cores. They start when there is work for them.
    #[must_use]
    pub fn workers(mut self, count: usize) -> Builder {
        self.options.workers = count;
        self
    }

    /// Submissions that fit in each worker's ring before it has to enter the
    /// kernel, 2 to 32,768, rounded up to a power of two. Default: 256.
    #[must_use]
    pub fn ring_entries(mut self, count: u32) -> Builder {
        self.options.ring.entries = count;
        self
    }

    /// The size of each fiber's stack in bytes, at least 64 KiB. Address space
    /// only: memory is used as it is touched. Default: 256 KiB.
    #[must_use]
    pub fn stack_bytes(mut self, bytes: usize) -> Builder {
        self.options.stack.stack_bytes = bytes;
        self
    }

    /// How many threads perform what would stop a worker, at least 1. They start
    /// when there is work for them and end when idle. Default: 16.
    #[must_use]
    pub fn offload_threads(mut self, count: usize) -> Builder {
        self.options.offload_threads = count;
        self
    }

    /// How workers wake each other. Where the kernel lacks it, the eventfd.
    #[must_use]
    pub fn waker(mut self, waker: Waker) -> Builder {
        self.options.waker = match waker {
            Waker::Futex => WakerKind::FutexInRing,
            Waker::MsgRing => WakerKind::MsgRing,
            Waker::EventFd => WakerKind::EventFd,
        };
        self
    }

    /// Reports a deadlock: when every task waits for a wake and nothing is known
    /// that could send one, the report names each task and what it waits for, once
    /// for each time that nothing goes on. Default: nothing is reported, and
    /// nothing is paid for it.
    ///
    /// Operations, sleeps, deadlines, offloaded code, wakers of futures, and threads
    /// of the program that have used this event loop and live, are known as what
    /// may wake a task. A thread that has not used it yet is not: it makes itself
    /// known by any call that may wait or wake, such as
    /// [`yield_now`](io_core::Io::yield_now). So a report may be wrong, and ends nothing.
    #[must_use]
    pub fn report_deadlocks(mut self) -> Builder {
        self.options.watch.deadlocks = true;
        self
    }

    /// In debug builds: reports a task that keeps its worker for so long, while it
    /// does and when it lets others run again; `None` reports none. Default: 1
    /// second. Release builds see nothing of it.
    ///
    /// The time is seen with a precision of a quarter of it.
    #[must_use]
    pub fn report_stalls(mut self, after: Option<Duration>) -> Builder {
        self.options.watch.stall_time = after.filter(|_| STALLS_ARE_SEEN);
        self
    }

    /// Who gets the reports, on a thread that runs nothing else. Default: they are
    /// printed to standard error.
    #[must_use]
    pub fn report_to(mut self, tell: impl Fn(&Report) + Send + Sync + 'static) -> Builder {
        self.options.watch.reporter = Reporter::new(tell);
        self
    }

    /// For tests: every operation the ring has is treated as missing, so that
    /// all of them go the slow way.
    #[must_use]
    pub fn force_fallbacks(mut self) -> Builder {
        self.options.ring.forced_missing = FALLBACK_TESTED;
        self
    }

    /// For tests: one enter of a ring in four fails, as the kernel lets it when it
    /// has no memory or a signal comes, in an order that `seed` gives.
    #[must_use]
    pub fn refuse_enters(mut self, seed: u64) -> Builder {
        self.options.ring.enter_faults = Some(EnterFaults::Seeded(seed));
        self
    }

    /// For tests: stacks are guarded by mprotect(2), as on kernels before 6.13,
    /// with the limit that this has.
    #[must_use]
    pub fn force_protected_stacks(mut self) -> Builder {
        self.options.stack.forced_guard = Some(GuardKind::Protect);
        self
    }

    /// For tests: fibers switch at every call of `Io`, and ready fibers run in a
    /// random order that `seed` gives.
    #[must_use]
    pub fn switch_everywhere(mut self, seed: u64) -> Builder {
        self.options.switch_seed = Some(seed);
        self
    }

    /// Makes the event loop: sets up, probes and closes a trial ring, so that a
    /// refusal shows here.
    ///
    /// It registers the process for membarrier(2), which takes some 20 ms the first time
    /// if other threads run already. Where that is refused, tasks of one worker wake each
    /// other more slowly. A program that forbids itself system calls (seccomp(2)) has
    /// to do so before, or to allow this one: refused later, it ends the process.
    ///
    /// # Errors
    /// An option out of range (`InvalidInput`), or io_uring is refused: the
    /// error's text names the likely cause and the way out, and
    /// [`os_code`](crate::os_code) gives the kernel's code.
    ///
    /// # Safety
    /// See [`EventLoop::new`].
    #[expect(unsafe_code, reason = "hands the contract of EventLoop::new on")]
    pub unsafe fn build(self) -> io::Result<EventLoop> {
        self.check()?;
        EventLoop::with_options(self.options)
    }

    fn check(&self) -> io::Result<()> {
        let options = &self.options;
        let is_valid = (1..WORKERS_MAX).contains(&options.workers)
            && options.offload_threads >= 1
            && (crate::ring::ENTRIES_MIN..=crate::ring::ENTRIES_MAX)
                .contains(&options.ring.entries);
        if is_valid {
            // The size of a stack is checked by the pool that makes them.
            crate::fiber::StackPool::new(options.stack.clone()).map(drop)
        } else {
            let message =
                "the event loop's workers, offload threads or ring entries are out of range";
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
    }
}
