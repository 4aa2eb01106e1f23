//! [`Park`]: how the state machines of this chapter wait and wake. `waiting.rs`
//! implements it by an executor's futex, the models by one of their own. Imports
//! nothing that knows an executor.

use crate::atomics::AtomicU32;
use crate::futex::FutexAddress;

/// Waits and wakes for a state machine.
pub(crate) trait Park {
    /// Why a wait was given up.
    type Error;

    /// Waits as long as `word` is `expected` when the wait begins; may return
    /// early for no reason.
    ///
    /// # Errors
    /// The wait is given up: no wake was consumed.
    fn wait(&self, word: &AtomicU32, expected: u32) -> Result<(), Self::Error>;

    /// Wakes at most `count` waits on the word at `address`. Never waits.
    fn wake(&self, address: FutexAddress, count: u32);

    /// What a wait was for has come, although it answered `error`: the caller
    /// goes on as if there had been none, and the reason for it stays.
    fn put_back(&self, error: Self::Error);
}
