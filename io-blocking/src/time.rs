//! The time chapter: reading clocks and sleeping. `lib.rs` and the waits of
//! other chapters call it.

use std::io;
use std::time::Duration;

use io_core::task::{self, WaitEntry};
use io_core::{Clock, Instant, IoId};

use crate::syscall;

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// How long a wait for a clock that may step, or that runs on while the system
/// is suspended, goes without reading that clock again.
const SLICE_MAX: Duration = Duration::from_secs(1);

/// Reads a clock (clock_gettime(2)).
///
/// # Panics
/// If the time of day lies before 1970.
#[must_use]
pub fn now(clock: Clock) -> Instant {
    Instant::from_nanos(clock, nanos_of(clock_id(clock)))
}

fn nanos_of(clock: libc::clockid_t) -> u64 {
    let time = syscall::clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).expect("no clock lies before its epoch");
    let nanos = u64::try_from(time.tv_nsec).expect("nanoseconds of a second are positive");
    seconds * NANOS_PER_SECOND + nanos
}

/// The monotonic clock at the last tick of the system, nanoseconds: some milliseconds
/// late at most, and read for less than the clock itself (`CLOCK_MONOTONIC_COARSE`).
#[must_use]
pub fn last_tick_nanos() -> u64 {
    nanos_of(libc::CLOCK_MONOTONIC_COARSE)
}

/// Waits until `until`, which is of the monotonic clock (clock_nanosleep(2)).
pub fn sleep_until(until: Instant) {
    syscall::clock_nanosleep_until(clock_id(until.clock()), &to_timespec(until.as_nanos()));
}

/// Whether `deadline` has passed on its own clock; it reads that clock.
#[must_use]
pub fn has_passed(deadline: Instant) -> bool {
    now(deadline.clock()) >= deadline
}

/// When a wait for `deadline` (any clock) that is bounded by `until` (monotonic)
/// has to look again: a monotonic instant, `None` for never. A deadline of
/// another clock is approached in slices, so that steps of that clock are seen.
#[must_use]
pub fn earliest(deadline: Option<Instant>, until: Option<Instant>) -> Option<Instant> {
    let deadline = deadline.map(|deadline| match deadline.clock() {
        Clock::Monotonic => deadline,
        other => {
            let rest = deadline.saturating_duration_since(now(other));
            now(Clock::Monotonic).saturating_add(rest.min(SLICE_MAX))
        }
    });
    match (deadline, until) {
        (Some(deadline), Some(until)) if until < deadline => Some(until),
        (Some(deadline), _) => Some(deadline),
        (None, until) => until,
    }
}

/// Nanoseconds as the system wants them.
#[must_use]
pub fn to_timespec(nanos: u64) -> libc::timespec {
    let seconds = i64::try_from(nanos / NANOS_PER_SECOND);
    let rest = i64::try_from(nanos % NANOS_PER_SECOND);
    libc::timespec {
        tv_sec: seconds.expect("2^64 nanoseconds are less than 2^63 seconds"),
        tv_nsec: rest.expect("less than a second in nanoseconds fits"),
    }
}

/// The sleep of the current task.
pub(crate) fn sleep_as_task(io: IoId, deadline: Instant) -> io::Result<()> {
    let monotonic = || now(Clock::Monotonic);
    loop {
        let until = match task::begin_wait(io, monotonic)? {
            WaitEntry::Wait { until } => until,
            WaitEntry::Ready => return Ok(()),
        };
        let wake = earliest(Some(deadline), until).filter(|_| !has_passed(deadline));
        if let Some(wake) = wake {
            sleep_until(wake);
        }
        task::end_wait(io);
        // A sleep that is over is a result and comes before a request; one that
        // the deadline in force ended is none.
        if wake.is_some()
            && wake == until
            && let Some(answer) = task::interruption(io, monotonic)
        {
            return answer;
        }
        if has_passed(deadline) {
            return Ok(());
        }
    }
}

fn clock_id(clock: Clock) -> libc::clockid_t {
    match clock {
        Clock::Monotonic => libc::CLOCK_MONOTONIC,
        Clock::Boot => libc::CLOCK_BOOTTIME,
        Clock::Real => libc::CLOCK_REALTIME,
        other => unreachable!("{other:?} is a clock that this executor does not know"),
    }
}
