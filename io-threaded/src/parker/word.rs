//! The word of a parker: where a waiting thread and those who end its wait meet.
//! A pure state machine, checked by loom models (`tests/models.rs`). Used by
//! `parker.rs`, whose text says what happens around it.
//!
//! ```text
//!         begin(kind)                    end
//! IDLE ──────────────► PARKED     asleep on the word ──────────────► IDLE
//!                      POLLING    in the poller
//!                      CALLING    in a system call
//!   + WOKEN        set by a wake, under the lock of the futex word's bucket
//!   + INTERRUPTED  set by an interrupt, at any time
//! ```

use crate::atomics::{AtomicU32, Ordering};

const IDLE: u32 = 0;
const PARKED: u32 = 1;
const POLLING: u32 = 2;
const CALLING: u32 = 3;
const KIND: u32 = 3;
const WOKEN: u32 = 4;
const INTERRUPTED: u32 = 8;

/// How a thread waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    /// Asleep on the word.
    Parked = PARKED,
    /// In its poller.
    Polling = POLLING,
    /// In a system call that signals end.
    Calling = CALLING,
}

/// The waiter writes it; wakes and interrupts, of any thread, set bits.
#[derive(Debug)]
pub(crate) struct ParkerWord(AtomicU32);

impl ParkerWord {
    /// The value of the word while its thread has reason to sleep on it.
    pub(crate) const ASLEEP: u32 = PARKED;

    pub(crate) fn new() -> ParkerWord {
        ParkerWord(AtomicU32::new(IDLE))
    }

    /// The word itself, to sleep on.
    pub(crate) fn atomic(&self) -> &AtomicU32 {
        &self.0
    }

    /// Waiter: begins a wait. Takes away what came late for another one.
    pub(crate) fn begin(&self, kind: Kind) {
        // Release: an interrupt that is late finds what was written before, such
        // as the thread's number. A swap, since the models know no order between
        // plain stores and the marks of others.
        self.0.swap(kind as u32, Ordering::AcqRel);
    }

    /// Waiter: whether nothing has come yet for the wait of kind `Parked`.
    /// Acquire: what came happened before.
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.0.load(Ordering::Acquire) == PARKED
    }

    /// Waker: the thread's futex wait is over. Only while it is queued.
    pub(crate) fn mark_woken(&self) {
        // Release: pairs with `is_undisturbed`.
        self.0.fetch_or(WOKEN, Ordering::Release);
    }

    /// Interrupter: leaves a mark; how the thread waits, if it does.
    pub(crate) fn interrupt(&self) -> Option<Kind> {
        // Release: the request is seen by who sees the mark. Acquire: `begin`.
        match self.0.fetch_or(INTERRUPTED, Ordering::AcqRel) & KIND {
            PARKED => Some(Kind::Parked),
            POLLING => Some(Kind::Polling),
            CALLING => Some(Kind::Calling),
            _ => None,
        }
    }

    /// Interrupter, under the timer's lock: whether the thread still is in the
    /// call that it has marked (or another one that is marked).
    pub(crate) fn is_call_marked(&self) -> bool {
        self.0.load(Ordering::Acquire) == CALLING | INTERRUPTED
    }

    /// Waiter: the call is over. Whether it was marked; then the timer may be
    /// armed, and after its lock was taken once it is not armed any more.
    pub(crate) fn end_call(&self) -> bool {
        self.0.swap(IDLE, Ordering::AcqRel) & INTERRUPTED != 0
    }
}

impl Default for ParkerWord {
    fn default() -> ParkerWord {
        ParkerWord::new()
    }
}
