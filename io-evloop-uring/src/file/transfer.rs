//! Reads and writes of fibers.
//!
//! | what | the way |
//! |---|---|
//! | read of a regular file or pipe | `RWF_NOWAIT` on the worker; what would wait, through the ring |
//! | ... where the file system has no such read (in memory) | a plain call, adaptive |
//! | buffered write to a regular file | a plain call, adaptive; large or slow ones through the ring |
//! | write with `O_DIRECT`, `O_SYNC`, `O_DSYNC` | the ring |
//! | anything else | the ring, which waits |
//!
//! *The cursor.* The ring does not lock a file's cursor as read(2) does: two
//! transfers there could move the same bytes. So no transfer at the cursor of
//! what has one goes through the ring, except an append, whose place the file
//! system decides. A read at the cursor that would wait first brings the bytes
//! into the cache by a positional read through the ring, then tries again.

use std::io::{self, IoSlice, IoSliceMut, SeekFrom};
use std::os::fd::AsRawFd;
use std::slice;
use std::sync::atomic::Ordering;

use io_blocking::system;
use io_core::{
    Handle, HandleKind, Interest, Operation, OperationKind, readable_bytes, writable_bytes,
};

use super::submission::Submission;
use super::{
    Attempt, NOWAIT_UNSUPPORTED, READS_AT_ONCE, Submitted, class_of, direct, monotonic, offload,
    try_submit, wait_ready,
};
use crate::ring::{Opcode, Position};
use crate::worker::Worker;

/// One inline call counts as one, and each such number of bytes as one more.
const BYTES_PER_INLINE_UNIT: usize = 16 * 1024;
/// One call on the worker copies at most so much: about 100 us. A longer read is
/// short, a longer write goes through the ring in one piece.
pub(crate) const INLINE_BYTES_MAX: usize = 1024 * 1024;
/// How often a read at the cursor brings bytes into the cache that are gone when
/// it looks for them, before the pool reads.
const CURSOR_ATTEMPTS_MAX: u32 = 3;

const O_DIRECT: u32 = libc::O_DIRECT.cast_unsigned();
const O_APPEND: u32 = libc::O_APPEND.cast_unsigned();
/// `O_SYNC` contains `O_DSYNC`.
const O_WAITS_FOR_DEVICE: u32 = (libc::O_DIRECT | libc::O_DSYNC).cast_unsigned();

/// What a read is made of; `None` of another operation.
#[inline]
fn read_parts<'o, 'a, 'b>(
    operation: &'o mut Operation<'a, 'b>,
) -> Option<(&'a Handle, &'o mut [IoSliceMut<'b>], Option<u64>)> {
    match operation {
        Operation::Read {
            handle,
            buffers,
            offset,
        } => Some((*handle, &mut **buffers, *offset)),
        _ => None,
    }
}

/// The shortest way of the most frequent operation: a read into one buffer, from a
/// handle whose last one was answered by the cache, so that all is known of it. `None`
/// if it takes the long way, which finds out why.
#[inline]
pub(super) fn read_at_once(worker: &Worker, operation: &mut Operation<'_, '_>) -> Option<usize> {
    let (handle, buffers, offset) = read_parts(operation)?;
    let [buffer] = buffers else {
        return None;
    };
    let word = handle.word();
    if word.load(Ordering::Relaxed) & READS_AT_ONCE == 0
        || !(1..=INLINE_BYTES_MAX).contains(&buffer.len())
    {
        return None;
    }
    let Ok(count) = system::read_cached(handle, slice::from_mut(buffer), offset) else {
        word.fetch_and(!READS_AT_ONCE, Ordering::Relaxed);
        return None;
    };
    worker.count_inline(1 + count / BYTES_PER_INLINE_UNIT, None);
    Some(count)
}

/// A read or write, as far as it comes without a submission.
pub(super) fn attempt(worker: &Worker, operation: &mut Operation<'_, '_>) -> Attempt {
    try_attempt(worker, operation).unwrap_or_else(|error| Attempt::Done(Err(error)))
}

fn try_attempt(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Attempt> {
    let (handle, count, offset) = match operation {
        Operation::Read {
            handle,
            buffers,
            offset,
        } => (*handle, readable_bytes(buffers), *offset),
        Operation::Write {
            handle,
            buffers,
            offset,
        } => (*handle, writable_bytes(buffers), *offset),
        _ => unreachable!("the route table sends reads and writes here"),
    };
    if count > 0
        && handle.kind() == HandleKind::Unknown
        && let Some(answer) = read_unknown(worker, operation)
    {
        return answer;
    }
    let kind = system::kind(handle)?;
    if count == 0 || kind == HandleKind::Directory {
        // Nothing to wait for: an empty transfer, or an error.
        return Ok(system::perform(operation).into());
    }
    if let Some(offset) = offset {
        system::file_offset(offset)?;
        if !has_cursor(kind) {
            check_has_offsets(operation)?;
        }
    }
    match operation {
        Operation::Read { .. } => read(worker, operation),
        _ if kind == HandleKind::Regular => write_regular(worker, operation, count),
        _ => write(worker, operation),
    }
}

/// Whether its cursor is more than a formality: then transfers there are locked.
fn has_cursor(kind: HandleKind) -> bool {
    matches!(kind, HandleKind::Regular | HandleKind::BlockDevice)
}

/// The ring reads and writes at an offset what has none (pipes, sockets,
/// terminals) as if none were given. The call itself knows better: `ESPIPE`.
fn check_has_offsets(operation: &Operation<'_, '_>) -> io::Result<()> {
    let mut empty = match operation {
        Operation::Read { handle, offset, .. } => Operation::Read {
            handle,
            buffers: &mut [],
            offset: *offset,
        },
        Operation::Write { handle, offset, .. } => Operation::Write {
            handle,
            buffers: &[],
            offset: *offset,
        },
        _ => unreachable!("only transfers have offsets"),
    };
    system::perform(&mut empty).map(drop)
}

// ---- read -------------------------------------------------------------------

fn read(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Attempt> {
    let (handle, buffers, offset) = read_parts(operation).expect("the caller has looked");
    if may_read_inline(handle)?
        && let Some(answer) = read_inline(worker, handle, buffers, offset)
    {
        return Ok(Attempt::Done(answer.map(io_core::Outcome::Count)));
    }
    let kind = handle.kind();
    if kind == HandleKind::Regular && lacks_nowait(handle) {
        // A file system in memory.
        return Ok(read_directly(worker, operation).into());
    }
    if has_cursor(kind) && offset.is_none() {
        return Ok(read_at_cursor(worker, operation).into());
    }
    if !supports(worker, Opcode::Read, Opcode::Readv) {
        return Ok(transfer_without_ring(worker, operation).into());
    }
    read_submission(worker, operation).map(Attempt::Submit)
}

/// Who has only opened a file and reads it most often gets what is in the cache:
/// that saves asking what it is. `None` if it has to be known.
fn read_unknown(worker: &Worker, operation: &mut Operation<'_, '_>) -> Option<io::Result<Attempt>> {
    let (handle, buffers, offset) = read_parts(operation)?;
    let is_offset_valid = offset.is_none_or(|offset| system::file_offset(offset).is_ok());
    let is_cached = system::flags(handle).is_ok_and(|flags| flags & O_DIRECT == 0);
    if !is_offset_valid || !is_cached || lacks_nowait(handle) {
        return None;
    }
    let answer = read_inline(worker, handle, buffers, offset)?;
    Some(Ok(Attempt::Done(answer.map(io_core::Outcome::Count))))
}

fn lacks_nowait(handle: &Handle) -> bool {
    handle.word().load(Ordering::Relaxed) & NOWAIT_UNSUPPORTED != 0
}

/// On O_DIRECT the kernel waits for the device all the same.
fn may_read_inline(handle: &Handle) -> io::Result<bool> {
    let is_candidate = matches!(handle.kind(), HandleKind::Regular | HandleKind::Pipe);
    Ok(is_candidate && !lacks_nowait(handle) && system::flags(handle)? & O_DIRECT == 0)
}

/// What the page cache or a pipe holds; `None` if it would have to wait.
fn read_inline(
    worker: &Worker,
    handle: &Handle,
    buffers: &mut [IoSliceMut<'_>],
    offset: Option<u64>,
) -> Option<io::Result<usize>> {
    let read = |window: &mut [IoSliceMut<'_>]| system::read_cached(handle, window, offset);
    match with_first_bytes(buffers, INLINE_BYTES_MAX, read) {
        Ok(count) => {
            // A pipe that had bytes may have none the next time.
            if offset.is_some() || handle.kind() == HandleKind::Regular {
                handle.word().fetch_or(READS_AT_ONCE, Ordering::Relaxed);
            }
            worker.count_inline(1 + count / BYTES_PER_INLINE_UNIT, None);
            Some(Ok(count))
        }
        Err(error) if system::would_wait(&error) => None,
        Err(error) if system::is_errno(&error, libc::EOPNOTSUPP) => {
            let word = handle.word();
            word.fetch_or(NOWAIT_UNSUPPORTED, Ordering::Relaxed);
            None
        }
        Err(error) => Some(Err(error)),
    }
}

/// Runs `body` with buffers of at most `bytes_max` bytes: the first of `buffers`,
/// or a part of the first that is not empty.
fn with_first_bytes<R>(
    buffers: &mut [IoSliceMut<'_>],
    bytes_max: usize,
    body: impl FnOnce(&mut [IoSliceMut<'_>]) -> R,
) -> R {
    let mut bytes = 0;
    let mut fitting = 0;
    for buffer in buffers.iter() {
        if bytes + buffer.len() > bytes_max {
            break;
        }
        bytes += buffer.len();
        fitting += 1;
    }
    match buffers.get_mut(fitting) {
        Some(large) if bytes == 0 => body(&mut [IoSliceMut::new(&mut large[..bytes_max])]),
        _ => body(&mut buffers[..fitting]),
    }
}

fn read_directly(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
) -> io::Result<io_core::Outcome> {
    let (handle, buffers, offset) = read_parts(operation).expect("the caller has looked");
    with_first_bytes(buffers, INLINE_BYTES_MAX, |buffers| {
        let mut first = Operation::Read {
            handle,
            buffers,
            offset,
        };
        direct(worker, &mut first)
    })
}

fn read_at_cursor(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
) -> io::Result<io_core::Outcome> {
    let (handle, buffers, _) = read_parts(operation).expect("the caller has looked");
    let attempts = if may_read_inline(handle)? && supports(worker, Opcode::Read, Opcode::Readv) {
        CURSOR_ATTEMPTS_MAX
    } else {
        0
    };
    for _ in 0..attempts {
        let here = system::perform(&mut Operation::Seek {
            handle,
            to: SeekFrom::Current(0),
        })?
        .expect_position();
        with_first_bytes(buffers, INLINE_BYTES_MAX, |window| {
            let window = system::readable_window(window);
            let fd = system::descriptor(handle)?.as_raw_fd();
            let into_cache = Submission::read(fd, window, Position::At(here));
            match try_submit(worker, |slot| into_cache.entry(slot)) {
                Submitted::Answer(answer) => answer,
                // It stays out of the cache, and the pool reads it.
                Submitted::Refused => Ok(0),
            }
        })?;
        if let Some(answer) = read_inline(worker, handle, buffers, None) {
            return answer.map(io_core::Outcome::Count);
        }
    }
    offload(worker, operation)
}

fn read_submission(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Submission> {
    let (handle, buffers, offset) = read_parts(operation).expect("the caller has looked");
    debug_assert!(supports(worker, Opcode::Read, Opcode::Readv));
    let fd = system::descriptor(handle)?.as_raw_fd();
    let window = system::readable_window(buffers);
    let submission = Submission::read(fd, window, position(offset));
    Ok(submission.waiting_for(interest(handle, Interest::Read)))
}

// ---- write ------------------------------------------------------------------

/// A buffered write copies into the page cache: a plain call, adaptive.
fn write_regular(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
    count: usize,
) -> io::Result<Attempt> {
    let Operation::Write { handle, offset, .. } = &*operation else {
        unreachable!("the caller has looked");
    };
    let (handle, offset) = (*handle, *offset);
    let flags = system::flags(handle)?;
    let waits_for_device = flags & O_WAITS_FOR_DEVICE != 0;
    let routes = &worker.shared.routes;
    let class = || class_of(OperationKind::Write, Some(handle));
    let is_slow = || routes.is_slow(monotonic().as_nanos(), class);
    if !waits_for_device && count <= INLINE_BYTES_MAX && !is_slow() {
        return Ok(direct(worker, operation).into());
    }
    if offset.is_none() && flags & O_APPEND == 0 {
        return Ok(offload(worker, operation).into());
    }
    write(worker, operation)
}

fn write(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Attempt> {
    let Operation::Write {
        handle,
        buffers,
        offset,
    } = operation
    else {
        unreachable!("the caller has looked");
    };
    if handle.kind() == HandleKind::BlockDevice && offset.is_none() {
        return Ok(offload(worker, operation).into());
    }
    if !supports(worker, Opcode::Write, Opcode::Writev) {
        return Ok(transfer_without_ring(worker, operation).into());
    }
    let fd = system::descriptor(handle)?.as_raw_fd();
    let window: &[IoSlice<'_>] = system::writable_window(buffers);
    let submission = Submission::write(fd, window, position(*offset));
    let submission = submission.waiting_for(interest(handle, Interest::Write));
    Ok(Attempt::Submit(submission))
}

// ---- both -------------------------------------------------------------------

fn supports(worker: &Worker, one: Opcode, other: Opcode) -> bool {
    let supported = worker.shared.supported;
    supported.contains(one) && supported.contains(other)
}

fn position(offset: Option<u64>) -> Position {
    offset.map_or(Position::Current, Position::At)
}

fn interest(handle: &Handle, interest: Interest) -> Option<Interest> {
    system::can_poll(handle.kind()).then_some(interest)
}

/// Without the opcodes: what can be polled is taken without waiting, and polled in
/// the ring until it can be, so that no thread of the pool waits for a peer.
fn transfer_without_ring(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
) -> io::Result<io_core::Outcome> {
    let handle = match operation {
        Operation::Read { handle, .. } | Operation::Write { handle, .. } => *handle,
        _ => unreachable!("a transfer"),
    };
    let wanted = match operation.kind() {
        OperationKind::Read => Interest::Read,
        _ => Interest::Write,
    };
    let Some(wanted) = interest(handle, wanted) else {
        return offload(worker, operation);
    };
    let mut rounds = 0;
    loop {
        // Before it waits: what is not open for this is never ready, but an error.
        let result = match operation {
            // At an offset they are seekable: character devices such as /dev/zero.
            Operation::Read {
                offset: Some(_), ..
            }
            | Operation::Write {
                offset: Some(_), ..
            } => return offload(worker, operation),
            Operation::Read { buffers, .. } => system::read_nowait(handle, buffers),
            Operation::Write { buffers, .. } => system::write_nowait(handle, buffers),
            _ => unreachable!("a transfer"),
        };
        match result {
            Err(error) if system::would_wait(&error) => {}
            answer => {
                worker.count_inline(1, None);
                return answer.map(io_core::Outcome::Count);
            }
        }
        wait_ready(worker, system::descriptor(handle)?, wanted, &mut rounds)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(lengths: &[usize], bytes_max: usize) -> Vec<usize> {
        let mut memory: Vec<Vec<u8>> = lengths.iter().map(|&length| vec![0; length]).collect();
        let mut buffers: Vec<IoSliceMut<'_>> = memory
            .iter_mut()
            .map(|bytes| IoSliceMut::new(bytes))
            .collect();
        with_first_bytes(&mut buffers, bytes_max, |window| {
            window.iter().map(|buffer| buffer.len()).collect()
        })
    }

    #[test]
    fn the_first_bytes_are_whole_buffers_or_a_part_of_one() {
        assert_eq!(first(&[3, 4], 7), [3, 4]);
        assert_eq!(first(&[3, 5], 7), [3]);
        assert_eq!(first(&[8, 1], 7), [7]);
        assert_eq!(first(&[0, 0, 8], 7), [7]);
        assert_eq!(first(&[0, 7, 1], 7), [0, 7]);
    }
}
