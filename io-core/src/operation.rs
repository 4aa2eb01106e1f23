//! [`Operation`]: a system call as a value, and what comes back from it.
//!
//! The typed front makes operations, wrappers look at them, backends perform
//! them. An operation only borrows: `'a` is the borrow of the slices, `'b` what
//! the slices themselves borrow (with one lifetime `&mut [IoSliceMut]` could
//! not be borrowed again). It is passed by `&mut`, so the caller keeps it and a
//! wrapper may record the bytes read, spoil them, or perform it again.

use std::io::{self, IoSlice, IoSliceMut, SeekFrom};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

use crate::file::{DirectoryEntries, Metadata, OpenOptions};
use crate::handle::Handle;

/// A path and what it is relative to.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    /// The directory a relative path starts from; `None` is the working directory.
    pub directory: Option<&'a Handle>,
    /// The path. An absolute one does not look at `directory`.
    pub path: &'a Path,
}

impl<'a> At<'a> {
    /// `path`, relative to the working directory.
    #[must_use]
    pub fn working_directory(path: &'a Path) -> At<'a> {
        At {
            directory: None,
            path,
        }
    }
}

/// Whether a symbolic link at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// The operation is about what the link points to.
    Follow,
    /// The operation is about the link itself.
    NoFollow,
}

/// What an operation is about: an open handle, or a path.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// The open file behind a handle.
    Handle(&'a Handle),
    /// The file at a path.
    Path(At<'a>, Links),
}

/// How much a [`Operation::Sync`] writes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncLevel {
    /// Data and all metadata (fsync(2)).
    All,
    /// Data and what is needed to read it again (fdatasync(2)).
    Data,
}

/// What a descriptor has to become ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read, or the end, or an error to be told.
    Read,
    /// There is room to write, or an error to be told.
    Write,
}

macro_rules! operations {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)? } )*) => {
        /// A system call as a value. See the module's text for its two lifetimes.
        #[derive(Debug)]
        #[non_exhaustive]
        pub enum Operation<'a, 'b> {
            $( $(#[$doc])* $name { $( $(#[$field_doc])* $field: $type ),* }, )*
        }

        /// Which operation it is, without its data: for tables, counters and traces.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum OperationKind {
            $( #[doc = concat!("[`Operation::", stringify!($name), "`]")] $name, )*
        }

        impl OperationKind {
            /// Every kind, in the order of the contract.
            pub const ALL: &'static [OperationKind] = &[ $( OperationKind::$name, )* ];

            /// Its name, the same in the contract, in traces, checks and benches.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $( OperationKind::$name => stringify!($name), )* }
            }
        }

        impl Operation<'_, '_> {
            /// Which operation it is.
            #[must_use]
            pub const fn kind(&self) -> OperationKind {
                match self { $( Operation::$name { .. } => OperationKind::$name, )* }
            }
        }
    };
}

operations! {
    /// Opens a file and creates it if need be (open(2) with `O_CREAT`): the way of
    /// options with `create` or `create_new`. Outcome: [`Outcome::Handle`].
    Create {
        /// Where.
        at: At<'a>,
        /// How.
        options: OpenOptions,
    }
    /// Opens what exists (open(2)). Opening a FIFO waits for its other end, as
    /// open(2) does. Outcome: [`Outcome::Handle`].
    Open {
        /// Where.
        at: At<'a>,
        /// How.
        options: OpenOptions,
    }
    /// Reads at least one byte unless the end of file is reached or all buffers
    /// are empty (preadv2(2)). Outcome: [`Outcome::Count`] in bytes, 0 at end of file.
    Read {
        /// What to read from.
        handle: &'a Handle,
        /// Filled in order. More than 1024 may be filled only in part.
        buffers: &'a mut [IoSliceMut<'b>],
        /// Bytes from the start of the file, leaving the cursor alone; `None`
        /// reads at the cursor and moves it.
        offset: Option<u64>,
    }
    /// Writes at least one byte unless all buffers are empty (pwritev2(2)).
    /// Outcome: [`Outcome::Count`] in bytes.
    Write {
        /// What to write to.
        handle: &'a Handle,
        /// Written in order. Of more than 1024 only the first may be written.
        buffers: &'a [IoSlice<'b>],
        /// Bytes from the start of the file, leaving the cursor alone (an append
        /// handle appends all the same); `None` writes at the cursor and moves it.
        offset: Option<u64>,
    }
    /// Moves the cursor (lseek(2)). On a directory handle, position 0 makes the
    /// listing start again. Outcome: [`Outcome::Position`] in bytes from the start.
    Seek {
        /// Whose cursor.
        handle: &'a Handle,
        /// Where to.
        to: SeekFrom,
    }
    /// Makes what was written durable (fsync(2), fdatasync(2)). Outcome: [`Outcome::Done`].
    Sync {
        /// What.
        handle: &'a Handle,
        /// How much of it.
        level: SyncLevel,
    }
    /// Cuts or extends a file; what is added reads as zeros (ftruncate(2)).
    /// Outcome: [`Outcome::Done`].
    SetLength {
        /// Which file.
        handle: &'a Handle,
        /// Its new size in bytes.
        bytes: u64,
    }
    /// Asks what a file is (statx(2)). Outcome: [`Outcome::Done`].
    Metadata {
        /// Which file.
        target: Target<'a>,
        /// Where the answer goes; unchanged on an error.
        out: &'a mut Metadata,
    }
    /// Sets the permission bits (fchmod(2), fchmodat(2)). Outcome: [`Outcome::Done`].
    SetPermissions {
        /// Which file.
        target: Target<'a>,
        /// The low twelve bits of the mode.
        mode: u32,
    }
    /// Creates a directory (mkdirat(2)). Outcome: [`Outcome::Done`].
    CreateDirectory {
        /// Where.
        at: At<'a>,
        /// Permission bits, less the process's umask.
        mode: u32,
    }
    /// Removes an empty directory (unlinkat(2) with `AT_REMOVEDIR`). Outcome: [`Outcome::Done`].
    RemoveDirectory {
        /// Where.
        at: At<'a>,
    }
    /// Reads the next entries of a directory, without `.` and `..`
    /// (getdents64(2)). Outcome: [`Outcome::Count`] of entries, 0 at the end.
    ReadDirectory {
        /// The directory; it carries the position.
        handle: &'a Handle,
        /// Cleared, then filled.
        entries: &'a mut DirectoryEntries,
    }
    /// Removes a file or link (unlinkat(2)). Outcome: [`Outcome::Done`].
    RemoveFile {
        /// Where.
        at: At<'a>,
    }
    /// Renames, replacing what is there (renameat(2)). Outcome: [`Outcome::Done`].
    Rename {
        /// The old name.
        from: At<'a>,
        /// The new name.
        to: At<'a>,
    }
    /// Creates a symbolic link (symlinkat(2)). Outcome: [`Outcome::Done`].
    SymbolicLink {
        /// What the link says; not looked at.
        target: &'a Path,
        /// Where the link is made.
        at: At<'a>,
    }
    /// Reads what a symbolic link says (readlinkat(2)). Outcome: [`Outcome::Done`].
    ReadLink {
        /// Where the link is.
        at: At<'a>,
        /// Where the answer goes; unchanged on an error.
        out: &'a mut PathBuf,
    }
    /// Makes a second name for a file, not following a link (linkat(2)). Outcome: [`Outcome::Done`].
    HardLink {
        /// The name that exists.
        from: At<'a>,
        /// The name to make.
        to: At<'a>,
    }
    /// Makes a second handle of the same open file, sharing its cursor
    /// (fcntl(2) `F_DUPFD_CLOEXEC`). Outcome: [`Outcome::Handle`].
    Duplicate {
        /// Which.
        handle: &'a Handle,
    }
    /// Waits until a descriptor is ready (poll(2)), or says that it is: another
    /// reader may be faster. Errors and hang-ups count as ready; what can not be
    /// waited for (a regular file) always is. Outcome: [`Outcome::Done`].
    Poll {
        /// The descriptor, which need not be the executor's.
        fd: BorrowedFd<'a>,
        /// For what.
        interest: Interest,
    }
}

/// What an operation gave. Which variant belongs to which operation is said at
/// the operation; another one is a bug of the backend, and the front panics.
#[derive(Debug)]
pub enum Outcome {
    /// It is done, and there is nothing more to say.
    Done,
    /// So many bytes or entries.
    Count(usize),
    /// A position in bytes from the start of the file.
    Position(u64),
    /// A new handle.
    Handle(Handle),
}

/// The largest an outcome may be, in bytes: it is returned by value on the path
/// of every operation. Large results go into the operation instead.
const OUTCOME_BYTES_MAX: usize = 32;
const _: () = assert!(size_of::<Outcome>() <= OUTCOME_BYTES_MAX);

impl Outcome {
    /// The count, which may be at most `max`.
    ///
    /// # Panics
    /// If the backend gave something else or more: a bug of the backend.
    #[must_use]
    #[track_caller]
    pub fn expect_count(self, max: usize) -> usize {
        match self {
            Outcome::Count(count) if count <= max => count,
            other => panic!("the backend answered {other:?} where at most {max} could be counted"),
        }
    }

    /// The position.
    ///
    /// # Panics
    /// If the backend gave something else: a bug of the backend.
    #[must_use]
    #[track_caller]
    pub fn expect_position(self) -> u64 {
        match self {
            Outcome::Position(position) => position,
            other => panic!("the backend answered {other:?} instead of a position"),
        }
    }

    /// The handle.
    ///
    /// # Panics
    /// If the backend gave something else: a bug of the backend.
    #[must_use]
    #[track_caller]
    pub fn expect_handle(self) -> Handle {
        match self {
            Outcome::Handle(handle) => handle,
            other => panic!("the backend answered {other:?} instead of a handle"),
        }
    }

    /// Nothing, as it has to be.
    ///
    /// # Panics
    /// If the backend gave something else: a bug of the backend.
    #[track_caller]
    pub fn expect_done(self) {
        match self {
            Outcome::Done => {}
            other => panic!("the backend answered {other:?} where there is nothing to answer"),
        }
    }
}

/// One operation of a batch, and its result once it has one.
#[derive(Debug)]
pub struct BatchEntry<'a, 'b> {
    /// What to do.
    pub operation: Operation<'a, 'b>,
    /// `None` before the batch is performed; its own result afterwards.
    pub result: Option<io::Result<Outcome>>,
}

impl<'a, 'b> BatchEntry<'a, 'b> {
    /// An entry that is still to be performed.
    #[must_use]
    pub fn new(operation: Operation<'a, 'b>) -> BatchEntry<'a, 'b> {
        BatchEntry {
            operation,
            result: None,
        }
    }
}

/// The sum of the lengths of `buffers`, in bytes.
#[must_use]
pub fn readable_bytes(buffers: &[IoSliceMut<'_>]) -> usize {
    buffers.iter().map(|buffer| buffer.len()).sum()
}

/// The sum of the lengths of `buffers`, in bytes.
#[must_use]
pub fn writable_bytes(buffers: &[IoSlice<'_>]) -> usize {
    buffers.iter().map(|buffer| buffer.len()).sum()
}
