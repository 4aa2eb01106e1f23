//! Reads and writes of a task that runs on a thread: what may wait for a peer
//! (pipes, sockets, terminals) is tried without waiting, and waits in a poll(2)
//! that looks at an eventfd of the thread too. `foreign.rs` calls it.

#![expect(unsafe_code, reason = "polls two descriptors")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::Ordering;

use io_blocking::system;
use io_core::task::{self, WaitEntry};
use io_core::{Instant, Interest, IoId, Operation, Outcome};

use super::{Word, monotonic};
use crate::shared::Shared;
use crate::wake::new_eventfd;

/// After so many rounds a descriptor is taken for one that says ready but is not,
/// and each further round sleeps first: never a busy loop.
const ROUNDS_MAX: u32 = 64;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// What an operation may wait for.
#[derive(Clone, Copy)]
pub(super) struct Peer<'a> {
    fd: BorrowedFd<'a>,
    events: i16,
}

/// The peer that an operation may wait for; `None` if it waits for none.
pub(super) fn peer_of<'a>(operation: &Operation<'a, '_>) -> io::Result<Option<Peer<'a>>> {
    let (handle, events) = match operation {
        Operation::Read {
            handle,
            offset: None,
            ..
        } => (*handle, libc::POLLIN),
        Operation::Write {
            handle,
            offset: None,
            ..
        } => (*handle, libc::POLLOUT),
        Operation::Poll { fd, interest } => {
            let events = match interest {
                Interest::Read => libc::POLLIN,
                Interest::Write => libc::POLLOUT,
            };
            return Ok(Some(Peer { fd: *fd, events }));
        }
        _ => return Ok(None),
    };
    let is_peer = system::can_poll(system::kind(handle)?);
    let fd = system::descriptor(handle)?;
    Ok(is_peer.then_some(Peer { fd, events }))
}

/// Performs it, and waits so that a request or the deadline in force ends it.
pub(super) fn perform(
    shared: &Shared,
    id: IoId,
    operation: &mut Operation<'_, '_>,
    peer: Peer<'_>,
) -> io::Result<Outcome> {
    let (mut rounds, mut is_ready) = (0_u32, false);
    loop {
        let result = match operation {
            Operation::Read {
                handle, buffers, ..
            } => system::read_nowait(handle, buffers),
            Operation::Write {
                handle, buffers, ..
            } => system::write_nowait(handle, buffers),
            Operation::Poll { .. } if is_ready => return Ok(Outcome::Done),
            Operation::Poll { .. } => Err(system::errno(libc::EAGAIN)),
            _ => unreachable!("a peer was found"),
        };
        match result {
            Err(error) if system::would_wait(&error) => {}
            answer => return answer.map(Outcome::Count),
        }
        rounds = rounds.saturating_add(1);
        if rounds > ROUNDS_MAX {
            system::sleep_until(monotonic().saturating_add(PAUSE));
        }
        let Ok(eventfd) = new_eventfd() else {
            // No descriptor is left: it waits all the same, and only its deadline
            // ends it.
            return system::perform_until(operation, task::deadline(id));
        };
        is_ready = wait(shared, id, peer, eventfd.as_fd())?;
    }
}

/// One wait; returns whether the peer is ready. It may end for another reason.
fn wait(shared: &Shared, id: IoId, peer: Peer<'_>, eventfd: BorrowedFd<'_>) -> io::Result<bool> {
    let place = shared
        .thread_words
        .register(Word::EventFd(eventfd.as_raw_fd()));
    task::with_current(id, |record| {
        if let Some(record) = record {
            record.place().store(place, Ordering::Relaxed);
        }
    });
    let begun = task::begin_wait(id, monotonic);
    let waited = begun.and_then(|entry| {
        let until = match entry {
            WaitEntry::Wait { until } => until,
            // As on a fiber, see `file.rs`.
            WaitEntry::Ready => None,
        };
        let polled = poll(peer.fd, peer.events, eventfd, until);
        task::end_wait(id);
        polled
    });
    // Before the caller closes the eventfd: an interrupt writes to it under the register's lock.
    shared.thread_words.unregister(place);
    waited
}

/// ppoll(2) of both. An interruption shows at the next begin of a wait.
fn poll(
    fd: BorrowedFd<'_>,
    events: i16,
    eventfd: BorrowedFd<'_>,
    until: Option<Instant>,
) -> io::Result<bool> {
    let entry = |fd: BorrowedFd<'_>, events| libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    let mut both = [entry(fd, events), entry(eventfd, libc::POLLIN)];
    let rest = until.map(|until| {
        let rest = until.saturating_duration_since(monotonic());
        system::to_timespec(u64::try_from(rest.as_nanos()).unwrap_or(u64::MAX))
    });
    let timeout = rest.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: two entries are read and written, the time-out is read, if it is one.
    let polled = unsafe { libc::ppoll(both.as_mut_ptr(), 2, timeout, ptr::null()) };
    if polled < 0 {
        let error = io::Error::last_os_error();
        if !system::is_errno(&error, libc::EINTR) {
            return Err(error);
        }
        return Ok(false);
    }
    Ok(both[0].revents != 0)
}
