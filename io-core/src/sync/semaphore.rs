//! [`Semaphore`]: a number of permits. Its state machine is in `permits.rs`.

use std::fmt;
use std::io;
use std::sync::atomic::AtomicU32;

use crate::atomics::Mutex;
use crate::io::Io;
use crate::sync::line::{Lined, WaitLine};
use crate::sync::permits::{PERMITS_MAX, Permits, word_of};
use crate::sync::waiting::{Cancelable, Uncancelable, certain};
use crate::watch::WaitKind;

/// A number of permits, for which tasks wait in line: oldest first, also if one
/// behind it wants fewer. It bounds how many do something at once.
///
/// ```
/// use io_core::sync::Semaphore;
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
///
/// static DOWNLOADS: Semaphore = Semaphore::new(2);
///
/// let first = DOWNLOADS.acquire(io)?;
/// let second = DOWNLOADS.acquire(io)?;
/// assert!(DOWNLOADS.try_acquire(io).is_none());
/// drop(first);
/// assert_eq!(DOWNLOADS.available_permits(), 1);
/// # drop(second);
/// # std::io::Result::Ok(())
/// ```
pub struct Semaphore {
    permits: Permits,
}

impl Semaphore {
    /// The most permits that one can hold.
    pub const PERMITS_MAX: u32 = PERMITS_MAX;

    /// A semaphore that holds `permits`.
    ///
    /// # Panics
    /// If they are more than [`PERMITS_MAX`](Semaphore::PERMITS_MAX).
    #[must_use]
    pub const fn new(permits: u32) -> Semaphore {
        let word = AtomicU32::new(word_of(permits));
        let line = WaitLine::from_lock(Mutex::new(Lined::new(())));
        Semaphore {
            permits: Permits::from_parts(word, line),
        }
    }

    /// Takes a permit, and waits until there is one and everybody who came
    /// before was served.
    ///
    /// # Cancellation
    /// A point if it has to wait. If it answers an error it has taken nothing.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    #[inline]
    pub fn acquire<'a>(&'a self, io: &'a dyn Io) -> io::Result<SemaphorePermit<'a>> {
        self.acquire_many(io, 1)
    }

    /// As [`acquire`](Semaphore::acquire), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    #[inline]
    pub fn acquire_uncancelable<'a>(&'a self, io: &'a dyn Io) -> SemaphorePermit<'a> {
        self.acquire_many_uncancelable(io, 1)
    }

    /// Takes a permit if there is one and nobody waits. Never waits; no
    /// cancellation point.
    #[inline]
    pub fn try_acquire<'a>(&'a self, io: &'a dyn Io) -> Option<SemaphorePermit<'a>> {
        self.try_acquire_many(io, 1)
    }

    /// Takes `count` permits at once. If there are never that many it waits for
    /// ever, and so do all who come after it.
    ///
    /// # Cancellation
    /// As [`acquire`](Semaphore::acquire).
    ///
    /// # Errors
    /// As [`acquire`](Semaphore::acquire).
    #[inline]
    pub fn acquire_many<'a>(
        &'a self,
        io: &'a dyn Io,
        count: u32,
    ) -> io::Result<SemaphorePermit<'a>> {
        self.permits
            .take(&Cancelable(io, WaitKind::Permits), count)?;
        Ok(self.permit(io, count))
    }

    /// As [`acquire_many`](Semaphore::acquire_many), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    #[inline]
    pub fn acquire_many_uncancelable<'a>(
        &'a self,
        io: &'a dyn Io,
        count: u32,
    ) -> SemaphorePermit<'a> {
        certain(
            self.permits
                .take(&Uncancelable(io, WaitKind::Permits), count),
        );
        self.permit(io, count)
    }

    /// Takes `count` permits at once if they are there and nobody waits. Never
    /// waits; no cancellation point.
    #[inline]
    pub fn try_acquire_many<'a>(
        &'a self,
        io: &'a dyn Io,
        count: u32,
    ) -> Option<SemaphorePermit<'a>> {
        self.permits.try_take(count).then(|| self.permit(io, count))
    }

    /// Adds `count` permits: new ones, or some that were forgotten. Never waits;
    /// no cancellation point.
    ///
    /// # Panics
    /// If there were more than [`PERMITS_MAX`](Semaphore::PERMITS_MAX).
    pub fn add_permits(&self, io: &dyn Io, count: u32) {
        self.permits
            .release(&Cancelable(io, WaitKind::Permits), count);
    }

    /// How many permits nobody has: for reports, others may take them meanwhile.
    #[must_use]
    pub fn available_permits(&self) -> u32 {
        self.permits.available()
    }

    fn permit<'a>(&'a self, io: &'a dyn Io, count: u32) -> SemaphorePermit<'a> {
        SemaphorePermit {
            semaphore: self,
            io,
            count,
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Semaphore")
            .field("available_permits", &self.available_permits())
            .finish_non_exhaustive()
    }
}

/// Permits that were taken from a [`Semaphore`]. Dropping it gives them back and
/// wakes who waits for them; that never waits.
#[must_use = "the permits are given back when this is dropped"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    io: &'a dyn Io,
    count: u32,
}

impl SemaphorePermit<'_> {
    /// How many permits these are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Keeps them for ever: the semaphore has so many fewer.
    pub fn forget(mut self) {
        self.count = 0;
    }
}

impl Drop for SemaphorePermit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.add_permits(self.io, self.count);
        }
    }
}

impl fmt::Debug for SemaphorePermit<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SemaphorePermit")
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
