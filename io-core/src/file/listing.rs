//! [`ReadDir`]: the iterator over a directory's entries.

use std::io;

use crate::file::{Dir, DirEntry, DirEntryRef, DirectoryEntries};

/// The entries of a directory, without `.` and `..`, in the file system's order;
/// made by [`Dir::entries`] and [`read_dir`](crate::fs::read_dir).
///
/// An entry that is created or removed meanwhile may or may not appear. After an
/// error the listing is over; the directory's position stays, so a further
/// [`Dir::entries`] goes on where this one stopped.
///
/// # Cancellation
/// `next` is a point when it has to ask the system.
#[derive(Debug)]
pub struct ReadDir<'a> {
    directory: Source<'a>,
    entries: DirectoryEntries,
    next_index: usize,
    is_over: bool,
}

#[derive(Debug)]
enum Source<'a> {
    Owned(Dir<'a>),
    Borrowed(&'a Dir<'a>),
}

impl<'a> ReadDir<'a> {
    pub(super) fn borrowing(directory: &'a Dir<'a>) -> ReadDir<'a> {
        ReadDir::new(Source::Borrowed(directory))
    }

    pub(super) fn owning(directory: Dir<'a>) -> ReadDir<'a> {
        ReadDir::new(Source::Owned(directory))
    }

    fn new(directory: Source<'a>) -> ReadDir<'a> {
        ReadDir {
            directory,
            entries: DirectoryEntries::new(),
            next_index: 0,
            is_over: false,
        }
    }

    /// The directory that is listed.
    #[must_use]
    pub fn directory(&self) -> &Dir<'a> {
        match &self.directory {
            Source::Owned(directory) => directory,
            Source::Borrowed(directory) => directory,
        }
    }

    /// The next entry, borrowed: as [`next`](Iterator::next), but without an
    /// allocation for its name.
    pub fn next_entry(&mut self) -> Option<io::Result<DirEntryRef<'_>>> {
        if self.next_index == self.entries.len() {
            match self.fill() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        let entry = self.entries.get(self.next_index);
        self.next_index += 1;
        entry.map(Ok)
    }

    /// Reads the next entries, and returns how many: 0 when the listing is over.
    fn fill(&mut self) -> io::Result<usize> {
        self.next_index = 0;
        self.entries.clear();
        if self.is_over {
            return Ok(0);
        }
        let directory = match &self.directory {
            Source::Owned(directory) => directory,
            Source::Borrowed(directory) => directory,
        };
        let count = directory.read_entries(&mut self.entries);
        if !matches!(count, Ok(1..)) {
            self.is_over = true;
            self.entries.clear();
        }
        count
    }
}

impl Iterator for ReadDir<'_> {
    type Item = io::Result<DirEntry>;

    fn next(&mut self) -> Option<io::Result<DirEntry>> {
        let entry = self.next_entry()?;
        Some(entry.map(DirEntryRef::to_entry))
    }
}

impl std::iter::FusedIterator for ReadDir<'_> {}
