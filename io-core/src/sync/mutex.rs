//! [`Mutex`]: one task at a time. Its word is in `lock_word.rs`.
//!
//! # Safety argument: exclusion
//! The value is reached through a guard, `get_mut` or `into_inner` alone. A guard
//! is made after the word was taken and releases it when it is dropped, and only
//! one can have it taken (`lock_word.rs`); the other two own the mutex or borrow
//! it exclusively.

#![expect(unsafe_code, reason = "gives out what the lock protects")]

use std::cell::UnsafeCell;
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicU32;

use crate::futex::{FutexAddress, FutexWord};
use crate::io::Io;
use crate::sync::lock_word::LockWord;
use crate::task::protected;
use crate::watch::{WaitKind, labelled};

/// Lets one task at a time reach a value. A task that waits for it lets others
/// run, and may hold it across waits of any kind.
///
/// It has no poisoning: after a panic the next task gets the value as it is. It
/// is not fair: a task that comes while it is free gets it, whoever was woken
/// for it. A task that locks it twice waits for itself.
///
/// ```
/// use io_core::sync::Mutex;
///
/// # let threaded = io_threaded::Threaded::new();
/// # let io: &dyn io_core::Io = &threaded;
/// static TOTAL: Mutex<u64> = Mutex::new(0);
///
/// io.scope(|scope| {
///     for number in 1..=10 {
///         scope.spawn(move || *TOTAL.lock_uncancelable(io) += number);
///     }
/// });
/// assert_eq!(*TOTAL.lock(io)?, 55);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Mutex<T: ?Sized> {
    word: LockWord,
    value: UnsafeCell<T>,
}

// SAFETY: a mutex owns its value.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: exclusion: one thread at a time reaches the value, for which it has to
// be Send.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// A free mutex.
    #[must_use]
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            word: LockWord::from_word(AtomicU32::new(0)),
            value: UnsafeCell::new(value),
        }
    }

    /// The value. The mutex is gone, so nobody holds it.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the mutex and waits for it if it is held.
    ///
    /// # Cancellation
    /// A point if it has to wait. The mutex is not taken if it answers an error.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    #[inline]
    pub fn lock<'a>(&'a self, io: &'a dyn Io) -> io::Result<MutexGuard<'a, T>> {
        if !self.word.try_take() {
            self.take(io)?;
        }
        Ok(MutexGuard::new(self, io))
    }

    /// Takes the mutex and waits for it if it is held, whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    #[inline]
    pub fn lock_uncancelable<'a>(&'a self, io: &'a dyn Io) -> MutexGuard<'a, T> {
        if !self.word.try_take() {
            self.take_uncancelable(io);
        }
        MutexGuard::new(self, io)
    }

    #[cold]
    fn take(&self, io: &dyn Io) -> io::Result<()> {
        self.word.take(|expected| self.wait(io, expected))
    }

    fn wait(&self, io: &dyn Io, expected: u32) -> io::Result<()> {
        labelled(io, WaitKind::Lock, || {
            io.futex_wait(FutexWord::of(self.word.word()), expected, None)
        })
    }

    #[cold]
    fn take_uncancelable(&self, io: &dyn Io) {
        let wait = |expected| {
            // Neither error can occur under protection; if one does, look again.
            drop(self.wait(io, expected));
            Ok::<(), Infallible>(())
        };
        let Ok(()) = protected(io.id(), || self.word.take(wait));
    }

    /// Takes the mutex if it is free. Never waits; no cancellation point.
    #[inline]
    pub fn try_lock<'a>(&'a self, io: &'a dyn Io) -> Option<MutexGuard<'a, T>> {
        self.word.try_take().then(|| MutexGuard::new(self, io))
    }

    /// The value, without locking: nobody else can have the mutex.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    /// Without the value: looking at it may have to wait.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mutex").finish_non_exhaustive()
    }
}

/// Holds a [`Mutex`] and gives out its value. Dropping it frees the mutex and
/// wakes one task that waits for it; that never waits.
#[must_use = "the mutex is freed when its guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    io: &'a dyn Io,
    /// Makes it Send and Sync where `&mut T` is.
    value: PhantomData<&'a mut T>,
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// The word was taken for it.
    fn new(mutex: &'a Mutex<T>, io: &'a dyn Io) -> MutexGuard<'a, T> {
        MutexGuard {
            mutex,
            io,
            value: PhantomData,
        }
    }

    pub(super) fn io(&self) -> &'a dyn Io {
        self.io
    }

    /// Frees the mutex and wakes one that waits for it. The guard must not be
    /// used before `take_back`.
    pub(super) fn free(&self) {
        // After the release the next owner may free the memory: the wake needs
        // an address that nobody follows.
        let address = FutexAddress::of(self.mutex.word.word());
        if self.mutex.word.release() {
            self.io.futex_wake(address, 1);
        }
    }

    /// Takes the mutex again after `free`, whatever comes.
    pub(super) fn take_back(&self) {
        if !self.mutex.word.try_take() {
            self.mutex.take_uncancelable(self.io);
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: exclusion: this guard has the word taken.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: exclusion: this guard has the word taken and is borrowed exclusively.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.free();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
