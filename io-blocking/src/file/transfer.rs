//! Reading, writing and seeking. `file.rs` calls it; other executors use the
//! attempts that do not wait.
//!
//! The order of a read at the cursor that a deadline bounds:
//! 1. attempt without waiting (`RWF_NOWAIT`, `MSG_DONTWAIT`);
//! 2. `EAGAIN`: poll, at most until the deadline;
//! 3. attempt again: another reader may have been faster.
//!
//! Without a deadline it is one plain call. A descriptor may be O_NONBLOCK all
//! the same (another process may have made it so); then `EAGAIN` means step 2.

use std::io::{self, IoSlice, IoSliceMut, SeekFrom};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use io_core::{Handle, HandleKind, Instant, Interest, Operation, readable_bytes, writable_bytes};

use crate::errno::{errno, is_errno, would_wait};
use crate::handle::{can_poll, descriptor, kind};
use crate::syscall;
use crate::wait::{self, Readiness};

/// How many buffers one system call takes (`UIO_MAXIOV`).
pub const BUFFERS_MAX: usize = 1024;

/// So many bytes a pipe takes at once that poll(2) finds writable (`PIPE_BUF`,
/// pipe(7)); a write of more waits until all of it is written.
pub const POLLED_BYTES_MAX: usize = 4096;

/// What preadv2(2) takes for "at the cursor".
const AT_CURSOR: i64 = -1;

/// Reads: one system call, and waits (until `until`, where polling means
/// anything) if there is nothing to read yet.
///
/// # Errors
/// The system's; deadline passed; `EBADF` for another executor's handle.
#[inline]
pub fn read(
    handle: &Handle,
    buffers: &mut [IoSliceMut<'_>],
    offset: Option<u64>,
    until: Option<Instant>,
) -> io::Result<usize> {
    let fd = descriptor(handle)?;
    let offset = offset.map(file_offset).transpose()?;
    if until.is_some() && offset.is_none() && can_poll(kind(handle)?) {
        return read_until(handle, buffers, until);
    }
    let first = read_plain(fd, buffers, offset);
    match first {
        Err(error) if would_wait(&error) => read_when_ready(fd, buffers, offset, until),
        answer => answer,
    }
}

/// Writes: as [`read`].
///
/// # Errors
/// As [`read`].
#[inline]
pub fn write(
    handle: &Handle,
    buffers: &[IoSlice<'_>],
    offset: Option<u64>,
    until: Option<Instant>,
) -> io::Result<usize> {
    let fd = descriptor(handle)?;
    let offset = offset.map(file_offset).transpose()?;
    if until.is_some() && offset.is_none() && can_poll(kind(handle)?) {
        return write_until(handle, buffers, until);
    }
    let first = write_plain(fd, buffers, offset);
    match first {
        Err(error) if would_wait(&error) => write_when_ready(fd, buffers, offset, until),
        answer => answer,
    }
}

/// The transfer of one buffer at an offset, which is one plain call: `None` if
/// `operation` is none.
#[inline]
pub(crate) fn attempt_at_offset(operation: &mut Operation<'_, '_>) -> Option<io::Result<usize>> {
    match operation {
        Operation::Read {
            handle,
            buffers: [buffer],
            offset: Some(offset),
        } => Some(read_at_offset(handle, buffer, *offset)),
        Operation::Write {
            handle,
            buffers: [buffer],
            offset: Some(offset),
        } => Some(write_at_offset(handle, buffer, *offset)),
        _ => None,
    }
}

#[inline]
fn read_at_offset(handle: &Handle, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    syscall::pread(descriptor(handle)?, buffer, file_offset(offset)?)
}

#[inline]
fn write_at_offset(handle: &Handle, buffer: &[u8], offset: u64) -> io::Result<usize> {
    syscall::pwrite(descriptor(handle)?, buffer, file_offset(offset)?)
}

/// One attempt to read what is in the page cache, or in a pipe: does not wait
/// for a device (preadv2(2) with `RWF_NOWAIT`). May be short.
///
/// # Errors
/// `EAGAIN` if it would have to wait (also for some pages that are cached),
/// `EOPNOTSUPP` if the file system has no such read; otherwise the system's.
#[inline]
pub fn read_cached(
    handle: &Handle,
    buffers: &mut [IoSliceMut<'_>],
    offset: Option<u64>,
) -> io::Result<usize> {
    let fd = descriptor(handle)?;
    let offset = offset.map_or(Ok(AT_CURSOR), file_offset)?;
    syscall::preadv2(fd, readable_window(buffers), offset, libc::RWF_NOWAIT)
}

/// One attempt to read at the cursor that does not wait.
///
/// Where the kernel has no such call for the file (`EOPNOTSUPP`: FIFOs, some
/// devices) it polls and then reads plainly, which may wait if another reader is
/// faster.
///
/// # Errors
/// `EAGAIN` if it would have to wait; otherwise the system's.
pub fn read_nowait(handle: &Handle, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    match read_attempt(handle, buffers) {
        Err(error) if lacks_nowait(handle, &error) => {
            let fd = descriptor(handle)?;
            check_ready(fd, Interest::Read)?;
            read_plain(fd, buffers, None)
        }
        answer => answer,
    }
}

/// As [`read_nowait`], and never waits.
///
/// # Errors
/// As there; `EOPNOTSUPP` where the kernel has no such call for the file.
pub fn read_attempt(handle: &Handle, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let fd = descriptor(handle)?;
    // recvmsg(2) of nothing would wait or take a datagram; read(2) does not.
    if readable_bytes(buffers) == 0 {
        return read_plain(fd, buffers, None);
    }
    let buffers = readable_window(buffers);
    if kind(handle)? == HandleKind::Socket {
        return syscall::recvmsg(fd, buffers, libc::MSG_DONTWAIT);
    }
    syscall::preadv2(fd, buffers, AT_CURSOR, libc::RWF_NOWAIT)
}

/// One attempt to write at the cursor that does not wait; as [`read_nowait`].
/// More than there is room for is written in part; where it has to poll, at most
/// [`POLLED_BYTES_MAX`] bytes.
///
/// # Errors
/// As [`read_nowait`].
pub fn write_nowait(handle: &Handle, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    match write_attempt(handle, buffers) {
        Err(error) if lacks_nowait(handle, &error) => {
            let fd = descriptor(handle)?;
            check_ready(fd, Interest::Write)?;
            write_start(fd, buffers)
        }
        answer => answer,
    }
}

/// As [`write_nowait`], and never waits.
///
/// # Errors
/// As there; `EOPNOTSUPP` where the kernel has no such call for the file.
pub fn write_attempt(handle: &Handle, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    let fd = descriptor(handle)?;
    if writable_bytes(buffers) == 0 {
        return write_plain(fd, buffers, None);
    }
    let buffers = writable_window(buffers);
    if kind(handle)? == HandleKind::Socket {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        return syscall::sendmsg(fd, buffers, flags);
    }
    syscall::pwritev2(fd, buffers, AT_CURSOR, libc::RWF_NOWAIT)
}

/// Writes what a pipe that is ready has room for: all of it, or its beginning.
fn write_start(fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    if writable_bytes(buffers) <= POLLED_BYTES_MAX {
        return write_plain(fd, buffers, None);
    }
    let first = buffers.iter().find(|buffer| !buffer.is_empty());
    let first = first.map_or(&[][..], |buffer| &buffer[..]);
    syscall::write(fd, &first[..first.len().min(POLLED_BYTES_MAX)])
}

/// Whether an attempt failed only because the kernel has none that does not wait.
fn lacks_nowait(handle: &Handle, error: &io::Error) -> bool {
    is_errno(error, libc::EOPNOTSUPP) && handle.kind() != HandleKind::Socket
}

/// Moves the cursor (lseek(2)).
pub(crate) fn seek(handle: &Handle, to: SeekFrom) -> io::Result<u64> {
    let fd = descriptor(handle)?;
    match to {
        SeekFrom::Start(offset) => syscall::lseek(fd, file_offset(offset)?, libc::SEEK_SET),
        SeekFrom::Current(distance) => syscall::lseek(fd, distance, libc::SEEK_CUR),
        SeekFrom::End(distance) => syscall::lseek(fd, distance, libc::SEEK_END),
    }
}

/// An offset as the system wants it.
///
/// # Errors
/// `EINVAL` beyond 2^63 - 1.
#[inline]
pub fn file_offset(offset: u64) -> io::Result<i64> {
    i64::try_from(offset).map_err(|_| errno(libc::EINVAL))
}

/// The buffers that one call takes: at most [`BUFFERS_MAX`], and among them one
/// with room if there is one at all (0 bytes would mean the end of the file).
pub fn readable_window<'w, 'b>(buffers: &'w mut [IoSliceMut<'b>]) -> &'w mut [IoSliceMut<'b>] {
    if buffers.len() <= BUFFERS_MAX {
        return buffers;
    }
    let first = buffers.iter().position(|buffer| !buffer.is_empty());
    let first = first.unwrap_or(0);
    let end = buffers.len().min(first + BUFFERS_MAX);
    &mut buffers[first..end]
}

/// As [`readable_window`], of what is to be written.
#[must_use]
pub fn writable_window<'w, 'b>(buffers: &'w [IoSlice<'b>]) -> &'w [IoSlice<'b>] {
    if buffers.len() <= BUFFERS_MAX {
        return buffers;
    }
    let first = buffers.iter().position(|buffer| !buffer.is_empty());
    let first = first.unwrap_or(0);
    let end = buffers.len().min(first + BUFFERS_MAX);
    &buffers[first..end]
}

#[inline]
fn read_plain(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    offset: Option<i64>,
) -> io::Result<usize> {
    match (buffers, offset) {
        ([buffer], Some(offset)) => syscall::pread(fd, buffer, offset),
        ([buffer], None) => syscall::read(fd, buffer),
        (buffers, offset) => {
            let buffers = readable_window(buffers);
            match offset {
                Some(offset) => syscall::preadv(fd, buffers, offset),
                None => syscall::readv(fd, buffers),
            }
        }
    }
}

#[inline]
fn write_plain(
    fd: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
    offset: Option<i64>,
) -> io::Result<usize> {
    match (buffers, offset) {
        ([buffer], Some(offset)) => syscall::pwrite(fd, buffer, offset),
        ([buffer], None) => syscall::write(fd, buffer),
        (buffers, offset) => {
            let buffers = writable_window(buffers);
            match offset {
                Some(offset) => syscall::pwritev(fd, buffers, offset),
                None => syscall::writev(fd, buffers),
            }
        }
    }
}

#[cold]
fn read_when_ready(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    offset: Option<i64>,
    until: Option<Instant>,
) -> io::Result<usize> {
    let mut readiness = Readiness::new(fd, Interest::Read, until);
    loop {
        readiness.wait()?;
        match read_plain(fd, buffers, offset) {
            Err(error) if would_wait(&error) => {}
            answer => return answer,
        }
    }
}

#[cold]
fn write_when_ready(
    fd: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
    offset: Option<i64>,
    until: Option<Instant>,
) -> io::Result<usize> {
    let mut readiness = Readiness::new(fd, Interest::Write, until);
    loop {
        readiness.wait()?;
        match write_plain(fd, buffers, offset) {
            Err(error) if would_wait(&error) => {}
            answer => return answer,
        }
    }
}

fn read_until(
    handle: &Handle,
    buffers: &mut [IoSliceMut<'_>],
    until: Option<Instant>,
) -> io::Result<usize> {
    let mut readiness = Readiness::new(descriptor(handle)?, Interest::Read, until);
    loop {
        match read_nowait(handle, buffers) {
            Err(error) if would_wait(&error) => readiness.wait()?,
            answer => return answer,
        }
    }
}

fn write_until(
    handle: &Handle,
    buffers: &[IoSlice<'_>],
    until: Option<Instant>,
) -> io::Result<usize> {
    let mut readiness = Readiness::new(descriptor(handle)?, Interest::Write, until);
    loop {
        match write_nowait(handle, buffers) {
            Err(error) if would_wait(&error) => readiness.wait()?,
            answer => return answer,
        }
    }
}

/// `EAGAIN` unless the descriptor is ready now.
fn check_ready(fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
    if wait::is_ready(fd, interest, Some(Duration::ZERO))? {
        Ok(())
    } else {
        Err(errno(libc::EAGAIN))
    }
}
