//! What the tests need of the kernel and std has no safe call for.

#![allow(unsafe_code, reason = "a FIFO, a system call filter, an event loop")]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

use pluggable_io::{Backend, Executor};

/// Makes a FIFO.
pub(crate) fn make_fifo(path: &Path) {
    let path = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path is a C string.
    let result = unsafe { libc::mkfifo(path.as_ptr(), 0o600) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Why there is no event loop here; `None` if there is.
pub(crate) fn event_loop_refusal() -> Option<String> {
    // SAFETY: nothing runs on it.
    let event_loop = unsafe { Executor::new(Backend::EventLoop) };
    event_loop.err().map(|refusal| refusal.to_string())
}

/// Lets the program start in a process to which the kernel refuses io_uring
/// with `errno`, as it does in many containers (seccomp(2)).
pub(crate) fn refuse_io_uring(command: &mut Command, errno: i32) -> &mut Command {
    let filter = move || install_filter(errno);
    // SAFETY: the filter is installed by two system calls, without allocation.
    unsafe { command.pre_exec(filter) }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "constants of the kernel, in the types that seccomp takes"
)]
fn install_filter(errno: i32) -> io::Result<()> {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const IF_BELOW: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    const FIRST: u32 = libc::SYS_io_uring_setup as u32;
    const LAST: u32 = libc::SYS_io_uring_register as u32;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let refusal = libc::SECCOMP_RET_ERRNO | errno.unsigned_abs();
    let mut program = [
        // The number of the system call lies at offset 0 of seccomp_data.
        step(LOAD, 0, 0, 0),
        step(IF_BELOW, 0, 2, FIRST),
        step(IF_BELOW, 1, 0, LAST + 1),
        step(RETURN, 0, 0, refusal),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: takes numbers only.
    check(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: the program lives until the kernel has copied it, in this call.
    check(unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) })
}

/// Sends a signal to a child that was not waited for yet (kill(2)).
pub(crate) fn send_signal(child: &Child, signal: i32) {
    let id = libc::pid_t::try_from(child.id()).unwrap();
    // SAFETY: takes numbers only; the id is the child's until it is waited for.
    let result = unsafe { libc::kill(id, signal) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// Lets the program start in a process whose writes beyond `bytes` of a file
/// fail, as on a full device (setrlimit(2), `RLIMIT_FSIZE`).
pub(crate) fn limit_file_size(command: &mut Command, bytes: u64) -> &mut Command {
    let limit = move || {
        let limit = libc::rlimit {
            rlim_cur: bytes,
            rlim_max: bytes,
        };
        // SAFETY: the limit lives for this call.
        check(unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) })?;
        // SAFETY: no handler is installed. Ignored, the signal leaves an error.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        Ok(())
    };
    // SAFETY: two system calls, without allocation.
    unsafe { command.pre_exec(limit) }
}

fn check(result: i32) -> io::Result<()> {
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
