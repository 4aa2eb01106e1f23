//! The file chapter: every operation on files and directories, one system call
//! each. `lib.rs` calls it for tasks, other executors through
//! [`system`](crate::system).

pub(crate) mod directory;
pub(crate) mod metadata;
pub(crate) mod names;
pub(crate) mod open;
pub(crate) mod transfer;

use std::io;

use io_core::{
    Clock, Instant, IoId, Operation, Outcome, SyncLevel, is_deadline, task, unsupported,
};

use crate::errno::{errno, would_wait};
use crate::handle::descriptor;
use crate::syscall;
use crate::time;
use crate::wait::Readiness;

/// Performs an operation as the current task of executor `io`.
#[inline]
pub(crate) fn perform_as_task(io: IoId, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    task::point(io, || time::now(Clock::Monotonic))?;
    match transfer::attempt_at_offset(operation) {
        Some(Err(error)) if would_wait(&error) => perform_bounded(io, operation),
        Some(answer) => answer.map(Outcome::Count),
        None => perform_bounded(io, operation),
    }
}

/// All but the common case, apart from it: that has a small frame and looks for
/// no deadline, since none ends it.
#[inline(never)]
fn perform_bounded(io: IoId, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let monotonic = || time::now(Clock::Monotonic);
    let result = perform_until(operation, task::deadline(io));
    match result {
        // A request that came meanwhile goes before the deadline.
        Err(error) if is_deadline(&error) => match task::interruption(io, monotonic) {
            Some(Err(answer)) => Err(answer),
            _ => Err(error),
        },
        answer => answer,
    }
}

/// Performs an operation as a blocking system call, waiting as long as it takes.
///
/// # Errors
/// The system's; `EBADF` for another executor's handle; `EINVAL` for a path with
/// a NUL byte, an offset beyond 2^63 - 1 and options that contradict each other.
pub fn perform(operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    perform_until(operation, None)
}

/// As [`perform`], but a wait for readiness, and a read or write at the cursor
/// of something that can be polled, ends at `until` (monotonic).
///
/// # Errors
/// As [`perform`]; deadline passed.
#[inline]
pub fn perform_until(
    operation: &mut Operation<'_, '_>,
    until: Option<Instant>,
) -> io::Result<Outcome> {
    match operation {
        Operation::Read {
            handle,
            buffers,
            offset,
        } => transfer::read(handle, buffers, *offset, until).map(Outcome::Count),
        Operation::Write {
            handle,
            buffers,
            offset,
        } => transfer::write(handle, buffers, *offset, until).map(Outcome::Count),
        Operation::Poll { fd, interest } => done(Readiness::new(*fd, *interest, until).wait()),
        other => perform_plain(other),
    }
}

/// The operations that no time-out bounds.
fn perform_plain(operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match operation {
        Operation::Create { at, options } | Operation::Open { at, options } => {
            open::open(at, options).map(Outcome::Handle)
        }
        Operation::Seek { handle, to } => transfer::seek(handle, *to).map(Outcome::Position),
        Operation::Metadata { target, out } => done(metadata::read_metadata(target, out)),
        Operation::SetPermissions { target, mode } => {
            done(metadata::set_permissions(target, *mode))
        }
        Operation::ReadDirectory { handle, entries } => {
            directory::read_directory(handle, entries).map(Outcome::Count)
        }
        Operation::CreateDirectory { at, mode } => done(names::create_directory(at, *mode)),
        Operation::RemoveDirectory { at } => done(names::remove(at, libc::AT_REMOVEDIR)),
        Operation::RemoveFile { at } => done(names::remove(at, 0)),
        Operation::Rename { from, to } => done(names::rename(from, to)),
        Operation::SymbolicLink { target, at } => done(names::symbolic_link(target, at)),
        Operation::HardLink { from, to } => done(names::hard_link(from, to)),
        Operation::ReadLink { at, out } => {
            **out = names::read_link(at)?;
            Ok(Outcome::Done)
        }
        Operation::Sync { handle, level } => {
            let fd = descriptor(handle)?;
            done(match level {
                SyncLevel::All => syscall::fsync(fd),
                SyncLevel::Data => syscall::fdatasync(fd),
            })
        }
        Operation::SetLength { handle, bytes } => {
            let bytes = i64::try_from(*bytes).map_err(|_| errno(libc::EINVAL))?;
            done(syscall::ftruncate(descriptor(handle)?, bytes))
        }
        Operation::Duplicate { handle } => open::duplicate(handle).map(Outcome::Handle),
        // `Operation` grows; a test performs one of every kind.
        _ => Err(unsupported()),
    }
}

fn done(result: io::Result<()>) -> io::Result<Outcome> {
    result.map(|()| Outcome::Done)
}
