//! The file chapter: the ways that operations go on a fiber. `event_loop.rs`
//! calls it; `route.rs` has the table.
//!
//! # Safety argument: kernel borrow
//! Memory and descriptors that a submission names are borrowed by the caller of
//! `perform` for the whole call, and `submit_and_park` returns only after the
//! submission's completion: a parked fiber is neither dropped nor unwound.

#![expect(unsafe_code, reason = "submissions name the caller's memory")]

use std::ffi::{CStr, c_int};
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use io_blocking::system;
use io_core::fs::OpenOptions;
use io_core::task::{self, WaitEntry};
use io_core::{
    At, Clock, Handle, HandleKind, Instant, Interest, Operation, OperationKind, Outcome, SyncLevel,
    readable_bytes, writable_bytes,
};

use crate::cell::Park;
use crate::offload::Request;
use crate::ring::{Entry, Opcode, PollTimes, Position, SlotAddress, SyncReach, UserData};
use crate::route::{self, Way};
use crate::worker::Worker;

/// The kernel's own codes for an interrupted call that reached a completion
/// (`ERESTARTSYS` and its kin; include/linux/errno.h).
const ERESTART: std::ops::RangeInclusive<i32> = 512..=516;
/// How often an open that may create tries to find the file there or not there
/// before it goes the slow way.
const CREATE_ATTEMPTS_MAX: u32 = 3;
/// In the handle's word: the file system has no reads without waiting.
const NOWAIT_UNSUPPORTED: u64 = 1;
/// One inline call counts as one, and each such number of bytes as one more.
const BYTES_PER_INLINE_UNIT: usize = 16 * 1024;
/// A single transfer through the ring moves at most this (what read(2) moves).
const TRANSFER_BYTES_MAX: usize = 0x7fff_f000;

fn monotonic() -> Instant {
    system::now(Clock::Monotonic)
}

/// Performs an operation for the fiber that runs on `worker`.
pub(crate) fn perform(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    worker.switch_for_test();
    task::point(worker.id(), monotonic)?;
    match route::way(operation.kind()) {
        Way::Transfer => transfer(worker, operation),
        Way::Direct => direct(worker, operation),
        Way::Instant => system::perform(operation),
        Way::Open => open(worker, operation),
        Way::Ring => match operation {
            Operation::Poll { fd, interest } => {
                wait_ready(worker, *fd, *interest).map(|()| Outcome::Done)
            }
            _ => sync(worker, operation),
        },
    }
}

// ---- direct calls and the pool ----------------------------------------------

/// A plain call, timed; while its kind is slow, the pool.
fn direct(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let kind = operation.kind();
    let began = monotonic().as_nanos();
    if worker.shared.routes.is_slow(kind, began) {
        return offload(worker, operation);
    }
    let result = system::perform(operation);
    let ended = monotonic().as_nanos();
    worker.shared.routes.note(kind, began, ended);
    worker.count_inline(1, Some(ended));
    result
}

/// A thread of the pool performs it while this fiber is parked.
fn offload(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if worker.must_block() {
        return system::perform(operation);
    }
    let fiber = worker
        .current_fiber()
        .expect("operations are performed on fibers");
    let mut request = Request::new(operation, fiber);
    worker.park(Park::Offload(NonNull::from(&mut request)));
    request
        .result
        .expect("the pool gives the fiber back with a result")
}

// ---- the ring ---------------------------------------------------------------

/// Submits what `entry` makes and waits for its result, as the current task.
/// `entry` is called again if the submission was interrupted by something else
/// than a request or a deadline.
fn submit(worker: &Worker, entry: impl Fn(SlotAddress) -> Entry) -> io::Result<usize> {
    let id = worker.id();
    loop {
        worker.note_place();
        let until = match task::begin_wait(id, monotonic)? {
            WaitEntry::Wait { until } => until,
            WaitEntry::Ready => unreachable!("operations are no forwarding points"),
        };
        let (result, is_cancel_sent) = worker.submit_and_park(until.map(Instant::as_nanos), &entry);
        task::end_wait(id);
        if let Ok(count) = usize::try_from(result) {
            return Ok(count);
        }
        let errno = -result;
        let is_interruption = errno == libc::EINTR || ERESTART.contains(&errno);
        if is_cancel_sent && (is_interruption || errno == libc::ECANCELED) {
            if let Some(Err(answer)) = task::interruption(id, monotonic) {
                return Err(answer);
            }
        } else if !is_interruption {
            return Err(system::errno(errno));
        }
    }
}

/// Waits until the descriptor is ready: for who asks for that, and for those that
/// are O_NONBLOCK, on which the ring does not wait.
fn wait_ready(worker: &Worker, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
    let events = match interest {
        Interest::Read => libc::POLLIN,
        Interest::Write => libc::POLLOUT,
    };
    let events = events.unsigned_abs().into();
    let poll = |slot| {
        // SAFETY: kernel borrow: `fd` is borrowed for this call.
        unsafe {
            Entry::poll(
                UserData::Operation(slot),
                fd.as_raw_fd(),
                events,
                PollTimes::Single,
            )
        }
    };
    submit(worker, poll).map(drop)
}

fn sync(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let Operation::Sync { handle, level } = operation else {
        unreachable!("the route table sends syncs here");
    };
    if !worker.shared.supported.contains(Opcode::Fsync) {
        return offload(worker, operation);
    }
    let fd = system::descriptor(handle)?.as_raw_fd();
    let reach = match level {
        SyncLevel::All => SyncReach::All,
        SyncLevel::Data => SyncReach::Data,
    };
    // SAFETY: kernel borrow: the handle is borrowed for this call.
    submit(worker, |slot| unsafe {
        Entry::sync(UserData::Operation(slot), fd, reach)
    })?;
    Ok(Outcome::Done)
}

// ---- read and write ---------------------------------------------------------

fn transfer(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let (handle, count) = match operation {
        Operation::Read {
            handle, buffers, ..
        } => (*handle, readable_bytes(buffers)),
        Operation::Write {
            handle, buffers, ..
        } => (*handle, writable_bytes(buffers)),
        _ => unreachable!("the route table sends reads and writes here"),
    };
    let kind = system::kind(handle)?;
    if count == 0 || kind == HandleKind::Directory {
        // Nothing to wait for: an empty transfer, or an error.
        return system::perform(operation);
    }
    match operation {
        Operation::Read {
            handle,
            buffers,
            offset,
        } => read(worker, handle, buffers, *offset).map(Outcome::Count),
        Operation::Write {
            handle,
            buffers,
            offset,
        } if kind == HandleKind::Regular => {
            write_regular(worker, handle, buffers, *offset).map(Outcome::Count)
        }
        Operation::Write {
            handle,
            buffers,
            offset,
        } => write_through_ring(worker, handle, buffers, *offset).map(Outcome::Count),
        _ => unreachable!("matched above"),
    }
}

/// The page cache (or what a pipe holds) without waiting; the ring otherwise.
fn read(
    worker: &Worker,
    handle: &Handle,
    buffers: &mut [IoSliceMut<'_>],
    offset: Option<u64>,
) -> io::Result<usize> {
    if may_read_inline(handle)? {
        match system::read_cached(handle, buffers, offset) {
            Ok(count) => {
                worker.count_inline(1 + count / BYTES_PER_INLINE_UNIT, None);
                return Ok(count);
            }
            Err(error) if system::is_errno(&error, libc::EAGAIN) => {}
            Err(error) if system::is_errno(&error, libc::EOPNOTSUPP) => {
                handle.word().store(NOWAIT_UNSUPPORTED, Ordering::Relaxed);
            }
            Err(error) => return Err(error),
        }
    }
    if lacks_nowait(handle) && handle.kind() == HandleKind::Regular {
        // A file system in memory: a plain call, adaptive.
        let mut operation = Operation::Read {
            handle,
            buffers,
            offset,
        };
        return direct(worker, &mut operation).map(|outcome| outcome.expect_count(usize::MAX));
    }
    read_through_ring(worker, handle, buffers, offset)
}

fn lacks_nowait(handle: &Handle) -> bool {
    handle.word().load(Ordering::Relaxed) == NOWAIT_UNSUPPORTED
}

/// On O_DIRECT the kernel waits for the device all the same.
fn may_read_inline(handle: &Handle) -> io::Result<bool> {
    let is_candidate = matches!(handle.kind(), HandleKind::Regular | HandleKind::Pipe);
    Ok(is_candidate && !lacks_nowait(handle) && system::flags(handle)? & O_DIRECT == 0)
}

const O_DIRECT: u32 = libc::O_DIRECT.cast_unsigned();
/// `O_SYNC` contains `O_DSYNC`.
const O_WAITS_FOR_DEVICE: u32 = (libc::O_DIRECT | libc::O_DSYNC).cast_unsigned();

/// A buffered write copies into the page cache: a plain call, adaptive. What
/// waits for the device goes through the ring.
fn write_regular(
    worker: &Worker,
    handle: &Handle,
    buffers: &[IoSlice<'_>],
    offset: Option<u64>,
) -> io::Result<usize> {
    let waits_for_device = system::flags(handle)? & O_WAITS_FOR_DEVICE != 0;
    let is_slow = || {
        worker
            .shared
            .routes
            .is_slow(OperationKind::Write, monotonic().as_nanos())
    };
    if waits_for_device || is_slow() {
        return write_through_ring(worker, handle, buffers, offset);
    }
    let mut operation = Operation::Write {
        handle,
        buffers,
        offset,
    };
    direct(worker, &mut operation).map(|outcome| outcome.expect_count(usize::MAX))
}

fn position(offset: Option<u64>) -> io::Result<Position> {
    match offset {
        Some(offset) => {
            system::file_offset(offset)?;
            Ok(Position::At(offset))
        }
        None => Ok(Position::Current),
    }
}

fn transfer_bytes(length: usize) -> u32 {
    u32::try_from(length.min(TRANSFER_BYTES_MAX)).expect("the maximum fits in 32 bits")
}

fn read_through_ring(
    worker: &Worker,
    handle: &Handle,
    buffers: &mut [IoSliceMut<'_>],
    offset: Option<u64>,
) -> io::Result<usize> {
    let supported = worker.shared.supported;
    if !supported.contains(Opcode::Read) || !supported.contains(Opcode::Readv) {
        let mut operation = Operation::Read {
            handle,
            buffers,
            offset,
        };
        return offload_transfer(worker, handle, &mut operation, Interest::Read);
    }
    let (fd, position) = (system::descriptor(handle)?, position(offset)?);
    let raw = fd.as_raw_fd();
    loop {
        let window = system::readable_window(buffers);
        let result = if let [buffer] = window {
            let (start, length) = (buffer.as_mut_ptr(), transfer_bytes(buffer.len()));
            submit(worker, |slot| {
                // SAFETY: kernel borrow.
                unsafe { Entry::read(UserData::Operation(slot), raw, start, length, position) }
            })
        } else {
            let count = u32::try_from(window.len()).expect("a window is short");
            // IoSliceMut is an iovec (its documentation).
            let vectors = window.as_mut_ptr().cast::<libc::iovec>();
            submit(worker, |slot| {
                // SAFETY: kernel borrow.
                unsafe { Entry::readv(UserData::Operation(slot), raw, vectors, count, position) }
            })
        };
        match result {
            Err(error) if system::would_wait(&error) => wait_ready(worker, fd, Interest::Read)?,
            answer => return answer,
        }
    }
}

fn write_through_ring(
    worker: &Worker,
    handle: &Handle,
    buffers: &[IoSlice<'_>],
    offset: Option<u64>,
) -> io::Result<usize> {
    let supported = worker.shared.supported;
    if !supported.contains(Opcode::Write) || !supported.contains(Opcode::Writev) {
        let mut operation = Operation::Write {
            handle,
            buffers,
            offset,
        };
        return offload_transfer(worker, handle, &mut operation, Interest::Write);
    }
    let (fd, position) = (system::descriptor(handle)?, position(offset)?);
    let raw = fd.as_raw_fd();
    loop {
        let window = system::writable_window(buffers);
        let result = if let [buffer] = window {
            let (start, length) = (buffer.as_ptr(), transfer_bytes(buffer.len()));
            submit(worker, |slot| {
                // SAFETY: kernel borrow.
                unsafe { Entry::write(UserData::Operation(slot), raw, start, length, position) }
            })
        } else {
            let count = u32::try_from(window.len()).expect("a window is short");
            // IoSlice is an iovec (its documentation).
            let vectors = window.as_ptr().cast::<libc::iovec>();
            submit(worker, |slot| {
                // SAFETY: kernel borrow.
                unsafe { Entry::writev(UserData::Operation(slot), raw, vectors, count, position) }
            })
        };
        match result {
            Err(error) if system::would_wait(&error) => wait_ready(worker, fd, Interest::Write)?,
            answer => return answer,
        }
    }
}

/// Without the opcodes: what can be polled is polled in the ring before the pool
/// performs it, so that no thread of the pool waits for a peer.
fn offload_transfer(
    worker: &Worker,
    handle: &Handle,
    operation: &mut Operation<'_, '_>,
    interest: Interest,
) -> io::Result<usize> {
    let is_polled = system::can_poll(system::kind(handle)?);
    loop {
        if is_polled {
            wait_ready(worker, system::descriptor(handle)?, interest)?;
        }
        match offload(worker, operation) {
            Err(error) if is_polled && system::would_wait(&error) => {}
            answer => return answer.map(|outcome| outcome.expect_count(usize::MAX)),
        }
    }
}

// ---- open and create --------------------------------------------------------

/// open(2) may wait for the other end of a FIFO, and a FIFO can be put in the
/// place of a file between a look and the open. So the file is first held by an
/// `O_PATH` descriptor, which waits for nothing, and then opened again through
/// it if it is none that waits.
fn open(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let (at, options) = match operation {
        Operation::Open { at, options } | Operation::Create { at, options } => (*at, *options),
        _ => unreachable!("the route table sends opens here"),
    };
    let kind = operation.kind();
    let flags = system::open_flags(&options)?;
    if worker.shared.routes.is_slow(kind, monotonic().as_nanos()) {
        return open_slowly(worker, &at, &options, flags);
    }
    if never_waits(flags) {
        return direct(worker, operation);
    }
    for _ in 0..CREATE_ATTEMPTS_MAX {
        match hold(worker, &at, flags) {
            Ok(held) => return open_held(worker, &held, &at, &options, flags),
            Err(error) if flags & libc::O_CREAT != 0 && system::is_errno(&error, libc::ENOENT) => {
                match create_new(worker, &at, options) {
                    Err(error) if system::is_errno(&error, libc::EEXIST) => {}
                    answer => return answer,
                }
            }
            Err(error) if system::is_errno(&error, libc::EMFILE) => break,
            Err(error) => return Err(error),
        }
    }
    // It comes and goes, or is a link to nothing.
    open_slowly(worker, &at, &options, flags)
}

fn never_waits(flags: c_int) -> bool {
    const EXCLUSIVE: c_int = libc::O_CREAT | libc::O_EXCL;
    flags & EXCLUSIVE == EXCLUSIVE
        || flags & (libc::O_NONBLOCK | libc::O_DIRECTORY | libc::O_PATH) != 0
}

/// Holds what is at the path without opening it.
fn hold(worker: &Worker, at: &At<'_>, flags: c_int) -> io::Result<Handle> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_PATH | (flags & libc::O_NOFOLLOW));
    let mut operation = Operation::Open { at: *at, options };
    direct(worker, &mut operation).map(Outcome::expect_handle)
}

/// Opens what is held, if it is nothing that waits.
fn open_held(
    worker: &Worker,
    held: &Handle,
    at: &At<'_>,
    options: &OpenOptions,
    flags: c_int,
) -> io::Result<Outcome> {
    let kind = system::kind(held)?;
    if !matches!(kind, HandleKind::Regular | HandleKind::Directory) {
        return open_slowly(worker, at, options, flags);
    }
    let number = system::descriptor(held)?.as_raw_fd();
    let path = format!("/proc/self/fd/{number}");
    let mut again = *options;
    // The link in /proc has to be followed; what it leads to is held.
    again
        .create(false)
        .custom_flags(options.extra_flags() & !libc::O_NOFOLLOW);
    let mut operation = Operation::Open {
        at: At::working_directory(Path::new(&path)),
        options: again,
    };
    match direct(worker, &mut operation) {
        Ok(outcome) => {
            let handle = outcome.expect_handle();
            handle.set_kind(kind);
            Ok(Outcome::Handle(handle))
        }
        // No /proc here, or no descriptor left for both.
        Err(error)
            if system::is_errno(&error, libc::ENOENT) || system::is_errno(&error, libc::EMFILE) =>
        {
            open_slowly(worker, at, options, flags)
        }
        Err(error) => Err(error),
    }
}

fn create_new(worker: &Worker, at: &At<'_>, options: OpenOptions) -> io::Result<Outcome> {
    let mut exclusive = options;
    exclusive.create_new(true).truncate(false);
    let mut operation = Operation::Create {
        at: *at,
        options: exclusive,
    };
    direct(worker, &mut operation)
}

/// On a thread that may wait as long as it takes: the kernel's (through the
/// ring, where a request can end it), or the pool's.
fn open_slowly(
    worker: &Worker,
    at: &At<'_>,
    options: &OpenOptions,
    flags: c_int,
) -> io::Result<Outcome> {
    if !worker.shared.supported.contains(Opcode::OpenAt) {
        let mut operation = Operation::Open {
            at: *at,
            options: *options,
        };
        return offload(worker, &mut operation);
    }
    let directory = system::directory_of(at)?.as_raw_fd();
    let mode = options.permission_bits();
    let number = system::with_c_path(at.path, |path: &CStr| {
        submit(worker, |slot| {
            let user_data = UserData::Operation(slot);
            // SAFETY: kernel borrow: path and directory are borrowed for this call.
            unsafe { Entry::openat(user_data, directory, path.as_ptr(), flags, mode) }
                .on_kernel_worker()
        })
    })?;
    let number = c_int::try_from(number).expect("a descriptor fits");
    // SAFETY: the kernel has just opened it for this call; nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(Outcome::Handle(system::handle_from_open(fd, flags)))
}
