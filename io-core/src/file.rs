//! The file chapter: the plain data of file operations, and the typed front
//! over them. The data types are what backends fill in; the front is what
//! programs use, as [`fs`](crate::fs).

mod directory;
mod metadata;
mod options;

pub use directory::{DirEntry, DirectoryEntries};
pub use metadata::{FileTime, FileType, Metadata};
pub use options::OpenOptions;
