//! The time chapter: sleeping on the word of the thread's parker. `lib.rs` and
//! `file.rs` call it.

use std::io;

use io_blocking::system;
use io_core::task::{self, WaitEntry};
use io_core::{Clock, Instant};

use crate::shared::Shared;

/// The sleep of the current task or thread.
pub(crate) fn sleep_until(shared: &Shared, deadline: Instant) -> io::Result<()> {
    let (id, monotonic) = (shared.id(), || system::now(Clock::Monotonic));
    let parker = shared.parker();
    loop {
        parker.begin_park(id);
        let until = match task::begin_wait(id, monotonic)? {
            WaitEntry::Wait { until } => until,
            WaitEntry::Ready => return Ok(()),
        };
        let wake = system::earliest(Some(deadline), until);
        let wake = wake.filter(|_| !system::has_passed(deadline));
        if wake.is_some() {
            parker.park(wake);
        }
        task::end_wait(id);
        // A sleep that is over is a result and comes before a request; one that
        // the deadline in force ended is none.
        if wake.is_some()
            && wake == until
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
