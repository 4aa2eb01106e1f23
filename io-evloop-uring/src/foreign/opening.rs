//! Openings of a task that runs on a thread which may have to wait for the other
//! end of a FIFO. open(2) itself would wait until it comes, whatever the task is
//! asked; so such an opening goes through a ring of its own, made for it, whose
//! kernel thread can be told to stop. `foreign.rs` calls it.
//!
//! Nothing but a FIFO is opened that way. One that takes the place of a file
//! between the look and the opening, or for which there is no ring (no
//! descriptor, no memory), is waited for as open(2) does.

#![expect(
    unsafe_code,
    reason = "an entry names the path; takes a descriptor over"
)]

use std::ffi::{CStr, c_int};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

use io_blocking::system;
use io_core::fs::{FileType, Metadata};
use io_core::task::{self, WaitEntry};
use io_core::{Instant, IoId, Links, Operation, Outcome, Target};

use super::{Word, monotonic};
use crate::file::{Judgement, judge, never_waits};
use crate::ring::{Entry, PollTimes, Ring, RingOptions, SlotAddress, UserData, Wait};
use crate::shared::Shared;
use crate::wake::new_eventfd;

/// Room for the opening, the poll of the thread's eventfd, and cancels.
const ENTRIES: u32 = 4;
/// What was canceled and goes on is canceled again after this time: it can be
/// between two places where the kernel would find it.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);
/// What the two submissions carry: multiples of eight that nobody follows.
const OPENING: usize = 8;
const INTERRUPT: usize = 16;

/// Whether an opening may have to wait for the other end of a FIFO.
pub(super) fn may_wait(operation: &Operation<'_, '_>) -> bool {
    let (at, options) = match operation {
        Operation::Open { at, options } | Operation::Create { at, options } => (at, options),
        _ => return false,
    };
    let Ok(flags) = system::open_flags(options) else {
        return false;
    };
    if never_waits(flags) {
        return false;
    }
    let links = if flags & libc::O_NOFOLLOW == 0 {
        Links::Follow
    } else {
        Links::NoFollow
    };
    let mut metadata = Metadata::default();
    let mut look = Operation::Metadata {
        target: Target::Path(*at, links),
        out: &mut metadata,
    };
    system::perform(&mut look).is_ok() && metadata.file_type() == FileType::Fifo
}

/// Opens what may have to wait, so that a request or the deadline in force ends
/// the wait.
pub(super) fn perform(
    shared: &Shared,
    id: IoId,
    operation: &mut Operation<'_, '_>,
) -> io::Result<Outcome> {
    let (at, options) = match operation {
        Operation::Open { at, options } | Operation::Create { at, options } => (*at, *options),
        _ => unreachable!("the caller has looked"),
    };
    let flags = system::open_flags(&options)?;
    let directory = system::directory_of(&at)?.as_raw_fd();
    let mode = options.permission_bits();
    let opened = system::with_c_path(at.path, |path: &CStr| {
        loop {
            let user_data = UserData::Operation(SlotAddress::new(OPENING));
            // SAFETY: kernel borrow: path and directory are borrowed for this
            // call, and the wait ends with the opening.
            let entry = unsafe { Entry::openat(user_data, directory, path.as_ptr(), flags, mode) };
            let Some(ended) = wait(shared, id, entry.on_kernel_worker())? else {
                return Ok(None);
            };
            match judge(ended.result, ended.is_cancel_sent) {
                Judgement::Result(answer) => return answer.map(Some),
                Judgement::Ended => {
                    if let Some(Err(answer)) = task::interruption(id, monotonic) {
                        return Err(answer);
                    }
                }
                Judgement::Again => {}
                // The kernel has no thread for it; this one can wait.
                Judgement::Refused => return Ok(None),
            }
        }
    })?;
    let Some(number) = opened else {
        return system::perform(operation);
    };
    let number = c_int::try_from(number).expect("a descriptor fits");
    // SAFETY: the kernel has just opened it for this call; nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(Outcome::Handle(system::handle_from_open(fd, flags)))
}

/// How an opening ended.
struct Ended {
    result: i32,
    is_cancel_sent: bool,
}

/// One wait of the current task for `entry`; `None` if there is no ring for it. Each
/// has a ring and an eventfd of its own: nothing of a former wait is left in them.
fn wait(shared: &Shared, id: IoId, entry: Entry) -> io::Result<Option<Ended>> {
    let options = RingOptions {
        entries: ENTRIES,
        ..shared.options.ring.clone()
    };
    // The ring is dropped first: it has a poll of the eventfd.
    let Ok(eventfd) = new_eventfd() else {
        return Ok(None);
    };
    let Ok(mut ring) = Ring::new(&options) else {
        return Ok(None);
    };
    let word = Word::EventFd(eventfd.as_raw_fd());
    let place = shared.thread_words.register(word);
    task::with_current(id, |record| {
        if let Some(record) = record {
            record.place().store(place, Ordering::Relaxed);
        }
    });
    let begun = task::begin_wait(id, monotonic);
    let ended = begun.and_then(|begun| {
        let until = match begun {
            WaitEntry::Wait { until } => until,
            // As on a fiber, see `file.rs`.
            WaitEntry::Ready => None,
        };
        let ended = submit_and_wait(&mut ring, entry, eventfd.as_fd(), until);
        task::end_wait(id);
        ended
    });
    // Before the eventfd is closed: an interrupt writes to it under the register's
    // lock.
    shared.thread_words.unregister(place);
    ended.map(Some)
}

/// # Errors
/// The ring fails: what is in flight ends with it.
fn submit_and_wait(
    ring: &mut Ring,
    entry: Entry,
    eventfd: BorrowedFd<'_>,
    until: Option<Instant>,
) -> io::Result<Ended> {
    let opening = SlotAddress::new(OPENING);
    let interrupt = UserData::Operation(SlotAddress::new(INTERRUPT));
    let events = libc::POLLIN.unsigned_abs().into();
    ring.push(entry);
    // SAFETY: kernel borrow: the caller keeps the eventfd until the ring is gone.
    let poll = unsafe { Entry::poll(interrupt, eventfd.as_raw_fd(), events, PollTimes::Single) };
    ring.push(poll);
    let (mut result, mut is_asked, mut is_cancel_sent) = (None, false, false);
    loop {
        let limit = match until {
            _ if is_cancel_sent => Wait::OneFor(CANCEL_AGAIN),
            Some(until) => Wait::OneFor(until.saturating_duration_since(monotonic())),
            None => Wait::One,
        };
        ring.submit_and_reap(limit, |_, completion| match completion.user_data {
            UserData::Operation(slot) if slot == opening => result = Some(completion.result),
            UserData::Operation(_) => is_asked = true,
            _ => {}
        })?;
        if let Some(result) = result {
            return Ok(Ended {
                result,
                is_cancel_sent,
            });
        }
        if is_asked || until.is_some_and(system::has_passed) {
            is_cancel_sent = true;
            ring.push(Entry::cancel(opening));
        }
    }
}
