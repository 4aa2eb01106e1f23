//! [`prefetch`]: a hint to the processor that an address is needed soon. Called by
//! `cell.rs`; where there is no such instruction it does nothing.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "the instruction has no safe door")
)]

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

        /// Has the cache line at `address` fetched. Nothing needs to be there.
        #[inline]
        pub(crate) fn prefetch(address: usize) {
            let address = std::ptr::without_provenance::<i8>(address);
            // SAFETY: it reads nothing that a program can see, and does not fault.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
        }
    } else {
        /// There is no such hint here.
        #[inline]
        pub(crate) fn prefetch(_address: usize) {}
    }
}
