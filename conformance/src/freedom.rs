//! Executors that take every freedom that the contract gives: one wrapper for
//! the *may* clauses of one kind. All claims hold on them too.
//!
//! They decide at random, by the seed of the run.

use std::io::{self, IoSlice, IoSliceMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use io_core::fs::FileType;
use io_core::task::{Job, Rejected, Start, TaskRecord};
use io_core::{
    BatchEntry, FutexAddress, FutexWord, Instant, Io, Operation, Outcome, forward_io,
    readable_bytes, writable_bytes,
};

use crate::random::Random;
use crate::run::seed;
use crate::wrapped::Wrap;

/// A wrapper that takes the freedom of some *may* clauses.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Freedom {
    /// What it does, in a word or two.
    pub name: &'static str,
    /// The *may* clauses whose freedom it takes.
    pub clauses: &'static [&'static str],
    /// How it is put around an executor.
    pub wrap: Wrap,
}

/// All of them.
pub const FREEDOMS: &[Freedom] = &[
    Freedom {
        name: "short-transfers",
        clauses: &["F10", "F12"],
        wrap: |below, body| body(&ShortTransfers(below, Dice::new())),
    },
    Freedom {
        name: "spurious-wakes",
        clauses: &["X3", "S8"],
        wrap: |below, body| body(&SpuriousWakes(below, Dice::new())),
    },
    Freedom {
        name: "inline-tasks",
        clauses: &["T18", "T7"],
        wrap: |below, body| body(&InlineTasks(below)),
    },
    Freedom {
        name: "operations-in-any-order",
        clauses: &["O10", "B3"],
        wrap: |below, body| body(&Dawdling(below, Dice::new())),
    },
    Freedom {
        name: "listings-in-any-order",
        clauses: &["N11"],
        wrap: |below, body| body(&ShuffledListings(below, Dice::new())),
    },
    Freedom {
        name: "late-sleeps",
        clauses: &["M6"],
        wrap: |below, body| body(&LateSleeps(below, Dice::new())),
    },
];

/// Decisions at random, by the seed of the run and the order of asking.
struct Dice(AtomicU64);

impl Dice {
    fn new() -> Dice {
        Dice(AtomicU64::new(seed()))
    }

    fn below(&self, bound: usize) -> usize {
        // Relaxed: any order of those who ask will do.
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Random::new(number).below(bound)
    }

    fn one_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// Transfers of a part of what was asked.
struct ShortTransfers<'a>(&'a dyn Io, Dice);

impl Io for ShortTransfers<'_> {
    forward_io!(self => self.0; except perform, perform_batch);

    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        match operation {
            Operation::Read {
                handle,
                buffers,
                offset,
            } if readable_bytes(buffers) > 1 => {
                let first = buffers.iter_mut().find(|buffer| !buffer.is_empty());
                let first = first.expect("the buffers hold more than one byte");
                let bytes = 1 + self.1.below(first.len());
                self.0.perform(&mut Operation::Read {
                    handle,
                    buffers: &mut [IoSliceMut::new(&mut first[..bytes])],
                    offset: *offset,
                })
            }
            Operation::Write {
                handle,
                buffers,
                offset,
            } if writable_bytes(buffers) > 1 => {
                let first = buffers.iter().find(|buffer| !buffer.is_empty());
                let first = first.expect("the buffers hold more than one byte");
                let bytes = 1 + self.1.below(first.len());
                self.0.perform(&mut Operation::Write {
                    handle,
                    buffers: &[IoSlice::new(&first[..bytes])],
                    offset: *offset,
                })
            }
            whole => self.0.perform(whole),
        }
    }
}

/// Waits that return for no reason, and wakes that wake everybody.
struct SpuriousWakes<'a>(&'a dyn Io, Dice);

impl Io for SpuriousWakes<'_> {
    forward_io!(self => self.0; except futex_wait, futex_wake, wait_task);

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        if word.load(Ordering::Acquire) == expected && self.1.one_in(4) {
            // It waits, and is a point; then it ends for no reason.
            self.0.yield_now()
        } else {
            self.0.futex_wait(word, expected, deadline)
        }
    }

    fn futex_wake(&self, address: FutexAddress, _count: u32) {
        self.0.futex_wake(address, u32::MAX);
    }

    fn wait_task(&self, task: &TaskRecord) {
        if !self.1.one_in(4) {
            self.0.wait_task(task);
        }
    }
}

/// Tasks that run inside `spawn`.
struct InlineTasks<'a>(&'a dyn Io);

impl Io for InlineTasks<'_> {
    forward_io!(self => self.0; except start);

    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        match how {
            Start::MayRunInline => Err(Rejected::new(job)),
            other => self.0.start(job, other),
        }
    }
}

/// Operations that let others go first, and batches from their end.
struct Dawdling<'a>(&'a dyn Io, Dice);

impl Dawdling<'_> {
    fn let_others_go_first(&self) {
        for _ in 0..self.1.below(3) {
            // Protected, so it answers nothing that is not the operation's.
            drop(self.0.protect(|| self.0.yield_now()));
        }
    }
}

impl Io for Dawdling<'_> {
    forward_io!(self => self.0; except perform, perform_batch);

    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        self.let_others_go_first();
        self.0.perform(operation)
    }

    fn perform_batch(&self, batch: &mut [BatchEntry<'_, '_>]) {
        // The last one first; the slice itself is the caller's, in its order. One
        // request goes to all that are not finished.
        let mut is_canceled = false;
        for entry in batch.iter_mut().rev() {
            let result = if is_canceled {
                Err(io_core::canceled())
            } else {
                self.perform(&mut entry.operation)
            };
            is_canceled |= result.as_ref().is_err_and(io_core::is_canceled);
            entry.result = Some(result);
        }
    }
}

/// Listings in any order, whose entries have no known type.
struct ShuffledListings<'a>(&'a dyn Io, Dice);

impl Io for ShuffledListings<'_> {
    forward_io!(self => self.0; except perform, perform_batch);

    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        let outcome = self.0.perform(operation)?;
        if let Operation::ReadDirectory { entries, .. } = operation {
            let mut listed: Vec<_> = entries.iter().map(|entry| entry.to_entry()).collect();
            for last in (1..listed.len()).rev() {
                listed.swap(last, self.1.below(last + 1));
            }
            entries.clear();
            for entry in listed {
                entries.push(entry.file_name(), FileType::Unknown, entry.inode());
            }
        }
        Ok(outcome)
    }
}

/// Sleeps that end late.
struct LateSleeps<'a>(&'a dyn Io, Dice);

impl Io for LateSleeps<'_> {
    forward_io!(self => self.0; except sleep_until);

    fn sleep_until(&self, deadline: Instant) -> io::Result<()> {
        let late = Duration::from_micros(self.1.below(2000) as u64);
        self.0.sleep_until(deadline.saturating_add(late))
    }
}
