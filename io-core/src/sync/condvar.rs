//! [`Condvar`]: waits for what others do to a value under its mutex. Its words,
//! and why no notification is lost, are in `condvar_word.rs`.

use std::fmt;
use std::io;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use crate::futex::{FutexAddress, FutexWord};
use crate::io::Io;
use crate::sync::condvar_word::CondvarWord;
use crate::sync::mutex::MutexGuard;
use crate::task::AbortOnUnwind;
use crate::time::{Clock, Instant};
use crate::watch::{WaitKind, labelled};

/// Waits until others have changed the value of a [`Mutex`](crate::sync::Mutex).
///
/// A wait may end for no reason: look at the value in a loop, or use
/// [`wait_while`](Condvar::wait_while). Notify after changing the value under its
/// mutex, with the mutex held or not; a change made without it can be missed.
///
/// All waits at one time use the same mutex.
///
/// ```
/// use io_core::sync::{Condvar, Mutex};
///
/// # let threaded = io_threaded::Threaded::new();
/// # let io: &dyn io_core::Io = &threaded;
/// let (is_ready, changed) = (Mutex::new(false), Condvar::new());
/// io.scope(|scope| {
///     scope.spawn_concurrent(|| {
///         *is_ready.lock_uncancelable(io) = true;
///         changed.notify_one(io);
///     })?;
///     let mut ready = is_ready.lock(io)?;
///     while !*ready {
///         changed.wait(&mut ready)?;
///     }
///     std::io::Result::Ok(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Condvar {
    word: CondvarWord,
}

impl Condvar {
    /// A condition that nobody waits for.
    #[must_use]
    pub const fn new() -> Condvar {
        Condvar {
            word: CondvarWord::from_words(AtomicU32::new(0), AtomicU32::new(0)),
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
        let sequence = self.word.begin_wait();
        let _wait = Wait::begin(self, guard);
        labelled(io, WaitKind::Condition, || {
            io.futex_wait(FutexWord::of(self.word.word()), sequence, deadline)
        })
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
        if self.word.notify() {
            io.futex_wake(FutexAddress::of(self.word.word()), count);
        }
    }
}

/// A wait whose mutex is free; its end takes the mutex back, also if the executor
/// panics, so that the guard always tells the truth. If it panics in that too, the
/// process ends.
struct Wait<'a, 'b, T: ?Sized> {
    condvar: &'a Condvar,
    guard: &'a mut MutexGuard<'b, T>,
}

impl<'a, 'b, T: ?Sized> Wait<'a, 'b, T> {
    fn begin(condvar: &'a Condvar, guard: &'a mut MutexGuard<'b, T>) -> Wait<'a, 'b, T> {
        let wait = Wait { condvar, guard };
        // From here on its end takes the mutex back: the wake may panic.
        wait.guard.free();
        wait
    }
}

impl<T: ?Sized> Drop for Wait<'_, '_, T> {
    fn drop(&mut self) {
        // A guard that goes on without its mutex would give out what others have.
        let abort = AbortOnUnwind;
        self.guard.take_back();
        abort.disarm();
        self.condvar.word.end_wait();
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
