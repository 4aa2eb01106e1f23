//! The end of a process whose event loop can not go on: a ring that fails for
//! good, or a wake that nothing carries. Called by the run loop, by `Ring`'s drop
//! and by whoever wakes. Imports std and libc only.
//!
//! Why not an error, or a panic: the fibers of a worker are pinned to it, and
//! what they have submitted is in a ring that answers nothing any more. They can
//! not go on elsewhere, nobody can wait for them, and unwinding them would free
//! buffers that the kernel may still write to.

#![expect(unsafe_code, reason = "writes to stderr without its lock")]

use std::io;
use std::os::fd::RawFd;

/// Ends the process: the ring of `worker` answers `error`, and will not answer
/// anything else.
#[cold]
pub(crate) fn ring_failed(worker: usize, fd: RawFd, error: &io::Error) -> ! {
    let (cause, hint) = explain(error.raw_os_error());
    end_process(&format!(
        "the ring of worker {worker} (descriptor {fd}) failed for good: {error}: {cause}; {hint}. \
         Tasks wait in this ring, and the kernel may still write to their buffers"
    ))
}

/// Ends the process: operations in flight can not be ended before their memory is
/// freed.
#[cold]
pub(super) fn drain_failed(fd: RawFd, error: &io::Error) -> ! {
    let (cause, hint) = explain(error.raw_os_error());
    end_process(&format!(
        "the operations of a ring (descriptor {fd}) can not be ended: {error}: {cause}; {hint}. \
         The kernel may still write to memory that is about to be freed"
    ))
}

/// Ends the process: a worker sleeps on, although there is work for it.
#[cold]
pub(crate) fn wake_failed(error: &io::Error) -> ! {
    let (cause, hint) = explain(error.raw_os_error());
    end_process(&format!(
        "a worker that sleeps can not be woken: {error}: {cause}; {hint}. \
         Its tasks would wait for ever"
    ))
}

/// What an error of an enter or a wake most likely means, and the way out.
fn explain(errno: Option<i32>) -> (&'static str, &'static str) {
    match errno {
        Some(libc::EPERM | libc::EACCES | libc::ENOSYS) => (
            "a filter (seccomp) that was set after the start forbids the call",
            "allow io_uring_enter, io_uring_register, futex and write in the filter, \
             or use Backend::Threaded",
        ),
        Some(libc::EBADF | libc::EBADFD | libc::EOPNOTSUPP | libc::ENXIO | libc::EINVAL) => (
            "the descriptor was closed, or is another file's by now",
            "close only descriptors that you have opened (close_range(2), a second close(2))",
        ),
        Some(libc::EFAULT) => (
            "memory of the process is gone",
            "unmap only what you have mapped",
        ),
        Some(libc::EAGAIN | libc::EBUSY | libc::ENOMEM) => (
            "the kernel has had no memory for it for a long time",
            "raise the memory limit of the process or its control group",
        ),
        Some(libc::EBADR) => (
            "the kernel had no memory to keep a completion, which is lost",
            "raise the memory limit of the process or its control group",
        ),
        _ => ("the kernel gives no reason", "use Backend::Threaded"),
    }
}

/// Past std's lock: a fiber that waits may hold it.
fn end_process(what: &str) -> ! {
    let message = format!("\nio-evloop-uring: {what}: the process ends here.\n");
    let mut rest = message.as_bytes();
    while !rest.is_empty() {
        // SAFETY: the bytes of `rest` are read.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(count) if count > 0 => rest = &rest[count..],
            // A message that cannot be written is lost; the process ends anyway.
            Ok(_) | Err(_) => break,
        }
    }
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::explain;

    #[test]
    fn each_failure_has_a_cause_and_a_way_out() {
        for (errno, word) in [
            (libc::EPERM, "seccomp"),
            (libc::ENOSYS, "seccomp"),
            (libc::EBADF, "closed"),
            (libc::EFAULT, "memory of the process"),
            (libc::ENOMEM, "no memory"),
            (libc::EBADR, "lost"),
        ] {
            let (cause, hint) = explain(Some(errno));
            assert!(cause.contains(word), "{errno}: {cause}");
            assert!(!hint.is_empty());
        }
        assert!(explain(None).1.contains("Backend::Threaded"));
    }
}
