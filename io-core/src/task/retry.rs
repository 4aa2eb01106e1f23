//! [`Retry`]: an operation that may fail for a while, tried again after growing
//! pauses. Clock and chance come through `Io`.

use std::io;
use std::time::Duration;

use crate::error::{is_canceled, is_deadline};
use crate::io::Io;

/// How often something is tried, and how long the pauses between are.
///
/// A pause is a random part of an upper bound that doubles from one to the next,
/// so that many who failed together do not come back together.
///
/// ```
/// use std::time::Duration;
/// use io_core::{Io, task::Retry};
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn Io = &blocking;
/// let mut failures = 2;
/// let retry = Retry::new(5).first_pause(Duration::from_micros(10));
/// let answer = retry.run(io, || {
///     if failures > 0 {
///         failures -= 1;
///         return Err(std::io::ErrorKind::ConnectionRefused.into());
///     }
///     Ok("up again")
/// })?;
/// assert_eq!(answer, "up again");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    attempts_max: u32,
    first_pause: Duration,
    pause_max: Duration,
}

impl Retry {
    /// At most `attempts_max` attempts, with pauses of up to 10 ms at first and 10 s
    /// in the end.
    ///
    /// # Panics
    /// If `attempts_max` is zero.
    #[must_use]
    pub fn new(attempts_max: u32) -> Retry {
        assert!(attempts_max > 0, "without an attempt there is no result");
        Retry {
            attempts_max,
            first_pause: Duration::from_millis(10),
            pause_max: Duration::from_secs(10),
        }
    }

    /// The upper bound of the first pause.
    #[must_use]
    pub const fn first_pause(self, first_pause: Duration) -> Retry {
        Retry {
            first_pause,
            ..self
        }
    }

    /// The upper bound of all pauses.
    #[must_use]
    pub const fn pause_max(self, pause_max: Duration) -> Retry {
        Retry { pause_max, ..self }
    }

    /// Tries `attempt` until it succeeds or the attempts are used up. A delivered
    /// request and a passed deadline are not tried again.
    ///
    /// # Cancellation
    /// A point at each pause.
    ///
    /// # Errors
    /// The last attempt's; Canceled or deadline passed in a pause.
    pub fn run<T>(self, io: &dyn Io, attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        self.run_if(io, |_error| true, attempt)
    }

    /// As [`run`](Retry::run), but only errors that `is_passing` may pass are
    /// tried again.
    ///
    /// # Cancellation
    /// As [`run`](Retry::run).
    ///
    /// # Errors
    /// As [`run`](Retry::run).
    pub fn run_if<T>(
        self,
        io: &dyn Io,
        mut is_passing: impl FnMut(&io::Error) -> bool,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> io::Result<T> {
        let mut bound = self.first_pause.min(self.pause_max);
        for _ in 1..self.attempts_max {
            match attempt() {
                Err(error) if is_canceled(&error) || is_deadline(&error) => return Err(error),
                Err(error) if is_passing(&error) => {}
                other => return other,
            }
            io.sleep(random_part(io, bound))?;
            bound = bound.saturating_mul(2).min(self.pause_max);
        }
        attempt()
    }
}

/// A duration between zero and `bound`, both possible.
fn random_part(io: &dyn Io, bound: Duration) -> Duration {
    let mut bytes = [0; 4];
    io.random(&mut bytes);
    let part = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
    bound.mul_f64(part)
}
