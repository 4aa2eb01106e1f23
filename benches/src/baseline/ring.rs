//! A ring driven by hand: the limit of reads through io_uring. One enter submits
//! every free slot and waits for one completion at least.

#![expect(unsafe_code, reason = "pushes entries that name the slots' buffers")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

use io_uring::{IoUring, opcode, types};

use crate::data::{Block, Offsets, READ_BYTES};

/// A ring with so many slots, each with a buffer.
pub(crate) struct ReadRing {
    ring: IoUring,
    slots: Vec<Slot>,
}

struct Slot {
    buffer: Box<Block>,
    offsets: Offsets,
}

impl ReadRing {
    /// # Errors
    /// The system refuses the ring.
    pub(crate) fn new(slot_count: u32, file_bytes: u64) -> io::Result<ReadRing> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .build(slot_count.next_power_of_two())?;
        let slots = (0..slot_count)
            .map(|index| Slot {
                buffer: Box::new(Block::ZERO),
                offsets: Offsets::new(index.into(), file_bytes),
            })
            .collect();
        Ok(ReadRing { ring, slots })
    }

    /// Reads so many blocks at random offsets, as many at once as there are slots.
    ///
    /// # Errors
    /// The ring's; what is in flight then has ended or is waited for by its drop.
    pub(crate) fn read(&mut self, file: &File, count: u64) -> io::Result<()> {
        let descriptor = types::Fd(file.as_raw_fd());
        let mut free: Vec<usize> = (0..self.slots.len()).collect();
        let (mut started, mut ended) = (0, 0);
        while ended < count {
            while started < count
                && let Some(index) = free.pop()
            {
                let slot = &mut self.slots[index];
                let length = u32::try_from(READ_BYTES).expect("a block is small");
                let entry = opcode::Read::new(descriptor, slot.buffer.0.as_mut_ptr(), length)
                    .offset(slot.offsets.next_offset())
                    .build()
                    .user_data(index as u64);
                // SAFETY: the buffer belongs to the slot, which is not free
                // until its completion has come.
                unsafe { self.ring.submission().push(&entry) }
                    .expect("there are as many entries as slots");
                started += 1;
            }
            self.ring.submit_and_wait(1)?;
            for completion in self.ring.completion() {
                let result = usize::try_from(completion.result());
                assert_eq!(result, Ok(READ_BYTES), "a block is read whole");
                free.push(usize::try_from(completion.user_data()).expect("it is an index"));
                ended += 1;
            }
        }
        Ok(())
    }
}
