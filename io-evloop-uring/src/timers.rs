//! The timers of one worker: which parked fiber is to go on at which time. Used
//! by the worker and by the chapters that wait.

use std::collections::BTreeMap;

use crate::cell::FiberRef;

/// Names an armed timer: its time in nanoseconds of the monotonic clock, and a
/// number that tells timers of the same time apart (the earlier armed is earlier).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    nanos: u64,
    number: u64,
}

/// Armed timers, by time. Bounded by the fibers that wait: each has at most one.
#[derive(Default)]
pub(crate) struct Timers {
    armed: BTreeMap<TimerKey, FiberRef>,
    next_number: u64,
}

impl Timers {
    pub(crate) fn arm(&mut self, nanos: u64, fiber: FiberRef) -> TimerKey {
        let key = TimerKey {
            nanos,
            number: self.next_number,
        };
        self.next_number += 1;
        self.armed.insert(key, fiber);
        key
    }

    /// Disarms a timer; nothing if it has fired.
    pub(crate) fn disarm(&mut self, key: TimerKey) {
        self.armed.remove(&key);
    }

    /// Takes the earliest timer if it is due at `now_nanos`.
    pub(crate) fn take_due(&mut self, now_nanos: u64) -> Option<FiberRef> {
        let entry = self.armed.first_entry()?;
        (entry.key().nanos <= now_nanos).then(|| entry.remove())
    }

    /// When the earliest timer is due.
    pub(crate) fn next_nanos(&self) -> Option<u64> {
        self.armed.first_key_value().map(|(key, _)| key.nanos)
    }
}
