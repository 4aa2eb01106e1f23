//! The word of a seat: where an idle thread and who hands it an order meet. A
//! pure state machine, checked by loom models (`tests/models.rs`). Used by
//! `pool.rs`.
//!
//! ```text
//! EMPTY ──► ASLEEP (its thread)      EMPTY, ASLEEP ──► TAKEN (who hands over;
//! TAKEN ──► EMPTY  (its thread)                        from ASLEEP with a wake)
//! ASLEEP ─► EMPTY  (its thread, out of time)
//! ```

use crate::atomics::{AtomicU32, Ordering};

const EMPTY: u32 = 0;
const ASLEEP: u32 = 1;
const TAKEN: u32 = 2;

/// The thread writes it, and whoever has taken the seat off the idle list.
#[derive(Debug)]
pub(crate) struct SeatWord(AtomicU32);

impl SeatWord {
    /// The value of the word while its thread sleeps on it.
    pub(crate) const ASLEEP: u32 = ASLEEP;

    pub(crate) fn new() -> SeatWord {
        SeatWord(AtomicU32::new(EMPTY))
    }

    /// The word itself, to sleep on.
    pub(crate) fn atomic(&self) -> &AtomicU32 {
        &self.0
    }

    /// Who hands over, after the order lies on the seat. Whether the thread has
    /// to be woken.
    pub(crate) fn take(&self) -> bool {
        // Release: the thread finds the order.
        self.0.swap(TAKEN, Ordering::AcqRel) == ASLEEP
    }

    /// Thread: whether it may go to sleep; not if an order is there already.
    pub(crate) fn fall_asleep(&self) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        self.0
            .compare_exchange(EMPTY, ASLEEP, success, failure)
            .is_ok()
    }

    /// Thread: whether it still has reason to sleep.
    pub(crate) fn is_asleep(&self) -> bool {
        self.0.load(Ordering::Acquire) == ASLEEP
    }

    /// Thread: it sleeps no more. Whether an order is there.
    pub(crate) fn wake_up(&self) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let timed_out = self
            .0
            .compare_exchange(ASLEEP, EMPTY, success, failure)
            .is_ok();
        if !timed_out {
            // TAKEN: nobody but this thread writes until it is idle again.
            self.0.store(EMPTY, Ordering::Relaxed);
        }
        !timed_out
    }
}
