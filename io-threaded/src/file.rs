//! The file chapter: which way each operation goes, and the waits of those that
//! may wait for ever. `lib.rs` calls it. The system calls are io-blocking's.
//!
//! ```text
//! Plain       one blocking call: regular files, names, metadata. Nothing ends it
//!             but the device.
//! Transfer    reads and writes at the cursor of what can be polled: attempt
//!             without waiting ──EAGAIN──► wait in the thread's poller ──► again
//! Poll        waiting for readiness: in the thread's poller
//! Callable    opening (a FIFO waits for its other end): a blocking call that a
//!             signal ends
//! ```
//! A thread that runs no task and has no deadline takes the plain way for all:
//! nobody can end its wait.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;
use std::time::Duration;

use io_blocking::system;
use io_core::task::{self, WaitEntry};
use io_core::{Clock, Handle, HandleKind, Instant, Interest, Operation, OperationKind, Outcome};

use crate::parker::PollEnd;
use crate::shared::Shared;

/// How an operation is performed by a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    Transfer,
    Poll,
    Callable,
}

/// After so many rounds in one transfer the descriptor is taken for one that
/// says ready but is not, and each further round sleeps first: never a busy loop.
const ROUNDS_MAX: u32 = 64;
const PAUSE: Duration = Duration::from_millis(1);

/// The route table: no `_`, so that a new kind does not compile without a row.
pub(crate) const fn way(kind: OperationKind) -> Way {
    match kind {
        OperationKind::Create | OperationKind::Open => Way::Callable,
        OperationKind::Read | OperationKind::Write => Way::Transfer,
        OperationKind::Poll => Way::Poll,
        OperationKind::Seek
        | OperationKind::Sync
        | OperationKind::SetLength
        | OperationKind::Metadata
        | OperationKind::SetPermissions
        | OperationKind::CreateDirectory
        | OperationKind::RemoveDirectory
        | OperationKind::ReadDirectory
        | OperationKind::RemoveFile
        | OperationKind::Rename
        | OperationKind::SymbolicLink
        | OperationKind::ReadLink
        | OperationKind::HardLink
        | OperationKind::Duplicate => Way::Plain,
    }
}

fn monotonic() -> Instant {
    system::now(Clock::Monotonic)
}

/// Performs an operation as the current task or thread.
#[inline]
pub(crate) fn perform(shared: &Shared, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match way(operation.kind()) {
        Way::Callable if can_wait_to_open(operation) => call(shared, || system::perform(operation)),
        Way::Poll => poll(shared, operation),
        Way::Plain | Way::Transfer | Way::Callable => {
            task::point(shared.id(), monotonic)?;
            if is_at_cursor(operation) {
                at_cursor(shared, operation)
            } else {
                system::perform(operation)
            }
        }
    }
}

/// Whether it is a read or write that may wait for ever: what has offsets never
/// says to wait.
fn is_at_cursor(operation: &Operation<'_, '_>) -> bool {
    matches!(
        operation,
        Operation::Read { offset: None, .. } | Operation::Write { offset: None, .. }
    )
}

/// Whether opening may have to wait for the other end of a FIFO.
fn can_wait_to_open(operation: &Operation<'_, '_>) -> bool {
    const NEVER_WAITS: i32 = libc::O_NONBLOCK | libc::O_PATH;
    match operation {
        Operation::Create { options, .. } | Operation::Open { options, .. } => {
            let is_new = options.is_create_new();
            !is_new && !options.is_directory() && options.extra_flags() & NEVER_WAITS == 0
        }
        _ => true,
    }
}

/// A read or write at the cursor: of what can be polled in a way that others can
/// end, otherwise plainly.
fn at_cursor(shared: &Shared, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if !is_task(shared) {
        return system::perform(operation);
    }
    // Who has only opened a file and reads it most often gets what is in the
    // cache; that saves asking what it is.
    if let Operation::Read {
        handle, buffers, ..
    } = operation
        && handle.kind() == HandleKind::Unknown
    {
        match system::read_cached(handle, buffers, None) {
            Err(error) if is_no_answer(&error) => {}
            answer => return answer.map(Outcome::Count),
        }
    }
    let (handle, _) = what_to_transfer(operation);
    let kind = system::kind(handle)?;
    if system::can_poll(kind) {
        transfer(shared, operation, kind)
    } else {
        system::perform(operation)
    }
}

/// Whether an attempt says only that it can not be made without waiting.
fn is_no_answer(error: &io::Error) -> bool {
    system::would_wait(error) || system::is_errno(error, libc::EOPNOTSUPP)
}

/// Whether a request may come, or a deadline may be in force.
fn is_task(shared: &Shared) -> bool {
    task::with_current(shared.id(), |record| record.is_some())
}

/// In a handle's word: the kernel has no attempt that does not wait for this file
/// (FIFOs, terminals). Written once that was seen, a hint: Relaxed.
const NO_ATTEMPT: u64 = 1;

/// A read or write of what can be polled.
fn transfer(
    shared: &Shared,
    operation: &mut Operation<'_, '_>,
    kind: HandleKind,
) -> io::Result<Outcome> {
    let mut rounds = 0_u32;
    loop {
        match attempt(shared, operation, kind) {
            Err(error) if system::would_wait(&error) => {}
            answer => return answer,
        }
        rounds = rounds.saturating_add(1);
        if rounds > ROUNDS_MAX {
            // Whatever comes: a pause that a request ends is none.
            system::sleep_until(monotonic().saturating_add(PAUSE));
        }
        let (fd, interest) = what_to_wait_for(operation)?;
        if wait_ready(shared, fd, interest)? == Readiness::Unknown {
            return call(shared, || system::perform(operation));
        }
    }
}

/// One attempt that does not wait: `EAGAIN` if it would have to.
fn attempt(
    shared: &Shared,
    operation: &mut Operation<'_, '_>,
    kind: HandleKind,
) -> io::Result<Outcome> {
    let count = match operation {
        Operation::Read {
            handle, buffers, ..
        } => attempt_on(
            handle,
            kind,
            buffers,
            |buffers| system::read_attempt(handle, buffers),
            |buffers| call(shared, || system::read_nowait(handle, buffers)),
        ),
        Operation::Write {
            handle, buffers, ..
        } => attempt_on(
            handle,
            kind,
            buffers,
            |buffers| system::write_attempt(handle, buffers),
            |buffers| call(shared, || system::write_nowait(handle, buffers)),
        ),
        other => unreachable!("{:?} is no transfer", other.kind()),
    };
    count.map(Outcome::Count)
}

/// Attempts by `nowait`, or where the kernel has no such attempt by `poll_first`:
/// a poll and a plain call. That one waits if another reader was faster, so it
/// has to be a call that signals end.
fn attempt_on<B: ?Sized>(
    handle: &Handle,
    kind: HandleKind,
    buffers: &mut B,
    nowait: impl FnOnce(&mut B) -> io::Result<usize>,
    poll_first: impl FnOnce(&mut B) -> io::Result<usize>,
) -> io::Result<usize> {
    if handle.word().load(Ordering::Relaxed) != NO_ATTEMPT {
        match nowait(buffers) {
            Err(error)
                if system::is_errno(&error, libc::EOPNOTSUPP) && kind != HandleKind::Socket =>
            {
                handle.word().store(NO_ATTEMPT, Ordering::Relaxed);
            }
            answer => return answer,
        }
    }
    poll_first(buffers)
}

/// A wait for readiness alone.
fn poll(shared: &Shared, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if !is_task(shared) {
        return system::perform(operation);
    }
    let (fd, interest) = what_to_wait_for(operation)?;
    match wait_ready(shared, fd, interest)? {
        Readiness::Possible => Ok(Outcome::Done),
        // poll(2) has an answer for every descriptor.
        Readiness::Unknown => call(shared, || system::perform(operation)),
    }
}

fn what_to_wait_for<'a>(operation: &Operation<'a, '_>) -> io::Result<(BorrowedFd<'a>, Interest)> {
    if let Operation::Poll { fd, interest } = operation {
        return Ok((*fd, *interest));
    }
    let (handle, interest) = what_to_transfer(operation);
    Ok((system::descriptor(handle)?, interest))
}

fn what_to_transfer<'a>(operation: &Operation<'a, '_>) -> (&'a Handle, Interest) {
    match operation {
        Operation::Read { handle, .. } => (handle, Interest::Read),
        Operation::Write { handle, .. } => (handle, Interest::Write),
        other => unreachable!("{:?} is no transfer", other.kind()),
    }
}

/// What the poller said of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    /// It may be ready.
    Possible,
    /// It can not be polled, or there is no poller to be had.
    Unknown,
}

/// Waits in the thread's poller.
fn wait_ready(shared: &Shared, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<Readiness> {
    let id = shared.id();
    let parker = shared.parker();
    loop {
        if parker.begin_poll(id).is_err() {
            return Ok(Readiness::Unknown);
        }
        let until = match task::begin_wait(id, monotonic)? {
            WaitEntry::Wait { until } => until,
            // A wrapper performs this while it waits for a task, and that wait has
            // a request to forward. Here is nobody to forward it to, and nothing
            // ends an operation of such a wait but its result.
            WaitEntry::Ready => None,
        };
        let end = parker.poll(fd, interest, until);
        task::end_wait(id);
        match end {
            Ok(PollEnd::Ready) => return Ok(Readiness::Possible),
            Ok(PollEnd::Early) => {}
            Err(_) => return Ok(Readiness::Unknown),
        }
        if let Some(Err(error)) = task::interruption(id, monotonic) {
            return Err(error);
        }
    }
}

/// A blocking call of the current task that signals end: on a request, and at
/// the deadline in force.
///
/// A thread that is no task makes the call as it is.
fn call<T>(shared: &Shared, mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    if !is_task(shared) {
        return call();
    }
    let id = shared.id();
    let parker = shared.parker();
    loop {
        let calling = parker.begin_call(id);
        let until = match task::begin_wait(id, monotonic)? {
            WaitEntry::Wait { until } => until,
            WaitEntry::Ready => {
                drop(calling);
                return call();
            }
        };
        let answer = calling.call(until, &mut call);
        task::end_wait(id);
        match answer {
            Err(error) if system::is_errno(&error, libc::EINTR) => {}
            answer => return answer,
        }
        if let Some(Err(error)) = task::interruption(id, monotonic) {
            return Err(error);
        }
    }
}
