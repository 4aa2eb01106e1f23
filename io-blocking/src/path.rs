//! Paths as the C strings that system calls want. The path chapters of `file`
//! call it.

use std::ffi::CStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::errno::errno;

/// Paths up to one byte less than this are copied to the stack; longer ones to
/// the heap. In bytes; what std uses too.
pub const PATH_STACK_BYTES: usize = 384;

/// Runs `body` with `path` as a C string. A path that is too long is left to
/// the system, which answers `ENAMETOOLONG`.
///
/// # Errors
/// `EINVAL` if the path holds a NUL byte, otherwise what `body` answers.
pub fn with_c_path<R>(path: &Path, body: impl FnOnce(&CStr) -> io::Result<R>) -> io::Result<R> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.len() >= PATH_STACK_BYTES {
        return with_heap_path(bytes, body);
    }
    let mut buffer = [0; PATH_STACK_BYTES];
    buffer[..bytes.len()].copy_from_slice(bytes);
    let path = CStr::from_bytes_with_nul(&buffer[..=bytes.len()]);
    body(path.map_err(|_| errno(libc::EINVAL))?)
}

#[cold]
fn with_heap_path<R>(bytes: &[u8], body: impl FnOnce(&CStr) -> io::Result<R>) -> io::Result<R> {
    let path = std::ffi::CString::new(bytes).map_err(|_| errno(libc::EINVAL))?;
    body(&path)
}
