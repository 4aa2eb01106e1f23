//! [`hash_trees`]: the BLAKE3 digests of all regular files below some paths.
//! Everything here goes through the `Io` it is given.

use std::io;
use std::path::{Path, PathBuf};

use blake3::{Hash, Hasher};
use pluggable_io::Io;
use pluggable_io::fs::{self, Dir, DirectoryEntries, FileType, OpenOptions};

use crate::progress::Progress;
use crate::work::{Found, do_all};

/// How much is read at once, in bytes: enough for BLAKE3 to use the widest
/// instructions, little enough to stay in the cache. Each task has one buffer.
const BUFFER_BYTES: usize = 64 * 1024;

/// Files are opened so that a link in the last place is refused, and that nothing
/// waits should a FIFO have taken the place of the file that was listed.
const OPEN_FLAGS: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK;

/// What was found below the paths, in no particular order.
#[derive(Default)]
pub(crate) struct Hashed {
    /// The regular files that could be read.
    pub(crate) files: Vec<HashedFile>,
    /// Files and directories that could not, or not to their end.
    pub(crate) failures: Vec<Failure>,
}

/// A regular file and its digest.
pub(crate) struct HashedFile {
    /// As `find` prints it.
    pub(crate) path: PathBuf,
    pub(crate) digest: Hash,
    pub(crate) bytes: u64,
}

/// A path and why it could not be read.
pub(crate) struct Failure {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

/// Hashes every regular file below `roots`, up to `tasks` at once. Links are not
/// followed. What can not be read is among the failures.
///
/// # Errors
/// Canceled; the deadline in force has passed.
pub(crate) fn hash_trees(
    io: &dyn Io,
    roots: &[PathBuf],
    tasks: usize,
    progress: &Progress,
) -> io::Result<Hashed> {
    let first = roots.iter().cloned().map(Piece::Unknown).collect();
    let begin = || Worker::new(io, progress);
    let workers = do_all(io, tasks, first, begin, Worker::step)?;
    let mut all = Hashed::default();
    for worker in workers {
        all.files.extend(worker.hashed.files);
        all.failures.extend(worker.hashed.failures);
    }
    Ok(all)
}

/// A path, and what its directory says is there.
enum Piece {
    Unknown(PathBuf),
    Directory(PathBuf),
    File(PathBuf),
}

impl Piece {
    /// Adds what is to be done about the file at `path`: nothing if it is neither
    /// a regular file nor a directory. Directories come first, so that soon all
    /// is known that there is to hash.
    fn add_to(found: &mut Found<Piece>, path: PathBuf, file_type: FileType) {
        match file_type {
            FileType::Regular => found.later.push(Piece::File(path)),
            FileType::Directory => found.next.push(Piece::Directory(path)),
            FileType::Unknown => found.next.push(Piece::Unknown(path)),
            _ => {}
        }
    }
}

/// What one task has: its memory, used again and again, and its results.
struct Worker<'a> {
    io: &'a dyn Io,
    progress: &'a Progress,
    entries: DirectoryEntries,
    /// Empty until the task reads its first file: many a task never does.
    buffer: Vec<u8>,
    hasher: Hasher,
    hashed: Hashed,
}

impl<'a> Worker<'a> {
    fn new(io: &'a dyn Io, progress: &'a Progress) -> Worker<'a> {
        Worker {
            io,
            progress,
            entries: DirectoryEntries::new(),
            buffer: Vec::new(),
            hasher: Hasher::new(),
            hashed: Hashed::default(),
        }
    }

    fn step(&mut self, piece: Piece, found: &mut Found<Piece>) {
        match piece {
            Piece::File(path) => {
                match self.digest(&path) {
                    Ok((digest, bytes)) => self.add(path, digest, bytes),
                    Err(error) => self.fail(path, error),
                }
                self.progress.finished_file();
            }
            Piece::Directory(path) => {
                if let Err(error) = self.list(&path, found) {
                    self.fail(path, error);
                }
            }
            Piece::Unknown(path) => match fs::symlink_metadata(self.io, &path) {
                Ok(metadata) => Piece::add_to(found, path, metadata.file_type()),
                Err(error) => self.fail(path, error),
            },
        }
        self.progress.found(found.later.len());
    }

    fn add(&mut self, path: PathBuf, digest: Hash, bytes: u64) {
        let file = HashedFile {
            path,
            digest,
            bytes,
        };
        self.hashed.files.push(file);
    }

    fn fail(&mut self, path: PathBuf, error: io::Error) {
        self.hashed.failures.push(Failure { path, error });
    }

    fn list(&mut self, path: &Path, found: &mut Found<Piece>) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.directory(true).custom_flags(libc::O_NOFOLLOW);
        let handle = options.open(self.io, path)?.into_handle();
        let directory = Dir::from_handle(self.io, handle);
        while directory.read_entries(&mut self.entries)? > 0 {
            for entry in self.entries.iter() {
                Piece::add_to(found, path.join(entry.file_name()), entry.file_type());
            }
        }
        directory.close()
    }

    /// The digest of a file, and its size in bytes.
    fn digest(&mut self, path: &Path) -> io::Result<(Hash, u64)> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(OPEN_FLAGS);
        let file = options.open(self.io, path)?;
        self.buffer.resize(BUFFER_BYTES, 0);
        self.hasher.reset();
        loop {
            match file.read_at(&mut self.buffer, self.hasher.count())? {
                0 => break,
                count => self.hasher.update(&self.buffer[..count]),
            };
        }
        file.close()?;
        Ok((self.hasher.finalize(), self.hasher.count()))
    }
}
