//! A loop over epoll(7) by hand: two state machines on one thread, each of which
//! waits for its pipe to be readable. Used by `workload/pipe.rs`.

#![expect(unsafe_code, reason = "epoll has no safe door")]

use std::io::{self, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// A byte through one pipe and back through another, so many times.
///
/// # Errors
/// The system's.
pub(crate) fn to_and_fro(rounds: u64) -> io::Result<Duration> {
    let poll = Poll::new()?;
    let (mut there_read, mut there_write) = io::pipe()?;
    let (mut back_read, mut back_write) = io::pipe()?;
    const THERE: u64 = 0;
    const BACK: u64 = 1;
    poll.add(&there_read, THERE)?;
    poll.add(&back_read, BACK)?;
    let mut byte = [7];
    let mut left = rounds;
    let begin = Instant::now();
    there_write.write_all(&byte)?;
    while left > 0 {
        match poll.wait()? {
            THERE => {
                there_read.read_exact(&mut byte)?;
                back_write.write_all(&byte)?;
            }
            _ => {
                back_read.read_exact(&mut byte)?;
                left -= 1;
                if left > 0 {
                    there_write.write_all(&byte)?;
                }
            }
        }
    }
    Ok(begin.elapsed())
}

struct Poll(OwnedFd);

impl Poll {
    fn new() -> io::Result<Poll> {
        // SAFETY: it touches no memory.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just opened it; nobody else has it.
        Ok(Poll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    fn add(&self, end: &impl AsRawFd, number: u64) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: u32::try_from(libc::EPOLLIN).expect("it is a flag"),
            u64: number,
        };
        let (poll, add) = (self.0.as_raw_fd(), libc::EPOLL_CTL_ADD);
        // SAFETY: the event is only read.
        let code = unsafe { libc::epoll_ctl(poll, add, end.as_raw_fd(), &raw mut event) };
        if code == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Waits until one of them is readable.
    fn wait(&self) -> io::Result<u64> {
        let mut event = MaybeUninit::<libc::epoll_event>::uninit();
        let for_ever = -1;
        // SAFETY: there is room for one event.
        let count =
            unsafe { libc::epoll_wait(self.0.as_raw_fd(), event.as_mut_ptr(), 1, for_ever) };
        if count != 1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has written one event.
        let event = unsafe { event.assume_init() };
        Ok(event.u64)
    }
}
