//! [`File`]: an open file, for programs. Its transfers at an offset are in
//! `positional.rs`, those at the cursor in `streaming.rs`.

use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use crate::file::held::HeldHandle;
use crate::file::{Dir, Metadata, OpenOptions, at};
use crate::handle::Handle;
use crate::io::Io;
use crate::operation::{At, Operation, Outcome, SyncLevel, Target};

/// An open file of one executor, in the shape of [`std::fs::File`].
///
/// It implements [`Read`](io::Read), [`Write`](io::Write) and
/// [`Seek`](io::Seek), also for `&File`, so libraries written for std's traits
/// run on every executor unchanged. Any thread and any task may use it; those
/// that share a `&File` share its cursor.
///
/// Dropping it closes it without an answer; [`close`](File::close) gives one. A
/// file that is in use can not be closed:
///
/// ```compile_fail,E0505
/// fn example(io: &dyn io_core::Io, file: io_core::fs::File<'_>) {
///     io.scope(|scope| {
///         let reader = scope.spawn(|| file.read_at(&mut [0; 16], 0));
///         file.close();
///         reader.join();
///     });
/// }
/// ```
///
/// and a file that was closed can not be used:
///
/// ```compile_fail,E0382
/// fn example(file: io_core::fs::File<'_>) {
///     file.close();
///     file.sync_all();
/// }
/// ```
pub struct File<'io> {
    held: HeldHandle<'io>,
}

impl<'io> File<'io> {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// What open(2) says: `ENOENT`, `EACCES`, ...; Canceled; deadline passed.
    ///
    /// # Cancellation
    /// A point. No file is open if it answers an error.
    pub fn open(io: &'io dyn Io, path: impl AsRef<Path>) -> io::Result<File<'io>> {
        OpenOptions::new().read(true).open(io, path)
    }

    /// Opens a file for writing: creates it, or cuts it to nothing.
    ///
    /// # Errors
    /// As [`open`](File::open).
    ///
    /// # Cancellation
    /// As [`open`](File::open); the file may have been created.
    pub fn create(io: &'io dyn Io, path: impl AsRef<Path>) -> io::Result<File<'io>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        options.open(io, path)
    }

    /// Creates a file for reading and writing.
    ///
    /// # Errors
    /// As [`open`](File::open); `EEXIST` if there is something at `path`.
    ///
    /// # Cancellation
    /// As [`create`](File::create).
    pub fn create_new(io: &'io dyn Io, path: impl AsRef<Path>) -> io::Result<File<'io>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        options.open(io, path)
    }

    /// The file behind a descriptor, which it owns from here on. The descriptor
    /// may be anything that can be read or written: a pipe, a terminal.
    #[must_use]
    pub fn from_fd(io: &'io dyn Io, fd: OwnedFd) -> File<'io> {
        File::from_handle(io, Handle::from_fd(fd))
    }

    /// The file behind a handle of the same executor.
    #[must_use]
    pub fn from_handle(io: &'io dyn Io, handle: Handle) -> File<'io> {
        File {
            held: HeldHandle::new(io, handle),
        }
    }

    /// Its executor.
    #[must_use]
    pub fn io(&self) -> &'io dyn Io {
        self.held.io()
    }

    /// Its handle, for operations that the front has no method for.
    #[must_use]
    #[inline]
    pub fn handle(&self) -> &Handle {
        self.held.handle()
    }

    /// Its descriptor; `None` if its executor's files have none.
    #[must_use]
    pub fn try_as_fd(&self) -> Option<BorrowedFd<'_>> {
        self.handle().try_as_fd()
    }

    /// Takes the descriptor out; nothing is closed.
    ///
    /// # Errors
    /// The file itself, if its executor's files have no descriptor.
    pub fn into_fd(self) -> Result<OwnedFd, File<'io>> {
        let io = self.io();
        self.into_handle()
            .into_fd()
            .map_err(|handle| File::from_handle(io, handle))
    }

    /// Takes the handle out; nothing is closed.
    #[must_use]
    pub fn into_handle(self) -> Handle {
        self.held.into_handle()
    }

    /// A second handle of the same open file: both share the cursor, and closing
    /// one leaves the other open (fcntl(2) `F_DUPFD_CLOEXEC`).
    ///
    /// # Errors
    /// `EMFILE`, ...; Canceled; deadline passed.
    ///
    /// # Cancellation
    /// A point. There is no second handle if it answers an error.
    pub fn try_clone(&self) -> io::Result<File<'io>> {
        self.held.duplicate().map(|held| File { held })
    }

    /// Closes the file and says how that went. Whatever the answer, it is closed.
    ///
    /// # Errors
    /// What close(2) says: an `EIO`, `ENOSPC` or `EDQUOT` tells that data written
    /// before did not reach the device. No error does not tell that it did:
    /// [`sync_all`](File::sync_all) does.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies.
    pub fn close(self) -> io::Result<()> {
        self.held.close()
    }

    /// Makes data and all metadata durable (fsync(2)).
    ///
    /// # Errors
    /// `EIO`, `ENOSPC`, ...; Canceled; deadline passed.
    ///
    /// # Cancellation
    /// A point. How much is durable afterwards is not known.
    pub fn sync_all(&self) -> io::Result<()> {
        self.sync(SyncLevel::All)
    }

    /// Makes data durable, and the metadata needed to read it again (fdatasync(2)).
    ///
    /// # Errors
    /// As [`sync_all`](File::sync_all).
    ///
    /// # Cancellation
    /// As [`sync_all`](File::sync_all).
    pub fn sync_data(&self) -> io::Result<()> {
        self.sync(SyncLevel::Data)
    }

    fn sync(&self, level: SyncLevel) -> io::Result<()> {
        let handle = self.handle();
        self.perform(Operation::Sync { handle, level })
            .map(Outcome::expect_done)
    }

    /// Cuts the file to `bytes` or extends it to that size with zeros; the cursor
    /// stays (ftruncate(2)).
    ///
    /// # Errors
    /// `EINVAL` if the file is not open for writing or has no length, `EFBIG`,
    /// ...; Canceled; deadline passed.
    ///
    /// # Cancellation
    /// A point. The length may have been set.
    pub fn set_len(&self, bytes: u64) -> io::Result<()> {
        let handle = self.handle();
        self.perform(Operation::SetLength { handle, bytes })
            .map(Outcome::expect_done)
    }

    /// What the system knows of the file (statx(2)).
    ///
    /// # Errors
    /// What statx(2) says; Canceled; deadline passed.
    ///
    /// # Cancellation
    /// A point without an effect.
    pub fn metadata(&self) -> io::Result<Metadata> {
        at::metadata(self.io(), Target::Handle(self.handle()))
    }

    /// Sets the permission bits: the low twelve bits of `mode` (fchmod(2)).
    ///
    /// # Errors
    /// `EPERM` if the file is another user's, ...; Canceled; deadline passed.
    ///
    /// # Cancellation
    /// A point. The bits may have been set.
    pub fn set_permissions(&self, mode: u32) -> io::Result<()> {
        at::set_permissions(self.io(), Target::Handle(self.handle()), mode)
    }

    #[inline]
    pub(super) fn perform(&self, operation: Operation<'_, '_>) -> io::Result<Outcome> {
        self.held.perform(operation)
    }
}

impl fmt::Debug for File<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("File").field(self.handle()).finish()
    }
}

impl OpenOptions {
    /// Opens the file at `path` with these options.
    ///
    /// # Errors
    /// What open(2) says; `EINVAL` for options that make no sense together;
    /// Canceled; deadline passed.
    ///
    /// # Cancellation
    /// A point. No file is open if it answers an error; it may have been created.
    pub fn open<'io>(&self, io: &'io dyn Io, path: impl AsRef<Path>) -> io::Result<File<'io>> {
        let at = At::working_directory(path.as_ref());
        let handle = at::open(io, at, *self)?;
        Ok(File::from_handle(io, handle))
    }

    /// Opens the file at `path`, relative to `directory`, with these options
    /// (openat(2)).
    ///
    /// # Errors
    /// As [`open`](OpenOptions::open).
    ///
    /// # Cancellation
    /// As [`open`](OpenOptions::open).
    pub fn open_at<'io>(
        &self,
        directory: &Dir<'io>,
        path: impl AsRef<Path>,
    ) -> io::Result<File<'io>> {
        let handle = at::open(directory.io(), directory.at(path.as_ref()), *self)?;
        Ok(File::from_handle(directory.io(), handle))
    }
}
