//! Where everything lies in a slab of stacks: arithmetic only, no memory is touched.
//!
//! Called by `stack.rs`, which makes the slabs, and by `overflow.rs`, which
//! finds out whose guard a fault address is in. May import std only.
//!
//! ```text
//!  one slab = one mapping of `slot_count` slots
//!  low addresses                                                high addresses
//!  +--------+--------+--------+--------+- - - - -+--------+
//!  | slot 0 | slot 1 | slot 2 | slot 3 |         | slot n |
//!  +--------+--------+--------+--------+- - - - -+--------+
//!
//!  one slot = `slot_bytes`, an odd number of pages
//!  +-------+------------------------------------------+-------+--------+
//!  | guard |            usable  <-- grows down        | label | colour |
//!  +-------+------------------------------------------+-------+--------+
//!  ^ start ^ low                                      ^ base           ^ end
//!                                                     |<-- top page -->|
//! ```
//!
//! *Colour*: equal stacks at equal distances would keep their hottest lines,
//! the ones at the top, in the same few cache sets. So each slot leaves a
//! different multiple of a cache line unused at its end, at most
//! [`COLOUR_BYTES_END`], so that the frames of a sleeping fiber still fit into
//! the top page. The odd number of pages spreads the sets of the TLB.
//!
//! *Label*: one cache line that says which task runs on the stack. It is
//! written when a task starts, not at each switch, and read by the overflow report.

use std::io;

/// Stacks are not smaller than this: a panic with the default hook alone needs 22 KiB.
pub(crate) const STACK_BYTES_MIN: usize = 64 * 1024;

/// Stacks are not larger than this: a slot stays a small part of the address space.
pub(crate) const STACK_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Address space per stack when nothing is asked for; memory is committed on touch.
pub(crate) const STACK_BYTES_DEFAULT: usize = 256 * 1024;

/// One cache line: the unit of the colour and the size of the label.
pub(crate) const LINE_BYTES: usize = 64;

/// The colour is below this, so half of a 4 KiB top page is left for frames.
pub(crate) const COLOUR_BYTES_END: usize = 2048;

/// Distance of the colours of neighbouring slots. Three lines: coprime to the
/// 32 lines of [`COLOUR_BYTES_END`], so all of them are used.
const COLOUR_STEP_BYTES: usize = 3 * LINE_BYTES;

/// A slab is about as large as this, so that 100,000 default stacks are some
/// 1,600 mappings (which the kernel merges) and a small program maps little.
const SLAB_BYTES_TARGET: usize = 16 * 1024 * 1024;

/// A slab has at most as many slots as this, whatever the stack size.
const SLOT_COUNT_MAX: usize = 256;

/// Least size of a guard. Where rustc probes the stack, no frame can jump over
/// one page; on the other architectures the guard has to be wider than a frame.
const GUARD_BYTES_MIN: usize = if cfg!(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "aarch64",
    target_arch = "s390x",
    target_arch = "powerpc64",
)) {
    1
} else {
    64 * 1024
};

/// The measures of a slab, in bytes; all of them multiples of the page size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StackLayout {
    /// Size of a page.
    pub(crate) page_bytes: usize,
    /// Size of the guard at the low end of each slot.
    pub(crate) guard_bytes: usize,
    /// Distance of two slots: guard and stack.
    pub(crate) slot_bytes: usize,
    /// Slots in one slab.
    pub(crate) slot_count: usize,
}

impl StackLayout {
    /// Lays out stacks of at least `stack_bytes` for pages of `page_bytes`.
    ///
    /// # Errors
    /// `InvalidInput` if `stack_bytes` is not within
    /// [`STACK_BYTES_MIN`]`..=`[`STACK_BYTES_MAX`].
    pub(crate) fn new(stack_bytes: usize, page_bytes: usize) -> io::Result<StackLayout> {
        assert!(page_bytes.is_power_of_two() && page_bytes >= 4096);
        if !(STACK_BYTES_MIN..=STACK_BYTES_MAX).contains(&stack_bytes) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "a fiber stack has {STACK_BYTES_MIN} to {STACK_BYTES_MAX} bytes, \
                     not {stack_bytes}"
                ),
            ));
        }
        let guard_bytes = GUARD_BYTES_MIN.next_multiple_of(page_bytes);
        let mut slot_bytes = stack_bytes.next_multiple_of(page_bytes) + guard_bytes;
        if (slot_bytes / page_bytes).is_multiple_of(2) {
            slot_bytes += page_bytes;
        }
        Ok(StackLayout {
            page_bytes,
            guard_bytes,
            slot_bytes,
            slot_count: (SLAB_BYTES_TARGET / slot_bytes).clamp(1, SLOT_COUNT_MAX),
        })
    }

    /// Size of the stack itself: the slot without its guard.
    pub(crate) fn stack_bytes(&self) -> usize {
        self.slot_bytes - self.guard_bytes
    }

    /// Size of a whole slab.
    pub(crate) fn slab_bytes(&self) -> usize {
        self.slot_bytes * self.slot_count
    }

    /// Where the label of a slot lies, which is also the base of its stack:
    /// the label is above it, the frames are below it. `slot_number` counts
    /// through all slabs of a pool.
    pub(crate) fn base_addr(&self, slot_start: usize, slot_number: usize) -> usize {
        let colour_bytes = (slot_number * COLOUR_STEP_BYTES) % COLOUR_BYTES_END;
        slot_start + self.slot_bytes - colour_bytes - LINE_BYTES
    }
}
