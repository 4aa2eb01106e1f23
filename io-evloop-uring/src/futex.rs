//! The futex chapter: waits of fibers in the parking lot. `event_loop.rs` calls
//! it on a worker; other threads wait in `foreign.rs`.

use std::io;
use std::sync::atomic::Ordering;

use io_blocking::system;
use io_core::task::{self, WaitEntry};
use io_core::{Clock, FutexWord, Instant, deadline_passed};

use crate::worker::Worker;

/// The futex wait of the fiber that runs on `worker`.
///
/// # Panics
/// Inside `no_suspend`: the task that would wake it may be on this very worker.
pub(crate) fn wait(
    worker: &Worker,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    // A call that does not have to wait is no cancellation point. Relaxed: who
    // waits loads the word again, and the lot compares it under its lock.
    if word.load(Ordering::Relaxed) != expected {
        return Ok(());
    }
    let (id, monotonic) = (worker.id(), || system::now(Clock::Monotonic));
    assert!(
        !worker.is_no_suspend(),
        "a wait for another task inside no_suspend can not end"
    );
    loop {
        worker.note_place();
        let until = match task::begin_wait(id, monotonic)? {
            WaitEntry::Wait { until } => until,
            WaitEntry::Ready => return Ok(()),
        };
        let until = system::earliest(deadline, until);
        let is_ended_early = worker.park_on_word(word, expected, until.map(Instant::as_nanos));
        task::end_wait(id);
        if !is_ended_early {
            return Ok(());
        }
        if let Some(answer) = task::interruption(id, monotonic) {
            return answer;
        }
        if deadline.is_some_and(system::has_passed) {
            return Err(deadline_passed());
        }
    }
}
