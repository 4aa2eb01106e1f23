//! Waiting until one descriptor is ready (ppoll(2)), for reads and writes that
//! found nothing to do. No descriptor's status flags are changed for it: they
//! are shared with other processes.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use io_core::{Clock, Instant, Interest, deadline_passed};

use crate::syscall;
use crate::time;

/// The waits of one read or write, which may be several: another reader may be
/// faster each time.
#[derive(Debug)]
pub struct Readiness<'fd> {
    fd: BorrowedFd<'fd>,
    interest: Interest,
    until: Option<Instant>,
    rounds: u32,
}

/// After so many rounds in one transfer the descriptor is taken for one that
/// says ready but is not, and each further round sleeps for [`PAUSE`]: never a
/// busy loop.
const ROUNDS_MAX: u32 = 64;
const PAUSE: Duration = Duration::from_millis(1);

impl<'fd> Readiness<'fd> {
    /// The waits of a transfer, which end at `until` (monotonic).
    #[must_use]
    pub fn new(fd: BorrowedFd<'fd>, interest: Interest, until: Option<Instant>) -> Readiness<'fd> {
        Readiness {
            fd,
            interest,
            until,
            rounds: 0,
        }
    }

    /// Waits until the descriptor is ready, or says that it is.
    ///
    /// # Errors
    /// The deadline has passed.
    pub fn wait(&mut self) -> io::Result<()> {
        self.rounds = self.rounds.saturating_add(1);
        if self.rounds > ROUNDS_MAX {
            let pause = time::now(Clock::Monotonic).saturating_add(PAUSE);
            time::sleep_until(self.until.filter(|&until| until < pause).unwrap_or(pause));
        }
        loop {
            let timeout = match self.until {
                None => None,
                Some(until) => {
                    let now = time::now(Clock::Monotonic);
                    if now >= until {
                        return Err(deadline_passed());
                    }
                    Some(until.saturating_duration_since(now))
                }
            };
            if is_ready(self.fd, self.interest, timeout)? {
                return Ok(());
            }
        }
    }
}

/// Waits for at most `timeout`. Errors and hang-ups count as ready: the next
/// read or write tells them. False also if a signal ended the wait.
pub(crate) fn is_ready(
    fd: BorrowedFd<'_>,
    interest: Interest,
    timeout: Option<Duration>,
) -> io::Result<bool> {
    let events = match interest {
        Interest::Read => libc::POLLIN,
        Interest::Write => libc::POLLOUT,
    };
    let timeout = timeout
        .map(|timeout| time::to_timespec(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX)));
    syscall::poll(fd, events, timeout.as_ref())
}
