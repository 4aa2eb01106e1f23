//! The cancel word of a task: where requests and the task's waits meet. A pure
//! state machine, checked by loom models (`tests/models.rs`). Used by `record.rs`,
//! `block.rs` and `scope.rs`.
//!
//! ```text
//! bits 0-3   PENDING        by whom: requests that are neither delivered nor taken
//! bits 4-7   DELIVERED      by whom: what the last delivery delivered, for `rearm`
//! bit  8     INTERRUPTIBLE  the task is in a wait that a request has to end
//! bit  9     INLINE         the task runs a child on its stack: requests go on to it
//! bit  10    FORWARDED      somebody has, or is about to have, done so
//!
//!             request                    deliver
//!  (none) ───────────────► pending ─────────────────► delivered
//!                           ▲ │ ▲                         │
//!                  put_back │ │ └─────────────────────────┘ rearm
//!                           │ ▼ take
//!                           taken: in the hands of the task, which waits for
//!                           another one and has forwarded it to that
//! ```
//! A requester sets its bit and looks at INTERRUPTIBLE; a waiting task sets
//! INTERRUPTIBLE and looks at the requests. Both are read-modify-writes of one
//! word, so at least one of the two sees the other.
//!
//! Pending requests coalesce: one delivery delivers all of them. Each requester
//! has a bit of its own all the same, so that one that forwarded learns whether
//! what *it* forwarded was received ([`CancelWord::is_pending_from`]).

use crate::atomics::{AtomicU32, Ordering};

const PENDING: u32 = 0b1111;
const DELIVERED: u32 = PENDING << DELIVERED_SHIFT;
const DELIVERED_SHIFT: u32 = 4;
const INTERRUPTIBLE: u32 = 1 << 8;
const INLINE: u32 = 1 << 9;
const FORWARDED: u32 = 1 << 10;

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Requester {
    /// Somebody who wants it canceled: by its handle, or all of its scope.
    Owner = 1,
    /// The task that joins it forwards its own.
    Joiner = 2,
    /// The task on whose stack it runs forwards its own.
    Spawner = 4,
    /// The task that waits for the end of its scope forwards its own.
    ScopeEnd = 8,
}

impl Requester {
    const fn bit(self) -> u32 {
        self as u32
    }
}

/// What became of a request that was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a wait that has to end does not end by itself"]
pub(crate) struct Requested {
    /// What the requester still has to do.
    pub(crate) rest: Rest,
    /// The same requester's former request was still pending: the two are one.
    pub(crate) is_merged: bool,
}

/// What a requester still has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing: the task will see it, or has one pending already.
    Nothing,
    /// End the task's wait.
    Interrupt,
    /// Forward it to the task's inline child.
    Forward,
}

/// Requests that a task has taken from itself, by their bits.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "what nobody receives has to be put back"]
pub(crate) struct Taken(u32);

/// What a waiting task has taken from itself and forwarded.
#[derive(Debug, Default)]
pub(crate) struct Forwarded(Option<Taken>);

impl Forwarded {
    /// Nothing was forwarded yet.
    pub(crate) const NOTHING: Forwarded = Forwarded(None);

    pub(crate) fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// Takes note of a further request that was forwarded. If the former one was
    /// not received yet (`is_merged`) they are one, otherwise that one is settled.
    pub(crate) fn add(&mut self, taken: Taken, is_merged: bool) {
        let former = self.0.take().filter(|_| is_merged);
        self.0 = Some(Taken(taken.0 | former.map_or(0, |former| former.0)));
    }

    /// What has to be put back, once it is known whether the last one was received.
    pub(crate) fn unreceived(self, is_received: bool) -> Option<Taken> {
        self.0.filter(|_| !is_received)
    }
}

/// Written by requesters (any thread) and by the task itself; requests are taken
/// on behalf of an inline child, and FORWARDED is set, under the record's lock.
#[derive(Debug)]
pub(crate) struct CancelWord(AtomicU32);

impl CancelWord {
    pub(crate) fn new() -> CancelWord {
        CancelWord(AtomicU32::new(0))
    }

    /// Requester: leaves a request. Release: what the requester did before is
    /// visible to whom the request is delivered; Acquire: pairs with `begin_wait`
    /// and `begin_inline`, whose task wrote down where it waits.
    pub(crate) fn request(&self, by: Requester) -> Requested {
        let before = self.0.fetch_or(by.bit(), Ordering::AcqRel);
        let rest = if before & PENDING != 0 {
            Rest::Nothing
        } else if before & INTERRUPTIBLE != 0 {
            Rest::Interrupt
        } else if before & INLINE != 0 {
            Rest::Forward
        } else {
            Rest::Nothing
        };
        Requested {
            rest,
            is_merged: before & by.bit() != 0,
        }
    }

    /// Whether a request is pending.
    #[inline]
    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire) & PENDING != 0
    }

    /// Whether what this requester left is still pending. Asked once the task is
    /// over: then it was not received.
    pub(crate) fn is_pending_from(&self, by: Requester) -> bool {
        self.0.load(Ordering::Acquire) & by.bit() != 0
    }

    /// Whether a request is pending and the task is in a wait that it has to end.
    pub(crate) fn is_interrupt_due(&self) -> bool {
        let word = self.0.load(Ordering::Acquire);
        word & PENDING != 0 && word & INTERRUPTIBLE != 0
    }

    /// Task: begins a wait that a request has to end. Returns whether one is
    /// pending already; then the wait has not begun. Release: pairs with `request`.
    #[inline]
    pub(crate) fn begin_wait(&self) -> bool {
        // Relaxed: only the task itself writes this bit. Where it is not set, adding sets
        // it in one step; an `or` that answers takes a loop. An executor that begins a
        // wait in a wait must not carry into the other bits.
        let before = match self.0.load(Ordering::Relaxed) & INTERRUPTIBLE {
            0 => self.0.fetch_add(INTERRUPTIBLE, Ordering::AcqRel),
            _ => self.0.load(Ordering::Acquire),
        };
        let is_requested = before & PENDING != 0;
        if is_requested {
            self.end_wait();
        }
        is_requested
    }

    /// Task: the wait is over; requests only stay pending from here on.
    #[inline]
    pub(crate) fn end_wait(&self) {
        self.0.fetch_and(!INTERRUPTIBLE, Ordering::AcqRel);
    }

    /// Task: takes what is pending in order to deliver it. True at most once for
    /// each request.
    #[inline]
    pub(crate) fn deliver(&self) -> bool {
        self.is_requested() && self.deliver_pending()
    }

    #[cold]
    fn deliver_pending(&self) -> bool {
        // One step: a request that comes later is not part of this delivery.
        let before = self.0.fetch_and(!(PENDING | DELIVERED), Ordering::AcqRel);
        let delivered = before & PENDING;
        // Relaxed: only the task itself looks at these bits.
        self.0
            .fetch_or(delivered << DELIVERED_SHIFT, Ordering::Relaxed);
        delivered != 0
    }

    /// Takes what is pending in order to hand it to another task.
    pub(crate) fn take(&self) -> Option<Taken> {
        if !self.is_requested() {
            return None;
        }
        let taken = self.0.fetch_and(!PENDING, Ordering::AcqRel) & PENDING;
        (taken != 0).then_some(Taken(taken))
    }

    /// Task: makes what was delivered last pending again. False if nothing was
    /// delivered since the last call.
    pub(crate) fn rearm(&self) -> bool {
        let delivered = self.0.fetch_and(!DELIVERED, Ordering::AcqRel) & DELIVERED;
        if delivered == 0 {
            return false;
        }
        self.put_back(Taken(delivered >> DELIVERED_SHIFT));
        true
    }

    /// Requests that were taken, and that nobody received, are pending again.
    pub(crate) fn put_back(&self, taken: Taken) {
        self.0.fetch_or(taken.0, Ordering::AcqRel);
    }

    /// Task: from here on requests are forwarded to its inline child. Returns
    /// whether one is pending already. Release: pairs with `request`.
    pub(crate) fn begin_inline(&self) -> bool {
        self.0.fetch_or(INLINE, Ordering::AcqRel) & PENDING != 0
    }

    /// Under the record's lock: whether the inline child still runs. If so it is
    /// not over before the lock is released, see `end_inline`. Acquire: pairs with
    /// `begin_inline`.
    pub(crate) fn begin_forward(&self) -> bool {
        self.0.fetch_or(FORWARDED, Ordering::AcqRel) & INLINE != 0
    }

    /// Task: the inline child has ended, as far as it is concerned. True if there
    /// may be somebody in the middle of forwarding to it: then the record's lock
    /// has to be taken before the child goes, and tells what was forwarded.
    #[must_use = "who forwards may still use the child"]
    pub(crate) fn end_inline(&self) -> bool {
        let before = self.0.fetch_and(!(INLINE | FORWARDED), Ordering::AcqRel);
        before & FORWARDED != 0
    }
}
