//! Whole files at once: [`read`], [`read_to_string`], [`write()`], [`copy`].

use std::io::{self, Read, Write};
use std::path::Path;

use crate::file::{File, FileType, Metadata, OpenOptions, Progress};
use crate::io::Io;

/// The largest single transfer of a whole file, in bytes: large enough that the
/// cost of an operation does not count, small enough to stay in the cache while
/// fresh memory is zeroed and filled.
const READ_BYTES_MAX: usize = 1024 * 1024;
/// The least space that a transfer of unknown size is given, in bytes.
const READ_BYTES_MIN: usize = 8 * 1024;
/// The largest buffer of a copy, in bytes: on the heap, since stacks may be small.
const COPY_BYTES_MAX: usize = 256 * 1024;
/// A read that should reach the end of a file asks for so many bytes more than
/// the file has by its own account. If it gets none of them, that was the end:
/// nothing has to be read once more to see it.
const SPARE_BYTES: usize = 32;

/// Reads a whole file. A device may be opened twice, first without waiting.
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
    let path = path.as_ref();
    if io.capabilities().is_open_without_waiting_faster
        && let Some(content) = read_without_waiting(io, path)?
    {
        return Ok(content);
    }
    let file = File::open(io, path)?;
    let claimed_bytes = file.metadata()?.len();
    read_content(&file, claimed_bytes)
}

/// Reads a file that it opens so that nothing can have to wait, and that nobody else
/// sees. `None` if there is something that would not be the same: a device, or what has a lease
/// (fcntl(2)).
///
/// A FIFO is: who waits for a reader goes on, and a reader without a writer waits below in
/// place of in open(2).
fn read_without_waiting(io: &dyn Io, path: &Path) -> io::Result<Option<Vec<u8>>> {
    let Some(file) = open_without_waiting(io, path)? else {
        return Ok(None);
    };
    let metadata = file.metadata()?;
    match metadata.file_type() {
        FileType::Regular => {}
        // Before there was a writer it reads as if at its end, but is not ready.
        FileType::Fifo => match file.try_as_fd() {
            Some(fd) => io.wait_readable(fd)?,
            None => return Ok(None),
        },
        FileType::Directory => return Err(io::Error::from_raw_os_error(libc::EISDIR)),
        _ => return Ok(None),
    }
    read_content(&file, metadata.len()).map(Some)
}

/// Opens with `O_NONBLOCK`, for whoever keeps the file to himself: it changes
/// nothing for a regular file. `None` if somebody has a lease (fcntl(2)), and has
/// to be waited for until he gives it up.
fn open_without_waiting<'io>(io: &'io dyn Io, path: &Path) -> io::Result<Option<File<'io>>> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    match options.open(io, path) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        answer => answer.map(Some),
    }
}

/// Reads what a file has, which claims to have so many bytes. Some claim to be
/// empty (procfs) or larger than memory, and some grow: only a hint.
fn read_content(mut file: &File<'_>, claimed_bytes: u64) -> io::Result<Vec<u8>> {
    let claimed = usize::try_from(claimed_bytes).unwrap_or(usize::MAX);
    let expected = claimed.saturating_add(SPARE_BYTES);
    let mut content = Vec::new();
    content.try_reserve_exact(expected)?;
    // `content` may be longer than what is filled: nothing is zeroed twice.
    let mut filled = 0;
    loop {
        let wanted = if filled <= claimed {
            expected - filled
        } else {
            filled.max(READ_BYTES_MIN)
        };
        let wanted = wanted.min(READ_BYTES_MAX);
        let end = filled + wanted;
        if end > content.len() {
            content.try_reserve(end - content.len())?;
            content.resize(end, 0);
        }
        let count = file.read(&mut content[filled..end])?;
        filled += count;
        let is_as_claimed = filled == claimed && count < wanted;
        if count == 0 || is_as_claimed {
            content.truncate(filled);
            return Ok(content);
        }
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
    let source = open_source(io, from)?;
    let metadata = source.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let destination = create_like(io, to, &metadata)?;
    copy_content(&source, metadata.len(), &destination, bytes)?;
    destination.close()
}

/// Opens what is to be copied. A FIFO is refused, so nobody has to wait for its
/// other end.
fn open_source<'io>(io: &'io dyn Io, from: &Path) -> io::Result<File<'io>> {
    match open_without_waiting(io, from)? {
        Some(source) => Ok(source),
        None => File::open(io, from),
    }
}

/// Opens a copy's destination with the bits of its source. They are set once
/// more if the umask took some away, or the file was there before; what is no
/// regular file keeps its own (as in std).
fn create_like<'io>(io: &'io dyn Io, to: &Path, source: &Metadata) -> io::Result<File<'io>> {
    let mode = source.permission_bits();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(mode);
    let destination = options.open(io, to)?;
    let created = destination.metadata()?;
    if created.is_file() && created.permission_bits() != mode {
        destination.set_permissions(mode)?;
    }
    Ok(destination)
}

/// Copies what a file has, which claims to have so many bytes: only a hint, as in
/// `read_content`.
fn copy_content(
    mut source: &File<'_>,
    claimed_bytes: u64,
    to: &File<'_>,
    bytes: &mut u64,
) -> io::Result<()> {
    let claimed = usize::try_from(claimed_bytes).unwrap_or(usize::MAX);
    let expected = claimed.saturating_add(SPARE_BYTES);
    let mut buffer = vec![0; expected.clamp(READ_BYTES_MIN, COPY_BYTES_MAX)];
    loop {
        let count = source.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        let written = to.write_fully(&buffer[..count]);
        *bytes += written.bytes;
        written.result?;
        if *bytes == claimed_bytes && count < buffer.len() {
            return Ok(());
        }
        if *bytes > claimed_bytes {
            buffer.resize(COPY_BYTES_MAX, 0);
        }
    }
}
