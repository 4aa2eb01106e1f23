//! Making a ring: the ladder of set-up flags, the halving of its size, the probe
//! of operations and the bound on the kernel's own workers. Called by
//! `Ring::new`; imports its siblings under `ring/`.

use super::entry::{Opcode, OpcodeSet};
use super::{Builder, EnterFaults, IoUring, Probe};
use std::io;
use std::time::Duration;

/// What a ring is asked to be.
#[derive(Clone, Debug)]
pub(crate) struct RingOptions {
    /// Submissions that fit without a system call; rounded up to a power of two.
    pub(crate) entries: u32,
    /// Upper bounds on the threads that the kernel starts for this thread.
    pub(crate) kernel_workers: KernelWorkers,
    /// Operations that the probe shall deny, for tests of the slow paths.
    pub(crate) forced_missing: OpcodeSet,
    /// Enters that shall fail, for tests.
    pub(crate) enter_faults: Option<EnterFaults>,
    /// When the kernel has refused everything for so long, the ring has failed.
    pub(crate) refused_time_max: Duration,
}

/// The smallest ring: a linked pair must fit.
pub(crate) const ENTRIES_MIN: u32 = 2;
/// The largest ring that the kernel makes.
pub(crate) const ENTRIES_MAX: u32 = 32_768;
/// A fiber parks after one submission, so this many fit between two enters.
pub(crate) const ENTRIES_DEFAULT: u32 = 256;
/// Nothing else of a process gets memory either by then.
const REFUSED_TIME_MAX: Duration = Duration::from_secs(60);

/// Threads that the kernel may start on behalf of one of ours.
///
/// Without a bound it is RLIMIT_NPROC. An open of a FIFO that waits for its
/// other end holds a bounded one, so the bound is above the number of cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KernelWorkers {
    /// For work that ends by itself: regular files, paths, block devices.
    pub(crate) bounded_max: u32,
    /// For work that may wait for ever: sockets, pipes.
    pub(crate) unbounded_max: u32,
}

impl Default for KernelWorkers {
    fn default() -> KernelWorkers {
        KernelWorkers {
            bounded_max: 64,
            unbounded_max: 64,
        }
    }
}

impl Default for RingOptions {
    fn default() -> RingOptions {
        RingOptions {
            entries: ENTRIES_DEFAULT,
            kernel_workers: KernelWorkers::default(),
            forced_missing: OpcodeSet::EMPTY,
            enter_faults: None,
            refused_time_max: REFUSED_TIME_MAX,
        }
    }
}

/// One way to set up a ring, from the best to what every kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rung {
    /// One issuer, deferred task work, all submitted, no SQ array (6.6).
    Full,
    /// Without NO_SQARRAY (6.1).
    WithSqArray,
    /// Cooperative instead of deferred task work (5.19).
    Cooperative,
    /// Without SINGLE_ISSUER and the task work flags (5.18).
    SubmitAll,
    /// Size flags only (5.10).
    Plain,
}

impl Rung {
    pub(super) const LADDER: [Rung; 5] = [
        Rung::Full,
        Rung::WithSqArray,
        Rung::Cooperative,
        Rung::SubmitAll,
        Rung::Plain,
    ];
}

/// A ring and how far down it was found.
pub(super) struct Found<T> {
    pub(super) ring: T,
    pub(super) rung: Rung,
}

/// Tries the rungs from the best down: EINVAL drops flags, ENOMEM halves the
/// entries (never below [`ENTRIES_MIN`]), anything else is the answer.
///
/// Ends: each step uses up a rung or a halving, 5 + 14 at most.
pub(super) fn climb_down<T>(
    entries: u32,
    mut make: impl FnMut(Rung, u32) -> io::Result<T>,
) -> io::Result<Found<T>> {
    let mut entries = entries;
    let mut below = Rung::LADDER.into_iter();
    let mut rung = below.next().expect("the ladder is not empty");
    loop {
        let error = match make(rung, entries) {
            Ok(ring) => return Ok(Found { ring, rung }),
            Err(error) => error,
        };
        match error.raw_os_error() {
            Some(libc::EINVAL) => match below.next() {
                Some(next) => rung = next,
                None => return Err(error),
            },
            Some(libc::ENOMEM) if entries > ENTRIES_MIN => {
                entries = (entries / 2).max(ENTRIES_MIN);
            }
            _ => return Err(error),
        }
    }
}

/// Makes the ring of one rung and enables it, which binds it to this thread.
pub(super) fn make(rung: Rung, entries: u32) -> io::Result<IoUring> {
    let mut builder: Builder = IoUring::builder();
    builder.dontfork();
    builder.setup_clamp();
    builder.setup_r_disabled();
    builder.setup_cqsize(entries.saturating_mul(2).min(2 * ENTRIES_MAX));
    match rung {
        Rung::Full => {
            builder.setup_submit_all();
            builder.setup_single_issuer();
            builder.setup_defer_taskrun();
            builder.setup_no_sqarray();
        }
        Rung::WithSqArray => {
            builder.setup_submit_all();
            builder.setup_single_issuer();
            builder.setup_defer_taskrun();
        }
        Rung::Cooperative => {
            builder.setup_submit_all();
            builder.setup_single_issuer();
            builder.setup_coop_taskrun();
            builder.setup_taskrun_flag();
        }
        Rung::SubmitAll => {
            builder.setup_submit_all();
        }
        Rung::Plain => {}
    }
    let ring = builder.build(entries)?;
    ring.submitter().register_enable_rings()?;
    Ok(ring)
}

/// Asks the kernel which operations it has, and takes out the forced ones.
pub(super) fn probe(ring: &IoUring, forced_missing: OpcodeSet) -> io::Result<OpcodeSet> {
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe)?;
    let is_there =
        |opcode: &Opcode| probe.is_supported(opcode.code()) && !forced_missing.contains(*opcode);
    let there = Opcode::ALL.into_iter().filter(is_there);
    Ok(there.fold(OpcodeSet::EMPTY, OpcodeSet::with))
}

/// Whether the kernel took the bound on its workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerBound {
    /// It is in force.
    Set,
    /// This kernel does not know it (before 5.15); its own bound is in force.
    Unknown,
}

/// Bounds the kernel's workers for this thread.
pub(super) fn bound_kernel_workers(ring: &IoUring, max: KernelWorkers) -> io::Result<WorkerBound> {
    // 0 would mean "leave it as it is".
    let mut both = [max.bounded_max.max(1), max.unbounded_max.max(1)];
    match ring.submitter().register_iowq_max_workers(&mut both) {
        Ok(()) => Ok(WorkerBound::Set),
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(WorkerBound::Unknown),
        Err(error) => Err(error),
    }
}
