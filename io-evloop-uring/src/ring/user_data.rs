//! What the 64 bits that travel with a submission and come back with its
//! completion mean. Written by `ring/entry.rs` callers, read by whoever reaps
//! the ring. Imports nothing.
//!
//! ```text
//!  63                                          3 2 1 0
//! +---------------------------------------------+-----+
//! | address of an operation's completion slot   | 000 |  Operation
//! | address the cancel was aimed at             | 001 |  Cancel
//! | address of the operation that is bounded    | 010 |  Deadline
//! | which arm of the worker's waker             | 011 |  WakeArm
//! | number of the worker that was to be woken   | 100 |  WakeSent
//! | 0                                           | 101 |  WakeMessage
//! | 0                                           | 110 |  Ignore
//! +---------------------------------------------+-----+
//! ```
//!
//! Zero is never valid: it is what a zeroed submission carries, so a forgotten
//! `user_data` is seen instead of being taken for somebody's.

use std::num::NonZeroU64;

/// The address of a completion slot: not zero, and a multiple of eight.
///
/// It is a number here; only the worker that owns the slot makes it a pointer
/// again, and only after the slot's own completion has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SlotAddress(NonZeroU64);

impl SlotAddress {
    /// # Panics
    ///
    /// If the address is zero or not a multiple of eight: the low bits are the tag.
    pub(crate) fn new(address: usize) -> SlotAddress {
        assert_eq!(
            address & TAG_MASK_USIZE,
            0,
            "a completion slot is 8-aligned"
        );
        let address = NonZeroU64::new(address as u64).expect("a slot has an address");
        SlotAddress(address)
    }

    /// The address of `slot`, exposed: it becomes a pointer again.
    pub(crate) fn of<T>(slot: *const T) -> SlotAddress {
        SlotAddress::new(slot.expose_provenance())
    }

    /// The number that was packed.
    pub(crate) fn get(self) -> usize {
        usize::try_from(self.0.get()).expect("it was made from a usize")
    }
}

/// Which of a worker's standing requests completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WakeArm {
    /// The in-ring wait on the worker's sequence number.
    Futex,
    /// The multishot poll of the worker's eventfd.
    EventFd,
}

/// The meaning of a completion, packed into the `user_data` of its submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum UserData {
    /// A fiber waits for it; the slot is on that fiber's stack.
    Operation(SlotAddress),
    /// The answer to an ASYNC_CANCEL of that operation (not its end: that is
    /// the operation's own completion).
    Cancel(SlotAddress),
    /// The LINK_TIMEOUT that bounds that operation.
    Deadline(SlotAddress),
    /// One of the worker's own wake requests.
    WakeArm(WakeArm),
    /// A wake message to that worker failed (success posts nothing).
    WakeSent(u32),
    /// Another thread posted a wake into this ring; no submission of ours.
    WakeMessage,
    /// Nobody waits for it.
    Ignore,
}

const TAG_BITS: u32 = 3;
const TAG_MASK: u64 = (1 << TAG_BITS) - 1;
const TAG_MASK_USIZE: usize = (1 << TAG_BITS) - 1;

const OPERATION: u64 = 0;
const CANCEL: u64 = 1;
const DEADLINE: u64 = 2;
const WAKE_ARM: u64 = 3;
const WAKE_SENT: u64 = 4;
const WAKE_MESSAGE: u64 = 5;
const IGNORE: u64 = 6;

const ARM_FUTEX: u64 = 0;
const ARM_EVENT_FD: u64 = 1;

impl UserData {
    /// The 64 bits for the submission; never zero.
    pub(crate) fn pack(self) -> u64 {
        match self {
            UserData::Operation(slot) => slot.0.get() | OPERATION,
            UserData::Cancel(slot) => slot.0.get() | CANCEL,
            UserData::Deadline(slot) => slot.0.get() | DEADLINE,
            UserData::WakeArm(WakeArm::Futex) => (ARM_FUTEX << TAG_BITS) | WAKE_ARM,
            UserData::WakeArm(WakeArm::EventFd) => (ARM_EVENT_FD << TAG_BITS) | WAKE_ARM,
            UserData::WakeSent(worker) => (u64::from(worker) << TAG_BITS) | WAKE_SENT,
            UserData::WakeMessage => WAKE_MESSAGE,
            UserData::Ignore => IGNORE,
        }
    }

    /// The meaning of `bits`, or `None` for what no [`pack`](Self::pack) makes.
    pub(crate) fn unpack(bits: u64) -> Option<UserData> {
        let payload = bits >> TAG_BITS;
        let slot = NonZeroU64::new(bits & !TAG_MASK).map(SlotAddress);
        match bits & TAG_MASK {
            OPERATION => slot.map(UserData::Operation),
            CANCEL => slot.map(UserData::Cancel),
            DEADLINE => slot.map(UserData::Deadline),
            WAKE_ARM if payload == ARM_FUTEX => Some(UserData::WakeArm(WakeArm::Futex)),
            WAKE_ARM if payload == ARM_EVENT_FD => Some(UserData::WakeArm(WakeArm::EventFd)),
            WAKE_SENT => u32::try_from(payload).ok().map(UserData::WakeSent),
            WAKE_MESSAGE if payload == 0 => Some(UserData::WakeMessage),
            IGNORE if payload == 0 => Some(UserData::Ignore),
            _ => None,
        }
    }

    /// Whether the submission that carries this is awaited by its ring.
    ///
    /// A wake message is posted by somebody else, and a sent wake posts a
    /// completion only when it fails; neither can be counted.
    pub(crate) fn is_awaited(self) -> bool {
        match self {
            UserData::Operation(_)
            | UserData::Cancel(_)
            | UserData::Deadline(_)
            | UserData::WakeArm(_)
            | UserData::Ignore => true,
            UserData::WakeSent(_) | UserData::WakeMessage => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SlotAddress, UserData, WakeArm};
    use std::collections::HashSet;

    fn every_shape() -> Vec<UserData> {
        let mut all = vec![
            UserData::WakeArm(WakeArm::Futex),
            UserData::WakeArm(WakeArm::EventFd),
            UserData::WakeMessage,
            UserData::Ignore,
        ];
        for worker in [0, 1, 63, 64, u32::MAX] {
            all.push(UserData::WakeSent(worker));
        }
        for address in [8, 16, 0x7fff_ffff_fff8, usize::MAX & !7] {
            let slot = SlotAddress::new(address);
            all.push(UserData::Operation(slot));
            all.push(UserData::Cancel(slot));
            all.push(UserData::Deadline(slot));
        }
        all
    }

    #[test]
    fn unpack_gives_back_what_was_packed() {
        for user_data in every_shape() {
            assert_eq!(UserData::unpack(user_data.pack()), Some(user_data));
        }
    }

    #[test]
    fn no_two_meanings_share_their_bits_and_none_is_zero() {
        let all = every_shape();
        let bits: HashSet<u64> = all.iter().map(|user_data| user_data.pack()).collect();
        assert_eq!(bits.len(), all.len());
        assert!(!bits.contains(&0));
    }

    #[test]
    fn bits_that_nobody_packs_have_no_meaning() {
        for bits in [0, 1, 2, 7, 15, 8 | 5, 8 | 6, 16 | 3, u64::MAX] {
            assert_eq!(UserData::unpack(bits), None, "{bits:#x}");
        }
        assert_eq!(
            UserData::unpack((1 << 35) | 4),
            None,
            "a worker number is 32 bits"
        );
    }

    #[test]
    fn an_address_keeps_its_value() {
        let slot = 7_u64;
        let address = SlotAddress::of(&raw const slot);
        assert_eq!(address.get(), (&raw const slot).addr());
    }

    #[test]
    #[should_panic(expected = "8-aligned")]
    fn an_odd_address_is_refused() {
        SlotAddress::new(9);
    }
}
