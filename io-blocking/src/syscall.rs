//! Every unsafe line of the crate: one safe function for each system call, with
//! `EINTR` retried. The other files call it; it knows no operation.
//!
//! # Safety argument: calls
//! - *descriptor*: a `BorrowedFd` is open for as long as it is borrowed.
//! - *memory*: what is passed with its length is a Rust slice or reference,
//!   valid for reads (for writes where it is `&mut`) during the call; the
//!   kernel keeps none of it after the call returns.
//! - *string*: a `CStr` ends in NUL.
//! - *layout*: `IoSlice` and `IoSliceMut` are promised to have the layout of
//!   `struct iovec` on Unix.

#![expect(
    unsafe_code,
    reason = "calls the system; the argument is in the header"
)]

use std::ffi::{CStr, c_int, c_long};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;
use std::{hint, process, ptr, thread};

use io_core::parking::ProcessBarrier;
use io_core::{FutexAddress, FutexWord};

use crate::errno::{errno, is_to_retry, retry};

/// The directory that relative paths start from (`AT_FDCWD`).
// SAFETY: it is no descriptor that could be closed, and it is not -1.
pub const WORKING_DIRECTORY: BorrowedFd<'static> =
    unsafe { BorrowedFd::borrow_raw(libc::AT_FDCWD) };

/// The kernel's number of fchmodat2(2), the same on every architecture that
/// shares the common table; libc has no name for it everywhere.
const SYS_FCHMODAT2: c_long = 452;

/// The answer of a call that counts or gives -1.
#[inline]
fn counted<T>(answer: T) -> io::Result<usize>
where
    usize: TryFrom<T>,
{
    usize::try_from(answer).map_err(|_| io::Error::last_os_error())
}

/// The answer of a call that gives 0 or -1.
#[inline]
fn checked(answer: c_int) -> io::Result<()> {
    if answer == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// How many buffers, as the system wants it. Callers pass at most 1024.
fn buffer_count(count: usize) -> c_int {
    c_int::try_from(count).expect("callers pass at most 1024 buffers")
}

// ---- file: transfers -------------------------------------------------------

#[inline]
pub(crate) fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    retry(|| {
        // SAFETY: *descriptor* and *memory*.
        counted(unsafe { libc::read(fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) })
    })
}

#[inline]
pub(crate) fn pread(fd: BorrowedFd<'_>, buffer: &mut [u8], offset: i64) -> io::Result<usize> {
    retry(|| {
        let (pointer, len) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: *descriptor* and *memory*.
        counted(unsafe { libc::pread(fd.as_raw_fd(), pointer, len, offset) })
    })
}

#[inline]
pub(crate) fn write(fd: BorrowedFd<'_>, buffer: &[u8]) -> io::Result<usize> {
    retry(|| {
        // SAFETY: *descriptor* and *memory*.
        counted(unsafe { libc::write(fd.as_raw_fd(), buffer.as_ptr().cast(), buffer.len()) })
    })
}

#[inline]
pub(crate) fn pwrite(fd: BorrowedFd<'_>, buffer: &[u8], offset: i64) -> io::Result<usize> {
    retry(|| {
        let (pointer, len) = (buffer.as_ptr().cast(), buffer.len());
        // SAFETY: *descriptor* and *memory*.
        counted(unsafe { libc::pwrite(fd.as_raw_fd(), pointer, len, offset) })
    })
}

pub(crate) fn readv(fd: BorrowedFd<'_>, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let count = buffer_count(buffers.len());
    let buffers = buffers.as_mut_ptr().cast::<libc::iovec>();
    // SAFETY: *descriptor*, *memory* and *layout*.
    retry(|| counted(unsafe { libc::readv(fd.as_raw_fd(), buffers, count) }))
}

pub(crate) fn preadv(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    offset: i64,
) -> io::Result<usize> {
    let count = buffer_count(buffers.len());
    let buffers = buffers.as_mut_ptr().cast::<libc::iovec>();
    // SAFETY: *descriptor*, *memory* and *layout*.
    retry(|| counted(unsafe { libc::preadv(fd.as_raw_fd(), buffers, count, offset) }))
}

/// preadv2(2); offset -1 is the cursor. By its number: it does not wait as callers use
/// it, so the way into and out of a cancellation point of pthreads would be in vain.
pub(crate) fn preadv2(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    offset: i64,
    flags: c_int,
) -> io::Result<usize> {
    // Whole words: of a shorter argument nobody clears the rest of its register.
    let (fd, flags) = (c_long::from(fd.as_raw_fd()), c_long::from(flags));
    let count = c_long::from(buffer_count(buffers.len()));
    let buffers = buffers.as_mut_ptr().cast::<libc::iovec>();
    let (low, high) = offset_words(offset);
    retry(|| {
        // SAFETY: *descriptor*, *memory* and *layout*.
        counted(unsafe { libc::syscall(libc::SYS_preadv2, fd, buffers, count, low, high, flags) })
    })
}

/// An offset as the kernel takes it from those who call it by number: where a word has
/// 64 bits, the low one has all of it.
fn offset_words(offset: i64) -> (c_long, c_long) {
    (offset as c_long, (offset >> 32) as c_long)
}

pub(crate) fn writev(fd: BorrowedFd<'_>, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    let count = buffer_count(buffers.len());
    let buffers = buffers.as_ptr().cast::<libc::iovec>();
    // SAFETY: *descriptor*, *memory* and *layout*.
    retry(|| counted(unsafe { libc::writev(fd.as_raw_fd(), buffers, count) }))
}

pub(crate) fn pwritev(
    fd: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
    offset: i64,
) -> io::Result<usize> {
    let count = buffer_count(buffers.len());
    let buffers = buffers.as_ptr().cast::<libc::iovec>();
    // SAFETY: *descriptor*, *memory* and *layout*.
    retry(|| counted(unsafe { libc::pwritev(fd.as_raw_fd(), buffers, count, offset) }))
}

/// pwritev2(2); offset -1 is the cursor.
pub(crate) fn pwritev2(
    fd: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
    offset: i64,
    flags: c_int,
) -> io::Result<usize> {
    let count = buffer_count(buffers.len());
    let buffers = buffers.as_ptr().cast::<libc::iovec>();
    // SAFETY: *descriptor*, *memory* and *layout*.
    retry(|| counted(unsafe { libc::pwritev2(fd.as_raw_fd(), buffers, count, offset, flags) }))
}

pub(crate) fn recvmsg(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    flags: c_int,
) -> io::Result<usize> {
    let mut message = message(buffers.as_mut_ptr().cast(), buffers.len());
    // SAFETY: *descriptor*, *memory* and *layout*; name and control are absent.
    retry(|| counted(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags) }))
}

pub(crate) fn sendmsg(
    fd: BorrowedFd<'_>,
    buffers: &[IoSlice<'_>],
    flags: c_int,
) -> io::Result<usize> {
    let message = message(buffers.as_ptr().cast_mut().cast(), buffers.len());
    // SAFETY: *descriptor*, *memory* (sending only reads the buffers) and *layout*.
    retry(|| counted(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, flags) }))
}

/// A message without name and control data.
fn message(buffers: *mut libc::iovec, count: usize) -> libc::msghdr {
    // SAFETY: a msghdr of zeros and null pointers is a valid value of it.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = buffers;
    message.msg_iovlen = count;
    message
}

pub(crate) fn lseek(fd: BorrowedFd<'_>, offset: i64, whence: c_int) -> io::Result<u64> {
    // SAFETY: *descriptor*.
    let position = unsafe { libc::lseek(fd.as_raw_fd(), offset, whence) };
    u64::try_from(position).map_err(|_| io::Error::last_os_error())
}

// ---- file: handles ---------------------------------------------------------

pub(crate) fn openat(
    directory: BorrowedFd<'_>,
    path: &CStr,
    flags: c_int,
    mode: u32,
) -> io::Result<OwnedFd> {
    let fd = retry(|| {
        // SAFETY: *descriptor* and *string*.
        let fd = unsafe { libc::openat(directory.as_raw_fd(), path.as_ptr(), flags, mode) };
        checked(fd).map(|()| fd)
    })?;
    // SAFETY: openat(2) made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

pub(crate) fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: *descriptor*.
    let copy = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 0) };
    checked(copy)?;
    // SAFETY: fcntl(2) made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// close(2), once: after `EINTR` the number may already name another file.
pub(crate) fn close(fd: OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor was ours, and nobody can use it afterwards.
    checked(unsafe { libc::close(fd.into_raw_fd()) })
}

pub(crate) fn status_flags(fd: BorrowedFd<'_>) -> io::Result<c_int> {
    // SAFETY: *descriptor*.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    checked(flags).map(|()| flags)
}

pub(crate) fn fsync(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: *descriptor*.
    retry(|| checked(unsafe { libc::fsync(fd.as_raw_fd()) }))
}

pub(crate) fn fdatasync(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: *descriptor*.
    retry(|| checked(unsafe { libc::fdatasync(fd.as_raw_fd()) }))
}

pub(crate) fn ftruncate(fd: BorrowedFd<'_>, bytes: i64) -> io::Result<()> {
    // SAFETY: *descriptor*.
    retry(|| checked(unsafe { libc::ftruncate(fd.as_raw_fd(), bytes) }))
}

// ---- file: metadata --------------------------------------------------------

pub(crate) fn statx(
    directory: BorrowedFd<'_>,
    path: &CStr,
    flags: c_int,
    mask: u32,
) -> io::Result<libc::statx> {
    let mut answer = MaybeUninit::<libc::statx>::zeroed();
    retry(|| {
        let (fd, path, answer) = (directory.as_raw_fd(), path.as_ptr(), answer.as_mut_ptr());
        // SAFETY: *descriptor*, *string* and *memory*.
        checked(unsafe { libc::statx(fd, path, flags, mask, answer) })
    })?;
    // SAFETY: zeros are a valid statx, and the kernel wrote over them.
    Ok(unsafe { answer.assume_init() })
}

pub(crate) fn fstat(fd: BorrowedFd<'_>) -> io::Result<libc::stat> {
    let mut answer = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: *descriptor* and *memory*.
    retry(|| checked(unsafe { libc::fstat(fd.as_raw_fd(), answer.as_mut_ptr()) }))?;
    // SAFETY: zeros are a valid stat, and the kernel wrote over them.
    Ok(unsafe { answer.assume_init() })
}

pub(crate) fn fchmod(fd: BorrowedFd<'_>, mode: u32) -> io::Result<()> {
    // SAFETY: *descriptor*.
    retry(|| checked(unsafe { libc::fchmod(fd.as_raw_fd(), mode) }))
}

pub(crate) fn fchmodat(directory: BorrowedFd<'_>, path: &CStr, mode: u32) -> io::Result<()> {
    retry(|| {
        // SAFETY: *descriptor* and *string*.
        checked(unsafe { libc::fchmodat(directory.as_raw_fd(), path.as_ptr(), mode, 0) })
    })
}

pub(crate) fn fchmodat2(
    directory: BorrowedFd<'_>,
    path: &CStr,
    mode: u32,
    flags: c_int,
) -> io::Result<()> {
    retry(|| {
        let (fd, path) = (directory.as_raw_fd(), path.as_ptr());
        // SAFETY: *descriptor* and *string*; the arguments are those of fchmodat2(2).
        match unsafe { libc::syscall(SYS_FCHMODAT2, fd, path, mode, flags) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    })
}

// ---- file: names and directories -------------------------------------------

pub(crate) fn mkdirat(directory: BorrowedFd<'_>, path: &CStr, mode: u32) -> io::Result<()> {
    // SAFETY: *descriptor* and *string*.
    retry(|| checked(unsafe { libc::mkdirat(directory.as_raw_fd(), path.as_ptr(), mode) }))
}

pub(crate) fn unlinkat(directory: BorrowedFd<'_>, path: &CStr, flags: c_int) -> io::Result<()> {
    // SAFETY: *descriptor* and *string*.
    retry(|| checked(unsafe { libc::unlinkat(directory.as_raw_fd(), path.as_ptr(), flags) }))
}

pub(crate) fn renameat(
    from_directory: BorrowedFd<'_>,
    from: &CStr,
    to_directory: BorrowedFd<'_>,
    to: &CStr,
) -> io::Result<()> {
    let (from_fd, to_fd) = (from_directory.as_raw_fd(), to_directory.as_raw_fd());
    // SAFETY: *descriptor* and *string*.
    retry(|| checked(unsafe { libc::renameat(from_fd, from.as_ptr(), to_fd, to.as_ptr()) }))
}

pub(crate) fn symlinkat(target: &CStr, directory: BorrowedFd<'_>, path: &CStr) -> io::Result<()> {
    let fd = directory.as_raw_fd();
    // SAFETY: *descriptor* and *string*.
    retry(|| checked(unsafe { libc::symlinkat(target.as_ptr(), fd, path.as_ptr()) }))
}

pub(crate) fn linkat(
    from_directory: BorrowedFd<'_>,
    from: &CStr,
    to_directory: BorrowedFd<'_>,
    to: &CStr,
) -> io::Result<()> {
    let (from_fd, to_fd) = (from_directory.as_raw_fd(), to_directory.as_raw_fd());
    // SAFETY: *descriptor* and *string*.
    retry(|| checked(unsafe { libc::linkat(from_fd, from.as_ptr(), to_fd, to.as_ptr(), 0) }))
}

pub(crate) fn readlinkat(
    directory: BorrowedFd<'_>,
    path: &CStr,
    target: &mut [u8],
) -> io::Result<usize> {
    retry(|| {
        let (fd, path) = (directory.as_raw_fd(), path.as_ptr());
        let (pointer, len) = (target.as_mut_ptr().cast(), target.len());
        // SAFETY: *descriptor*, *string* and *memory*.
        counted(unsafe { libc::readlinkat(fd, path, pointer, len) })
    })
}

pub(crate) fn getdents64(fd: BorrowedFd<'_>, listing: &mut [u8]) -> io::Result<usize> {
    retry(|| {
        let (number, fd) = (libc::SYS_getdents64, fd.as_raw_fd());
        // SAFETY: *descriptor* and *memory*; the arguments are those of getdents64(2).
        let bytes = unsafe { libc::syscall(number, fd, listing.as_mut_ptr(), listing.len()) };
        usize::try_from(bytes).map_err(|_| io::Error::last_os_error())
    })
}

// ---- waiting ---------------------------------------------------------------

/// ppoll(2) of one descriptor: whether it reports anything. False if the time
/// is over or a signal came.
pub(crate) fn poll(
    fd: BorrowedFd<'_>,
    events: i16,
    timeout: Option<&libc::timespec>,
) -> io::Result<bool> {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    let timeout = timeout.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: *memory*; one entry, and no signal mask is changed.
    match unsafe { libc::ppoll(&raw mut entry, 1, timeout, ptr::null()) } {
        -1 => {
            let error = io::Error::last_os_error();
            if is_to_retry(&error) {
                Ok(false)
            } else {
                Err(error)
            }
        }
        // `O_PATH`: the descriptor only names a file.
        _ if entry.revents & libc::POLLNVAL != 0 => Err(errno(libc::EBADF)),
        count => Ok(count > 0),
    }
}

/// `FUTEX_WAIT_BITSET`: like `FUTEX_WAIT` with an absolute monotonic time-out.
pub(crate) fn futex_wait(
    word: FutexWord<'_>,
    expected: u32,
    until: Option<&libc::timespec>,
) -> io::Result<()> {
    const ANY: c_int = libc::FUTEX_BITSET_MATCH_ANY;
    let operation = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
    let until = until.map_or(ptr::null(), ptr::from_ref);
    let no_word = ptr::null::<u32>();
    retry(|| {
        let (number, word) = (libc::SYS_futex, word.as_ptr());
        // SAFETY: *memory*; the arguments are those of FUTEX_WAIT_BITSET in futex(2).
        match unsafe { libc::syscall(number, word, operation, expected, until, no_word, ANY) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    })
}

/// `FUTEX_WAKE`. A private wake looks the address up and does not touch the
/// memory there; an address that is not mapped any more has no waits.
pub(crate) fn futex_wake(address: FutexAddress, count: c_int) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    let word = ptr::without_provenance::<u32>(address.as_usize());
    // SAFETY: the address is only a key; the arguments are those of FUTEX_WAKE.
    let answer = unsafe { libc::syscall(libc::SYS_futex, word, operation, count) };
    debug_assert!(
        answer >= 0,
        "waking an address of this process can not fail"
    );
}

/// Lets other threads of the machine run (sched_yield(2)).
pub fn yield_thread() {
    // SAFETY: takes nothing; it can not fail on Linux.
    unsafe { libc::sched_yield() };
}

/// How often this thread has given its processor away since it had to wait; not
/// counted is that it was taken away (getrusage(2), `ru_nvcsw`).
#[must_use]
pub fn wait_count() -> c_long {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: memory.
    let result = unsafe { libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) };
    assert_eq!(result, 0, "a thread can ask for its own usage");
    // SAFETY: it is plain numbers, zeroed and then filled in.
    unsafe { usage.assume_init() }.ru_nvcsw
}

/// How long the calling thread has run on a processor, in nanoseconds.
pub fn thread_ran_nanos() -> u64 {
    let time = clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// A barrier for all threads of the process, if the kernel has one for us
/// (membarrier(2), Linux 4.14).
///
/// A process that forbids itself the call later (seccomp(2)) ends at its next use, with
/// a message. The first time takes some 20 ms if the process has several threads, later
/// ones a microsecond.
#[must_use]
pub fn process_barrier() -> Option<ProcessBarrier> {
    if membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) != 0 {
        return None;
    }
    // SAFETY: membarrier(2) says so of this command, and `pass_barrier` returns only if
    // it has answered.
    Some(unsafe { ProcessBarrier::new(pass_barrier, pause) })
}

fn pass_barrier() {
    while membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0 {
        if io::Error::last_os_error().raw_os_error() == Some(libc::ENOMEM) {
            thread::sleep(Duration::from_millis(1));
            continue;
        }
        const MESSAGE: &str = "\nio-blocking: membarrier(2), once allowed, is refused now\n";
        // Past std's lock of stderr, which a fiber that waits may hold.
        // SAFETY: *memory*.
        unsafe { libc::write(libc::STDERR_FILENO, MESSAGE.as_ptr().cast(), MESSAGE.len()) };
        process::abort();
    }
}

fn membarrier(command: c_int) -> c_long {
    // SAFETY: it takes numbers, and no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
}

/// Spins for as long as somebody may take who runs, then sleeps: who was stopped inside
/// can have a lower priority.
fn pause(count: u32) {
    const SPINS_MAX: u32 = 1000;
    match count < SPINS_MAX {
        true => hint::spin_loop(),
        false => thread::sleep(Duration::from_micros(50)),
    }
}

/// The system's number of the calling thread (gettid(2)).
pub(crate) fn thread_number() -> i32 {
    // SAFETY: it takes nothing and can not fail.
    unsafe { libc::gettid() }
}

// ---- time and randomness ---------------------------------------------------

pub(crate) fn clock_gettime(clock: libc::clockid_t) -> libc::timespec {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: *memory*.
    let answer = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(answer, 0, "the clocks of the contract exist on Linux");
    time
}

/// Sleeps until an absolute time of `clock`.
pub(crate) fn clock_nanosleep_until(clock: libc::clockid_t, until: &libc::timespec) {
    loop {
        let (until, no_rest) = (ptr::from_ref(until), ptr::null_mut());
        // SAFETY: *memory*; an absolute sleep has no rest to report.
        match unsafe { libc::clock_nanosleep(clock, libc::TIMER_ABSTIME, until, no_rest) } {
            0 => return,
            libc::EINTR => {}
            code => panic!(
                "sleeping on a clock that exists can not fail: {}",
                io::Error::from_raw_os_error(code)
            ),
        }
    }
}

/// Fills `buffer` with random bytes fit for cryptography (getrandom(2)).
///
/// # Panics
/// If the kernel has no random numbers at all (before Linux 3.17).
pub fn random(buffer: &mut [u8]) {
    let mut filled = 0;
    while filled < buffer.len() {
        let rest = &mut buffer[filled..];
        let bytes = retry(|| {
            // SAFETY: *memory*.
            counted(unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) })
        });
        filled += bytes.expect("getrandom(2) fails only where it does not exist");
    }
}
