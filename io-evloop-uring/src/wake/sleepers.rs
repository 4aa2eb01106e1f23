//! Who sleeps, and who is to be woken: the state words, the mask and the search
//! of `wake.rs`, without the kernel. Called by `kernel.rs` and, under loom, by
//! the models. Imports `sync` only.

use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// The most workers that a loop may have.
pub(crate) const WORKERS_MAX: usize = 1024;

const BITS: usize = u64::BITS as usize;

const AWAKE: u32 = 0;
/// Asleep, and would take a job.
const SLEEPING: u32 = 1;
/// Asleep for its own only.
const SLEEPING_FOR_OWN: u32 = 2;
const NOTIFIED: u32 = 3;

const NOBODY_SEARCHES: u32 = 0;
const SOMEBODY_SEARCHES: u32 = 1;

/// The workers of one loop, as far as sleeping goes. All methods may be called
/// from every thread; those named "owner" only by the worker itself.
pub(crate) struct Sleepers {
    states: Box<[SleepState]>,
    /// Bit `w % 64` of word `w / 64` is set while worker `w` is between announce
    /// and awake and would take a job. Only that worker writes it; wakers read it
    /// as a hint where to look. Ordered by the SeqCst fences of announce, awake and notify.
    mask: Box<[AtomicU64]>,
    /// Written by the searcher. A waker's load after its fence pairs with the
    /// store before the fence at the end of a search.
    searching: AtomicU32,
}

/// A worker's state word, on cache lines of its own: wakers of other workers do
/// not disturb it.
#[repr(align(128))]
struct SleepState {
    /// AWAKE and both kinds of SLEEPING are stored by the owner, NOTIFIED by the
    /// one waker whose exchange succeeds. Ordered by the SeqCst fences; the exchange
    /// acquires what the owner wrote before it announced.
    word: AtomicU32,
}

/// What ended a sleep, as far as the state word tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WokenBy {
    /// A waker claimed this sleep: one kernel wake has been or will be sent.
    Waker,
    /// Nobody did: a completion, the time limit, or work in the re-check.
    Itself,
}

/// What a sleep may be ended for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Also for a job that any worker may take; the re-check has to look for one.
    ForJobs,
    /// Only for what is this worker's own: it takes no job. A wake for a job that
    /// it got would be lost to those who could take it.
    OwnOnly,
}

impl Sleepers {
    /// `workers` workers, all awake.
    ///
    /// # Panics
    ///
    /// If there are none, or more than [`WORKERS_MAX`].
    pub(crate) fn new(workers: usize) -> Sleepers {
        assert!(
            (1..=WORKERS_MAX).contains(&workers),
            "1 to {WORKERS_MAX} workers"
        );
        let awake = |_| SleepState {
            word: AtomicU32::new(AWAKE),
        };
        Sleepers {
            states: (0..workers).map(awake).collect(),
            mask: (0..workers.div_ceil(BITS))
                .map(|_| AtomicU64::new(0))
                .collect(),
            searching: AtomicU32::new(NOBODY_SEARCHES),
        }
    }

    /// How many workers there are.
    pub(crate) fn count(&self) -> usize {
        self.states.len()
    }

    /// Owner, step 3. The re-check comes after it, and [`awake`](Self::awake)
    /// whatever that finds.
    pub(crate) fn announce(&self, worker: usize, reach: Reach) {
        let state = &self.states[worker].word;
        // Release: a claim acquires how this worker wants to be woken.
        match reach {
            Reach::ForJobs => {
                state.store(SLEEPING, Ordering::Release);
                self.mask[worker / BITS].fetch_or(bit_of(worker), Ordering::Relaxed);
            }
            Reach::OwnOnly => state.store(SLEEPING_FOR_OWN, Ordering::Release),
        }
        fence(Ordering::SeqCst);
    }

    /// Owner, step 6. Looks for work come after it.
    pub(crate) fn awake(&self, worker: usize) -> WokenBy {
        self.mask[worker / BITS].fetch_and(!bit_of(worker), Ordering::Relaxed);
        let state = &self.states[worker].word;
        let before = state.swap(AWAKE, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        if before == NOTIFIED {
            WokenBy::Waker
        } else {
            WokenBy::Itself
        }
    }

    /// Any thread, after it has published work for `worker`: whether the caller
    /// must send that worker a kernel wake.
    #[must_use = "true means that nobody else will send the wake"]
    pub(crate) fn notify(&self, worker: usize) -> bool {
        fence(Ordering::SeqCst);
        self.claim(worker, |state| matches!(state, SLEEPING | SLEEPING_FOR_OWN))
    }

    /// Any thread, after it has published work that every worker may take: the
    /// worker to which the caller must send a kernel wake.
    #[must_use = "nobody else will send that worker its wake"]
    pub(crate) fn notify_one(&self) -> Option<usize> {
        fence(Ordering::SeqCst);
        if self.searching.load(Ordering::Relaxed) == SOMEBODY_SEARCHES {
            return None;
        }
        for (index, word) in self.mask.iter().enumerate() {
            let mut bits = word.load(Ordering::Relaxed);
            while bits != 0 {
                let worker = index * BITS + bits.trailing_zeros() as usize;
                // The bit may be of a former sleep: the state tells.
                if self.claim(worker, |state| state == SLEEPING) {
                    return Some(worker);
                }
                bits &= bits - 1;
            }
        }
        None
    }

    /// Owner, step 1: the right to spin, unless another worker has it.
    pub(crate) fn begin_search(&self) -> Option<Search<'_>> {
        // Relaxed: the flag only thins out wakes; the fence at its end is what
        // makes that safe.
        self.searching
            .compare_exchange(
                NOBODY_SEARCHES,
                SOMEBODY_SEARCHES,
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .ok()
            .map(|_| Search { sleepers: self })
    }

    /// Whether a worker is between announce and awake, for tests.
    pub(crate) fn is_asleep(&self, worker: usize) -> bool {
        self.states[worker].word.load(Ordering::Relaxed) != AWAKE
    }

    /// How many workers are between announce and awake, for statistics.
    pub(crate) fn sleeping(&self) -> u32 {
        let words = self.mask.iter();
        words
            .map(|word| word.load(Ordering::Relaxed).count_ones())
            .sum()
    }

    fn claim(&self, worker: usize, may_claim: impl FnOnce(u32) -> bool) -> bool {
        let state = &self.states[worker].word;
        // The load alone decides in the common case that the worker is awake.
        // Relaxed: it is ordered by the caller's fence.
        let now = state.load(Ordering::Relaxed);
        may_claim(now)
            && state
                .compare_exchange(now, NOTIFIED, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
    }
}

/// While it lives, its worker is the one that searches, and new jobs wake nobody.
///
/// After dropping it the worker looks into the queues once more: it sleeps with
/// the announced re-check, or it has found work, and if it leaves some behind it
/// wakes the next worker.
pub(crate) struct Search<'a> {
    sleepers: &'a Sleepers,
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        let searching = &self.sleepers.searching;
        searching.store(NOBODY_SEARCHES, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }
}

fn bit_of(worker: usize) -> u64 {
    1 << (worker % BITS)
}
