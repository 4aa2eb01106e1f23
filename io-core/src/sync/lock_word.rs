//! The word of a mutex: who holds it, and whether a wake is needed. A pure state
//! machine, checked by loom models (`tests/models.rs`). Used by `mutex.rs`.
//!
//! ```text
//!            take                      wait (somebody holds it)
//! FREE ───────────────► HELD ──────────────────────────► WANTED ◄──┐ take again:
//!   ▲                     │                                │  └────┘ it may be FREE
//!   └─────────────────────┴────────────────────────────────┘         or not
//!      release: HELD needs no wake      release: WANTED wakes one waiter
//! ```
//! A waiter takes the word as WANTED, since it can not know whether others wait
//! too. So a release wakes nobody for nothing but at the end of a queue, and a
//! waiter that gives up (a cancel request) leaves at worst such a wake behind.

use crate::atomics::{AtomicU32, Ordering};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody waits or may wait.
const WANTED: u32 = 2;

/// Written by whoever takes or releases the mutex, on any thread. Each take is an
/// Acquire that pairs with the Release of the release before it.
#[derive(Debug)]
pub(crate) struct LockWord(AtomicU32);

impl LockWord {
    pub(crate) const fn from_word(free: AtomicU32) -> LockWord {
        LockWord(free)
    }

    /// Takes it if it is free.
    #[inline]
    pub(crate) fn try_take(&self) -> bool {
        self.0
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes it, waiting with `wait` as long as the word has the value given to
    /// it; `wait` may return early.
    ///
    /// # Errors
    /// That of `wait`; it is not taken then.
    pub(crate) fn take<E>(&self, mut wait: impl FnMut(u32) -> Result<(), E>) -> Result<(), E> {
        while self.0.swap(WANTED, Ordering::Acquire) != FREE {
            wait(WANTED)?;
        }
        Ok(())
    }

    /// Releases it. Returns whether a waiter has to be woken.
    #[inline]
    #[must_use = "a waiter that is not woken waits for ever"]
    pub(crate) fn release(&self) -> bool {
        self.0.swap(FREE, Ordering::Release) == WANTED
    }

    /// The word to wait on.
    #[inline]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.0
    }
}
