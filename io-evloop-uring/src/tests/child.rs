//! Checks in a fork of their own, since what they do to a process is for good:
//! filters, limits, an end by a signal. Used by `refused.rs` and `failing.rs`.

#![expect(unsafe_code, reason = "forks; sets limits and filters of the fork")]

use std::ffi::c_long;
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::panic::AssertUnwindSafe;
use std::process::ExitStatus;

/// A check that takes longer hangs.
const FORK_SECONDS_MAX: u32 = 100;

/// How a fork ended, and what it wrote to stderr.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) text: String,
}

/// Runs `check` in a fork of this process, which has one thread, and fails if it
/// panics or does not end.
pub(super) fn in_fork(check: impl FnOnce()) {
    let ended = fork(check);
    assert!(
        ended.status.success(),
        "the fork's check failed or hung: {}\n{}",
        ended.status,
        ended.text
    );
}

/// Runs `check` in a fork of this process, which has one thread.
pub(super) fn fork(check: impl FnOnce()) -> Ended {
    let mut errors = tempfile::tempfile().expect("a place for its messages");
    // SAFETY: the child uses what the C library keeps usable across a fork (its
    // allocator), no lock of this program, and leaves by _exit.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: no requirements; ends the child if the check hangs.
        unsafe { libc::alarm(FORK_SECONDS_MAX) };
        // SAFETY: both descriptors are open.
        unsafe { libc::dup2(errors.as_raw_fd(), libc::STDERR_FILENO) };
        let result = std::panic::catch_unwind(AssertUnwindSafe(check));
        if let Err(panic) = &result {
            // What the panic itself prints is captured, and lost here.
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            let text = text.unwrap_or("a panic without a message");
            // SAFETY: the bytes of `text` are read.
            unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        }
        // SAFETY: ends the child without running what belongs to its parent.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    let mut status = 0;
    // SAFETY: waits for our own child and writes its status.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    let mut text = Vec::new();
    errors.rewind().expect("a file");
    errors.read_to_end(&mut text).expect("a file");
    Ended {
        status: ExitStatus::from_raw(status),
        text: String::from_utf8_lossy(&text).into_owned(),
    }
}

/// From here on the system call `number` fails with `errno` on this thread and
/// those that it starts, as it does in many containers (seccomp(2)).
pub(super) fn refuse(number: c_long, errno: i32) {
    let statement = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).expect("a short code"),
        jt,
        jf,
        k,
    };
    let number = u32::try_from(number).expect("a small number");
    let answer = libc::SECCOMP_RET_ERRNO | errno.cast_unsigned();
    let mut program = [
        // The number of the system call lies at offset 0 of seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, answer),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: 4,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: no requirements; allows a filter to be set.
    let allowed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(allowed, 0);
    // SAFETY: the program is valid and is copied.
    let set = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const filter,
        )
    };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// From here on neither this thread nor those that it starts can start a thread,
/// as where a limit on processes is reached. (With a limit that would be the
/// machine's affair: what else runs for the same user counts.)
pub(super) fn refuse_threads() {
    refuse(libc::SYS_clone3, libc::EAGAIN);
    refuse(libc::SYS_clone, libc::EAGAIN);
    std::thread::Builder::new()
        .spawn(|| ())
        .expect_err("no thread can be started");
}

/// From here on this process may have no further thread, nor may the kernel start
/// one for it. A limit on processes does not bind root, so it is somebody else's.
pub(super) fn refuse_kernel_threads() {
    const NOBODY: libc::uid_t = 65_534;
    set_limit(libc::RLIMIT_NPROC, 1);
    // SAFETY: changes who this fork is.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) }, 0);
    }
    std::thread::Builder::new()
        .spawn(|| ())
        .expect_err("no thread can be started");
}

pub(super) fn set_limit(resource: libc::__rlimit_resource_t, value: u64) {
    let limit = libc::rlimit {
        rlim_cur: value,
        rlim_max: libc::RLIM_INFINITY,
    };
    let mut before = limit;
    // SAFETY: writes the limit that is in force.
    assert_eq!(unsafe { libc::getrlimit(resource, &raw mut before) }, 0);
    let limit = libc::rlimit {
        rlim_max: before.rlim_max,
        ..limit
    };
    // SAFETY: reads the new limit.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}
