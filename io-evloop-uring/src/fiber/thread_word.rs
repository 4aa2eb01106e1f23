//! One word per thread that is the same on all fibers of the thread: the
//! scheduler keeps a pointer to the current worker here.
//!
//! Called by the scheduler. May import std only. It is an ordinary
//! thread-local, kept under `fiber/` because the stand-in by threads has to
//! hand it on from the resumer's thread to the fiber's.

use std::{cell::Cell, ptr};

thread_local! {
    static WORD: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// The word of the calling thread; null until it is set.
#[inline]
pub(crate) fn thread_word() -> *const () {
    WORD.get()
}

/// Sets the word of the calling thread. With the stand-in by threads, a fiber
/// gets its resumer's word at each resume; what it sets itself stays its own.
#[inline]
pub(crate) fn set_thread_word(word: *const ()) {
    WORD.set(word);
}
