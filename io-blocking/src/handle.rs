//! What this crate knows of a [`Handle`]: its descriptor, and the hints that it
//! fills in when somebody needs them. Called by the file chapter and by other
//! executors.

use std::io;
use std::os::fd::BorrowedFd;

use io_core::{At, Handle, HandleKind};

use crate::errno::{errno, is_errno};
use crate::syscall::{self, WORKING_DIRECTORY};

/// The descriptor of a handle.
///
/// # Errors
/// `EBADF` if it is another executor's token.
#[inline]
pub fn descriptor(handle: &Handle) -> io::Result<BorrowedFd<'_>> {
    handle.try_as_fd().ok_or_else(|| errno(libc::EBADF))
}

/// The descriptor that the path of `at` is relative to.
///
/// # Errors
/// `EBADF` if the path is relative and the directory another executor's token.
pub fn directory_of<'a>(at: &At<'a>) -> io::Result<BorrowedFd<'a>> {
    match at.directory {
        Some(directory) if at.path.is_relative() => descriptor(directory),
        _ => Ok(WORKING_DIRECTORY),
    }
}

/// What the handle names; asks the system once (fstat(2)) and remembers.
///
/// # Errors
/// What fstat(2) says; `EBADF` for another executor's token.
pub fn kind(handle: &Handle) -> io::Result<HandleKind> {
    match handle.kind() {
        HandleKind::Unknown => {
            let mode = syscall::fstat(descriptor(handle)?)?.st_mode;
            let kind = kind_of_mode(mode);
            handle.set_kind(kind);
            Ok(kind)
        }
        kind => Ok(kind),
    }
}

/// The kind that the type bits of a mode name.
pub(crate) fn kind_of_mode(mode: libc::mode_t) -> HandleKind {
    match mode & libc::S_IFMT {
        libc::S_IFREG => HandleKind::Regular,
        libc::S_IFDIR => HandleKind::Directory,
        libc::S_IFIFO => HandleKind::Pipe,
        libc::S_IFSOCK => HandleKind::Socket,
        libc::S_IFCHR => HandleKind::CharacterDevice,
        libc::S_IFBLK => HandleKind::BlockDevice,
        // Event counters, timers and their like have no type bits; a symbolic
        // link can be held open with O_PATH.
        _ => HandleKind::Other,
    }
}

/// The open flags of the handle; asks the system once (fcntl(2) `F_GETFL`) and
/// remembers. A hint: another process may change some of them.
///
/// # Errors
/// What fcntl(2) says; `EBADF` for another executor's token.
pub fn flags(handle: &Handle) -> io::Result<u32> {
    if let Some(flags) = handle.flags() {
        return Ok(flags);
    }
    let flags = syscall::status_flags(descriptor(handle)?)?.cast_unsigned();
    handle.set_flags(flags);
    Ok(flags)
}

/// Whether waiting for readiness (poll(2)) means anything for this kind. What a
/// regular file, a directory or a block device says is that it is always ready.
#[must_use]
pub fn can_poll(kind: HandleKind) -> bool {
    matches!(
        kind,
        HandleKind::Pipe | HandleKind::Socket | HandleKind::CharacterDevice | HandleKind::Other
    )
}

/// Closes a handle (close(2)). Whatever the answer, the handle is gone.
///
/// # Errors
/// What close(2) says, without `EINTR`: on Linux the descriptor is closed then.
/// `EBADF` for another executor's token, which is dropped.
pub fn close(handle: Handle) -> io::Result<()> {
    let fd = handle.into_fd().map_err(|_token| errno(libc::EBADF))?;
    match syscall::close(fd) {
        Err(error) if is_errno(&error, libc::EINTR) => Ok(()),
        answer => answer,
    }
}
