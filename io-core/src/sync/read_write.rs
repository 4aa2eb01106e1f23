//! [`ReadWrite`]: who holds a readers-writer lock, and who waits for it, oldest
//! first. A state machine without executor, checked by the models. Used by
//! `rwlock.rs`.
//!
//! ```text
//! word = readers · 4 + WRITER + QUEUED
//!
//! read:     no WRITER, not QUEUED? one reader more. Otherwise join the line.
//! write:    word is 0? WRITER. Otherwise join the line.
//! release:  take off the word. Free now, and QUEUED? Under the lock of the line:
//!           the first is a writer? its turn, if nobody holds the lock;
//!           a reader? its turn, and that of the readers right behind it.
//! give up:  leave the line, then as after a release: readers that stood behind a
//!           writer who gave up may go in beside those who are in.
//! ```
//! QUEUED is set exactly while somebody is on the line, and changes under its
//! lock. While it is set nobody goes in without a turn: neither readers nor
//! writers starve.

use crate::atomics::{AtomicU32, Ordering};
use crate::sync::line::{Left, Locked, Turns, WaitLine};
use crate::sync::park::Park;

const QUEUED: u32 = 1;
const WRITER: u32 = 2;
const READER: u32 = 4;

/// What a waiter wants; its turn means that it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// The word of a readers-writer lock and the line for it.
pub(crate) struct ReadWrite {
    /// Written by whoever takes or releases. Each take is an Acquire that pairs
    /// with the Release of the releases before it.
    word: AtomicU32,
    line: WaitLine<(), Access>,
}

/// The word with `access` taken, if nothing stands against it.
fn taken(word: u32, access: Access) -> Option<u32> {
    match access {
        Access::Read => (word & (QUEUED | WRITER) == 0).then(|| one_reader_more(word)),
        Access::Write => (word == 0).then_some(WRITER),
    }
}

fn one_reader_more(word: u32) -> u32 {
    word.checked_add(READER)
        .expect("more readers at once than a lock can count")
}

impl ReadWrite {
    pub(crate) const fn from_parts(word: AtomicU32, line: WaitLine<(), Access>) -> ReadWrite {
        ReadWrite { word, line }
    }

    /// Takes it if nothing stands against it and nobody waits.
    #[inline]
    pub(crate) fn try_take(&self, access: Access) -> bool {
        self.word
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |word| {
                taken(word, access)
            })
            .is_ok()
    }

    /// Takes it, and waits for its turn if it has to.
    ///
    /// # Errors
    /// That of the wait; it is not taken then.
    #[inline]
    pub(crate) fn take<P: Park>(&self, park: &P, access: Access) -> Result<(), P::Error> {
        if self.try_take(access) {
            return Ok(());
        }
        self.take_in_line(park, access)
    }

    #[cold]
    fn take_in_line<P: Park>(&self, park: &P, access: Access) -> Result<(), P::Error> {
        let locked = self.line.lock();
        if !self.queue(access) {
            return Ok(());
        }
        let release = |access| self.release(park, access);
        match locked.wait(park, access, release) {
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

    /// Under the lock: sets QUEUED. False if it took `access` instead.
    fn queue(&self, access: Access) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let taken = taken(word, access);
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

    /// Releases what was taken.
    #[inline]
    pub(crate) fn release(&self, park: &impl Park, access: Access) {
        let held = match access {
            Access::Read => READER,
            Access::Write => WRITER,
        };
        let before = self.word.fetch_sub(held, Ordering::Release);
        if before == held | QUEUED {
            self.settle(park);
        }
    }

    /// The writer goes on as a reader, and readers that stand in front go in.
    pub(crate) fn downgrade(&self, park: &impl Park) {
        let before = self.word.fetch_add(READER - WRITER, Ordering::Release);
        if before & QUEUED != 0 {
            self.settle(park);
        }
    }

    /// Gives turns to all who can go in.
    #[cold]
    fn settle(&self, park: &impl Park) {
        let mut turns = Turns::new(park);
        let mut locked = self.line.lock();
        self.give_turns(&mut locked, &mut turns);
        locked.free(turns);
    }

    fn give_turns(&self, locked: &mut Locked<'_, (), Access>, turns: &mut Turns<'_, impl Park>) {
        while let Some(&access) = locked.first() {
            // While QUEUED is set and the lock held, only releases change it.
            let word = self.word.load(Ordering::Relaxed);
            let Some(next) = taken(word & !QUEUED, access) else {
                return;
            };
            self.word
                .fetch_add(next - (word & !QUEUED), Ordering::Acquire);
            locked.give_first(turns, |_| ());
        }
        self.word.fetch_and(!QUEUED, Ordering::Relaxed);
    }

    /// What it is held for now: for reports.
    pub(crate) fn held_for(&self) -> Option<Access> {
        match self.word.load(Ordering::Relaxed) & !QUEUED {
            0 => None,
            WRITER => Some(Access::Write),
            _ => Some(Access::Read),
        }
    }
}
