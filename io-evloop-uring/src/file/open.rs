//! Opening and creating. open(2) may wait for the other end of a FIFO, for ever,
//! and a FIFO can be put in the place of a file between a look and the open. So
//! nothing is opened on a worker before it is sure that it is no FIFO:
//!
//! 1. `O_CREAT|O_EXCL`, `O_NONBLOCK`, `O_DIRECTORY` and `O_PATH`, where the caller
//!    gave them, never wait: a plain call.
//! 2. Otherwise what is there is *held* by an `O_PATH` descriptor, which opens
//!    nothing, and looked at.
//! 3. A regular file that is held is opened through the descriptor's link in
//!    /proc: what is opened is what was looked at. Permissions, `O_TRUNC` and
//!    events are those of an ordinary open.
//! 4. A directory is opened by its path with `O_DIRECTORY`, which fails without
//!    opening anything if it is none any more.
//! 5. Everything else, and whatever is odd (no /proc, no descriptor left for
//!    both, a file that comes and goes), is opened by a thread that may wait: the
//!    kernel's, through the ring, where a request or a deadline ends it. If the
//!    kernel can start none (`RLIMIT_NPROC`), it says `EAGAIN`.
//!
//! Options that create look first too, and create exclusively if there is
//! nothing; those that would cut a file to nothing most often make one, and so
//! try that before they look. A file of somebody else's is left to step 5: the
//! system may refuse it in a directory like /tmp (`fs.protected_regular`), which
//! it could not tell by the link.
//!
//! What that costs, in processor time of one open and close of a cached file:
//! std 0.9 us, a plain call here 1.1 us, held and opened through the link 3.2 us.
//! Through the ring it is a kernel thread's, 10 us and more. Cheaper ways were
//! turned down: a look by path before a plain open can be outrun, and adding
//! `O_NONBLOCK` makes a FIFO's other end see a peer that comes and goes.

#![expect(
    unsafe_code,
    reason = "an entry names the path; takes a descriptor over"
)]

use std::ffi::{CStr, c_int};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use io_blocking::system;
use io_core::fs::{FileType, Metadata, OpenOptions};
use io_core::{At, Handle, HandleKind, Operation, Outcome, Target};

use super::{Submitted, direct, direct_as, try_submit};
use crate::ring::{Entry, UserData};
use crate::worker::Worker;

/// How often an open that may create tries to find the file there or not there
/// before it goes the slow way.
const CREATE_ATTEMPTS_MAX: u32 = 3;

/// Room for `/proc/self/fd/` and a number.
const LINK_BYTES_MAX: usize = 32;

pub(super) fn open(worker: &Worker, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let (at, options) = match operation {
        Operation::Open { at, options } | Operation::Create { at, options } => (*at, *options),
        _ => unreachable!("the route table sends opens here"),
    };
    let flags = system::open_flags(&options)?;
    if never_waits(flags) {
        return direct(worker, operation);
    }
    if makes_most_often(flags)
        && let Some(answer) = create_new(worker, &at, options)
    {
        return answer;
    }
    for _ in 0..CREATE_ATTEMPTS_MAX {
        match hold(worker, &at, flags) {
            Ok(held) => return open_held(worker, &held, &at, &options, flags),
            Err(error) if flags & libc::O_CREAT != 0 && system::is_errno(&error, libc::ENOENT) => {
                if let Some(answer) = create_new(worker, &at, options) {
                    return answer;
                }
            }
            Err(error) if system::is_errno(&error, libc::EMFILE) => break,
            Err(error) => return Err(error),
        }
    }
    // It comes and goes, or is a link to nothing.
    open_slowly(worker, &at, &options, flags)
}

/// Whether an opening with these flags of open(2) waits for nobody.
pub(crate) fn never_waits(flags: c_int) -> bool {
    const EXCLUSIVE: c_int = libc::O_CREAT | libc::O_EXCL;
    flags & EXCLUSIVE == EXCLUSIVE
        || flags & (libc::O_NONBLOCK | libc::O_DIRECTORY | libc::O_PATH) != 0
}

/// Holds what is at the path without opening it.
fn hold(worker: &Worker, at: &At<'_>, flags: c_int) -> io::Result<Handle> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(libc::O_PATH | (flags & libc::O_NOFOLLOW));
    let mut operation = Operation::Open { at: *at, options };
    direct(worker, &mut operation).map(Outcome::expect_handle)
}

fn open_held(
    worker: &Worker,
    held: &Handle,
    at: &At<'_>,
    options: &OpenOptions,
    flags: c_int,
) -> io::Result<Outcome> {
    let opened = match look(held, flags)? {
        HandleKind::Regular => open_through_link(worker, held, at, options),
        HandleKind::Directory => open_directory(worker, at, options),
        _ => None,
    };
    opened.unwrap_or_else(|| open_slowly(worker, at, options, flags))
}

/// What is held; `Unknown` if it is not for us to open it through the link.
fn look(held: &Handle, flags: c_int) -> io::Result<HandleKind> {
    if flags & libc::O_CREAT == 0 {
        return system::kind(held);
    }
    let mut metadata = Metadata::default();
    let mut operation = Operation::Metadata {
        target: Target::Handle(held),
        out: &mut metadata,
    };
    system::perform(&mut operation)?;
    // SAFETY: geteuid(2) has no requirements.
    let own_id = unsafe { libc::geteuid() };
    Ok(match metadata.file_type() {
        FileType::Regular if metadata.user_id == own_id => HandleKind::Regular,
        FileType::Directory => HandleKind::Directory,
        _ => HandleKind::Unknown,
    })
}

/// `None` if there is no way through the link.
fn open_through_link(
    worker: &Worker,
    held: &Handle,
    at: &At<'_>,
    options: &OpenOptions,
) -> Option<io::Result<Outcome>> {
    let number = match system::descriptor(held) {
        Ok(fd) => fd.as_raw_fd(),
        Err(error) => return Some(Err(error)),
    };
    let mut link = [0; LINK_BYTES_MAX];
    let mut rest = &mut link[..];
    write!(rest, "/proc/self/fd/{number}").expect("there is room for any number");
    let unused = rest.len();
    let link = std::str::from_utf8(&link[..LINK_BYTES_MAX - unused]).expect("it is ASCII");
    let mut again = *options;
    // The link has to be followed; what it leads to is held.
    again
        .create(false)
        .custom_flags(options.extra_flags() & !libc::O_NOFOLLOW);
    let mut operation = Operation::Open {
        at: At::working_directory(Path::new(link)),
        options: again,
    };
    let device = at.directory.filter(|_| at.path.is_relative());
    match direct_as(worker, &mut operation, device) {
        Ok(outcome) => {
            let handle = outcome.expect_handle();
            handle.set_kind(HandleKind::Regular);
            Some(Ok(Outcome::Handle(handle)))
        }
        // No /proc here, or no descriptor left for both.
        Err(error)
            if system::is_errno(&error, libc::ENOENT) || system::is_errno(&error, libc::EMFILE) =>
        {
            None
        }
        Err(error) => Some(Err(error)),
    }
}

/// `None` if it is no directory any more.
fn open_directory(
    worker: &Worker,
    at: &At<'_>,
    options: &OpenOptions,
) -> Option<io::Result<Outcome>> {
    let mut options = *options;
    let flags = options.extra_flags() | libc::O_DIRECTORY;
    options.create(false).custom_flags(flags);
    let mut operation = Operation::Open { at: *at, options };
    match direct(worker, &mut operation) {
        Err(error) if system::is_errno(&error, libc::ENOTDIR) => None,
        answer => Some(answer),
    }
}

/// Whether what is opened so is most often not there yet.
fn makes_most_often(flags: c_int) -> bool {
    const REPLACING: c_int = libc::O_CREAT | libc::O_TRUNC;
    flags & REPLACING == REPLACING
}

/// `None` if there is something.
fn create_new(worker: &Worker, at: &At<'_>, options: OpenOptions) -> Option<io::Result<Outcome>> {
    let mut exclusive = options;
    exclusive.create_new(true).truncate(false);
    let mut operation = Operation::Create {
        at: *at,
        options: exclusive,
    };
    match direct(worker, &mut operation) {
        Err(error) if system::is_errno(&error, libc::EEXIST) => None,
        answer => Some(answer),
    }
}

/// On a thread that may wait as long as it takes: the kernel's, through the
/// ring, where a request can end it. (`EventLoop::new` has seen to the opcode.)
fn open_slowly(
    worker: &Worker,
    at: &At<'_>,
    options: &OpenOptions,
    flags: c_int,
) -> io::Result<Outcome> {
    let directory = system::directory_of(at)?.as_raw_fd();
    let mode = options.permission_bits();
    let _place = worker.keep_kernel_worker();
    let number = system::with_c_path(at.path, |path: &CStr| {
        let submitted = try_submit(worker, |slot| {
            let user_data = UserData::Operation(slot);
            // SAFETY: kernel borrow (`submission.rs`): path and directory are
            // borrowed for this call.
            unsafe { Entry::openat(user_data, directory, path.as_ptr(), flags, mode) }
                .on_kernel_worker()
        });
        match submitted {
            Submitted::Answer(answer) => answer,
            // No thread is left that could wait: there is no other way to open it.
            Submitted::Refused => Err(system::errno(libc::EAGAIN)),
        }
    })?;
    let number = c_int::try_from(number).expect("a descriptor fits");
    // SAFETY: the kernel has just opened it for this call; nobody else has it.
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(Outcome::Handle(system::handle_from_open(fd, flags)))
}
