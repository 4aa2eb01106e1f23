//! [`Metadata`]: what the system knows of a file. Plain data that any backend
//! can fill in.

use crate::time::{Clock, Instant};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum FileType {
    /// The file system does not say (of directory entries only).
    #[default]
    Unknown,
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link.
    SymbolicLink,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A character device.
    CharacterDevice,
    /// A block device.
    BlockDevice,
}

impl FileType {
    /// The type that the upper bits of a mode name (inode(7)).
    #[must_use]
    pub const fn from_mode(mode: u32) -> FileType {
        match mode & 0o170_000 {
            0o100_000 => FileType::Regular,
            0o040_000 => FileType::Directory,
            0o120_000 => FileType::SymbolicLink,
            0o010_000 => FileType::Fifo,
            0o140_000 => FileType::Socket,
            0o020_000 => FileType::CharacterDevice,
            0o060_000 => FileType::BlockDevice,
            _ => FileType::Unknown,
        }
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(self) -> bool {
        self == FileType::Regular
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(self) -> bool {
        self == FileType::Directory
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(self) -> bool {
        self == FileType::SymbolicLink
    }

    /// Whether the file system did not say what it is.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        self == FileType::Unknown
    }
}

/// A time stamp of a file: seconds and nanoseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileTime {
    /// Whole seconds; negative before 1970.
    pub seconds: i64,
    /// The rest, 0 to 999,999,999.
    pub nanos: u32,
}

impl FileTime {
    /// The same time on [`Clock::Real`], or `None` before 1970.
    #[must_use]
    pub fn to_instant(self) -> Option<Instant> {
        let seconds = u64::try_from(self.seconds).ok()?;
        let nanos = seconds
            .checked_mul(1_000_000_000)?
            .checked_add(u64::from(self.nanos))?;
        Some(Instant::from_nanos(Clock::Real, nanos))
    }
}

/// What the system knows of a file (statx(2)). Plain data: its fields are public
/// so that any backend can fill it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Type and permission bits (inode(7)).
    pub mode: u32,
    /// Size in bytes.
    pub size_bytes: u64,
    /// The device that holds it: major and minor packed as by makedev(3).
    pub device: u64,
    /// Its number on that device.
    pub inode: u64,
    /// How many names it has.
    pub link_count: u64,
    /// The owner's user id.
    pub user_id: u32,
    /// The owner's group id.
    pub group_id: u32,
    /// The device it is, if it is one, packed as by makedev(3).
    pub special_device: u64,
    /// The preferred size of a transfer, in bytes.
    pub block_bytes: u32,
    /// Allocated, in units of 512 bytes.
    pub blocks_512: u64,
    /// Last read, as far as the file system keeps it.
    pub accessed: FileTime,
    /// Last change of its data.
    pub modified: FileTime,
    /// Last change of its metadata.
    pub changed: FileTime,
    /// Its creation, where the file system keeps it.
    pub created: Option<FileTime>,
}

impl Metadata {
    /// What it is.
    #[must_use]
    pub const fn file_type(&self) -> FileType {
        FileType::from_mode(self.mode)
    }

    /// Size in bytes.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "the name of std::fs::Metadata, which has no is_empty"
    )]
    pub const fn len(&self) -> u64 {
        self.size_bytes
    }

    /// Whether it is a regular file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.file_type().is_file()
    }

    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.file_type().is_dir()
    }

    /// Whether it is a symbolic link.
    #[must_use]
    pub fn is_symlink(&self) -> bool {
        self.file_type().is_symlink()
    }

    /// The permission bits: the low twelve bits of the mode.
    #[must_use]
    pub const fn permission_bits(&self) -> u32 {
        self.mode & 0o7777
    }
}
