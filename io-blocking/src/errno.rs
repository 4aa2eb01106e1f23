//! Error numbers of the system as [`io::Error`]s, with the number kept.
//! Everything in the crate uses it; it imports nothing of the crate.

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

/// Calls again as long as the answer is `EINTR`: nobody here sends the signal
/// that interrupted it, so the wait goes on.
#[inline]
pub(crate) fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if is_errno(&error, libc::EINTR) => {}
            answer => return answer,
        }
    }
}
