//! The one waiting primitive: a 32-bit word to wait on. Every lock and queue is
//! written once above it. The waits themselves are [`Io::futex_wait`] and
//! [`Io::futex_wake`].
//!
//! [`Io::futex_wait`]: crate::Io::futex_wait
//! [`Io::futex_wake`]: crate::Io::futex_wake

use crate::atomics::AtomicU32;

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
