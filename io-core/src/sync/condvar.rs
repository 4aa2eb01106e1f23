//! [`Condvar`]: waits for what others do to a value under its mutex.
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

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::futex::FutexAddress;
use crate::io::Io;
use crate::sync::mutex::MutexGuard;
use crate::time::{Clock, Instant};

/// Waits until others have changed the value of a [`Mutex`](crate::sync::Mutex).
///
/// A wait may end for no reason: look at the value in a loop, or use
/// [`wait_while`](Condvar::wait_while). Notify after changing the value under its
/// mutex, with the mutex held or not; a change made without it can be missed.
///
/// All waits at one time use the same mutex.
pub struct Condvar {
    /// Counts notifications. Written by notifiers, read by waiters, who hold the
    /// mutex as they do: Relaxed, as the mutex orders the two (the picture above);
    /// the compare of the futex is ordered with the wake by the futex itself.
    sequence: AtomicU32,
    /// How many wait. Written by waiters, read by notifiers: Relaxed, ordered by
    /// the mutex; a notifier that did not take it promises nothing.
    waiters: AtomicU32,
}

impl Condvar {
    /// A condition that nobody waits for.
    #[must_use]
    pub const fn new() -> Condvar {
        Condvar {
            sequence: AtomicU32::new(0),
            waiters: AtomicU32::new(0),
        }
    }

    /// Frees the mutex, waits to be notified, and takes the mutex again. The
    /// guard holds the mutex on every return.
    ///
    /// # Cancellation
    /// A point, while it waits to be notified; taking the mutex again is none. A
    /// notification is not lost: who answers Canceled has consumed none.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    pub fn wait<T: ?Sized>(&self, guard: &mut MutexGuard<'_, T>) -> io::Result<()> {
        self.wait_at_most(guard, None)
    }

    /// As [`wait`](Condvar::wait), but not beyond `deadline`.
    ///
    /// # Cancellation
    /// As [`wait`](Condvar::wait).
    ///
    /// # Errors
    /// Canceled; `deadline` or the deadline in force has passed.
    pub fn wait_until<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> io::Result<()> {
        self.wait_at_most(guard, Some(deadline))
    }

    /// As [`wait`](Condvar::wait), but not longer than `timeout`.
    ///
    /// # Cancellation
    /// As [`wait`](Condvar::wait).
    ///
    /// # Errors
    /// Canceled; `timeout` or the deadline in force has passed.
    pub fn wait_timeout<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> io::Result<()> {
        let now = guard.io().now(Clock::Monotonic);
        self.wait_at_most(guard, Some(now.saturating_add(timeout)))
    }

    /// Waits as long as `condition` holds of the value.
    ///
    /// # Cancellation
    /// A point at each of its waits, none if `condition` does not hold at once.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed. `condition` may hold or not.
    pub fn wait_while<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> io::Result<()> {
        while condition(guard) {
            self.wait(guard)?;
        }
        Ok(())
    }

    fn wait_at_most<T: ?Sized>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let io = guard.io();
        let sequence = self.sequence.load(Ordering::Relaxed);
        let _wait = Wait::begin(self, guard);
        io.futex_wait(&self.sequence, sequence, deadline)
    }

    /// Ends one wait, if there is one. Never waits; no cancellation point.
    pub fn notify_one(&self, io: &dyn Io) {
        self.notify(io, 1);
    }

    /// Ends all waits. Never waits; no cancellation point.
    pub fn notify_all(&self, io: &dyn Io) {
        self.notify(io, u32::MAX);
    }

    fn notify(&self, io: &dyn Io, count: u32) {
        if self.waiters.load(Ordering::Relaxed) == 0 {
            return;
        }
        let address = FutexAddress::of(&self.sequence);
        self.sequence.fetch_add(1, Ordering::Relaxed);
        io.futex_wake(address, count);
    }
}

/// A wait whose mutex is free; its end takes the mutex back, also if the executor
/// panics, so that the guard always tells the truth.
struct Wait<'a, 'b, T: ?Sized> {
    condvar: &'a Condvar,
    guard: &'a mut MutexGuard<'b, T>,
}

impl<'a, 'b, T: ?Sized> Wait<'a, 'b, T> {
    fn begin(condvar: &'a Condvar, guard: &'a mut MutexGuard<'b, T>) -> Wait<'a, 'b, T> {
        condvar.waiters.fetch_add(1, Ordering::Relaxed);
        guard.free();
        Wait { condvar, guard }
    }
}

impl<T: ?Sized> Drop for Wait<'_, '_, T> {
    fn drop(&mut self) {
        self.guard.take_back();
        self.condvar.waiters.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Condvar").finish_non_exhaustive()
    }
}
