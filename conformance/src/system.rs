//! What claims need of the system and std does not give, one call each. Linux.

#![expect(unsafe_code, reason = "calls libc")]

use std::ffi::{CString, c_int};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

fn checked(result: c_int) -> c_int {
    assert!(result >= 0, "{}", io::Error::last_os_error());
    result
}

/// Makes a FIFO (mkfifo(3)).
pub(crate) fn make_fifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).expect("no path of ours holds a NUL");
    // SAFETY: the path is a C string that lives during the call.
    checked(unsafe { libc::mkfifo(path.as_ptr(), 0o600) });
}

/// Sets the umask of the process and returns the one before (umask(2)).
pub(crate) fn set_umask(mask: u32) -> u32 {
    // SAFETY: it only changes a number of the process.
    unsafe { libc::umask(mask) }
}

/// Which limit of the process is set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Descriptors,
    FileBytes,
}

/// Sets a soft limit of the process (setrlimit(2)); returns the one before.
pub(crate) fn set_limit(limit: Limit, value: u64) -> u64 {
    let resource = match limit {
        Limit::Descriptors => libc::RLIMIT_NOFILE,
        Limit::FileBytes => libc::RLIMIT_FSIZE,
    };
    let mut limits = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the structure lives during the call.
    checked(unsafe { libc::getrlimit(resource, &raw mut limits) });
    let before = limits.rlim_cur;
    limits.rlim_cur = value.min(limits.rlim_max);
    // SAFETY: the structure lives during the call.
    checked(unsafe { libc::setrlimit(resource, &raw const limits) });
    before
}

/// Ignores a signal from here on (signal(2)).
pub(crate) fn ignore_signal(signal: c_int) {
    // SAFETY: ignoring is no handler, so nothing runs.
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR, "{}", io::Error::last_os_error());
}

extern "C" fn do_nothing(_signal: c_int) {}

/// Lets a signal interrupt system calls and do nothing else: its handler is
/// installed without `SA_RESTART` (sigaction(2)).
pub(crate) fn interrupt_on_signal(signal: c_int) {
    // SAFETY: all zeros is a valid structure: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let handler: extern "C" fn(c_int) = do_nothing;
    action.sa_sigaction = handler as usize;
    // SAFETY: the handler does nothing, so it may interrupt anything.
    checked(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) });
}

/// Sends a signal to one thread of the process (tgkill(2)); it may have ended.
pub(crate) fn signal_thread(thread: c_int, signal: c_int) {
    // SAFETY: it asks for a number.
    let process = unsafe { libc::getpid() };
    // SAFETY: it passes numbers.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) };
}

/// The number of this thread (gettid(2)).
pub(crate) fn this_thread() -> c_int {
    // SAFETY: it asks for a number.
    unsafe { libc::gettid() }
}

/// The threads of the process, by number.
pub(crate) fn threads() -> Vec<c_int> {
    numbers_in("/proc/self/task")
}

/// Read by who counts descriptors, written by who opens some beside a claim.
static DESCRIPTORS: RwLock<()> = RwLock::new(());

/// While it is held no watcher has a descriptor open.
pub(crate) fn keep_watchers_off() -> RwLockReadGuard<'static, ()> {
    DESCRIPTORS.read().unwrap_or_else(PoisonError::into_inner)
}

/// For a watcher, while it has descriptors open: it waits for no claim.
pub(crate) fn try_keep_counters_off() -> Option<RwLockWriteGuard<'static, ()>> {
    DESCRIPTORS.try_write().ok()
}

/// The open descriptors of the process, the one that lists them apart.
pub(crate) fn descriptors() -> Vec<c_int> {
    let _watchers_are_off = keep_watchers_off();
    let mut numbers = numbers_in("/proc/self/fd");
    numbers.retain(|number| Path::new(&format!("/proc/self/fd/{number}")).exists());
    numbers.sort_unstable();
    numbers
}

fn numbers_in(directory: &str) -> Vec<c_int> {
    let entries = std::fs::read_dir(directory).expect("the system has procfs");
    let name = |entry: io::Result<std::fs::DirEntry>| entry.ok()?.file_name().into_string().ok();
    entries
        .filter_map(name)
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// How long the process's threads have run on processors (clock_gettime(2)).
pub(crate) fn cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the structure lives during the call.
    checked(unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) });
    let seconds = u64::try_from(time.tv_sec).expect("a process has run for a positive time");
    Duration::new(
        seconds,
        u32::try_from(time.tv_nsec).expect("less than a second"),
    )
}

/// The status flags of a descriptor (fcntl(2) `F_GETFL`).
pub(crate) fn status_flags(fd: BorrowedFd<'_>) -> c_int {
    // SAFETY: the descriptor is open.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })
}

/// Sets the status flags of a descriptor (fcntl(2) `F_SETFL`).
pub(crate) fn set_status_flags(fd: BorrowedFd<'_>, flags: c_int) {
    // SAFETY: the descriptor is open.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags) });
}

/// Whether a program started from here would inherit the descriptor.
pub(crate) fn is_inherited(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: the descriptor is open.
    let flags = checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) });
    flags & libc::FD_CLOEXEC == 0
}

/// Gives up the rights of the superuser for the whole process, if it has them.
pub(crate) fn become_nobody() {
    const NOBODY: u32 = 65_534;
    // SAFETY: it asks for a number.
    if unsafe { libc::geteuid() } != 0 {
        return;
    }
    // SAFETY: it passes numbers; libc changes all threads.
    checked(unsafe { libc::setegid(NOBODY) });
    // SAFETY: as above.
    checked(unsafe { libc::seteuid(NOBODY) });
}

/// How many pages of a file are in memory and not yet on its device
/// (cachestat(2), Linux 6.5); `None` where the system does not tell.
pub(crate) fn dirty_pages(fd: BorrowedFd<'_>) -> Option<u64> {
    const SYS_CACHESTAT: libc::c_long = 451;
    // Range: offset and length; a length of 0 means up to the end.
    let range = [0_u64; 2];
    // Pages: cached, dirty, under writeback, evicted, recently evicted.
    let mut pages = [0_u64; 5];
    let (fd, range, answer) = (fd.as_raw_fd(), range.as_ptr(), pages.as_mut_ptr());
    // SAFETY: both arrays have the layout of the call's structures and live
    // during it.
    let result = unsafe { libc::syscall(SYS_CACHESTAT, fd, range, answer, 0) };
    (result == 0).then(|| pages[1] + pages[2])
}

/// A directory whose file system counts the pages that it has still to write: the
/// temporary one, or that of the program (the first is often kept in memory).
/// Looked for once.
pub(crate) fn directory_with_dirty_pages() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let program = std::env::current_exe().ok();
        let beside = program.and_then(|program| program.parent().map(Path::to_path_buf));
        let places = [Some(std::env::temp_dir()), beside];
        let mut places = places.into_iter().flatten();
        places.find(|place| counts_dirty_pages(place))
    });
    found.as_deref()
}

fn counts_dirty_pages(directory: &Path) -> bool {
    let Ok(mut file) = tempfile::tempfile_in(directory) else {
        return false;
    };
    file.write_all(b"dirty").is_ok() && dirty_pages(file.as_fd()).is_some_and(|pages| pages > 0)
}
