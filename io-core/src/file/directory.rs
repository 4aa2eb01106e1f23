//! [`DirectoryEntries`]: the buffer of one `Operation::ReadDirectory`, and
//! [`DirEntry`]. Backends push entries, the front takes them out.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::file::FileType;

/// The entries that one `Operation::ReadDirectory` gave, in one allocation that
/// is used again.
#[derive(Debug, Default)]
pub struct DirectoryEntries {
    names: Vec<u8>,
    entries: Vec<Entry>,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    name_start: usize,
    name_end: usize,
    file_type: FileType,
    inode: u64,
}

impl DirectoryEntries {
    /// An empty buffer; it grows at its first use.
    #[must_use]
    pub const fn new() -> DirectoryEntries {
        DirectoryEntries {
            names: Vec::new(),
            entries: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Adds an entry: for backends.
    pub fn push(&mut self, name: &OsStr, file_type: FileType, inode: u64) {
        let name_start = self.names.len();
        self.names.extend_from_slice(name.as_bytes());
        self.entries.push(Entry {
            name_start,
            name_end: self.names.len(),
            file_type,
            inode,
        });
    }

    /// Forgets all entries, keeping the memory: for backends, before they fill it.
    pub fn clear(&mut self) {
        self.names.clear();
        self.entries.clear();
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entry at `index`, counted from 0 in the order in which they were pushed.
    #[must_use]
    pub fn entry(&self, index: usize) -> Option<DirEntry> {
        self.get(index).map(DirEntryRef::to_entry)
    }

    /// As [`entry`](DirectoryEntries::entry), borrowed.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<DirEntryRef<'_>> {
        self.entries.get(index).map(|entry| self.view(entry))
    }

    /// All entries, borrowed, in the order in which they were pushed.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = DirEntryRef<'_>> {
        self.entries.iter().map(|entry| self.view(entry))
    }

    fn view(&self, entry: &Entry) -> DirEntryRef<'_> {
        DirEntryRef {
            name: OsStr::from_bytes(&self.names[entry.name_start..entry.name_end]),
            file_type: entry.file_type,
            inode: entry.inode,
        }
    }

    /// Memory for the backend's raw listing; kept with the buffer so that one
    /// walk allocates it once. Its content is the backend's.
    pub fn scratch(&mut self) -> &mut Vec<u8> {
        &mut self.scratch
    }
}

/// One name in a directory, borrowed from its [`DirectoryEntries`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirEntryRef<'a> {
    name: &'a OsStr,
    file_type: FileType,
    inode: u64,
}

impl<'a> DirEntryRef<'a> {
    /// The name, without any directory.
    #[must_use]
    pub const fn file_name(self) -> &'a OsStr {
        self.name
    }

    /// What the directory says it is; [`FileType::Unknown`] where the file system
    /// does not keep it there (ask its metadata then).
    #[must_use]
    pub const fn file_type(self) -> FileType {
        self.file_type
    }

    /// Its inode number.
    #[must_use]
    pub const fn inode(self) -> u64 {
        self.inode
    }

    /// The same, with a name of its own.
    #[must_use]
    pub fn to_entry(self) -> DirEntry {
        DirEntry {
            name: self.name.to_os_string(),
            file_type: self.file_type,
            inode: self.inode,
        }
    }
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirEntry {
    name: OsString,
    file_type: FileType,
    inode: u64,
}

impl DirEntry {
    /// The name, without any directory.
    #[must_use]
    pub fn file_name(&self) -> &OsStr {
        &self.name
    }

    /// The name, taken out.
    #[must_use]
    pub fn into_file_name(self) -> OsString {
        self.name
    }

    /// What the directory says it is; [`FileType::Unknown`] where the file system
    /// does not keep it there (ask its metadata then).
    #[must_use]
    pub const fn file_type(&self) -> FileType {
        self.file_type
    }

    /// Its inode number.
    #[must_use]
    pub const fn inode(&self) -> u64 {
        self.inode
    }
}
