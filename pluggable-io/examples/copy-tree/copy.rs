//! [`copy_tree`]: copies a tree, many files at once. Everything here goes
//! through the `Io` it is given.
//!
//! Whatever fails, nothing half done has a final name: a file is written under a
//! temporary name, gets its permission bits, and is renamed. Directories get
//! theirs at the end, since a read-only one could not be filled.

use std::io;
use std::path::{Path, PathBuf};

use pluggable_io::fs::{
    self, Dir, DirEntryRef, DirectoryEntries, File, FileType, Metadata, OpenOptions,
};
use pluggable_io::{At, Io, Operation, Outcome};

use crate::problem::{Problem, Reason};
use crate::work::{Found, do_all};

/// How much is copied at once, in bytes. Each task has one buffer.
const BUFFER_BYTES: usize = 128 * 1024;

/// Nobody else may look into what is not complete.
const FILE_MODE_UNTIL_COMPLETE: u32 = 0o600;
const DIRECTORY_MODE_UNTIL_COMPLETE: u32 = 0o700;

/// The bits that lend the rights of a file's owner and group to who runs it.
const SET_ID_BITS: u32 = 0o6000;

/// What has been copied.
#[derive(Debug, Default)]
pub(crate) struct Copied {
    pub(crate) files: u64,
    /// The sizes of the files.
    pub(crate) bytes: u64,
    pub(crate) links: u64,
    pub(crate) directories: u64,
    /// What the copy lacks.
    pub(crate) problems: Vec<Problem>,
}

/// Copies the directory `source` with all that is in it to `destination`, which
/// must not exist, up to `tasks` files at once. Links are copied as links.
///
/// Permission bits are kept; owners and times are not. A set-user-ID or
/// set-group-ID bit is kept only where the copy has the owner and group of the
/// original.
///
/// # Errors
/// Nothing was copied: `source` is no directory, `destination` exists or lies
/// inside `source`, its parent is missing, ...; Canceled; deadline passed.
pub(crate) fn copy_tree(
    io: &dyn Io,
    source: &Path,
    destination: &Path,
    tasks: usize,
) -> Result<Copied, Problem> {
    let top = directory_to_copy(io, source)?;
    check_outside(io, &top, destination)?;
    create_directory(io, destination).map_err(|error| Problem::failed(destination, error))?;
    let first = vec![Piece::Contents {
        from: source.to_owned(),
        to: destination.to_owned(),
    }];
    let workers = do_all(io, tasks, first, || Worker::new(io), Worker::step)
        .map_err(|error| Problem::failed(source, error))?;
    let mut all = Copied::default();
    let mut directories = Vec::new();
    for worker in workers {
        all.files += worker.copied.files;
        all.bytes += worker.copied.bytes;
        all.links += worker.copied.links;
        all.problems.extend(worker.copied.problems);
        directories.extend(worker.directories);
    }
    all.directories = directories.len() as u64;
    complete_directories(io, directories, &mut all.problems);
    Ok(all)
}

fn directory_to_copy(io: &dyn Io, source: &Path) -> Result<Metadata, Problem> {
    let failed = |error| Problem::failed(source, error);
    let metadata = fs::symlink_metadata(io, source).map_err(failed)?;
    if metadata.is_dir() {
        Ok(metadata)
    } else {
        Err(failed(io::ErrorKind::NotADirectory.into()))
    }
}

/// Refuses a destination below `top`: the copy would have to contain itself.
fn check_outside(io: &dyn Io, top: &Metadata, destination: &Path) -> Result<(), Problem> {
    let ask = |path: &Path| fs::metadata(io, path).map_err(|error| Problem::failed(path, error));
    let mut above = match destination.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let mut found = ask(&above)?;
    // Up to the root directory, which is its own parent.
    loop {
        if is_same_file(&found, top) {
            let (path, reason) = (destination.to_owned(), Reason::InsideSource);
            return Err(Problem { path, reason });
        }
        above.push("..");
        let next = ask(&above)?;
        if is_same_file(&next, &found) {
            return Ok(());
        }
        found = next;
    }
}

fn is_same_file(one: &Metadata, other: &Metadata) -> bool {
    (one.device, one.inode) == (other.device, other.inode)
}

/// As `fs::create_dir`, but for its owner alone: an operation that the typed
/// front has no method for is performed as a value.
fn create_directory(io: &dyn Io, path: &Path) -> io::Result<()> {
    let at = At::working_directory(path);
    let mode = DIRECTORY_MODE_UNTIL_COMPLETE;
    let mut operation = Operation::CreateDirectory { at, mode };
    io.perform(&mut operation).map(Outcome::expect_done)
}

/// Gives the directories their permission bits, the deepest first: one that was
/// complete might not let us in any more.
fn complete_directories(io: &dyn Io, mut directories: Vec<Directory>, problems: &mut Vec<Problem>) {
    directories.sort_by(|a, b| b.path.cmp(&a.path));
    for directory in directories {
        let set = || {
            let copy = || fs::metadata(io, &directory.path);
            let bits = kept_bits(&directory.original, copy)?;
            fs::set_permissions(io, &directory.path, bits)
        };
        if let Err(error) = set() {
            problems.push(Problem::failed(&directory.path, error));
        }
    }
}

/// The permission bits that a copy gets. `copy` is asked only if the original
/// has one of the bits that depend on the owner.
fn kept_bits(original: &Metadata, copy: impl FnOnce() -> io::Result<Metadata>) -> io::Result<u32> {
    let bits = original.permission_bits();
    if bits & SET_ID_BITS == 0 {
        return Ok(bits);
    }
    let copy = copy()?;
    let is_same_owner = (copy.user_id, copy.group_id) == (original.user_id, original.group_id);
    Ok(if is_same_owner {
        bits
    } else {
        bits & !SET_ID_BITS
    })
}

/// Something to copy. What is called `from` becomes what is called `to`.
enum Piece {
    /// A name whose type the directory did not tell.
    Unknown {
        from: PathBuf,
        to: PathBuf,
    },
    Directory {
        from: PathBuf,
        to: PathBuf,
    },
    /// What is in a directory, once `to` has been created.
    Contents {
        from: PathBuf,
        to: PathBuf,
    },
    File {
        from: PathBuf,
        to: PathBuf,
    },
    Link {
        from: PathBuf,
        to: PathBuf,
    },
    Special {
        from: PathBuf,
    },
}

/// A directory of the copy that still has to get its permission bits.
struct Directory {
    path: PathBuf,
    original: Metadata,
}

impl Piece {
    fn of(file_type: FileType, from: PathBuf, to: PathBuf) -> Piece {
        match file_type {
            FileType::Unknown => Piece::Unknown { from, to },
            FileType::Directory => Piece::Directory { from, to },
            FileType::Regular => Piece::File { from, to },
            FileType::SymbolicLink => Piece::Link { from, to },
            _ => Piece::Special { from },
        }
    }

    fn from(&self) -> &Path {
        match self {
            Piece::Unknown { from, .. }
            | Piece::Directory { from, .. }
            | Piece::Contents { from, .. }
            | Piece::File { from, .. }
            | Piece::Link { from, .. }
            | Piece::Special { from } => from,
        }
    }
}

/// What one task has: its memory, used again and again, and its results.
struct Worker<'a> {
    io: &'a dyn Io,
    entries: DirectoryEntries,
    /// Empty until the task copies its first file: many a task never does.
    buffer: Vec<u8>,
    copied: Copied,
    directories: Vec<Directory>,
}

impl<'a> Worker<'a> {
    fn new(io: &'a dyn Io) -> Worker<'a> {
        Worker {
            io,
            entries: DirectoryEntries::new(),
            buffer: Vec::new(),
            copied: Copied::default(),
            directories: Vec::new(),
        }
    }

    fn step(&mut self, piece: Piece, found: &mut Found<Piece>) {
        let result = match &piece {
            Piece::Unknown { from, to } => self.ask(from, to, found),
            Piece::Directory { from, to } => {
                create_directory(self.io, to).and_then(|()| self.contents(from, to, found))
            }
            Piece::Contents { from, to } => self.contents(from, to, found),
            Piece::File { from, to } => self.file(from, to),
            Piece::Link { from, to } => self.link(from, to),
            Piece::Special { .. } => {
                let path = piece.from().to_owned();
                self.copied.problems.push(Problem {
                    path,
                    reason: Reason::Special,
                });
                Ok(())
            }
        };
        if let Err(error) = result {
            self.copied
                .problems
                .push(Problem::failed(piece.from(), error));
        }
    }

    fn ask(&self, from: &Path, to: &Path, found: &mut Found<Piece>) -> io::Result<()> {
        let file_type = fs::symlink_metadata(self.io, from)?.file_type();
        found
            .next
            .push(Piece::of(file_type, from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn contents(&mut self, from: &Path, to: &Path, found: &mut Found<Piece>) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.directory(true).custom_flags(libc::O_NOFOLLOW);
        let handle = options.open(self.io, from)?.into_handle();
        let directory = Dir::from_handle(self.io, handle);
        self.directories.push(Directory {
            path: to.to_owned(),
            original: directory.own_metadata()?,
        });
        let piece = |entry: DirEntryRef<'_>| {
            let name = entry.file_name();
            Piece::of(entry.file_type(), from.join(name), to.join(name))
        };
        while directory.read_entries(&mut self.entries)? > 0 {
            found.next.extend(self.entries.iter().map(piece));
        }
        directory.close()
    }

    fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let target = fs::read_link(self.io, from)?;
        fs::symlink(self.io, target, to)?;
        self.copied.links += 1;
        Ok(())
    }

    fn file(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        // Should something else have taken the file's place meanwhile: a link is
        // refused, and a FIFO does not make us wait.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let source = options.read(true).custom_flags(flags).open(self.io, from)?;
        let temporary = self.temporary_name(to);
        let copy = create_new(self.io, &temporary)?;
        let copied = self.fill(&source, copy).and_then(|bytes| {
            fs::rename(self.io, &temporary, to)?;
            Ok(bytes)
        });
        match copied {
            Ok(bytes) => {
                self.copied.files += 1;
                self.copied.bytes += bytes;
                source.close()
            }
            Err(error) => {
                self.remove(&temporary);
                Err(error)
            }
        }
    }

    /// Makes `copy` a copy of `source`, and returns its size in bytes.
    fn fill(&mut self, source: &File<'_>, copy: File<'_>) -> io::Result<u64> {
        self.buffer.resize(BUFFER_BYTES, 0);
        let mut bytes = 0;
        loop {
            let count = source.read_at(&mut self.buffer, bytes)?;
            if count == 0 {
                break;
            }
            copy.write_all_at(&self.buffer[..count], bytes)?;
            bytes += count as u64;
        }
        // After the content: writing takes the set-user-ID bit away.
        let bits = kept_bits(&source.metadata()?, || copy.metadata())?;
        copy.set_permissions(bits)?;
        copy.close()?;
        Ok(bytes)
    }

    /// A name beside `to` that nobody can have foreseen.
    fn temporary_name(&self, to: &Path) -> PathBuf {
        let mut number = [0; 8];
        self.io.random(&mut number);
        let number = u64::from_ne_bytes(number);
        to.with_file_name(format!(".copy-tree-{number:016x}"))
    }

    /// Removes an incomplete copy, also if this task is being canceled.
    fn remove(&mut self, temporary: &Path) {
        if let Err(error) = self.io.protect(|| fs::remove_file(self.io, temporary)) {
            self.copied.problems.push(Problem::failed(temporary, error));
        }
    }
}

fn create_new<'io>(io: &'io dyn Io, path: &Path) -> io::Result<File<'io>> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.mode(FILE_MODE_UNTIL_COMPLETE).open(io, path)
}
