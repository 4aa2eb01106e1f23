//! [`Poller`]: how a thread waits for one descriptor so that another thread can
//! end the wait. The only file that names mio; it knows nothing of tasks.
//! `parker.rs` keeps one for each thread that needs it.
//!
//! Each wait registers the descriptor and takes it out again. Registrations are
//! edge-triggered, and a new one reports what is ready already; so nothing is
//! missed, and nothing is left behind in the kernel's list that a later
//! descriptor with the same number could meet.

#![expect(unsafe_code, reason = "borrows the descriptor of mio's poll")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use io_blocking::system::Readiness;
use io_core::{Instant, Interest, is_deadline};
use mio::unix::SourceFd;
use mio::{Events, Poll, Token};

const WAKER: Token = Token(0);
const DESCRIPTOR: Token = Token(1);

/// One report for each of the two tokens.
const EVENTS_MAX: usize = 2;

/// Waits for one descriptor at a time. Has two descriptors of its own
/// (epoll(7), eventfd(2)).
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
}

/// Ends the wait of its poller, from any thread.
#[derive(Debug)]
pub(crate) struct Waker(mio::Waker);

impl Poller {
    /// A poller and what ends its waits.
    ///
    /// # Errors
    /// No further descriptor can be had (`EMFILE`, `ENFILE`, `ENOMEM`).
    pub(crate) fn new() -> io::Result<(Poller, Waker)> {
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKER)?;
        let events = Events::with_capacity(EVENTS_MAX);
        Ok((Poller { poll, events }, Waker(waker)))
    }

    /// Waits until `fd` is ready, the waker is used or it is `until` (monotonic); a
    /// signal may end it too. Whether `fd` is ready; an error or hang-up counts, the
    /// next read or write tells it.
    ///
    /// # Errors
    /// `EPERM` if the descriptor can not be waited for (epoll_ctl(2)).
    pub(crate) fn wait(
        &mut self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        until: Option<Instant>,
    ) -> io::Result<bool> {
        let interest = match interest {
            Interest::Read => mio::Interest::READABLE,
            Interest::Write => mio::Interest::WRITABLE,
        };
        let fd = fd.as_raw_fd();
        let mut source = SourceFd(&fd);
        let registry = self.poll.registry();
        registry.register(&mut source, DESCRIPTOR, interest)?;
        let polled = self.poll_until(until);
        self.poll.registry().deregister(&mut source)?;
        match polled {
            Ok(()) => Ok(self.events.iter().any(|event| event.token() == DESCRIPTOR)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A poll of mio's counts time in milliseconds: with a deadline it only collects
    /// what a wait in ppoll(2) has found, which counts nanoseconds.
    fn poll_until(&mut self, until: Option<Instant>) -> io::Result<()> {
        if until.is_none() {
            return self.poll.poll(&mut self.events, None);
        }
        // SAFETY: `self` keeps it open.
        let epoll = unsafe { BorrowedFd::borrow_raw(self.poll.as_raw_fd()) };
        match Readiness::new(epoll, Interest::Read, until).wait() {
            Err(error) if !is_deadline(&error) => return Err(error),
            // What came with the deadline counts.
            Ok(()) | Err(_) => {}
        }
        self.poll.poll(&mut self.events, Some(Duration::ZERO))
    }
}

impl Waker {
    /// Ends the poller's wait, or the next one if it is in none.
    pub(crate) fn wake(&self) {
        self.0
            .wake()
            .expect("adding one to an event counter of our own can not fail");
    }
}
