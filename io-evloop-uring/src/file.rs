//! The file chapter: the ways that operations go on a fiber. `event_loop.rs`
//! calls it; `route.rs` has the table.
//!
//! | file | holds |
//! |---|---|
//! | `file/transfer.rs` | reads and writes |
//! | `file/submission.rs` | what a transfer or sync submits |
//! | `file/sync.rs` | syncs of one file by several fibers |
//! | `file/open.rs` | opening without ever stopping a worker at a FIFO |
//! | `file/batch.rs` | several operations together |

mod batch;
mod open;
mod submission;
mod sync;
mod transfer;

pub(crate) use batch::perform_batch;
pub(crate) use open::never_waits;
pub(crate) use sync::Syncs;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use io_blocking::system;
use io_core::fs::Metadata;
use io_core::task::{self, WaitEntry};
use io_core::{Clock, Handle, Instant, Interest, Operation, OperationKind, Outcome, Target};

use crate::offload::Request;
use crate::ring::{Entry, Opcode, SlotAddress, UserData};
use crate::route::{self, Call, Class, Way};
use crate::worker::Worker;
use submission::Submission;

/// The kernel's own codes for an interrupted call that reached a completion
/// (`ERESTARTSYS` and its kin; include/linux/errno.h).
const ERESTART: std::ops::RangeInclusive<i32> = 512..=516;

/// After so many rounds in one transfer a descriptor is taken for one that says
/// ready but is not, and each further round sleeps for `READY_PAUSE`: never a
/// busy loop.
const READY_ROUNDS_MAX: u32 = 64;
const READY_PAUSE: std::time::Duration = std::time::Duration::from_millis(1);

/// Bits of a handle's word: the file system has no reads without waiting.
const NOWAIT_UNSUPPORTED: u64 = 1;
/// ... and several fibers of a worker synced it at a time.
const SYNCED_TOGETHER: u64 = 2;
/// ... and the last read without waiting was answered.
const READS_AT_ONCE: u64 = 4;

fn monotonic() -> Instant {
    system::now(Clock::Monotonic)
}

/// Performs an operation for the fiber that runs on `worker`.
pub(crate) fn perform(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    worker.switch_for_test();
    task::point(worker.id(), monotonic)?;
    if let Some(count) = transfer::read_at_once(worker, operation) {
        return Ok(Outcome::Count(count));
    }
    match attempt(worker, operation) {
        Attempt::Done(result) => result,
        Attempt::Submit(submission) => perform_by_ring(worker, operation, &submission),
    }
}

/// Apart from its caller, which would have to save registers for it.
#[inline(never)]
fn perform_by_ring(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
    submission: &Submission,
) -> io::Result<Outcome> {
    if operation.kind() == OperationKind::Sync && !worker.must_block() {
        return sync::sync_together(worker, operation, submission);
    }
    finish(worker, operation, submission)
}

/// How far an operation comes without a submission.
enum Attempt {
    /// To its end.
    Done(io::Result<Outcome>),
    /// It needs this one.
    Submit(Submission),
}

impl From<io::Result<Outcome>> for Attempt {
    fn from(result: io::Result<Outcome>) -> Attempt {
        Attempt::Done(result)
    }
}

fn attempt(worker: &Worker, operation: &mut Operation<'_, '_>) -> Attempt {
    match route::way(operation.kind()) {
        Way::Transfer => transfer::attempt(worker, operation),
        Way::Direct => direct(worker, operation).into(),
        Way::Open => open::open(worker, operation).into(),
        Way::Ring => through_ring(worker, operation),
    }
}

/// Submits and waits until there is a result, also where the ring does not wait:
/// on a descriptor that is O_NONBLOCK.
fn finish(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
    submission: &Submission,
) -> io::Result<Outcome> {
    let mut rounds = 0;
    loop {
        let error = match try_submit(worker, |slot| submission.entry(slot)) {
            Submitted::Answer(Ok(count)) => return Ok(submission.outcome(count)),
            Submitted::Answer(Err(error)) if !system::would_wait(&error) => return Err(error),
            Submitted::Answer(Err(error)) => error,
            Submitted::Refused => unasked_cancel(),
        };
        match submission.interest() {
            Some(interest) if system::would_wait(&error) => {
                wait_ready(worker, submission.fd(), interest, &mut rounds)?;
            }
            Some(_) => return Err(error),
            // What polling says nothing about: the pool waits as read(2) does.
            None => return offload(worker, operation),
        }
    }
}

// ---- direct calls and the pool ----------------------------------------------

/// A plain call, timed; while its class is slow, the pool.
fn direct(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let device = handle_of(operation);
    direct_as(worker, operation, device)
}

/// The same for a step of an operation: `device` is a handle on the device that
/// the operation works on.
fn direct_as(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
    device: Option<&Handle>,
) -> io::Result<Outcome> {
    let kind = operation.kind();
    let class = || class_of(kind, device);
    let began = monotonic().as_nanos();
    let waits = worker.has_others() && worker.name_calls.goes_elsewhere(kind);
    if waits || worker.shared.routes.is_slow(began, class) {
        return offload_as(worker, operation, device);
    }
    worker.waits.prepare(began);
    worker.delay_for_test(kind);
    let result = system::perform(operation);
    let ended = monotonic().as_nanos();
    note_direct(worker, began, ended, class);
    worker.name_calls.note(kind, ended.saturating_sub(began));
    worker.count_inline(1, Some(ended));
    result
}

/// Notes how long a call on this worker took, unless it did not wait for long but
/// only lost the processor.
#[inline]
fn note_direct(worker: &Worker, began_nanos: u64, ended_nanos: u64, class: impl FnOnce() -> Class) {
    let took_nanos = ended_nanos.saturating_sub(began_nanos);
    if took_nanos > route::SLOW_NANOS && worker.waits.has_waited(ended_nanos, route::SLOW_NANOS) {
        worker.shared.routes.note(began_nanos, ended_nanos, class);
    }
}

/// A thread of the pool performs it while this fiber is parked. Nothing ends
/// that early: the bound is the device's.
fn offload(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let device = handle_of(operation);
    offload_as(worker, operation, device)
}

fn offload_as(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
    device: Option<&Handle>,
) -> io::Result<Outcome> {
    if worker.must_block() {
        return system::perform(operation);
    }
    let fiber = worker
        .current_fiber()
        .expect("operations are performed on fibers");
    let kind = operation.kind();
    let mut request = Request::new(operation, fiber, worker.delay_of(kind));
    worker.park_for_pool(NonNull::from(&mut request));
    let answer = request.answer;
    let answer = answer.expect("the pool gives the fiber back with it");
    if answer.has_waited {
        let (began, ended) = (answer.began_nanos, answer.ended_nanos);
        let routes = &worker.shared.routes;
        routes.note(began, ended, || class_of(kind, device));
    }
    answer.result
}

/// Closes a handle: a plain call, timed; while closing is slow, the kernel's
/// thread. Neither a cancellation point nor bounded by a deadline.
pub(crate) fn close(worker: &Worker, handle: Handle) -> io::Result<()> {
    worker.switch_for_test();
    let class = || Class {
        call: Call::Close,
        device: 0,
    };
    let routes = &worker.shared.routes;
    let began = monotonic().as_nanos();
    let is_slow = routes.is_slow(began, class) && worker.shared.supported.contains(Opcode::Close);
    if is_slow {
        // Whether that was slow does not show: on a busy machine its answer comes
        // late. So after a while closing is tried directly again.
        return close_on_kernel_thread(worker, handle);
    }
    worker.waits.prepare(began);
    let result = system::close(handle);
    note_direct(worker, began, monotonic().as_nanos(), class);
    result
}

pub(crate) fn close_on_kernel_thread(worker: &Worker, handle: Handle) -> io::Result<()> {
    let fd = handle
        .into_fd()
        .map_err(|_token| system::errno(libc::EBADF))?;
    let (result, _) = worker.submit_and_park(None, |slot| {
        Entry::close(UserData::Operation(slot), fd).on_kernel_worker()
    });
    match -result {
        // On Linux it is closed all the same.
        0 | libc::EINTR => Ok(()),
        // The kernel has no thread for it and has left it open; or that is what the
        // file system says (FUSE may say anything), and it is closed. Then its number
        // may be somebody else's by now: better one that stays open. Not Canceled,
        // which a close never answers.
        libc::ECANCELED => Err(system::errno(libc::EIO)),
        errno => Err(system::errno(errno)),
    }
}

/// The class of an operation for `route.rs`.
fn class_of(kind: OperationKind, device: Option<&Handle>) -> Class {
    Class {
        call: Call::Operation(kind),
        device: device.map_or(0, device_of),
    }
}

/// The handle that tells on which device an operation works, if there is one.
fn handle_of<'a>(operation: &Operation<'a, '_>) -> Option<&'a Handle> {
    let at = match operation {
        Operation::Read { handle, .. }
        | Operation::Write { handle, .. }
        | Operation::Seek { handle, .. }
        | Operation::Sync { handle, .. }
        | Operation::SetLength { handle, .. }
        | Operation::ReadDirectory { handle, .. }
        | Operation::Duplicate { handle }
        | Operation::Metadata {
            target: Target::Handle(handle),
            ..
        }
        | Operation::SetPermissions {
            target: Target::Handle(handle),
            ..
        } => return Some(handle),
        Operation::Create { at, .. }
        | Operation::Open { at, .. }
        | Operation::Metadata {
            target: Target::Path(at, _),
            ..
        }
        | Operation::SetPermissions {
            target: Target::Path(at, _),
            ..
        }
        | Operation::CreateDirectory { at, .. }
        | Operation::RemoveDirectory { at }
        | Operation::RemoveFile { at }
        | Operation::Rename { from: at, .. }
        | Operation::SymbolicLink { at, .. }
        | Operation::ReadLink { at, .. }
        | Operation::HardLink { from: at, .. } => at,
        // Polls wait in the ring. Without a row a new operation shares the class
        // of paths.
        _ => return None,
    };
    at.directory.filter(|_| at.path.is_relative())
}

/// The device of an open file; 0 if it can not be told.
fn device_of(handle: &Handle) -> u64 {
    let mut metadata = Metadata::default();
    let mut operation = Operation::Metadata {
        target: Target::Handle(handle),
        out: &mut metadata,
    };
    match system::perform(&mut operation) {
        Ok(_) => metadata.device,
        Err(_) => 0,
    }
}

// ---- the ring ---------------------------------------------------------------

/// What became of a submission.
enum Submitted {
    Answer(io::Result<usize>),
    /// The kernel canceled it unasked: it has no thread for it, and none can be
    /// started (`RLIMIT_NPROC`). Nothing was done.
    Refused,
}

/// What a file may answer by itself (a timer whose clock was set), and what the
/// kernel answers when it has no thread.
fn unasked_cancel() -> io::Error {
    system::errno(libc::ECANCELED)
}

/// As [`try_submit`], for what the kernel needs no thread for.
fn submit(worker: &Worker, entry: impl Fn(SlotAddress) -> Entry) -> io::Result<usize> {
    match try_submit(worker, entry) {
        Submitted::Answer(answer) => answer,
        Submitted::Refused => Err(unasked_cancel()),
    }
}

/// Submits what `entry` makes and waits for its result, as the current task.
/// `entry` is called again if the submission was interrupted by something else
/// than a request or a deadline.
fn try_submit(worker: &Worker, entry: impl Fn(SlotAddress) -> Entry) -> Submitted {
    let id = worker.id();
    loop {
        let until = match begin_wait(worker) {
            Ok(until) => until,
            Err(answer) => return Submitted::Answer(Err(answer)),
        };
        let (result, is_cancel_sent) = worker.submit_and_park(until.map(Instant::as_nanos), &entry);
        task::end_wait(id);
        match judge(result, is_cancel_sent) {
            Judgement::Result(answer) => return Submitted::Answer(answer),
            Judgement::Refused => return Submitted::Refused,
            Judgement::Ended => {
                if let Some(Err(answer)) = task::interruption(id, monotonic) {
                    return Submitted::Answer(Err(answer));
                }
            }
            Judgement::Again => {}
        }
    }
}

/// Begins a wait of the current task for its ring, which ends at the deadline
/// that is returned.
fn begin_wait(worker: &Worker) -> io::Result<Option<Instant>> {
    worker.note_place();
    match task::begin_wait(worker.id(), monotonic)? {
        WaitEntry::Wait { until } => Ok(until),
        // A wrapper performs it while it waits for a task: nothing ends it early.
        WaitEntry::Ready => Ok(None),
    }
}

/// What a completion says.
pub(crate) enum Judgement {
    Result(io::Result<usize>),
    /// We ended it: a request or a deadline is due.
    Ended,
    /// The kernel ended it, unasked.
    Refused,
    /// A signal or the like ended it; it is submitted again.
    Again,
}

pub(crate) fn judge(result: i32, is_cancel_sent: bool) -> Judgement {
    if let Ok(count) = usize::try_from(result) {
        return Judgement::Result(Ok(count));
    }
    let errno = -result;
    let is_interruption = errno == libc::EINTR || ERESTART.contains(&errno);
    if is_cancel_sent && (is_interruption || errno == libc::ECANCELED) {
        Judgement::Ended
    } else if is_interruption {
        Judgement::Again
    } else if errno == libc::ECANCELED {
        Judgement::Refused
    } else {
        Judgement::Result(Err(system::errno(errno)))
    }
}

/// Waits until the descriptor is ready: for those that are O_NONBLOCK, on which
/// the ring does not wait. `rounds` counts such waits of one transfer.
fn wait_ready(
    worker: &Worker,
    fd: BorrowedFd<'_>,
    interest: Interest,
    rounds: &mut u32,
) -> io::Result<()> {
    *rounds += 1;
    if *rounds > READY_ROUNDS_MAX {
        crate::time::sleep_until(worker, monotonic().saturating_add(READY_PAUSE))?;
    }
    let poll = Submission::poll(fd.as_raw_fd(), interest);
    submit(worker, |slot| poll.entry(slot)).map(drop)
}

/// Syncs and polls.
fn through_ring(worker: &Worker, operation: &mut Operation<'_, '_>) -> Attempt {
    let (handle, level) = match operation {
        Operation::Sync { handle, level } => (handle, level),
        Operation::Poll { fd, interest } => {
            return Attempt::Submit(Submission::poll(fd.as_raw_fd(), *interest));
        }
        _ => unreachable!("the route table sends syncs and polls here"),
    };
    if !worker.shared.supported.contains(Opcode::Fsync) {
        return offload(worker, operation).into();
    }
    match system::descriptor(handle) {
        Ok(fd) => Attempt::Submit(Submission::sync(fd.as_raw_fd(), *level)),
        Err(error) => Attempt::Done(Err(error)),
    }
}
