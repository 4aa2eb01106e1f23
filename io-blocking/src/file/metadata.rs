//! What a file is, and its permission bits. `file.rs` calls it; other
//! executors use the query and its conversion.

use std::ffi::c_int;
use std::io;

use io_core::fs::{FileTime, Metadata};
use io_core::{Links, Target};

use crate::errno::{errno, is_errno};
use crate::handle::{descriptor, directory_of, kind_of_mode};
use crate::path::with_c_path;
use crate::syscall;

/// The permission bits of a mode.
const PERMISSION_BITS: u32 = 0o7777;

/// Asks what a file is (statx(2)).
pub(crate) fn read_metadata(target: &Target<'_>, out: &mut Metadata) -> io::Result<()> {
    let (flags, mask) = statx_query(target);
    let answer = match target {
        Target::Handle(handle) => {
            let answer = syscall::statx(descriptor(handle)?, c"", flags, mask)?;
            // Who reads it next need not ask again.
            handle.set_kind(kind_of_mode(u32::from(answer.stx_mode)));
            answer
        }
        Target::Path(at, _) => {
            let directory = directory_of(at)?;
            with_c_path(at.path, |path| syscall::statx(directory, path, flags, mask))?
        }
    };
    *out = metadata_from_statx(&answer);
    Ok(())
}

/// Flags and mask of the statx(2) that answers for `target`. For a handle the
/// path is the empty string.
#[must_use]
pub fn statx_query(target: &Target<'_>) -> (c_int, u32) {
    let flags = match target {
        Target::Handle(_) => libc::AT_EMPTY_PATH,
        Target::Path(_, Links::Follow) => 0,
        Target::Path(_, Links::NoFollow) => libc::AT_SYMLINK_NOFOLLOW,
    };
    (
        flags | libc::AT_STATX_SYNC_AS_STAT,
        libc::STATX_BASIC_STATS | libc::STATX_BTIME,
    )
}

/// What statx(2) answered, as the contract has it.
#[must_use]
pub fn metadata_from_statx(answer: &libc::statx) -> Metadata {
    let has_birth_time = answer.stx_mask & libc::STATX_BTIME != 0;
    Metadata {
        mode: u32::from(answer.stx_mode),
        size_bytes: answer.stx_size,
        device: libc::makedev(answer.stx_dev_major, answer.stx_dev_minor),
        inode: answer.stx_ino,
        link_count: u64::from(answer.stx_nlink),
        user_id: answer.stx_uid,
        group_id: answer.stx_gid,
        special_device: libc::makedev(answer.stx_rdev_major, answer.stx_rdev_minor),
        block_bytes: answer.stx_blksize,
        blocks_512: answer.stx_blocks,
        accessed: file_time(&answer.stx_atime),
        modified: file_time(&answer.stx_mtime),
        changed: file_time(&answer.stx_ctime),
        created: has_birth_time.then(|| file_time(&answer.stx_btime)),
    }
}

fn file_time(time: &libc::statx_timestamp) -> FileTime {
    FileTime {
        seconds: time.tv_sec,
        nanos: time.tv_nsec,
    }
}

/// Sets the permission bits (fchmod(2), fchmodat(2)); of a link itself by
/// fchmodat2 (Linux 6.6), and where the kernel lacks that, `EOPNOTSUPP`.
pub(crate) fn set_permissions(target: &Target<'_>, mode: u32) -> io::Result<()> {
    let mode = mode & PERMISSION_BITS;
    match target {
        Target::Handle(handle) => syscall::fchmod(descriptor(handle)?, mode),
        Target::Path(at, links) => {
            let directory = directory_of(at)?;
            with_c_path(at.path, |path| match links {
                Links::Follow => syscall::fchmodat(directory, path, mode),
                Links::NoFollow => {
                    let flags = libc::AT_SYMLINK_NOFOLLOW;
                    match syscall::fchmodat2(directory, path, mode, flags) {
                        Err(error) if is_errno(&error, libc::ENOSYS) => {
                            Err(errno(libc::EOPNOTSUPP))
                        }
                        answer => answer,
                    }
                }
            })
        }
    }
}
