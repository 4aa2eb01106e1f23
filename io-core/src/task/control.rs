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
    ///
    /// # Cancellation
    /// A point.
    ///
    /// ```
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// for chunk in [[1_u8; 4096]; 3].chunks(1) {
    ///     // A long computation has no point of its own.
    ///     io.checkpoint()?;
    ///     assert_eq!(chunk[0].iter().map(|byte| u32::from(*byte)).sum::<u32>(), 4096);
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn checkpoint(&self) -> io::Result<()> {
        record::point(self.id(), || self.now(Clock::Monotonic))
    }

    /// Runs `body` so that requests, and deadlines set outside it, are deferred.
    /// Deadlines set inside apply; tasks spawned inside inherit only these.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use io_core::is_deadline;
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// io.with_timeout(Duration::ZERO, || {
    ///     assert!(is_deadline(&io.checkpoint().unwrap_err()));
    ///     // Clean-up can do I/O, and has a deadline of its own.
    ///     let minute = Duration::from_secs(60);
    ///     io.protect(|| io.with_timeout(minute, || io.checkpoint()))
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn protect<R>(&self, body: impl FnOnce() -> R) -> R {
        record::protected(self.id(), body)
    }

    /// Puts a delivered request back: the next point delivers it again. Does
    /// nothing if none was delivered since the last call.
    ///
    /// ```
    /// use io_core::is_canceled;
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// io.scope(|scope| {
    ///     scope.cancel();
    ///     let task = scope.spawn(|| {
    ///         if io.checkpoint().is_err_and(|error| is_canceled(&error)) {
    ///             // Noted, and left for whoever is to end the work.
    ///             io.rearm();
    ///         }
    ///         io.checkpoint()
    ///     });
    ///     assert!(task.join().is_err_and(|error| is_canceled(&error)));
    /// });
    /// ```
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
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use io_core::{Clock, is_deadline};
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// let soon = io.now(Clock::Monotonic).saturating_add(Duration::from_millis(1));
    /// let slept = io.with_deadline(soon, || io.sleep(Duration::from_secs(3600)));
    /// assert!(is_deadline(&slept.unwrap_err()));
    /// ```
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
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use io_core::fs;
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// let name = io.with_timeout(Duration::from_secs(10), || {
    ///     fs::read_to_string(io, "/proc/self/comm")
    /// })?;
    /// assert!(!name.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_timeout<R>(&self, timeout: Duration, body: impl FnOnce() -> R) -> R {
        self.with_deadline(self.now(Clock::Monotonic).saturating_add(timeout), body)
    }
}
