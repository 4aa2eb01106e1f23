//! Operations on names: making, removing, renaming, linking. `file.rs` calls it.

use std::ffi::{OsString, c_int};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use io_core::At;

use crate::handle::directory_of;
use crate::path::with_c_path;
use crate::syscall;

/// The first guess at the length of what a link says, in bytes; doubled until
/// it is enough.
const LINK_BYTES: usize = 256;

/// mkdirat(2).
pub(crate) fn create_directory(at: &At<'_>, mode: u32) -> io::Result<()> {
    let directory = directory_of(at)?;
    with_c_path(at.path, |path| syscall::mkdirat(directory, path, mode))
}

/// unlinkat(2); `flags` is 0 or `AT_REMOVEDIR`.
pub(crate) fn remove(at: &At<'_>, flags: c_int) -> io::Result<()> {
    let directory = directory_of(at)?;
    with_c_path(at.path, |path| syscall::unlinkat(directory, path, flags))
}

/// renameat(2).
pub(crate) fn rename(from: &At<'_>, to: &At<'_>) -> io::Result<()> {
    let (from_directory, to_directory) = (directory_of(from)?, directory_of(to)?);
    with_c_path(from.path, |from| {
        with_c_path(to.path, |to| {
            syscall::renameat(from_directory, from, to_directory, to)
        })
    })
}

/// symlinkat(2).
pub(crate) fn symbolic_link(target: &Path, at: &At<'_>) -> io::Result<()> {
    let directory = directory_of(at)?;
    with_c_path(target, |target| {
        with_c_path(at.path, |path| syscall::symlinkat(target, directory, path))
    })
}

/// linkat(2), not following a link.
pub(crate) fn hard_link(from: &At<'_>, to: &At<'_>) -> io::Result<()> {
    let (from_directory, to_directory) = (directory_of(from)?, directory_of(to)?);
    with_c_path(from.path, |from| {
        with_c_path(to.path, |to| {
            syscall::linkat(from_directory, from, to_directory, to)
        })
    })
}

/// readlinkat(2), of any length.
pub(crate) fn read_link(at: &At<'_>) -> io::Result<PathBuf> {
    let directory = directory_of(at)?;
    with_c_path(at.path, |path| {
        let mut target = vec![0; LINK_BYTES];
        loop {
            let bytes = syscall::readlinkat(directory, path, &mut target)?;
            // A full buffer may hold only the beginning.
            if bytes < target.len() {
                target.truncate(bytes);
                return Ok(PathBuf::from(OsString::from_vec(target)));
            }
            target.resize(target.len() * 2, 0);
        }
    })
}
