//! The functions on paths: one operation each, relative to the working directory.
//! Programs call them as `fs::create_dir(io, path)`.

use std::io;
use std::path::{Path, PathBuf};

use crate::file::open_directory::DIRECTORY_MODE;
use crate::file::{Dir, Metadata, ReadDir, at};
use crate::io::Io;
use crate::operation::{At, Links, Target};

fn here(path: &Path) -> At<'_> {
    At::working_directory(path)
}

/// What the system knows of the file at `path`, following links (statx(2)).
///
/// # Errors
/// `ENOENT`, `EACCES`, `ELOOP`, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point without an effect.
pub fn metadata(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<Metadata> {
    at::metadata(io, Target::Path(here(path.as_ref()), Links::Follow))
}

/// As [`metadata`], but of a link itself.
///
/// # Errors
/// As [`metadata`].
///
/// # Cancellation
/// A point without an effect.
pub fn symlink_metadata(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<Metadata> {
    at::metadata(io, Target::Path(here(path.as_ref()), Links::NoFollow))
}

/// Whether there is a file at `path`, following links: a broken link is none.
///
/// # Errors
/// If that can not be known: `EACCES` on the way, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point without an effect.
pub fn exists(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<bool> {
    match metadata(io, path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sets the permission bits of the file at `path`, following links: the low
/// twelve bits of `mode` (fchmodat(2)).
///
/// # Errors
/// `EPERM` if the file is another user's, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point. The bits may have been set.
pub fn set_permissions(io: &dyn Io, path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
    at::set_path_permissions(io, here(path.as_ref()), mode)
}

/// Creates a directory with the permission bits `0o777`, less the umask
/// (mkdirat(2)).
///
/// # Errors
/// `EEXIST`, `ENOENT` if its parent is missing, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point. The directory may have been created.
pub fn create_dir(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<()> {
    at::create_dir(io, here(path.as_ref()), DIRECTORY_MODE)
}

/// Removes an empty directory (unlinkat(2) with `AT_REMOVEDIR`).
///
/// # Errors
/// `ENOTEMPTY`, `ENOTDIR`, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point. The directory may have been removed.
pub fn remove_dir(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<()> {
    at::remove_dir(io, here(path.as_ref()))
}

/// Removes a file, or a link itself (unlinkat(2)).
///
/// # Errors
/// `ENOENT`, `EISDIR`, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point. The file may have been removed.
pub fn remove_file(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<()> {
    at::remove_file(io, here(path.as_ref()))
}

/// Renames a file or directory, replacing what is there (renameat(2)).
///
/// # Errors
/// `EXDEV` across file systems, `ENOTEMPTY`, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point. It may have been renamed.
pub fn rename(io: &dyn Io, from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    at::rename(io, here(from.as_ref()), here(to.as_ref()))
}

/// Creates the symbolic link `link`, which says `target`, whatever that is
/// (symlinkat(2)).
///
/// # Errors
/// `EEXIST`, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point. The link may have been created.
pub fn symlink(io: &dyn Io, target: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    at::symlink(io, target.as_ref(), here(link.as_ref()))
}

/// What a symbolic link says (readlinkat(2)).
///
/// # Errors
/// `EINVAL` if it is no link, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point without an effect.
pub fn read_link(io: &dyn Io, path: impl AsRef<Path>) -> io::Result<PathBuf> {
    at::read_link(io, here(path.as_ref()))
}

/// Makes `link` a second name of the file `original`. If `original` is a link
/// it gets the second name itself (linkat(2)).
///
/// # Errors
/// `EEXIST`, `EXDEV`, `EPERM` for a directory, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point. The name may have been made.
pub fn hard_link(
    io: &dyn Io,
    original: impl AsRef<Path>,
    link: impl AsRef<Path>,
) -> io::Result<()> {
    at::hard_link(io, here(original.as_ref()), here(link.as_ref()))
}

/// The entries of the directory at `path`. An entry is a name without its
/// directory: what is to be done with it is best asked of
/// [`ReadDir::directory`], from where its name holds whatever is renamed.
///
/// # Errors
/// `ENOTDIR`, `ENOENT`, `EACCES`, ...; Canceled; deadline passed.
///
/// # Cancellation
/// A point; so is each further look at the system by the iterator.
///
/// ```
/// use io_core::fs;
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// fs::write(io, path.join("file"), "text")?;
/// for entry in fs::read_dir(io, path)? {
///     assert_eq!(entry?.file_name(), "file");
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_dir<'io>(io: &'io dyn Io, path: impl AsRef<Path>) -> io::Result<ReadDir<'io>> {
    Dir::open(io, path).map(ReadDir::owning)
}
