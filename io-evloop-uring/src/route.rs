//! The route table: which way each kind of operation goes, and the memory of
//! ways that turned out slow. Read by `file.rs`.
//!
//! | way | operations | what bounds it |
//! |---|---|---|
//! | `Transfer` | read, write | page cache first (`RWF_NOWAIT`), then the ring; buffered writes directly, adaptive |
//! | `Direct` | names, metadata, listing, length | a plain call, adaptive: slow ones go to the pool for a while |
//! | `Instant` | seek, duplicate | a plain call that never waits for a device |
//! | `Open` | open, create | directly once it is sure that it is no FIFO, otherwise the ring |
//! | `Ring` | sync, poll | the ring; sync without the opcode the pool |
//!
//! Why not everything through the ring: the kernel hands opens, metadata and
//! names to its own threads, which costs several times the call itself.

use std::sync::atomic::{AtomicU64, Ordering};

use io_core::OperationKind;

/// Which way an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Transfer,
    Direct,
    Instant,
    Open,
    Ring,
}

/// The way of each kind. A new kind does not compile until it has a row here.
pub(crate) const fn way(kind: OperationKind) -> Way {
    match kind {
        OperationKind::Read | OperationKind::Write => Way::Transfer,
        OperationKind::Create | OperationKind::Open => Way::Open,
        OperationKind::Seek | OperationKind::Duplicate => Way::Instant,
        OperationKind::Sync | OperationKind::Poll => Way::Ring,
        OperationKind::SetLength
        | OperationKind::Metadata
        | OperationKind::SetPermissions
        | OperationKind::CreateDirectory
        | OperationKind::RemoveDirectory
        | OperationKind::ReadDirectory
        | OperationKind::RemoveFile
        | OperationKind::Rename
        | OperationKind::SymbolicLink
        | OperationKind::ReadLink
        | OperationKind::HardLink => Way::Direct,
    }
}

/// A direct call that took longer than this makes its kind slow: the others of
/// this worker waited for it.
pub(crate) const SLOW_NANOS: u64 = 5_000_000;
/// A slow kind does without direct calls for this long, then it is tried again.
const SLOW_PENALTY_NANOS: u64 = 2_000_000_000;

/// Which kinds are slow at the moment.
pub(crate) struct Routes {
    /// By kind: until when, nanoseconds of the monotonic clock; 0 if it never
    /// was. Written by whoever measures, read before each direct call: a hint,
    /// hence Relaxed.
    slow_until_nanos: Box<[AtomicU64]>,
}

impl Routes {
    pub(crate) fn new() -> Routes {
        let kinds = OperationKind::ALL.len();
        Routes {
            slow_until_nanos: (0..kinds).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Whether `kind` must not be called directly at `now_nanos`.
    pub(crate) fn is_slow(&self, kind: OperationKind, now_nanos: u64) -> bool {
        self.slow_until_nanos[kind as usize].load(Ordering::Relaxed) > now_nanos
    }

    /// Notes how long a direct call took.
    pub(crate) fn note(&self, kind: OperationKind, began_nanos: u64, ended_nanos: u64) {
        if ended_nanos.saturating_sub(began_nanos) > SLOW_NANOS {
            let until = ended_nanos.saturating_add(SLOW_PENALTY_NANOS);
            self.slow_until_nanos[kind as usize].store(until, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_call_takes_its_kind_off_the_direct_way_for_a_while() {
        let routes = Routes::new();
        let kind = OperationKind::Metadata;
        routes.note(kind, 10, 10 + SLOW_NANOS);
        assert!(!routes.is_slow(kind, 11));
        routes.note(kind, 10, 11 + SLOW_NANOS);
        assert!(routes.is_slow(kind, 12 + SLOW_NANOS));
        assert!(!routes.is_slow(OperationKind::Write, 12 + SLOW_NANOS));
        assert!(!routes.is_slow(kind, 11 + SLOW_NANOS + SLOW_PENALTY_NANOS));
    }
}
