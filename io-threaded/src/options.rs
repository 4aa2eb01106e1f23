//! The options of the executor and their builder. Programs use the builder;
//! the pool reads [`Options`].

use std::thread;
use std::time::Duration;

use io_blocking::watch::WatchOptions;
use io_core::watch::{Report, Reporter};

use crate::Threaded;

/// How many tasks of `spawn_concurrent` there can be at once, unless the builder
/// says otherwise. Each has a thread, mostly asleep: some ten KiB of memory.
const CONCURRENT_THREADS_DEFAULT: usize = 512;

/// How long a thread without a job stays, unless the builder says otherwise.
const IDLE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) spawn_threads: usize,
    pub(crate) concurrent_threads: usize,
    pub(crate) idle_timeout: Duration,
    /// `None` is what std takes.
    pub(crate) stack_bytes: Option<usize>,
    /// What is reported, and to whom.
    pub(crate) watch: WatchOptions,
}

/// Builds a [`Threaded`]; made by [`Threaded::builder`].
///
/// ```
/// use std::time::Duration;
/// use io_threaded::Threaded;
///
/// let threaded = Threaded::builder()
///     .spawn_threads(4)
///     .concurrent_threads(1000)
///     .idle_timeout(Duration::from_secs(1))
///     .build();
/// # drop(threaded);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder makes nothing before `build`"]
pub struct Builder {
    options: Options,
}

impl Builder {
    pub(crate) fn new() -> Builder {
        Builder {
            options: Options {
                spawn_threads: thread::available_parallelism().map_or(1, usize::from),
                concurrent_threads: CONCURRENT_THREADS_DEFAULT,
                idle_timeout: IDLE_TIMEOUT_DEFAULT,
                stack_bytes: None,
                watch: WatchOptions::default(),
            },
        }
    }

    /// How many tasks of `spawn` have a thread at once; a further one runs inside
    /// `spawn`. With 0 every one does. Default: the number of cores.
    pub fn spawn_threads(mut self, count: usize) -> Builder {
        self.options.spawn_threads = count;
        self
    }

    /// How many tasks of `spawn_concurrent` there are at once; a further one is
    /// refused. They do not count among those of `spawn`, so that the pool has at
    /// most the sum of both in threads. Default: 512.
    pub fn concurrent_threads(mut self, count: usize) -> Builder {
        self.options.concurrent_threads = count;
        self
    }

    /// How long a thread without a job stays. Default: 10 seconds.
    pub fn idle_timeout(mut self, timeout: Duration) -> Builder {
        self.options.idle_timeout = timeout;
        self
    }

    /// The size of each thread's stack in bytes, rounded up to what the system
    /// wants. Address space only: memory is used as it is touched. Default: what
    /// [`std::thread::Builder`] takes (2 MiB, or `RUST_MIN_STACK`).
    pub fn stack_bytes(mut self, bytes: usize) -> Builder {
        self.options.stack_bytes = Some(bytes);
        self
    }

    /// Reports a deadlock: when every task, and every thread of the program that has
    /// used the executor and lives, waits for a wake without a deadline, the report
    /// names each and what it waits for, once for each time that nothing goes on.
    /// Default: nothing is reported, and nothing is paid for it.
    ///
    /// A thread that has not used the executor yet is not known as one that may
    /// wake a task: it makes itself known by any call that may wait or wake, such
    /// as [`yield_now`](io_core::Io::yield_now). So a report may be wrong, and ends nothing.
    pub fn report_deadlocks(mut self) -> Builder {
        self.options.watch.deadlocks = true;
        self
    }

    /// Who gets the reports, on a thread that runs nothing else. Default: they are
    /// printed to standard error.
    pub fn report_to(mut self, tell: impl Fn(&Report) + Send + Sync + 'static) -> Builder {
        self.options.watch.reporter = Reporter::new(tell);
        self
    }

    /// Makes the executor. It starts no thread and opens no descriptor yet.
    #[must_use]
    pub fn build(self) -> Threaded {
        Threaded::with_options(self.options)
    }
}
