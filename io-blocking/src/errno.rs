//! Error numbers of the system as [`io::Error`]s, with the number kept.
//! Everything in the crate uses it; it imports nothing of the crate.

use std::cell::Cell;
use std::io;

/// The error with this number (errno(3)).
#[must_use]
pub fn errno(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

/// Whether `error` came from the system with this number.
#[must_use]
pub fn is_errno(error: &io::Error, code: i32) -> bool {
    error.raw_os_error() == Some(code)
}

/// Whether `error` says that the call would have had to wait (`EAGAIN`).
#[must_use]
pub fn would_wait(error: &io::Error) -> bool {
    is_errno(error, libc::EAGAIN)
}

thread_local! {
    /// Whether `EINTR` ends a call on this thread. Set by [`interruptible`].
    static IS_INTERRUPTIBLE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `call` so that a signal ends the system call in it with `EINTR` instead
/// of only delaying it: for executors that send such signals.
///
/// # Errors
/// What `call` says; `EINTR` means that it did nothing.
pub fn interruptible<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_INTERRUPTIBLE.set(self.0);
        }
    }
    let _restore = Restore(IS_INTERRUPTIBLE.replace(true));
    call()
}

/// Whether `error` is a signal's interruption that the call goes on after.
pub(crate) fn is_to_retry(error: &io::Error) -> bool {
    is_errno(error, libc::EINTR) && !IS_INTERRUPTIBLE.get()
}

/// Calls again as long as the answer is `EINTR`: nobody here sends the signal
/// that interrupted it, so the wait goes on; inside [`interruptible`] it is over.
#[inline]
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if is_to_retry(&error) => {}
            answer => return answer,
        }
    }
}
