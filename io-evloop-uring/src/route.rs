//! The route table: which way each kind of operation goes, and the memory of
//! calls that turned out slow. Read by `file.rs` and its chapters.
//!
//! | way | operations | what bounds it |
//! |---|---|---|
//! | `Transfer` | read, write | page cache first (`RWF_NOWAIT`), then the ring; buffered writes directly, adaptive |
//! | `Direct` | names, metadata, listing, length, seek, duplicate, close | a plain call, adaptive |
//! | `Open` | open, create | directly once it is sure that it is no FIFO, otherwise the ring |
//! | `Ring` | sync, poll | the ring, several syncs of a handle together; sync without the opcode the pool |
//!
//! Why not everything through the ring: the kernel hands opens, metadata and
//! names to its own threads, which costs several times the call itself.
//!
//! *Adaptive*: a direct call that took long has stopped its worker for as long.
//! From then on calls of that kind, on that device, are made on other threads
//! until none of them was slow for a while; the more often that happens, the
//! longer the while. Calls that change names may wait less, but often: for a journal
//! that commits, for a server. If those of a kind take long on average ([`NameCalls`]),
//! they are made on other threads where their worker has something else to do.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use io_core::OperationKind;

/// Which way an operation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Transfer,
    Direct,
    Open,
    Ring,
}

/// The way of each kind. A new kind does not compile until it has a row here.
pub(crate) const fn way(kind: OperationKind) -> Way {
    match kind {
        OperationKind::Read | OperationKind::Write => Way::Transfer,
        OperationKind::Create | OperationKind::Open => Way::Open,
        OperationKind::Sync | OperationKind::Poll => Way::Ring,
        OperationKind::Seek
        | OperationKind::Duplicate
        | OperationKind::SetLength
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

/// A call that took longer than this was slow: the others of its worker waited
/// for it.
pub(crate) const SLOW_NANOS: u64 = 5_000_000;
/// How long calls of a class do without the direct way after a slow one, at first.
const PENALTY_NANOS: u64 = 250_000_000;
/// The penalty doubles with each slow call so often: 64 seconds at most.
const DOUBLINGS_MAX: u32 = 8;
/// Classes that are remembered; beyond that the one that is over first gives way.
const CLASSES_MAX: usize = 32;

/// What is slow or not: a kind of call on one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) call: Call,
    /// The device, or 0 if the call names a path from the root or the working
    /// directory: then all such paths are one class.
    pub(crate) device: u64,
}

/// A kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Operation(OperationKind),
    Close,
}

/// Which classes are slow at the moment.
pub(crate) struct Routes {
    /// No class is slow from here on, nanoseconds of the monotonic clock: so that
    /// the common case is one load. Written under the lock of `slow`; a hint,
    /// hence Relaxed.
    all_fast_from_nanos: AtomicU64,
    slow: Mutex<Vec<Slow>>,
}

struct Slow {
    class: Class,
    until_nanos: u64,
    doublings: u32,
}

impl Routes {
    pub(crate) fn new() -> Routes {
        Routes {
            all_fast_from_nanos: AtomicU64::new(0),
            slow: Mutex::default(),
        }
    }

    fn slow(&self) -> MutexGuard<'_, Vec<Slow>> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether calls of a class must not be made directly at `now_nanos`. The
    /// class is only asked for if any is slow.
    #[inline]
    pub(crate) fn is_slow(&self, now_nanos: u64, class: impl FnOnce() -> Class) -> bool {
        self.all_fast_from_nanos.load(Ordering::Relaxed) > now_nanos
            && self.is_listed(now_nanos, class())
    }

    #[cold]
    fn is_listed(&self, now_nanos: u64, class: Class) -> bool {
        let slow = self.slow();
        slow.iter()
            .any(|slow| slow.class == class && slow.until_nanos > now_nanos)
    }

    /// Notes how long a call took, on whichever way.
    #[inline]
    pub(crate) fn note(&self, began_nanos: u64, ended_nanos: u64, class: impl FnOnce() -> Class) {
        if ended_nanos.saturating_sub(began_nanos) > SLOW_NANOS {
            self.note_slow(ended_nanos, class());
        }
    }

    #[cold]
    fn note_slow(&self, ended_nanos: u64, class: Class) {
        let mut slow = self.slow();
        let known = slow.iter().position(|slow| slow.class == class);
        let index = known.unwrap_or_else(|| {
            if slow.len() == CLASSES_MAX {
                let first_over = (0..slow.len()).min_by_key(|&index| slow[index].until_nanos);
                slow.swap_remove(first_over.expect("there are as many as fit"));
            }
            slow.push(Slow {
                class,
                until_nanos: 0,
                doublings: 0,
            });
            slow.len() - 1
        });
        let entry = &mut slow[index];
        let longest = PENALTY_NANOS << DOUBLINGS_MAX;
        if entry.until_nanos.saturating_add(longest) < ended_nanos {
            // Long ago: start anew.
            entry.doublings = 0;
        }
        let penalty = PENALTY_NANOS << entry.doublings;
        entry.doublings = (entry.doublings + 1).min(DOUBLINGS_MAX);
        entry.until_nanos = ended_nanos.saturating_add(penalty);
        let until_nanos = entry.until_nanos;
        self.all_fast_from_nanos
            .fetch_max(until_nanos, Ordering::Relaxed);
    }
}

/// A call that changes names takes 3 to 30 microseconds where it does not wait, and
/// going to another thread and back ten. If those of a kind take longer than this on
/// average, they wait.
const LONG_AVERAGE_NANOS: u32 = 50_000;
/// ... until they take less than this.
const SHORT_AVERAGE_NANOS: u32 = 25_000;
/// What a single call counts at most: who lost the processor for milliseconds has not
/// waited.
const SAMPLE_NANOS_MAX: u32 = 400_000;
/// The average is over about so many calls.
const SAMPLES: u32 = 16;
/// Of calls that go to other threads one of so many is made directly: there the others,
/// and what else those threads do, would be in the time.
const CALLS_PER_PROBE: u32 = 32;

/// How long a worker's calls that change names take, by their kind.
#[derive(Default)]
pub(crate) struct NameCalls {
    averages: [Cell<Average>; NameCalls::KINDS.len()],
}

#[derive(Clone, Copy, Default)]
struct Average {
    nanos: u32,
    /// Calls since they are long; 0 if they are not.
    long_count: u32,
}

impl NameCalls {
    const KINDS: [OperationKind; 7] = [
        OperationKind::Create,
        OperationKind::CreateDirectory,
        OperationKind::RemoveDirectory,
        OperationKind::RemoveFile,
        OperationKind::Rename,
        OperationKind::SymbolicLink,
        OperationKind::HardLink,
    ];

    fn average(&self, kind: OperationKind) -> Option<&Cell<Average>> {
        let index = NameCalls::KINDS.iter().position(|&other| other == kind)?;
        Some(&self.averages[index])
    }

    /// Whether a call of this kind is to go to another thread, as they take long on
    /// average. To be asked once for each.
    #[inline]
    pub(crate) fn goes_elsewhere(&self, kind: OperationKind) -> bool {
        self.average(kind).is_some_and(|cell| {
            let Average { nanos, long_count } = cell.get();
            if long_count == 0 {
                return false;
            }
            let long_count = long_count % CALLS_PER_PROBE + 1;
            cell.set(Average { nanos, long_count });
            long_count != CALLS_PER_PROBE
        })
    }

    /// Notes how long a direct call took.
    #[inline]
    pub(crate) fn note(&self, kind: OperationKind, took_nanos: u64) {
        let Some(cell) = self.average(kind) else {
            return;
        };
        let Average { nanos, long_count } = cell.get();
        let took = u32::try_from(took_nanos).unwrap_or(u32::MAX);
        let nanos = nanos - nanos / SAMPLES + took.min(SAMPLE_NANOS_MAX) / SAMPLES;
        let is_long = match long_count {
            0 => nanos > LONG_AVERAGE_NANOS,
            _ => nanos >= SHORT_AVERAGE_NANOS,
        };
        let long_count = if is_long { long_count.max(1) } else { 0 };
        cell.set(Average { nanos, long_count });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_long_when_its_calls_are_long_on_average() {
        let calls = NameCalls::default();
        let (kind, other) = (OperationKind::RemoveFile, OperationKind::Create);
        for _ in 0..1000 {
            calls.note(kind, u64::from(LONG_AVERAGE_NANOS));
            assert!(!calls.goes_elsewhere(kind), "not above the limit");
        }
        // One that lost the processor changes nothing by itself.
        let calls = NameCalls::default();
        for _ in 0..100 {
            calls.note(kind, 20_000);
        }
        calls.note(kind, 4_000_000_000);
        assert!(!calls.goes_elsewhere(kind));
        let count = (1..).find(|_| {
            calls.note(kind, 100_000);
            calls.goes_elsewhere(kind)
        });
        assert!(count.is_some_and(|count| count <= 2 * SAMPLES), "{count:?}");
        assert!(!calls.goes_elsewhere(other));
        let probes = (0..10 * CALLS_PER_PROBE).filter(|_| !calls.goes_elsewhere(kind));
        assert_eq!(probes.count(), 10);
        let count = (1..).find(|_| {
            calls.note(kind, 10_000);
            (0..2).all(|_| !calls.goes_elsewhere(kind))
        });
        assert!(count.is_some_and(|count| count <= 3 * SAMPLES), "{count:?}");
    }

    #[test]
    fn only_calls_that_change_names_are_counted() {
        let calls = NameCalls::default();
        for &kind in OperationKind::ALL {
            for _ in 0..100 {
                calls.note(kind, 1_000_000);
            }
            let is_counted = NameCalls::KINDS.contains(&kind);
            assert_eq!(calls.goes_elsewhere(kind), is_counted);
        }
    }

    fn class(kind: OperationKind, device: u64) -> impl Fn() -> Class + Copy {
        move || Class {
            call: Call::Operation(kind),
            device,
        }
    }

    #[test]
    fn a_slow_call_takes_its_class_off_the_direct_way_for_a_while() {
        let routes = Routes::new();
        let here = class(OperationKind::Metadata, 7);
        routes.note(10, 10 + SLOW_NANOS, here);
        assert!(!routes.is_slow(11, here));
        let ended = 11 + SLOW_NANOS;
        routes.note(10, ended, here);
        assert!(routes.is_slow(ended + 1, here));
        assert!(!routes.is_slow(ended + 1, class(OperationKind::Metadata, 8)));
        assert!(!routes.is_slow(ended + 1, class(OperationKind::Write, 7)));
        assert!(!routes.is_slow(ended + PENALTY_NANOS, here));
    }

    #[test]
    fn each_slow_call_doubles_the_while_up_to_its_limit() {
        let routes = Routes::new();
        let here = class(OperationKind::Write, 1);
        let mut ended = SLOW_NANOS + 1;
        for doublings in 0..DOUBLINGS_MAX + 2 {
            routes.note(0, ended, here);
            let penalty = PENALTY_NANOS << doublings.min(DOUBLINGS_MAX);
            assert!(routes.is_slow(ended + penalty - 1, here));
            assert!(!routes.is_slow(ended + penalty, here));
            ended += penalty;
        }
        // Long afterwards it counts as the first again.
        ended += 2 * (PENALTY_NANOS << DOUBLINGS_MAX);
        routes.note(0, ended, here);
        assert!(!routes.is_slow(ended + PENALTY_NANOS, here));
    }

    #[test]
    fn more_classes_than_are_remembered_forget_the_oldest() {
        let routes = Routes::new();
        let count = CLASSES_MAX as u64 + 1;
        for device in 1..=count {
            routes.note(
                device,
                device + SLOW_NANOS + 1,
                class(OperationKind::Open, device),
            );
        }
        let now = count + SLOW_NANOS + 1;
        assert!(!routes.is_slow(now, class(OperationKind::Open, 1)));
        assert!(routes.is_slow(now, class(OperationKind::Open, 2)));
        assert!(routes.is_slow(now, class(OperationKind::Open, count)));
    }
}
