//! The time chapter: sleeps of fibers, on their worker's timers.
//! `event_loop.rs` calls it on a worker; other threads sleep in `foreign.rs`.

use std::io;

use io_blocking::system;
use io_core::task::{self, WaitEntry};
use io_core::{Clock, Instant};

use crate::worker::Worker;

/// The sleep of the fiber that runs on `worker`.
pub(crate) fn sleep_until(worker: &Worker, deadline: Instant) -> io::Result<()> {
    let (id, monotonic) = (worker.id(), || system::now(Clock::Monotonic));
    loop {
        worker.note_place();
        let until = match task::begin_wait(id, monotonic)? {
            WaitEntry::Wait { until } => until,
            WaitEntry::Ready => return Ok(()),
        };
        let wake =
            system::earliest(Some(deadline), until).filter(|_| !system::has_passed(deadline));
        if let Some(wake) = wake {
            worker.park_until(wake.as_nanos());
        }
        task::end_wait(id);
        // A sleep that is over is a result and comes before a request; one that
        // the deadline in force ended is none.
        if wake.is_some()
            && wake == until
            && until.is_some_and(system::has_passed)
            && let Some(answer) = task::interruption(id, monotonic)
        {
            return answer;
        }
        if system::has_passed(deadline) {
            return Ok(());
        }
        if let Some(answer) = task::interruption(id, monotonic) {
            return answer;
        }
    }
}
