//! Time as a value: clocks, and instants that carry their clock. Backends make
//! instants; everything above asks `Io` for them and never the system.

use std::cmp::Ordering;
use std::io;
use std::time::Duration;

use crate::io::Io;

/// Which clock an [`Instant`] was read from (clock_gettime(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Clock {
    /// Never steps, does not count while the system is suspended (`CLOCK_MONOTONIC`).
    /// Deadlines and sleeps are measured by it.
    Monotonic,
    /// Never steps, counts while the system is suspended (`CLOCK_BOOTTIME`).
    Boot,
    /// The time of day since 1970-01-01 00:00 UTC; may step (`CLOCK_REALTIME`).
    Real,
}

impl Clock {
    /// Every clock, for tests and tables.
    pub const ALL: [Clock; 3] = [Clock::Monotonic, Clock::Boot, Clock::Real];
}

/// A point in time of one [`Clock`], with a resolution of one nanosecond.
///
/// Our own type, so that a simulated backend can make one. Instants of
/// different clocks do not compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Instant {
    clock: Clock,
    nanos: u64,
}

impl Instant {
    /// The instant `nanos` nanoseconds after the epoch of `clock`.
    #[must_use]
    pub const fn from_nanos(clock: Clock, nanos: u64) -> Instant {
        Instant { clock, nanos }
    }

    /// Nanoseconds since the epoch of its clock.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.nanos
    }

    /// The clock it was read from.
    #[must_use]
    pub const fn clock(self) -> Clock {
        self.clock
    }

    /// The instant `duration` later; the last representable one (some 584 years
    /// after the epoch) if that is beyond it.
    #[must_use]
    pub fn saturating_add(self, duration: Duration) -> Instant {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Instant {
            clock: self.clock,
            nanos: self.nanos.saturating_add(nanos),
        }
    }

    /// How long it is from `earlier` to this instant, zero if it is not later.
    ///
    /// # Panics
    /// If the two are of different clocks.
    #[must_use]
    pub fn saturating_duration_since(self, earlier: Instant) -> Duration {
        assert_eq!(
            self.clock, earlier.clock,
            "instants of different clocks do not compare"
        );
        Duration::from_nanos(self.nanos.saturating_sub(earlier.nanos))
    }
}

impl PartialOrd for Instant {
    fn partial_cmp(&self, other: &Instant) -> Option<Ordering> {
        (self.clock == other.clock).then(|| self.nanos.cmp(&other.nanos))
    }
}

impl<'io> dyn Io + 'io {
    /// Waits until `duration` has passed on the monotonic clock; never returns
    /// `Ok` earlier.
    ///
    /// # Cancellation
    /// A cancellation point, also for a duration of zero.
    ///
    /// # Errors
    /// Canceled, or the deadline in force has passed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use io_core::Clock;
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// let began = io.now(Clock::Monotonic);
    /// let pause = Duration::from_millis(1);
    /// io.sleep(pause)?;
    /// assert!(io.now(Clock::Monotonic) >= began.saturating_add(pause));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn sleep(&self, duration: Duration) -> io::Result<()> {
        self.sleep_until(self.now(Clock::Monotonic).saturating_add(duration))
    }
}
