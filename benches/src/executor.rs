//! [`Executor`]: the executors of the workspace, each started with its default
//! options but for the number of workers. Imports every backend.

#![expect(
    unsafe_code,
    reason = "an event loop is made under the contract of its constructor"
)]

use io_blocking::Blocking;
use io_core::Io;
use io_evloop_uring::EventLoop;
use io_threaded::Threaded;

/// One executor, not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// Plain calls.
    Blocking,
    /// Threads of a pool.
    Threaded,
    /// Fibers over one io_uring, on the calling thread.
    EventLoop1,
    /// Fibers on the calling thread and one more.
    EventLoop2,
}

impl Executor {
    /// Every executor.
    pub const ALL: [Executor; 4] = [
        Executor::Blocking,
        Executor::Threaded,
        Executor::EventLoop1,
        Executor::EventLoop2,
    ];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Executor::Blocking => "blocking",
            Executor::Threaded => "threaded",
            Executor::EventLoop1 => "event-loop-1",
            Executor::EventLoop2 => "event-loop-2",
        }
    }

    /// Whether tables call one of ours so, whatever its options.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        let is_known = Executor::ALL.iter().any(|executor| executor.name() == name);
        is_known || name.starts_with("event-loop")
    }

    /// How many CPUs it keeps busy.
    #[must_use]
    pub const fn cpus(self) -> usize {
        match self {
            Executor::Blocking | Executor::EventLoop1 => 1,
            Executor::Threaded | Executor::EventLoop2 => 2,
        }
    }

    /// Runs `body` as the main task of a new executor.
    ///
    /// # Panics
    /// If the system refuses the executor; [`refusal`](Executor::refusal) asks before.
    pub fn run<T>(self, body: impl FnOnce(&dyn Io) -> T) -> T {
        match self {
            Executor::Blocking => body(&Blocking::new()),
            Executor::Threaded => body(&Threaded::new()),
            Executor::EventLoop1 => run_event_loop(1, RING_ENTRIES, body),
            Executor::EventLoop2 => run_event_loop(2, RING_ENTRIES, body),
        }
    }

    /// Why the system refuses this executor, if it does.
    #[must_use]
    pub fn refusal(self) -> Option<String> {
        match self {
            Executor::Blocking | Executor::Threaded => None,
            Executor::EventLoop1 | Executor::EventLoop2 => event_loop(1, RING_ENTRIES)
                .err()
                .map(|error| error.to_string()),
        }
    }
}

/// How large a ring is by default.
pub(crate) const RING_ENTRIES: u32 = 256;

/// Runs `body` as the main task of a new event loop; the other options are the
/// default ones.
pub(crate) fn run_event_loop<T>(
    workers: usize,
    ring_entries: u32,
    body: impl FnOnce(&dyn Io) -> T,
) -> T {
    event_loop(workers, ring_entries)
        .and_then(|event_loop| event_loop.run(body))
        .unwrap_or_else(|refused| panic!("an event loop of {workers}: {refused}"))
}

fn event_loop(workers: usize, ring_entries: u32) -> std::io::Result<EventLoop> {
    let builder = EventLoop::builder()
        .workers(workers)
        .ring_entries(ring_entries);
    // SAFETY: the workloads keep no thread-local scope open across a call of
    // `Io`, and no initialiser of a thread-local calls it.
    unsafe { builder.build() }
}
