//! [`Dir`]: an open directory, for programs: what paths can be relative to, and
//! what can be listed.

use std::fmt;
use std::io::{self, SeekFrom};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::file::held::HeldHandle;
use crate::file::{DirectoryEntries, File, Metadata, OpenOptions, ReadDir, at};
use crate::handle::Handle;
use crate::io::Io;
use crate::operation::{At, Links, Operation, Outcome, SyncLevel, Target};

/// The permission bits of a directory that is created, less the process's umask.
pub(super) const DIRECTORY_MODE: u32 = 0o777;

/// An open directory of one executor.
///
/// A path given to one of its methods starts at the directory, wherever it has
/// been moved to meanwhile; an absolute path does not look at it. Each method is
/// one operation and a cancellation point, unless it says otherwise.
///
/// The directory carries one listing position, which all that list it share.
/// Dropping it closes it without an answer.
///
/// ```
/// use io_core::fs::Dir;
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// let directory = Dir::open(io, path)?;
/// directory.create_dir("below")?;
/// directory.rename("below", &directory, "renamed")?;
/// assert!(directory.metadata("renamed")?.is_dir());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Dir<'io> {
    held: HeldHandle<'io>,
}

impl<'io> Dir<'io> {
    /// Opens a directory.
    ///
    /// # Errors
    /// `ENOTDIR` if it is something else, `ENOENT`, `EACCES`, ...; Canceled;
    /// deadline passed.
    ///
    /// # Cancellation
    /// A point. No directory is open if it answers an error.
    pub fn open(io: &'io dyn Io, path: impl AsRef<Path>) -> io::Result<Dir<'io>> {
        Dir::open_with(io, At::working_directory(path.as_ref()), 0)
    }

    /// Opens a directory below this one, following a link at the end of `path`.
    ///
    /// # Errors
    /// As [`open`](Dir::open).
    pub fn open_dir(&self, path: impl AsRef<Path>) -> io::Result<Dir<'io>> {
        Dir::open_with(self.io(), self.at(path.as_ref()), 0)
    }

    /// Opens a directory below this one. A link at the end of `path` is not
    /// followed, but refused.
    ///
    /// # Errors
    /// As [`open`](Dir::open); `ENOTDIR` or `ELOOP` if it is a link.
    pub fn open_dir_no_follow(&self, path: impl AsRef<Path>) -> io::Result<Dir<'io>> {
        Dir::open_with(self.io(), self.at(path.as_ref()), libc::O_NOFOLLOW)
    }

    pub(super) fn open_with(
        io: &'io dyn Io,
        at: At<'_>,
        custom_flags: i32,
    ) -> io::Result<Dir<'io>> {
        let mut options = OpenOptions::new();
        options.read(true).directory(true);
        options.custom_flags(custom_flags);
        let handle = at::open(io, at, options)?;
        Ok(Dir::from_handle(io, handle))
    }

    /// The directory behind a handle of the same executor.
    #[must_use]
    pub fn from_handle(io: &'io dyn Io, handle: Handle) -> Dir<'io> {
        Dir {
            held: HeldHandle::new(io, handle),
        }
    }

    /// The directory behind a descriptor, which it owns from here on.
    #[must_use]
    pub fn from_fd(io: &'io dyn Io, fd: OwnedFd) -> Dir<'io> {
        Dir::from_handle(io, Handle::from_fd(fd))
    }

    /// Its executor.
    #[must_use]
    pub fn io(&self) -> &'io dyn Io {
        self.held.io()
    }

    /// Its handle, for operations that the front has no method for.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        self.held.handle()
    }

    /// Its descriptor; `None` if its executor's directories have none.
    #[must_use]
    pub fn try_as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.handle().try_as_fd()
    }

    /// Takes the descriptor out; nothing is closed.
    ///
    /// # Errors
    /// The directory itself, if its executor's directories have no descriptor.
    pub fn into_fd(self) -> Result<OwnedFd, Dir<'io>> {
        let io = self.io();
        self.into_handle()
            .into_fd()
            .map_err(|handle| Dir::from_handle(io, handle))
    }

    /// Takes the handle out; nothing is closed.
    #[must_use]
    pub fn into_handle(self) -> Handle {
        self.held.into_handle()
    }

    /// `path`, relative to this directory: for operations that the front has no
    /// method for.
    #[must_use]
    pub fn at<'a>(&'a self, path: &'a Path) -> At<'a> {
        At {
            directory: Some(self.handle()),
            path,
        }
    }

    /// A second handle of the same open directory: both share the listing position.
    ///
    /// # Errors
    /// `EMFILE`, ...; Canceled; deadline passed.
    pub fn try_clone(&self) -> io::Result<Dir<'io>> {
        self.held.duplicate().map(|held| Dir { held })
    }

    /// Closes the directory and says how that went. Whatever the answer, it is closed.
    ///
    /// # Errors
    /// What close(2) says.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies.
    pub fn close(self) -> io::Result<()> {
        self.held.close()
    }

    /// Makes the directory's names durable (fsync(2)): what was created, renamed
    /// or removed in it.
    ///
    /// # Errors
    /// `EIO`, ...; Canceled; deadline passed.
    pub fn sync_all(&self) -> io::Result<()> {
        let operation = Operation::Sync {
            handle: self.handle(),
            level: SyncLevel::All,
        };
        self.held.perform(operation).map(Outcome::expect_done)
    }

    // ---- listing ----------------------------------------------------------

    /// The entries from the listing position on, without `.` and `..`.
    #[must_use]
    pub fn entries(&self) -> ReadDir<'_> {
        ReadDir::borrowing(self)
    }

    /// Reads the next entries into `entries` and returns how many, 0 at the end
    /// (getdents64(2)): one operation, and no allocation once `entries` has grown.
    ///
    /// # Errors
    /// `ENOENT` if the directory was removed, `EIO`, ...; Canceled; deadline passed.
    pub fn read_entries(&self, entries: &mut DirectoryEntries) -> io::Result<usize> {
        let outcome = self.held.perform(Operation::ReadDirectory {
            handle: self.handle(),
            entries,
        })?;
        let count = outcome.expect_count(usize::MAX);
        assert_eq!(count, entries.len(), "the backend miscounted its entries");
        Ok(count)
    }

    /// Makes the listing start again.
    ///
    /// # Errors
    /// What lseek(2) says; Canceled; deadline passed.
    pub fn rewind(&self) -> io::Result<()> {
        let operation = Operation::Seek {
            handle: self.handle(),
            to: SeekFrom::Start(0),
        };
        let position = self.held.perform(operation)?.expect_position();
        assert_eq!(position, 0, "the backend did not rewind");
        Ok(())
    }

    // ---- relative to the directory ----------------------------------------

    /// Opens a file below this directory (openat(2)).
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub fn open_file(
        &self,
        options: &OpenOptions,
        path: impl AsRef<Path>,
    ) -> io::Result<File<'io>> {
        options.open_at(self, path)
    }

    /// What the system knows of this directory itself.
    ///
    /// # Errors
    /// What statx(2) says; Canceled; deadline passed.
    pub fn own_metadata(&self) -> io::Result<Metadata> {
        at::metadata(self.io(), Target::Handle(self.handle()))
    }

    /// As [`fs::metadata`](crate::fs::metadata), from here.
    ///
    /// # Errors
    /// What statx(2) says; Canceled; deadline passed.
    pub fn metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        let at = self.at(path.as_ref());
        at::metadata(self.io(), Target::Path(at, Links::Follow))
    }

    /// As [`fs::symlink_metadata`](crate::fs::symlink_metadata), from here.
    ///
    /// # Errors
    /// What statx(2) says; Canceled; deadline passed.
    pub fn symlink_metadata(&self, path: impl AsRef<Path>) -> io::Result<Metadata> {
        let at = self.at(path.as_ref());
        at::metadata(self.io(), Target::Path(at, Links::NoFollow))
    }

    /// As [`fs::set_permissions`](crate::fs::set_permissions), from here.
    ///
    /// # Errors
    /// What fchmodat(2) says; Canceled; deadline passed.
    pub fn set_permissions(&self, path: impl AsRef<Path>, mode: u32) -> io::Result<()> {
        at::set_path_permissions(self.io(), self.at(path.as_ref()), mode)
    }

    /// As [`fs::create_dir`](crate::fs::create_dir), from here.
    ///
    /// # Errors
    /// What mkdirat(2) says; Canceled; deadline passed.
    pub fn create_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        at::create_dir(self.io(), self.at(path.as_ref()), DIRECTORY_MODE)
    }

    /// As [`fs::remove_dir`](crate::fs::remove_dir), from here.
    ///
    /// # Errors
    /// What unlinkat(2) says; Canceled; deadline passed.
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> io::Result<()> {
        at::remove_dir(self.io(), self.at(path.as_ref()))
    }

    /// As [`fs::remove_file`](crate::fs::remove_file), from here.
    ///
    /// # Errors
    /// What unlinkat(2) says; Canceled; deadline passed.
    pub fn remove_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        at::remove_file(self.io(), self.at(path.as_ref()))
    }

    /// Renames `from`, below this directory, to `to`, below `to_directory`, which
    /// may be this one (renameat(2)). What is there is replaced.
    ///
    /// # Errors
    /// What renameat(2) says; Canceled; deadline passed.
    pub fn rename(
        &self,
        from: impl AsRef<Path>,
        to_directory: &Dir<'_>,
        to: impl AsRef<Path>,
    ) -> io::Result<()> {
        let to = to_directory.at(to.as_ref());
        at::rename(self.io(), self.at(from.as_ref()), to)
    }

    /// As [`fs::symlink`](crate::fs::symlink), the link being made from here;
    /// `target` is written as it is.
    ///
    /// # Errors
    /// What symlinkat(2) says; Canceled; deadline passed.
    pub fn symlink(&self, target: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
        at::symlink(self.io(), target.as_ref(), self.at(link.as_ref()))
    }

    /// As [`fs::read_link`](crate::fs::read_link), from here.
    ///
    /// # Errors
    /// What readlinkat(2) says; Canceled; deadline passed.
    pub fn read_link(&self, path: impl AsRef<Path>) -> io::Result<PathBuf> {
        at::read_link(self.io(), self.at(path.as_ref()))
    }

    /// Makes `link`, below `link_directory`, a second name of `original`, below
    /// this directory (linkat(2)).
    ///
    /// # Errors
    /// What linkat(2) says; Canceled; deadline passed.
    pub fn hard_link(
        &self,
        original: impl AsRef<Path>,
        link_directory: &Dir<'_>,
        link: impl AsRef<Path>,
    ) -> io::Result<()> {
        let link = link_directory.at(link.as_ref());
        at::hard_link(self.io(), self.at(original.as_ref()), link)
    }
}

impl fmt::Debug for Dir<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Dir").field(self.handle()).finish()
    }
}
