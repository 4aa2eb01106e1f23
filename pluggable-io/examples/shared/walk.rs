//! [`Walk`]: the files below some paths, one after the other. The examples
//! `pipeline` and `search` get their work from it.

use std::io;
use std::path::{Path, PathBuf};
use std::vec;

use pluggable_io::Io;
use pluggable_io::fs::{self, Dir, DirectoryEntries, File, FileType, OpenOptions};

/// A file that was met in a directory is opened so that a link in its place is
/// refused, and that nothing waits should a FIFO be there by now.
const WALKED_FLAGS: i32 = libc::O_NOFOLLOW | libc::O_NONBLOCK;

/// A file to look at.
pub(crate) struct FoundFile {
    pub(crate) path: PathBuf,
    open_flags: i32,
}

impl FoundFile {
    /// One that somebody named: whatever it is, it is opened and read. A FIFO
    /// waits for its writer.
    pub(crate) fn named(path: PathBuf) -> FoundFile {
        FoundFile {
            path,
            open_flags: 0,
        }
    }

    fn walked(path: PathBuf) -> FoundFile {
        FoundFile {
            path,
            open_flags: WALKED_FLAGS,
        }
    }

    /// Opens it for reading.
    pub(crate) fn open<'io>(&self, io: &'io dyn Io) -> io::Result<File<'io>> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(self.open_flags);
        options.open(io, &self.path)
    }
}

/// A path and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

/// The files that are named and the regular files below the directories that are
/// named, in no particular order. Links are followed if they are named. What can
/// not be read is a [`Problem`] among them, also Canceled, and the walk goes on.
pub(crate) struct Walk<'io> {
    io: &'io dyn Io,
    named: vec::IntoIter<PathBuf>,
    /// Found and not listed, with the flags to open them.
    directories: Vec<(PathBuf, i32)>,
    /// Found and not given out.
    files: Vec<PathBuf>,
    entries: DirectoryEntries,
}

impl<'io> Walk<'io> {
    /// A walk that begins with the paths in `named`.
    pub(crate) fn new(io: &'io dyn Io, named: Vec<PathBuf>) -> Walk<'io> {
        Walk {
            io,
            named: named.into_iter(),
            directories: Vec::new(),
            files: Vec::new(),
            entries: DirectoryEntries::new(),
        }
    }

    /// A file if `path` names one; a directory is remembered.
    fn begin(&mut self, path: PathBuf) -> Option<Result<FoundFile, Problem>> {
        match fs::metadata(self.io, &path) {
            Ok(metadata) if metadata.is_dir() => {
                self.directories.push((path, 0));
                None
            }
            Ok(_) => Some(Ok(FoundFile::named(path))),
            Err(error) => Some(Err(Problem { path, error })),
        }
    }

    fn list(&mut self, path: &Path, open_flags: i32) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.directory(true).custom_flags(open_flags);
        let handle = options.open(self.io, path)?.into_handle();
        let directory = Dir::from_handle(self.io, handle);
        while directory.read_entries(&mut self.entries)? > 0 {
            for entry in self.entries.iter() {
                let below = path.join(entry.file_name());
                let file_type = match entry.file_type() {
                    FileType::Unknown => fs::symlink_metadata(self.io, &below)?.file_type(),
                    known => known,
                };
                match file_type {
                    FileType::Regular => self.files.push(below),
                    FileType::Directory => self.directories.push((below, libc::O_NOFOLLOW)),
                    _ => {}
                }
            }
        }
        directory.close()
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<FoundFile, Problem>;

    fn next(&mut self) -> Option<Result<FoundFile, Problem>> {
        loop {
            if let Some(path) = self.files.pop() {
                return Some(Ok(FoundFile::walked(path)));
            }
            if let Some((path, open_flags)) = self.directories.pop() {
                if let Err(error) = self.list(&path, open_flags) {
                    return Some(Err(Problem { path, error }));
                }
                continue;
            }
            let named = self.named.next()?;
            if let Some(found) = self.begin(named) {
                return Some(found);
            }
        }
    }
}
