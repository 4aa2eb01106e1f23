//! The word of an event: whether it is set, whether somebody waits, and how often
//! it was set. A pure state machine, checked by the models. Used by `event.rs`.
//!
//! ```text
//! word = sets · 4 + WAITED + SET
//!
//!              wait                       set: one set more, wakes all
//! UNSET ──────────────► UNSET, WAITED ─────────────────────────────────► SET
//!   ▲ └────────────────────────── set: one set more ──────────────────────┘ │
//!   └──────────────────────────────── reset ────────────────────────────────┘
//! ```
//! A waiter goes on when the event is set, or was set since it came: a reset that
//! follows at once takes nothing from those who waited.

use crate::atomics::{AtomicU32, Ordering};
use crate::futex::FutexAddress;
use crate::sync::park::Park;

const SET: u32 = 1;
const WAITED: u32 = 2;
const ONE_SET: u32 = 4;

/// Written by those who set, reset and wait. A set is a Release; a wait that ends
/// by it is an Acquire.
pub(crate) struct EventWord(AtomicU32);

/// Whether a waiter that came when the word was `then` may go on.
fn is_over(then: u32, now: u32) -> bool {
    now & SET != 0 || now / ONE_SET != then / ONE_SET
}

impl EventWord {
    pub(crate) const fn from_word(unset: AtomicU32) -> EventWord {
        EventWord(unset)
    }

    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) & SET != 0
    }

    /// Sets it and wakes all who wait.
    #[inline]
    pub(crate) fn set(&self, park: &impl Park) {
        let address = FutexAddress::of(&self.0);
        let set = |word: u32| {
            let more = word.wrapping_add(ONE_SET) & !WAITED | SET;
            (word & SET == 0).then_some(more)
        };
        let before = self
            .0
            .fetch_update(Ordering::Release, Ordering::Relaxed, set);
        if before.is_ok_and(|before| before & WAITED != 0) {
            park.wake(address, u32::MAX);
        }
    }

    pub(crate) fn reset(&self) {
        self.0.fetch_and(!SET, Ordering::Relaxed);
    }

    /// Waits until it is set.
    ///
    /// # Errors
    /// That of the wait; it was not set since the call.
    #[inline]
    pub(crate) fn wait<P: Park>(&self, park: &P) -> Result<(), P::Error> {
        let then = self.0.load(Ordering::Acquire);
        if then & SET != 0 {
            return Ok(());
        }
        self.wait_since(park, then)
    }

    #[cold]
    fn wait_since<P: Park>(&self, park: &P, then: u32) -> Result<(), P::Error> {
        loop {
            let now = self.0.load(Ordering::Acquire);
            if is_over(then, now) {
                return Ok(());
            }
            let waited = now | WAITED;
            let exchange =
                self.0
                    .compare_exchange(now, waited, Ordering::Relaxed, Ordering::Relaxed);
            if exchange.is_err() {
                continue;
            }
            if let Err(error) = park.wait(&self.0, waited) {
                if !is_over(then, self.0.load(Ordering::Acquire)) {
                    return Err(error);
                }
                park.put_back(error);
                return Ok(());
            }
        }
    }
}
