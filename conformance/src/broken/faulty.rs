//! [`Faulty`]: an executor that does as the one below, but for the methods that
//! a fault replaces. A fault is a function; the lists are beside this file.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use io_core::task::{Job, Rejected, Start, TaskRecord, TaskRef};
use io_core::{
    BatchEntry, Capabilities, Clock, FutexAddress, FutexWord, Handle, Instant, Io, IoId, Operation,
    Outcome,
};

/// What a fault may replace.
pub(super) struct Hooks {
    pub(super) perform: fn(&Faulty<'_>, &mut Operation<'_, '_>) -> io::Result<Outcome>,
    pub(super) perform_batch: fn(&Faulty<'_>, &mut [BatchEntry<'_, '_>]),
    pub(super) close: fn(&Faulty<'_>, Handle) -> io::Result<()>,
    pub(super) start: fn(&Faulty<'_>, Job, Start) -> Result<(), Rejected>,
    pub(super) wait_task: fn(&Faulty<'_>, &TaskRecord),
    pub(super) interrupt: fn(&Faulty<'_>, &TaskRef),
    pub(super) yield_now: fn(&Faulty<'_>) -> io::Result<()>,
    pub(super) futex_wait: fn(&Faulty<'_>, FutexWord<'_>, u32, Option<Instant>) -> io::Result<()>,
    pub(super) futex_wake: fn(&Faulty<'_>, FutexAddress, u32),
    pub(super) now: fn(&Faulty<'_>, Clock) -> Instant,
    pub(super) sleep_until: fn(&Faulty<'_>, Instant) -> io::Result<()>,
    pub(super) random: fn(&Faulty<'_>, &mut [u8]),
    pub(super) capabilities: fn(&Faulty<'_>) -> Capabilities,
    pub(super) id: fn(&Faulty<'_>) -> IoId,
}

impl Hooks {
    pub(super) const CORRECT: Hooks = Hooks {
        perform: |faulty, operation| faulty.below.perform(operation),
        // One by one, so that a fault in `perform` is seen. One request goes to all
        // that are not finished.
        perform_batch: |faulty, batch| {
            let mut is_canceled = false;
            for entry in batch {
                let result = match is_canceled {
                    true => Err(io_core::canceled()),
                    false => faulty.perform(&mut entry.operation),
                };
                is_canceled |= result.as_ref().is_err_and(io_core::is_canceled);
                entry.result = Some(result);
            }
        },
        close: |faulty, handle| faulty.below.close(handle),
        start: |faulty, job, how| faulty.below.start(job, how),
        wait_task: |faulty, task| faulty.below.wait_task(task),
        interrupt: |faulty, task| faulty.below.interrupt(task),
        yield_now: |faulty| faulty.below.yield_now(),
        futex_wait: |faulty, word, expected, deadline| {
            faulty.below.futex_wait(word, expected, deadline)
        },
        futex_wake: |faulty, address, count| faulty.below.futex_wake(address, count),
        now: |faulty, clock| faulty.below.now(clock),
        sleep_until: |faulty, deadline| faulty.below.sleep_until(deadline),
        random: |faulty, buffer| faulty.below.random(buffer),
        capabilities: |faulty| faulty.below.capabilities(),
        id: |faulty| faulty.below.id(),
    };
}

/// An executor with a fault.
pub(super) struct Faulty<'a> {
    pub(super) below: &'a dyn Io,
    hooks: Hooks,
    /// How often the fault was asked. Relaxed: any order will do.
    calls: AtomicU64,
    /// What a fault remembers. Relaxed, as above.
    pub(super) flag: AtomicBool,
    /// The thread that it was made on.
    pub(super) home: thread::ThreadId,
}

impl<'a> Faulty<'a> {
    pub(super) fn new(below: &'a dyn Io, hooks: Hooks) -> Faulty<'a> {
        Faulty {
            below,
            hooks,
            calls: AtomicU64::new(0),
            flag: AtomicBool::new(false),
            home: thread::current().id(),
        }
    }

    /// Whether this is the n-th, 2n-th, ... time that it asks.
    pub(super) fn is_every(&self, times: u64) -> bool {
        (self.calls.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(times)
    }
}

impl Io for Faulty<'_> {
    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        (self.hooks.perform)(self, operation)
    }

    fn perform_batch(&self, batch: &mut [BatchEntry<'_, '_>]) {
        (self.hooks.perform_batch)(self, batch);
    }

    fn close(&self, handle: Handle) -> io::Result<()> {
        (self.hooks.close)(self, handle)
    }

    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        (self.hooks.start)(self, job, how)
    }

    fn wait_task(&self, task: &TaskRecord) {
        (self.hooks.wait_task)(self, task);
    }

    fn wake_task(&self, task: &TaskRecord) {
        self.below.wake_task(task);
    }

    fn interrupt(&self, task: &TaskRef) {
        (self.hooks.interrupt)(self, task);
    }

    fn yield_now(&self) -> io::Result<()> {
        (self.hooks.yield_now)(self)
    }

    fn no_suspend(&self, body: &mut dyn FnMut()) {
        self.below.no_suspend(body);
    }

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        (self.hooks.futex_wait)(self, word, expected, deadline)
    }

    fn futex_wake(&self, address: FutexAddress, count: u32) {
        (self.hooks.futex_wake)(self, address, count);
    }

    fn now(&self, clock: Clock) -> Instant {
        (self.hooks.now)(self, clock)
    }

    fn sleep_until(&self, deadline: Instant) -> io::Result<()> {
        (self.hooks.sleep_until)(self, deadline)
    }

    fn random(&self, buffer: &mut [u8]) {
        (self.hooks.random)(self, buffer);
    }

    fn capabilities(&self) -> Capabilities {
        (self.hooks.capabilities)(self)
    }

    fn id(&self) -> IoId {
        (self.hooks.id)(self)
    }
}
