//! [`Counting`]: how many operations, bytes and errors went through.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::forward_io;
use crate::handle::Handle;
use crate::io::Io;
use crate::operation::{BatchEntry, Operation, OperationKind, Outcome};
use crate::task::{Job, Rejected, Start};

const KINDS: usize = OperationKind::ALL.len();

/// An executor that counts what goes through it.
///
/// ```
/// use io_core::wrappers::Counting;
/// use io_core::{Io, OperationKind, fs};
///
/// # fn main() -> std::io::Result<()> {
/// let blocking = io_blocking::Blocking::new();
/// let directory = tempfile::tempdir()?;
/// let counting = Counting::new(&blocking);
/// fs::write(&counting, directory.path().join("file"), "0123456789")?;
/// let counts = counting.snapshot();
/// assert_eq!(counts.of(OperationKind::Write).bytes, 10);
/// assert_eq!(counts.of(OperationKind::Create).operations, 1);
/// assert_eq!(counts.closes, 1);
/// # Ok(())
/// # }
/// ```
pub struct Counting<'a> {
    below: &'a dyn Io,
    kinds: [KindCounters; KINDS],
    closes: AtomicU64,
    close_errors: AtomicU64,
    tasks: AtomicU64,
}

/// Counters are written by whoever performs and read by `snapshot`. Relaxed: they
/// order nothing; a snapshot is exact once what it counts has been joined.
#[derive(Default)]
struct KindCounters {
    operations: AtomicU64,
    errors: AtomicU64,
    bytes: AtomicU64,
}

impl<'a> Counting<'a> {
    /// Counts from zero what goes to `below`.
    #[must_use]
    pub fn new(below: &'a dyn Io) -> Counting<'a> {
        Counting {
            below,
            kinds: std::array::from_fn(|_| KindCounters::default()),
            closes: AtomicU64::new(0),
            close_errors: AtomicU64::new(0),
            tasks: AtomicU64::new(0),
        }
    }

    /// What has gone through so far.
    #[must_use]
    pub fn snapshot(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            kinds: std::array::from_fn(|index| KindCounts {
                operations: read(&self.kinds[index].operations),
                errors: read(&self.kinds[index].errors),
                bytes: read(&self.kinds[index].bytes),
            }),
            closes: read(&self.closes),
            close_errors: read(&self.close_errors),
            tasks: read(&self.tasks),
        }
    }

    fn count(&self, kind: OperationKind, result: &io::Result<Outcome>) {
        let counters = &self.kinds[kind as usize];
        counters.operations.fetch_add(1, Ordering::Relaxed);
        match (kind, result) {
            (OperationKind::Read | OperationKind::Write, Ok(Outcome::Count(bytes))) => {
                counters.bytes.fetch_add(*bytes as u64, Ordering::Relaxed);
            }
            (_, Ok(_)) => {}
            (_, Err(_)) => {
                counters.errors.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl Io for Counting<'_> {
    forward_io!(self => self.below; except perform, perform_batch, close, start);

    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        let kind = operation.kind();
        let result = self.below.perform(operation);
        self.count(kind, &result);
        result
    }

    fn perform_batch(&self, batch: &mut [BatchEntry<'_, '_>]) {
        self.below.perform_batch(batch);
        for entry in batch {
            if let Some(result) = &entry.result {
                self.count(entry.operation.kind(), result);
            }
        }
    }

    fn close(&self, handle: Handle) -> io::Result<()> {
        let result = self.below.close(handle);
        self.closes.fetch_add(1, Ordering::Relaxed);
        if result.is_err() {
            self.close_errors.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        self.tasks.fetch_add(1, Ordering::Relaxed);
        self.below.start(job, how)
    }
}

impl fmt::Debug for Counting<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Counting")
            .field(&self.snapshot())
            .finish()
    }
}

/// What went through a [`Counting`] by the time of a snapshot. It displays as a
/// table with a row for each kind that occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    kinds: [KindCounts; KINDS],
    /// Handles that were closed.
    pub closes: u64,
    /// Those of them whose close answered an error.
    pub close_errors: u64,
    /// Jobs the executor was asked to start, by whatever kind of spawn; those it
    /// refused and io-core ran inline are among them.
    pub tasks: u64,
}

/// What one kind of operation has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindCounts {
    /// How often it was performed, with whatever result.
    pub operations: u64,
    /// How often that was an error.
    pub errors: u64,
    /// Bytes transferred; zero for kinds that transfer none.
    pub bytes: u64,
}

impl Counts {
    /// The counts of one kind.
    #[must_use]
    pub fn of(&self, kind: OperationKind) -> KindCounts {
        self.kinds[kind as usize]
    }

    /// The sums over all kinds.
    #[must_use]
    pub fn total(&self) -> KindCounts {
        let zero = KindCounts::default();
        self.kinds.iter().fold(zero, |sum, kind| KindCounts {
            operations: sum.operations + kind.operations,
            errors: sum.errors + kind.errors,
            bytes: sum.bytes + kind.bytes,
        })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut row = |name: &str, [operations, errors, bytes]: [&dyn fmt::Display; 3]| {
            writeln!(
                formatter,
                "{name:<16} {operations:>12} {errors:>8} {bytes:>16}"
            )
        };
        row("operation", [&"operations", &"errors", &"bytes"])?;
        for kind in OperationKind::ALL {
            let counts = self.of(*kind);
            if counts.operations > 0 {
                let numbers: [&dyn fmt::Display; 3] =
                    [&counts.operations, &counts.errors, &counts.bytes];
                row(kind.name(), numbers)?;
            }
        }
        row("close", [&self.closes, &self.close_errors, &""])?;
        row("task", [&self.tasks, &"", &""])
    }
}
