//! [`RwLock`]: many readers or one writer. Its state machine is in `read_write.rs`.
//!
//! # Safety argument: sharing
//! The value is reached through a guard, `get_mut` or `into_inner` alone. A write
//! guard is made after the lock was taken for writing, a read guard after it was
//! taken for reading; each releases what it has when it is dropped, and the lock
//! is never taken for both (`read_write.rs`). The other two own the lock or
//! borrow it exclusively.

#![expect(unsafe_code, reason = "gives out what the lock protects")]

use std::cell::UnsafeCell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicU32;

use crate::atomics::Mutex;
use crate::io::Io;
use crate::sync::line::{Lined, WaitLine};
use crate::sync::read_write::{Access, ReadWrite};
use crate::sync::waiting::{Cancelable, Uncancelable, certain};
use crate::watch::WaitKind;

/// Lets many tasks read a value, or one change it.
///
/// Who has to wait stands in one line, oldest first; readers that stand next to
/// each other go in together. So a stream of readers does not keep a writer out,
/// nor the other way round. A task that reads and reads again waits for itself if
/// a writer came in between: take one guard. The same goes for one that holds a
/// guard, also one from a downgrade, and waits for another task to read. It has no
/// poisoning: after a panic the next task gets the value as it is.
///
/// ```
/// use io_core::sync::RwLock;
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
///
/// let limits = RwLock::new([10, 20]);
/// {
///     let one = limits.read(io)?;
///     let other = limits.read(io)?;
///     assert_eq!(one[0] + other[1], 30);
///     assert!(limits.try_write(io).is_none());
/// }
/// limits.write(io)?[0] = 11;
/// assert_eq!(limits.into_inner(), [11, 20]);
/// # std::io::Result::Ok(())
/// ```
pub struct RwLock<T: ?Sized> {
    lock: ReadWrite,
    value: UnsafeCell<T>,
}

// SAFETY: a lock owns its value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: sharing: several threads read the value, for which it has to be Sync,
// and one at a time changes it, for which it has to be Send.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    /// A free lock.
    #[must_use]
    pub const fn new(value: T) -> RwLock<T> {
        let line = WaitLine::from_lock(Mutex::new(Lined::new(())));
        RwLock {
            lock: ReadWrite::from_parts(AtomicU32::new(0), line),
            value: UnsafeCell::new(value),
        }
    }

    /// The value. The lock is gone, so nobody holds it.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock for reading; waits if it is written, or if others wait.
    ///
    /// # Cancellation
    /// A point if it has to wait. The lock is not taken if it answers an error,
    /// and who stood behind it goes on as if it had not been there.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    #[inline]
    pub fn read<'a>(&'a self, io: &'a dyn Io) -> io::Result<RwLockReadGuard<'a, T>> {
        self.lock
            .take(&Cancelable(io, WaitKind::ReadLock), Access::Read)?;
        Ok(RwLockReadGuard { lock: self, io })
    }

    /// As [`read`](RwLock::read), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    #[inline]
    pub fn read_uncancelable<'a>(&'a self, io: &'a dyn Io) -> RwLockReadGuard<'a, T> {
        certain(
            self.lock
                .take(&Uncancelable(io, WaitKind::ReadLock), Access::Read),
        );
        RwLockReadGuard { lock: self, io }
    }

    /// Takes the lock for reading if it is not written and nobody waits. Never
    /// waits; no cancellation point.
    #[inline]
    pub fn try_read<'a>(&'a self, io: &'a dyn Io) -> Option<RwLockReadGuard<'a, T>> {
        let is_taken = self.lock.try_take(Access::Read);
        is_taken.then(|| RwLockReadGuard { lock: self, io })
    }

    /// Takes the lock for writing; waits while anybody has it.
    ///
    /// # Cancellation
    /// As [`read`](RwLock::read).
    ///
    /// # Errors
    /// As [`read`](RwLock::read).
    #[inline]
    pub fn write<'a>(&'a self, io: &'a dyn Io) -> io::Result<RwLockWriteGuard<'a, T>> {
        self.lock
            .take(&Cancelable(io, WaitKind::WriteLock), Access::Write)?;
        Ok(RwLockWriteGuard::new(self, io))
    }

    /// As [`write`](RwLock::write), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    #[inline]
    pub fn write_uncancelable<'a>(&'a self, io: &'a dyn Io) -> RwLockWriteGuard<'a, T> {
        certain(
            self.lock
                .take(&Uncancelable(io, WaitKind::WriteLock), Access::Write),
        );
        RwLockWriteGuard::new(self, io)
    }

    /// Takes the lock for writing if nobody has it. Never waits; no cancellation
    /// point.
    #[inline]
    pub fn try_write<'a>(&'a self, io: &'a dyn Io) -> Option<RwLockWriteGuard<'a, T>> {
        let is_taken = self.lock.try_take(Access::Write);
        is_taken.then(|| RwLockWriteGuard::new(self, io))
    }

    /// The value, without locking: nobody else can have the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    /// Without the value: looking at it may have to wait.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RwLock")
            .field("held_for", &self.lock.held_for())
            .finish_non_exhaustive()
    }
}

/// Holds a [`RwLock`] for reading. Dropping it lets the next ones in, if it was
/// the last reader; that never waits.
#[must_use = "the lock is freed when its guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    io: &'a dyn Io,
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: sharing: this guard has the lock for reading.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock
            .lock
            .release(&Cancelable(self.io, WaitKind::ReadLock), Access::Read);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}

/// Holds a [`RwLock`] for writing. Dropping it lets the next ones in; that never
/// waits.
#[must_use = "the lock is freed when its guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    io: &'a dyn Io,
    /// Makes it Send and Sync where `&mut T` is.
    value: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// The lock was taken for it.
    fn new(lock: &'a RwLock<T>, io: &'a dyn Io) -> RwLockWriteGuard<'a, T> {
        RwLockWriteGuard {
            lock,
            io,
            value: PhantomData,
        }
    }

    /// Goes on as a reader: nobody writes in between, and readers that stand in
    /// front go in too. Never waits; no cancellation point.
    pub fn downgrade(this: RwLockWriteGuard<'a, T>) -> RwLockReadGuard<'a, T> {
        let this = std::mem::ManuallyDrop::new(this);
        let (lock, io) = (this.lock, this.io);
        lock.lock.downgrade(&Cancelable(io, WaitKind::WriteLock));
        RwLockReadGuard { lock, io }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: sharing: this guard has the lock for writing.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: sharing: this guard has the lock for writing and is borrowed
        // exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock
            .lock
            .release(&Cancelable(self.io, WaitKind::WriteLock), Access::Write);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
