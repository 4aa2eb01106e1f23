//! What a task does to itself: deadlines, protection, checkpoints. Methods of
//! the front, for programs.

use std::io;
use std::time::Duration;

use crate::io::Io;
use crate::task::record;
use crate::time::{Clock, Instant};

impl<'io> dyn Io + 'io {
    /// A cancellation point and nothing else.
    ///
    /// # Errors
    /// Canceled, or the deadline in force has passed.
    pub fn checkpoint(&self) -> io::Result<()> {
        record::point(self.id(), || self.now(Clock::Monotonic))
    }

    /// Runs `body` so that requests, and deadlines set outside it, are deferred.
    /// Deadlines set inside apply; tasks spawned inside inherit only these.
    pub fn protect<R>(&self, body: impl FnOnce() -> R) -> R {
        record::protected(self.id(), body)
    }

    /// Puts a delivered request back: the next point delivers it again. Does
    /// nothing if none was delivered since the last call.
    pub fn rearm(&self) {
        record::with_current(self.id(), |own| {
            if let Some(own) = own {
                own.cancel.rearm();
            }
        });
    }

    /// Runs `body` under a deadline: every point inside fails with `TimedOut`
    /// once it has passed, and no operation is started after it. The earlier of
    /// nested deadlines wins. Tasks spawned inside inherit it.
    ///
    /// A deadline of another clock than [`Clock::Monotonic`] is converted at this
    /// call; later steps of that clock are not followed.
    pub fn with_deadline<R>(&self, deadline: Instant, body: impl FnOnce() -> R) -> R {
        let monotonic = match deadline.clock() {
            Clock::Monotonic => deadline,
            other => {
                let rest = deadline.saturating_duration_since(self.now(other));
                self.now(Clock::Monotonic).saturating_add(rest)
            }
        };
        record::bounded(self.id(), monotonic.as_nanos(), body)
    }

    /// Runs `body` under a deadline that is `timeout` away.
    pub fn with_timeout<R>(&self, timeout: Duration, body: impl FnOnce() -> R) -> R {
        self.with_deadline(self.now(Clock::Monotonic).saturating_add(timeout), body)
    }
}
