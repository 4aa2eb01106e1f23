//! [`Gathering`]: those who have come to a barrier, in a line until all have
//! come. A state machine without executor, checked by the models. Used by
//! `barrier.rs`.
//!
//! Who comes last gives all others their turn under one hold of the line's lock.
//! Who gives up before that leaves the line, and then has not come.

use crate::sync::line::{Turns, WaitLine};
use crate::sync::park::Park;

/// The line before a barrier. A waiter's turn means that all have come.
pub(crate) struct Gathering {
    line: WaitLine<(), ()>,
}

impl Gathering {
    pub(crate) const fn from_line(line: WaitLine<(), ()>) -> Gathering {
        Gathering { line }
    }

    /// Comes, and waits until `needed` have. Returns whether it was the last.
    ///
    /// # Errors
    /// That of the wait; it has not come then.
    pub(crate) fn come<P: Park>(&self, park: &P, needed: usize) -> Result<bool, P::Error> {
        let mut locked = self.line.lock();
        if locked.length() + 1 < needed {
            let waited = locked.wait(park, (), drop);
            return match waited {
                Ok(()) => Ok(false),
                Err(left) => {
                    drop(left.locked);
                    Err(left.cause.raise())
                }
            };
        }
        let mut turns = Turns::new(park);
        while locked.give_first(&mut turns, |()| ()).is_some() {}
        locked.free(turns);
        Ok(true)
    }
}
