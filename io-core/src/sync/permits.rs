//! [`Permits`]: how many there are, and who waits for some, oldest first. A
//! state machine without executor, checked by the models. Used by `semaphore.rs`.
//!
//! ```text
//! word = permits · 2 + QUEUED
//!
//! take:     not QUEUED and enough? subtract. Otherwise, under the lock of the
//!           line: set QUEUED (or take, if enough came meanwhile) and join.
//! release:  add. QUEUED? Under the lock: give turns from the front as long as
//!           there is enough for the first; line empty? clear QUEUED.
//! give up:  leave the line, then as release without adding: who is behind may
//!           want less.
//! ```
//! QUEUED is set exactly while somebody is on the line, and changes under its
//! lock. While it is set nobody takes without a turn, so nobody is overtaken.

use crate::atomics::{AtomicU32, Ordering};
use crate::sync::line::{Left, Locked, Turns, WaitLine};
use crate::sync::park::Park;

const QUEUED: u32 = 1;
const ONE: u32 = 2;

/// The most permits that there may be.
pub(crate) const PERMITS_MAX: u32 = u32::MAX / ONE;

/// A number of permits and a line for them. The note of a waiter is how many it
/// wants; its turn means that it has them.
pub(crate) struct Permits {
    /// Written by whoever takes or releases. Each take is an Acquire that pairs
    /// with the Release of every release before it.
    word: AtomicU32,
    line: WaitLine<(), u32>,
}

/// The value of the word that holds `count` permits.
pub(crate) const fn word_of(count: u32) -> u32 {
    assert!(count <= PERMITS_MAX, "too many permits");
    count * ONE
}

impl Permits {
    pub(crate) const fn from_parts(word: AtomicU32, line: WaitLine<(), u32>) -> Permits {
        Permits { word, line }
    }

    /// How many nobody has.
    pub(crate) fn available(&self) -> u32 {
        self.word.load(Ordering::Relaxed) / ONE
    }

    /// Takes `count`, if there are that many and nobody waits.
    #[inline]
    pub(crate) fn try_take(&self, count: u32) -> bool {
        let enough = |word: u32| {
            (word & QUEUED == 0)
                .then(|| take_from(word, count))
                .flatten()
        };
        self.word
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, enough)
            .is_ok()
    }

    /// Takes `count`, and waits until there are that many.
    ///
    /// # Errors
    /// That of the wait; nothing is taken then.
    #[inline]
    pub(crate) fn take<P: Park>(&self, park: &P, count: u32) -> Result<(), P::Error> {
        if self.try_take(count) {
            return Ok(());
        }
        self.take_in_line(park, count)
    }

    #[cold]
    fn take_in_line<P: Park>(&self, park: &P, count: u32) -> Result<(), P::Error> {
        let locked = self.line.lock();
        if !self.queue(count) {
            return Ok(());
        }
        let release = |count| self.release(park, count);
        match locked.wait(park, count, release) {
            Ok(_) => Ok(()),
            Err(Left {
                mut locked, cause, ..
            }) => {
                let mut turns = Turns::new(park);
                self.give_turns(&mut locked, &mut turns);
                locked.free(turns);
                Err(cause.raise())
            }
        }
    }

    /// Under the lock: sets QUEUED. False if it took `count` instead.
    fn queue(&self, count: u32) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let is_free = word & QUEUED == 0;
            let taken = is_free.then(|| take_from(word, count)).flatten();
            let next = taken.unwrap_or(word | QUEUED);
            let exchange =
                self.word
                    .compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Relaxed);
            match exchange {
                Ok(_) => return taken.is_none(),
                Err(now) => word = now,
            }
        }
    }

    /// Gives back `count`, or adds new ones.
    ///
    /// # Panics
    /// If there were more than [`PERMITS_MAX`].
    #[inline]
    pub(crate) fn release(&self, park: &impl Park, count: u32) {
        let more = |word: u32| word.checked_add(count.checked_mul(ONE)?);
        let before = self
            .word
            .fetch_update(Ordering::Release, Ordering::Relaxed, more)
            .expect("more permits than a semaphore can hold");
        if before & QUEUED != 0 {
            self.settle(park);
        }
    }

    /// Gives turns to all who can have what they want.
    #[cold]
    fn settle(&self, park: &impl Park) {
        let mut turns = Turns::new(park);
        let mut locked = self.line.lock();
        self.give_turns(&mut locked, &mut turns);
        locked.free(turns);
    }

    fn give_turns(&self, locked: &mut Locked<'_, (), u32>, turns: &mut Turns<'_, impl Park>) {
        while let Some(&count) = locked.first() {
            // Only releases change the number while QUEUED is set and the lock held.
            if self.word.load(Ordering::Relaxed) / ONE < count {
                return;
            }
            self.word.fetch_sub(count * ONE, Ordering::Acquire);
            locked.give_first(turns, |_| ());
        }
        self.word.fetch_and(!QUEUED, Ordering::Relaxed);
    }
}

/// The word after taking `count`, if there are that many.
fn take_from(word: u32, count: u32) -> Option<u32> {
    word.checked_sub(count.checked_mul(ONE)?)
}
