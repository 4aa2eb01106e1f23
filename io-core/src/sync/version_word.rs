//! The word of a watched value: its version, whether it is closed, and whether
//! somebody waits for the next. A pure state machine, checked by the models. Used
//! by `watch.rs`.
//!
//! ```text
//! word = version · 4 + CLOSED + WAITED
//! ```
//! Who waits sets WAITED and waits as long as nothing else changes; who makes a
//! new version, or closes, clears it and wakes all.

use crate::atomics::{AtomicU32, Ordering};
use crate::futex::FutexAddress;
use crate::sync::park::Park;

const WAITED: u32 = 1;
const CLOSED: u32 = 2;
const ONE_VERSION: u32 = 4;

/// Written by those who change the value (Release) and those who wait. What was
/// written before a version can be read by who saw it (Acquire).
pub(crate) struct VersionWord(AtomicU32);

/// A version that somebody has seen. They are compared for equality alone: who
/// misses all of 2³⁰ changes may miss that there were any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(u32);

/// How a wait for another version ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Changed,
    Closed,
}

fn change(seen: Version, word: u32) -> Option<Change> {
    if word / ONE_VERSION != seen.0 {
        Some(Change::Changed)
    } else {
        (word & CLOSED != 0).then_some(Change::Closed)
    }
}

impl VersionWord {
    pub(crate) const fn from_word(new: AtomicU32) -> VersionWord {
        VersionWord(new)
    }

    pub(crate) fn version(&self) -> Version {
        Version(self.0.load(Ordering::Acquire) / ONE_VERSION)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLOSED != 0
    }

    /// What has happened since `seen`, if anything.
    pub(crate) fn change(&self, seen: Version) -> Option<Change> {
        change(seen, self.0.load(Ordering::Acquire))
    }

    /// Makes a new version and wakes all who wait.
    pub(crate) fn advance(&self, park: &impl Park) {
        self.update(park, |word| word.wrapping_add(ONE_VERSION));
    }

    /// There will be no further version. Wakes all who wait.
    pub(crate) fn close(&self, park: &impl Park) {
        self.update(park, |word| word | CLOSED);
    }

    fn update(&self, park: &impl Park, update: impl Fn(u32) -> u32) {
        let address = FutexAddress::of(&self.0);
        let before = self
            .0
            .fetch_update(Ordering::Release, Ordering::Relaxed, |word| {
                Some(update(word) & !WAITED)
            });
        if before.is_ok_and(|before| before & WAITED != 0) {
            park.wake(address, u32::MAX);
        }
    }

    /// Waits until the version is another than `seen`, or will not be.
    ///
    /// # Errors
    /// That of the wait; nothing has changed.
    pub(crate) fn wait<P: Park>(&self, park: &P, seen: Version) -> Result<Change, P::Error> {
        loop {
            let now = self.0.load(Ordering::Acquire);
            if let Some(change) = change(seen, now) {
                return Ok(change);
            }
            let waited = now | WAITED;
            let exchange =
                self.0
                    .compare_exchange(now, waited, Ordering::Relaxed, Ordering::Relaxed);
            if exchange.is_err() {
                continue;
            }
            if let Err(error) = park.wait(&self.0, waited) {
                let Some(change) = self.change(seen) else {
                    return Err(error);
                };
                park.put_back(error);
                return Ok(change);
            }
        }
    }
}
