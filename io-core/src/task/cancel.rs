//! The cancel word of a task: where a request and the task's waits meet. A pure
//! state machine, checked by loom models (`tests/models.rs`). Used by `record.rs`.
//!
//! ```text
//! REQUESTED      a request is pending: not yet delivered, not yet forwarded
//! INTERRUPTIBLE  the task is in a wait that a request has to end
//! INLINE         the task runs an inline child on its stack: requests go on to it
//! DELIVERED      a request was delivered and not put back since
//! BY_SCOPE       the scope's own request was among those it got
//! ```
//! A requester sets REQUESTED and looks at INTERRUPTIBLE; a waiting task sets
//! INTERRUPTIBLE and looks at REQUESTED. Both are read-modify-writes of one word,
//! so at least one of the two sees the other.

use crate::atomics::{AtomicU32, Ordering};

const REQUESTED: u32 = 1;
const INTERRUPTIBLE: u32 = 2;
const INLINE: u32 = 4;
const DELIVERED: u32 = 8;
const BY_SCOPE: u32 = 16;

/// What a requester still has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requested {
    /// Nothing: the task will see it, or has one pending already.
    Noted,
    /// End the task's wait.
    Interrupt,
    /// Forward it to the task's inline child.
    Forward,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requester {
    /// A handle, or a task that forwards to the one it joins.
    Handle,
    /// The scope, to all of its members.
    Scope,
}

/// Written by requesters (any thread) and by the task itself.
#[derive(Debug)]
pub(crate) struct CancelWord(AtomicU32);

impl CancelWord {
    pub(crate) fn new() -> CancelWord {
        CancelWord(AtomicU32::new(0))
    }

    /// Requester: leaves a request.
    pub(crate) fn request(&self, by: Requester) -> Requested {
        let bits = match by {
            Requester::Handle => REQUESTED,
            Requester::Scope => REQUESTED | BY_SCOPE,
        };
        let before = self.0.fetch_or(bits, Ordering::AcqRel);
        if before & REQUESTED != 0 {
            Requested::Noted
        } else if before & INTERRUPTIBLE != 0 {
            Requested::Interrupt
        } else if before & INLINE != 0 {
            Requested::Forward
        } else {
            Requested::Noted
        }
    }

    /// Whether a request is pending.
    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire) & REQUESTED != 0
    }

    /// Whether a request is pending and the task is in a wait that it has to end.
    pub(crate) fn is_interrupt_due(&self) -> bool {
        const BOTH: u32 = REQUESTED | INTERRUPTIBLE;
        self.0.load(Ordering::Acquire) & BOTH == BOTH
    }

    /// Task: begins a wait that a request has to end. Returns whether one is
    /// pending already; then the wait has not begun.
    pub(crate) fn begin_wait(&self) -> bool {
        let before = self.0.fetch_or(INTERRUPTIBLE, Ordering::AcqRel);
        if before & REQUESTED != 0 {
            self.end_wait();
        }
        before & REQUESTED != 0
    }

    /// Task: the wait is over; requests only stay pending from here on.
    pub(crate) fn end_wait(&self) {
        self.0.fetch_and(!INTERRUPTIBLE, Ordering::AcqRel);
    }

    /// Task: takes a pending request in order to deliver it. True at most once
    /// for each request.
    pub(crate) fn deliver(&self) -> bool {
        if !self.is_requested() {
            return false;
        }
        // Only the task itself (or, under its lock, the forwarder of an inline
        // child) clears REQUESTED, so the bit is still there.
        self.0.fetch_or(DELIVERED, Ordering::Relaxed);
        self.0.fetch_and(!REQUESTED, Ordering::AcqRel) & REQUESTED != 0
    }

    /// Takes a pending request in order to hand it to another task.
    pub(crate) fn take(&self) -> bool {
        self.is_requested() && self.0.fetch_and(!REQUESTED, Ordering::AcqRel) & REQUESTED != 0
    }

    /// Task: puts a delivered request back. False if none was delivered.
    pub(crate) fn rearm(&self) -> bool {
        if self.0.fetch_and(!DELIVERED, Ordering::AcqRel) & DELIVERED == 0 {
            return false;
        }
        self.put_back();
        true
    }

    /// A request that was taken, and that nobody received, is pending again.
    pub(crate) fn put_back(&self) {
        self.0.fetch_or(REQUESTED, Ordering::AcqRel);
    }

    /// Whether the scope's request reached the task and is not pending any more.
    pub(crate) fn has_received_from_scope(&self) -> bool {
        self.0.load(Ordering::Acquire) & (BY_SCOPE | REQUESTED) == BY_SCOPE
    }

    /// Task: from here on requests are forwarded to its inline child. Returns
    /// whether one is pending already.
    pub(crate) fn begin_inline(&self) -> bool {
        self.0.fetch_or(INLINE, Ordering::AcqRel) & REQUESTED != 0
    }

    /// Task: the inline child has ended.
    pub(crate) fn end_inline(&self) {
        self.0.fetch_and(!INLINE, Ordering::AcqRel);
    }
}
