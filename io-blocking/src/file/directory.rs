//! Listing a directory (getdents64(2)). `file.rs` calls it, and executors that
//! have another way to call the system use the parser.
//!
//! ```text
//! record:  inode u64 | offset i64 | length u16 | type u8 | name, NUL, padding
//!          0           8            16           18        19 ..      length
//! ```

use std::ffi::OsStr;
use std::io;
use std::mem;
use std::os::unix::ffi::OsStrExt;

use io_core::Handle;
use io_core::fs::{DirectoryEntries, FileType};

use crate::errno::is_errno;
use crate::handle::descriptor;
use crate::syscall;

/// How much one call may fill, in bytes: what libc takes, some thousand names.
const LISTING_BYTES: usize = 32 * 1024;
const LENGTH_AT: usize = 16;
const TYPE_AT: usize = 18;
const NAME_AT: usize = 19;

/// Reads the next entries of a directory; 0 at its end. A directory that was
/// removed meanwhile is at its end (the kernel says `ENOENT`, libc hides it too).
///
/// # Errors
/// The system's; `EBADF` for another executor's handle.
pub fn read_directory(handle: &Handle, entries: &mut DirectoryEntries) -> io::Result<usize> {
    entries.clear();
    let fd = descriptor(handle)?;
    let mut listing = mem::take(entries.scratch());
    listing.resize(LISTING_BYTES, 0);
    let result = loop {
        match syscall::getdents64(fd, &mut listing) {
            Ok(0) => break Ok(0),
            Ok(bytes) => {
                parse_entries(&listing[..bytes], entries);
                // One call may give nothing but `.` and `..`.
                if !entries.is_empty() {
                    break Ok(entries.len());
                }
            }
            Err(error) if is_errno(&error, libc::ENOENT) => break Ok(0),
            Err(error) => break Err(error),
        }
    };
    *entries.scratch() = listing;
    result
}

/// Adds the entries of a raw listing, without `.` and `..`.
pub fn parse_entries(mut listing: &[u8], entries: &mut DirectoryEntries) {
    while listing.len() > NAME_AT {
        let inode = u64::from_ne_bytes(array_at(listing, 0));
        let length = usize::from(u16::from_ne_bytes(array_at(listing, LENGTH_AT)));
        assert!(
            length > NAME_AT && length <= listing.len(),
            "the kernel gives whole records"
        );
        let name = &listing[NAME_AT..length];
        let end = name.iter().position(|&byte| byte == 0);
        let name = &name[..end.unwrap_or(name.len())];
        if name != b"." && name != b".." {
            entries.push(OsStr::from_bytes(name), file_type(listing[TYPE_AT]), inode);
        }
        listing = &listing[length..];
    }
}

fn array_at<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    bytes[start..start + N]
        .try_into()
        .expect("the slice has the array's length")
}

fn file_type(number: u8) -> FileType {
    match number {
        libc::DT_REG => FileType::Regular,
        libc::DT_DIR => FileType::Directory,
        libc::DT_LNK => FileType::SymbolicLink,
        libc::DT_FIFO => FileType::Fifo,
        libc::DT_SOCK => FileType::Socket,
        libc::DT_CHR => FileType::CharacterDevice,
        libc::DT_BLK => FileType::BlockDevice,
        _ => FileType::Unknown,
    }
}
