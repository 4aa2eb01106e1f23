//! The words of a condition: how many wait, and what they wait on. A pure state
//! machine, checked by loom models (`tests/models.rs`). Used by `condvar.rs`.
//!
//! ```text
//! waiter                                    notifier
//! (holds the mutex, sees nothing to do)
//! 1. waiters += 1, read sequence            a. change the value under the mutex
//! 2. free the mutex                         b. waiters = 0? nothing to do
//! 3. wait while sequence is what it was     c. sequence += 1
//! 4. take the mutex again, waiters -= 1     d. wake
//! ```
//! If a. comes before 1. the waiter sees the change itself. Otherwise 2. comes
//! before a. by the mutex, so b. sees the waiter; and c. either comes before the
//! wait compares the sequence, which ends the wait, or d. finds the wait queued.

use crate::atomics::{AtomicU32, Ordering};

/// Waiters write and read both words while they hold the mutex, notifiers do so
/// at any time. All of it is Relaxed: what counts is ordered by the mutex (the
/// picture above), and the compare of the futex with its wake by the futex. A
/// notifier that never took the mutex is promised nothing.
#[derive(Debug)]
pub(crate) struct CondvarWord {
    /// Counts notifications. The word to wait on.
    sequence: AtomicU32,
    /// How many wait.
    waiters: AtomicU32,
}

impl CondvarWord {
    pub(crate) const fn from_words(sequence: AtomicU32, waiters: AtomicU32) -> CondvarWord {
        CondvarWord { sequence, waiters }
    }

    /// Waiter, step 1. Returns the value to wait on.
    pub(crate) fn begin_wait(&self) -> u32 {
        self.waiters.fetch_add(1, Ordering::Relaxed);
        self.sequence.load(Ordering::Relaxed)
    }

    /// Waiter, step 4.
    pub(crate) fn end_wait(&self) {
        self.waiters.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notifier, steps b and c. Returns whether somebody has to be woken.
    #[must_use = "a waiter that is not woken waits for ever"]
    pub(crate) fn notify(&self) -> bool {
        if self.waiters.load(Ordering::Relaxed) == 0 {
            return false;
        }
        self.sequence.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// The word to wait on.
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.sequence
    }
}
