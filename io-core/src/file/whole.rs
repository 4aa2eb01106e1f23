//! Whole files at once: [`read`], [`read_to_string`], [`write()`], [`copy`].

use std::io::{self, Read, Write};
use std::path::Path;

use crate::file::{File, Metadata, OpenOptions, Progress};
use crate::io::Io;

/// The largest single transfer of a whole file, in bytes: large enough that the
/// cost of an operation does not count, small enough to stay in the cache while
/// fresh memory is zeroed and filled.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// The least space that a read of a file of unknown size is given, in bytes.
const READ_BYTES_MIN: usize = 8 * 1024;
/// The buffer of a copy, in bytes: on the heap, since stacks may be small.
const COPY_BYTES: usize = 256 * 1024;

/// Reads a whole file.
///
/// # Errors
/// What open(2), statx(2) and read(2) say; [`io::ErrorKind::OutOfMemory`];
/// Canceled; deadline passed.
///
/// # Cancellation
/// A point at each of its operations. What was read by then is lost.
///
/// ```
/// use io_core::fs;
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// fs::write(io, path.join("file"), "text")?;
/// assert_eq!(fs::read(io, path.join("file"))?, b"text");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = File::open(io, path)?;
    // Some files claim to be empty (procfs) or larger than memory: only a hint.
    let hint = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut content = Vec::new();
    content.try_reserve_exact(hint)?;
    loop {
        let filled = content.len();
        if filled >= hint {
            return read_rest(&file, content);
        }
        content.resize(filled + READ_BYTES_MAX.min(hint - filled), 0);
        let count = (&file).read(&mut content[filled..])?;
        content.truncate(filled + count);
        if count == 0 {
            return Ok(content);
        }
    }
}

/// Reads what a file has beyond the size that it claimed: most often nothing,
/// which costs no further memory.
fn read_rest(mut file: &File<'_>, mut content: Vec<u8>) -> io::Result<Vec<u8>> {
    let mut probe = [0; 32];
    loop {
        let count = file.read(&mut probe)?;
        if count == 0 {
            return Ok(content);
        }
        content.try_reserve(count)?;
        content.extend_from_slice(&probe[..count]);
        let filled = content.len();
        let further = filled.clamp(READ_BYTES_MIN, READ_BYTES_MAX);
        content.try_reserve(further)?;
        content.resize(filled + further, 0);
        let count = file.read(&mut content[filled..])?;
        content.truncate(filled + count);
    }
}

/// Reads a whole file as text.
///
/// # Errors
/// As [`read`]; [`io::ErrorKind::InvalidData`] if it is not UTF-8.
///
/// # Cancellation
/// As [`read`].
pub fn read_to_string(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<String> {
    let content = read(io, path)?;
    String::from_utf8(content).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Writes a whole file: creates it, or replaces what it says.
///
/// # Errors
/// What open(2), write(2) and close(2) say; Canceled; deadline passed. A file
/// that was begun is left as it is.
///
/// # Cancellation
/// A point at each of its operations.
pub fn write(io: &dyn Io, path: impl AsRef<Path>, content: impl AsRef<[u8]>) -> io::Result<()> {
    let file = File::create(io, path)?;
    (&file).write_all(content.as_ref())?;
    file.close()
}

/// Copies the content and the permission bits of a file to another, which is
/// created or replaced; returns the number of bytes.
///
/// # Errors
/// `EINVAL` if `from` is not a regular file; what open(2), read(2), write(2),
/// fchmod(2) and close(2) say; Canceled; deadline passed. What was written of
/// `to` is left as it is; [`copy_fully`] tells how much that is.
///
/// # Cancellation
/// A point at each of its operations.
///
/// ```
/// use io_core::fs;
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// fs::write(io, path.join("from"), "text")?;
/// assert_eq!(fs::copy(io, path.join("from"), path.join("to"))?, 4);
/// assert_eq!(fs::read_to_string(io, path.join("to"))?, "text");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn copy(io: &dyn Io, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<u64> {
    copy_fully(io, from, to).finish()
}

/// As [`copy`], and tells how far it came, also when it failed.
///
/// # Cancellation
/// A point at each of its operations; ends the copy.
pub fn copy_fully(io: &dyn Io, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Progress {
    let mut bytes = 0;
    let result = copy_counted(io, from.as_ref(), to.as_ref(), &mut bytes);
    Progress { bytes, result }
}

fn copy_counted(io: &dyn Io, from: &Path, to: &Path, bytes: &mut u64) -> io::Result<()> {
    let source = File::open(io, from)?;
    let metadata = source.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let destination = create_like(io, to, &metadata)?;
    copy_content(&source, &destination, bytes)?;
    destination.close()
}

/// Opens a copy's destination with the bits of its source. They are set once
/// more since the umask took some away, or the file was there before; what is no
/// regular file keeps its own (as in std).
fn create_like<'io>(io: &'io dyn Io, to: &Path, source: &Metadata) -> io::Result<File<'io>> {
    let mode = source.permission_bits();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let destination = options.open(io, to)?;
    if destination.metadata()?.is_file() {
        destination.set_permissions(mode)?;
    }
    Ok(destination)
}

fn copy_content(mut source: &File<'_>, to: &File<'_>, bytes: &mut u64) -> io::Result<()> {
    let mut buffer = vec![0; COPY_BYTES];
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        let written = to.write_fully(&buffer[..count]);
        *bytes += written.bytes;
        written.result?;
    }
}
