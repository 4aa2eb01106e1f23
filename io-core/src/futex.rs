//! The one waiting primitive: a 32-bit word to wait on. Every lock and queue is
//! written once above it. The waits themselves are [`Io::futex_wait`] and
//! [`Io::futex_wake`].
//!
//! An executor is handed a word as [`FutexWord`], which can be read, and its name
//! for a wake as [`FutexAddress`], which can not even be read. Neither can be
//! written to, so the memory safety of locks and scopes, which stands on their
//! words, is in the hands of no executor.
//!
//! [`Io::futex_wait`]: crate::Io::futex_wait
//! [`Io::futex_wake`]: crate::Io::futex_wake

use crate::atomics::{AtomicU32, Ordering};

/// A futex word to wait on, as an executor sees it: to read and nothing else.
///
/// It may be the word of a lock or of a scope, whose memory safety stands on what
/// was stored there. Who owns the word stores to it and waits on its view:
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use io_core::{FutexAddress, FutexWord, Io};
///
/// fn wait_for_work(io: &dyn Io, pieces: &AtomicU32) -> std::io::Result<()> {
///     while pieces.load(Ordering::Acquire) == 0 {
///         io.futex_wait(FutexWord::of(pieces), 0, None)?;
///     }
///     Ok(())
/// }
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn Io = &blocking;
/// let pieces = AtomicU32::new(0);
/// pieces.store(1, Ordering::Release);
/// io.futex_wake(FutexAddress::of(&pieces), 1);
/// wait_for_work(io, &pieces)?;
/// # std::io::Result::Ok(())
/// ```
///
/// An executor can not store to it:
///
/// ```compile_fail,E0599
/// use std::sync::atomic::Ordering;
///
/// fn open(word: io_core::FutexWord<'_>) {
///     word.store(0, Ordering::Release);
/// }
/// ```
///
/// nor keep it beyond the call that it was given to:
///
/// ```compile_fail
/// fn keep(word: io_core::FutexWord<'_>, words: &mut Vec<io_core::FutexWord<'static>>) {
///     words.push(word);
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FutexWord<'a>(&'a AtomicU32);

impl<'a> FutexWord<'a> {
    /// The view of `word`.
    #[inline]
    #[must_use]
    pub const fn of(word: &'a AtomicU32) -> FutexWord<'a> {
        FutexWord(word)
    }

    /// Reads the word.
    ///
    /// # Panics
    /// If `order` is one of a store, as [`AtomicU32::load`](std::sync::atomic::AtomicU32::load).
    #[inline]
    #[must_use]
    pub fn load(self, order: Ordering) -> u32 {
        self.0.load(order)
    }

    /// Its name, by which a wake finds the waits on it.
    #[inline]
    #[must_use]
    pub fn address(self) -> FutexAddress {
        FutexAddress::of(self.0)
    }

    /// Where it lies, for executors that give it to the kernel, which reads it.
    /// Nothing may be stored through this pointer, which is valid for `'a`.
    #[inline]
    #[must_use]
    pub const fn as_ptr(self) -> *const u32 {
        std::ptr::from_ref(self.0).cast()
    }
}

impl<'a> From<&'a AtomicU32> for FutexWord<'a> {
    #[inline]
    fn from(word: &'a AtomicU32) -> FutexWord<'a> {
        FutexWord::of(word)
    }
}

/// Names a futex word for a wake: an address that is never dereferenced.
///
/// After the store that unlocks something its memory may already be freed by
/// the next owner, so a wake must not take a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FutexAddress(usize);

impl FutexAddress {
    /// The address of `word`.
    #[must_use]
    pub fn of(word: &AtomicU32) -> FutexAddress {
        FutexAddress(std::ptr::from_ref(word).addr())
    }

    /// The address as a number, for hashing and for system calls.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0
    }
}
