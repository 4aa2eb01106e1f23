//! The word of a oneshot channel: what its two ends have done. A pure state
//! machine, checked by the models. Used by `oneshot.rs`.
//!
//! ```text
//! SENT           the value is there, or was taken
//! SENDER_GONE    no value will come
//! RECEIVER_GONE  nobody wants it
//! WAITED         the receiver waits: SENT or SENDER_GONE has to wake it
//! ```
//! Each bit is set once, by one end, with a read-modify-write of one word: of a
//! send and the end of the receiver, the later one sees the other and has the
//! value to deal with.

use crate::atomics::{AtomicU32, Ordering};
use crate::futex::FutexAddress;
use crate::sync::park::Park;

const SENT: u32 = 1;
const SENDER_GONE: u32 = 2;
const RECEIVER_GONE: u32 = 4;
const WAITED: u32 = 8;

/// Written by both ends, each with AcqRel, so that what the other did before its
/// bit can be seen.
pub(crate) struct OneshotWord(AtomicU32);

/// How the wait of the receiver ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Value,
    Nothing,
}

fn arrival(word: u32) -> Option<Arrival> {
    if word & SENT != 0 {
        Some(Arrival::Value)
    } else {
        (word & SENDER_GONE != 0).then_some(Arrival::Nothing)
    }
}

impl OneshotWord {
    pub(crate) const fn from_word(new: AtomicU32) -> OneshotWord {
        OneshotWord(new)
    }

    /// Sender: the value is there. False if nobody wants it.
    pub(crate) fn send(&self, park: &impl Park) -> bool {
        self.set_by_sender(park, SENT) & RECEIVER_GONE == 0
    }

    /// Sender: it is gone.
    pub(crate) fn leave_sender(&self, park: &impl Park) {
        self.set_by_sender(park, SENDER_GONE);
    }

    fn set_by_sender(&self, park: &impl Park, bit: u32) -> u32 {
        let address = FutexAddress::of(&self.0);
        let before = self.0.fetch_or(bit, Ordering::AcqRel);
        if before & WAITED != 0 {
            park.wake(address, 1);
        }
        before
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed) & RECEIVER_GONE == 0
    }

    /// Receiver: it is gone. Returns what had come.
    pub(crate) fn leave_receiver(&self) -> Option<Arrival> {
        arrival(self.0.fetch_or(RECEIVER_GONE, Ordering::AcqRel))
    }

    /// Receiver: what has come, if anything.
    #[inline]
    pub(crate) fn arrival(&self) -> Option<Arrival> {
        arrival(self.0.load(Ordering::Acquire))
    }

    /// Receiver: waits until the value is there or will not come.
    ///
    /// # Errors
    /// That of the wait; nothing has come.
    pub(crate) fn wait<P: Park>(&self, park: &P) -> Result<Arrival, P::Error> {
        loop {
            if let Some(arrival) = self.arrival() {
                return Ok(arrival);
            }
            let now = self.0.fetch_or(WAITED, Ordering::AcqRel) | WAITED;
            if arrival(now).is_some() {
                continue;
            }
            if let Err(error) = park.wait(&self.0, now) {
                let Some(arrival) = self.arrival() else {
                    return Err(error);
                };
                park.put_back(error);
                return Ok(arrival);
            }
        }
    }
}
