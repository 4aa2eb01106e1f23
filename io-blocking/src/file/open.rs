//! Opening and duplicating: how options become flags, and what a new handle
//! knows of itself. `file.rs` calls it; other executors use the flags.

use std::ffi::c_int;
use std::io;
use std::os::fd::OwnedFd;

use io_core::fs::OpenOptions;
use io_core::{At, Handle, HandleKind};

use crate::errno::errno;
use crate::handle::{descriptor, directory_of};
use crate::path::with_c_path;
use crate::syscall;

/// The flags that say how to open and that the open file does not keep.
pub const CREATE_FLAGS: c_int =
    libc::O_CREAT | libc::O_EXCL | libc::O_TRUNC | libc::O_NOCTTY | libc::O_CLOEXEC;

/// Opens what `at` names (openat(2)).
pub(crate) fn open(at: &At<'_>, options: &OpenOptions) -> io::Result<Handle> {
    let flags = open_flags(options)?;
    let directory = directory_of(at)?;
    let fd = with_c_path(at.path, |path| {
        syscall::openat(directory, path, flags, options.permission_bits())
    })?;
    Ok(handle_from_open(fd, flags))
}

/// A handle of what was opened with `flags`.
#[must_use]
pub fn handle_from_open(fd: OwnedFd, flags: c_int) -> Handle {
    let handle = Handle::from_fd(fd);
    handle.set_flags((flags & !CREATE_FLAGS).cast_unsigned());
    let has = |set: c_int| flags & set == set;
    // What some flags leave no doubt about. O_TMPFILE contains O_DIRECTORY.
    if has(libc::O_CREAT | libc::O_EXCL) || has(libc::O_TMPFILE) {
        handle.set_kind(HandleKind::Regular);
    } else if has(libc::O_DIRECTORY) {
        handle.set_kind(HandleKind::Directory);
    }
    handle
}

/// A second handle of the same open file (fcntl(2) `F_DUPFD_CLOEXEC`).
pub(crate) fn duplicate(handle: &Handle) -> io::Result<Handle> {
    let copy = Handle::from_fd(syscall::duplicate(descriptor(handle)?)?);
    copy.set_kind(handle.kind());
    if let Some(flags) = handle.flags() {
        copy.set_flags(flags);
    }
    Ok(copy)
}

/// The flags of open(2) for `options`, always with `O_CLOEXEC`.
///
/// # Errors
/// `EINVAL` for what std refuses too: no access at all; truncating or creating
/// without writing; truncating and appending.
pub fn open_flags(options: &OpenOptions) -> io::Result<c_int> {
    let access = access_flags(options)?;
    let mut flags = access | creation_flags(options)? | libc::O_CLOEXEC;
    if options.is_directory() {
        flags |= libc::O_DIRECTORY;
    }
    Ok(flags | (options.extra_flags() & !libc::O_ACCMODE))
}

fn access_flags(options: &OpenOptions) -> io::Result<c_int> {
    match (options.is_read(), options.is_write(), options.is_append()) {
        (true, false, false) => Ok(libc::O_RDONLY),
        (false, true, false) => Ok(libc::O_WRONLY),
        (true, true, false) => Ok(libc::O_RDWR),
        (false, _, true) => Ok(libc::O_WRONLY | libc::O_APPEND),
        (true, _, true) => Ok(libc::O_RDWR | libc::O_APPEND),
        (false, false, false) if options.is_directory() => Ok(libc::O_RDONLY),
        (false, false, false) => Err(errno(libc::EINVAL)),
    }
}

fn creation_flags(options: &OpenOptions) -> io::Result<c_int> {
    let changes = options.is_truncate() || options.may_create();
    let is_refused = match (options.is_write(), options.is_append()) {
        (true, false) => false,
        (false, false) => changes,
        (_, true) => options.is_truncate() && !options.is_create_new(),
    };
    if is_refused {
        return Err(errno(libc::EINVAL));
    }
    Ok(if options.is_create_new() {
        libc::O_CREAT | libc::O_EXCL
    } else {
        let create = if options.is_create() {
            libc::O_CREAT
        } else {
            0
        };
        let truncate = if options.is_truncate() {
            libc::O_TRUNC
        } else {
            0
        };
        create | truncate
    })
}
