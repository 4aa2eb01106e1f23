//! [`Metrics`]: what an event loop has done so far, for who asks why a program is
//! slow; and [`Counters`], in which each worker counts. Imports nothing.
//!
//! A count is a plain load and store by the worker it belongs to: no locked
//! instruction, no line that two workers write. What threads that are no workers do
//! is counted in a set of its own, by additions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What an event loop has done since it was made, all workers together.
///
/// Each number is exact as far as it goes, but they are read one after another
/// while the workers go on. Operations that are in the ring's queues are counted
/// when the worker looks at its ring the next time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Switches to a fiber: each ends a wait or a yield, or begins a task. Tasks that
    /// end without a wait may run one after another without further switches. A worker
    /// counts what its fibers do among themselves when its loop has its turn.
    pub switches: u64,
    /// Tasks that were queued for the workers.
    pub spawns: u64,
    /// ... of which so many ran on the stack of the task that joined them.
    pub joined_in_place: u64,
    /// How often a worker took jobs from another one.
    pub steals: u64,
    /// Wakes sent to workers that slept: a system call each.
    pub wakes: u64,
    /// Wakes that were not needed, as the worker was awake, or nobody slept.
    pub wakes_saved: u64,
    /// Calls of io_uring_enter(2).
    pub enters: u64,
    /// Submissions that the kernel took; divided by `enters`, how many went
    /// together.
    pub submissions: u64,
    /// Operations that needed no ring: done by a call on the worker.
    pub inline_operations: u64,
    /// Operations that were handed to the offload pool.
    pub offloads: u64,
    /// How often a worker went to sleep for lack of work.
    pub sleeps: u64,
    /// For how long workers have slept so, all together; a sleep counts when it ends.
    /// The rest of their time they ran, or waited for a processor, or in a call.
    pub asleep: Duration,
    /// The most fibers there were at once, those that wait for a task included.
    pub fibers_max: u64,
}

/// One number.
#[derive(Debug, Default)]
pub(crate) struct Counter(
    /// Relaxed: a count orders nothing.
    AtomicU64,
);

impl Counter {
    /// Adds, if only one thread ever does.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        let sum = self.0.load(Ordering::Relaxed).wrapping_add(count);
        self.0.store(sum, Ordering::Relaxed);
    }

    /// Adds one, on any thread.
    pub(crate) fn add_one_shared(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one worker, or all threads that are no workers, have done.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Counters {
    pub(crate) switches: Counter,
    pub(crate) spawns: Counter,
    pub(crate) joined_in_place: Counter,
    pub(crate) steals: Counter,
    pub(crate) enters: Counter,
    pub(crate) submissions: Counter,
    pub(crate) inline_operations: Counter,
    pub(crate) offloads: Counter,
    pub(crate) sleeps: Counter,
    pub(crate) asleep_nanos: Counter,
    /// By those who wake, so any thread counts here: each is a system call anyway.
    pub(crate) wakes: Counter,
    /// Wakes of a worker for a fiber of its own that found it awake.
    pub(crate) wakes_of_awake: Counter,
    /// Wakes that were sent for a job.
    pub(crate) wakes_for_jobs: Counter,
}

impl Metrics {
    pub(crate) fn add(&mut self, counters: &Counters) {
        let spawns = counters.spawns.read();
        self.switches += counters.switches.read();
        self.spawns += spawns;
        self.joined_in_place += counters.joined_in_place.read();
        self.steals += counters.steals.read();
        self.wakes += counters.wakes.read();
        self.wakes_saved += counters.wakes_of_awake.read() + spawns;
        self.enters += counters.enters.read();
        self.submissions += counters.submissions.read();
        self.inline_operations += counters.inline_operations.read();
        self.offloads += counters.offloads.read();
        self.sleeps += counters.sleeps.read();
        self.asleep += Duration::from_nanos(counters.asleep_nanos.read());
        // A job needs no wake, unless one was sent for it.
        let sent = counters.wakes_for_jobs.read();
        self.wakes_saved = self.wakes_saved.saturating_sub(sent);
    }
}
