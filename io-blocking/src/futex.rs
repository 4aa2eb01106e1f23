//! The futex chapter: waits on the caller's word itself, in the kernel.
//! `lib.rs` calls it; other executors use the two calls for words of their own.

use std::io;
use std::sync::atomic::Ordering;

use io_core::task::{self, WaitEntry};
use io_core::{Clock, FutexAddress, FutexWord, Instant, IoId, deadline_passed};

use crate::syscall;
use crate::time;

/// How a wait on a word ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FutexEnd {
    /// Woken, perhaps for no reason.
    Woken,
    /// The word did not have the expected value when the wait began.
    Changed,
    /// The time-out came first.
    TimedOut,
}

/// Waits until the word is woken, as long as it is `expected` when the wait
/// begins, and at most until `until` (monotonic); private to the process
/// (futex(2), `FUTEX_WAIT_BITSET`).
#[must_use]
pub fn futex_wait(word: FutexWord<'_>, expected: u32, until: Option<Instant>) -> FutexEnd {
    let timeout = until.map(|until| time::to_timespec(until.as_nanos()));
    match syscall::futex_wait(word, expected, timeout.as_ref()) {
        Ok(()) => FutexEnd::Woken,
        Err(error) => match error.raw_os_error() {
            Some(libc::EAGAIN) => FutexEnd::Changed,
            Some(libc::ETIMEDOUT) => FutexEnd::TimedOut,
            _ => panic!("a futex wait can not fail otherwise: {error}"),
        },
    }
}

/// Wakes at most `count` waits on the word at `address`, which is not looked
/// at: it may be gone (futex(2), `FUTEX_WAKE`).
pub fn futex_wake(address: FutexAddress, count: u32) {
    // The kernel counts in a signed number and stops at the first one if it is
    // negative.
    let count = i32::try_from(count).unwrap_or(i32::MAX);
    if count > 0 {
        syscall::futex_wake(address, count);
    }
}

/// The futex wait of the current task.
pub(crate) fn wait_as_task(
    io: IoId,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    let monotonic = || time::now(Clock::Monotonic);
    loop {
        // A call that does not have to wait is no cancellation point. Relaxed:
        // who waits loads the word again, and the kernel compares it.
        if word.load(Ordering::Relaxed) != expected {
            return Ok(());
        }
        let until = match task::begin_wait(io, monotonic)? {
            WaitEntry::Wait { until } => until,
            WaitEntry::Ready => return Ok(()),
        };
        let end = futex_wait(word, expected, time::earliest(deadline, until));
        task::end_wait(io);
        if end != FutexEnd::TimedOut {
            return Ok(());
        }
        if let Some(answer) = task::interruption(io, monotonic) {
            return answer;
        }
        if deadline.is_some_and(time::has_passed) {
            return Err(deadline_passed());
        }
    }
}
