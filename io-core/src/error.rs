//! The two errors that the contract itself defines: a delivered cancel request
//! and a passed deadline. Everything else is an operating error of the system,
//! with its OS code kept. Backends make these errors; programs ask for them.

use std::io;

/// The error of a cancellation point at which a request was delivered:
/// `ECANCELED`, made without an allocation.
///
/// It is not [`io::ErrorKind::Interrupted`], which `read_exact` and its like
/// would retry.
#[must_use]
pub fn canceled() -> io::Error {
    io::Error::from_raw_os_error(libc::ECANCELED)
}

/// Whether `error` is a delivered cancel request.
///
/// ```
/// assert!(io_core::is_canceled(&io_core::canceled()));
/// assert!(!io_core::is_canceled(&std::io::Error::from_raw_os_error(2)));
/// ```
#[must_use]
pub fn is_canceled(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ECANCELED)
}

/// The error of a cancellation point whose deadline has passed:
/// [`io::ErrorKind::TimedOut`] without an OS code (a peer's `ETIMEDOUT` has one).
#[must_use]
pub fn deadline_passed() -> io::Error {
    io::Error::from(io::ErrorKind::TimedOut)
}

/// Whether `error` says that a deadline of ours has passed.
///
/// ```
/// assert!(io_core::is_deadline(&io_core::deadline_passed()));
/// ```
#[must_use]
pub fn is_deadline(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut && error.raw_os_error().is_none()
}

/// What a backend answers for what it lacks and has declared in its
/// [`Capabilities`](crate::Capabilities).
#[must_use]
pub fn unsupported() -> io::Error {
    io::Error::from(io::ErrorKind::Unsupported)
}
