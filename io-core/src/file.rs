//! The file chapter: the plain data of file operations, and the typed front
//! over them. The data types are what backends fill in; the front is what
//! programs use, as [`fs`](crate::fs).

// The plain data, which backends fill in.
mod directory;
mod metadata;
mod options;

// The typed front, from the outside in.
mod open_directory;
mod open_file;

mod listing;
mod positional;
mod progress;
mod streaming;

mod paths;
mod tree;
mod whole;

mod at;
mod held;

pub use directory::{DirEntry, DirEntryRef, DirectoryEntries};
pub use listing::ReadDir;
pub use metadata::{FileTime, FileType, Metadata};
pub use open_directory::Dir;
pub use open_file::File;
pub use options::OpenOptions;
pub use paths::{
    create_dir, exists, hard_link, metadata, read_dir, read_link, remove_dir, remove_file, rename,
    set_permissions, symlink, symlink_metadata,
};
pub use progress::Progress;
pub use tree::{create_dir_all, remove_dir_all};
pub use whole::{copy, copy_fully, read, read_to_string, write};
