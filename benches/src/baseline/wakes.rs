//! Two threads that wake each other with what the kernel has: a futex, and a
//! message from one ring to another. An operation is a round trip. Used by
//! `workload/wake.rs`.

#![expect(unsafe_code, reason = "futex(2), and an entry of io_uring")]

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use io_uring::{IoUring, opcode, squeue, types};

/// By futex(2) on one word, whose value says whose turn it is.
pub(crate) fn by_futex(rounds: u64) -> Duration {
    let turn = AtomicU32::new(0);
    let hand_over = |own: u32| {
        // Acquire and Release: what one did before, the other sees.
        while turn.load(Ordering::Acquire) != own {
            wait(&turn, 1 - own);
        }
        turn.store(1 - own, Ordering::Release);
        wake(&turn);
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..=rounds).for_each(|_| hand_over(1)));
        hand_over(0);
        let begin = Instant::now();
        (0..rounds).for_each(|_| hand_over(0));
        begin.elapsed()
    })
}

/// Waits as long as the word has this value; may return early, also for EINTR.
fn wait(word: &AtomicU32, expected: u32) {
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let for_ever = ptr::null::<libc::timespec>();
    // SAFETY: the word outlives the call, which only reads it.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            operation,
            expected,
            for_ever,
        )
    };
}

fn wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: a wake does not follow the address.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) };
}

/// By `IORING_OP_MSG_RING`, each thread asleep in its own ring.
pub(crate) fn by_ring(rounds: u64) -> Duration {
    let (tell_first, first_fd) = mpsc::channel();
    let (tell_second, second_fd) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut ring = ring().expect("it was tried before");
            tell_second.send(ring.as_raw_fd()).expect("it is received");
            let other = first_fd.recv().expect("it is sent");
            receive(&mut ring).expect("a message comes");
            for _ in 0..rounds {
                send(&mut ring, other);
                receive(&mut ring).expect("a message comes");
            }
            send(&mut ring, other);
            ring.submit().expect("there is one entry");
            // Its end tells that the message has gone; then the ring may.
        });
        let mut ring = ring().expect("it was tried before");
        tell_first.send(ring.as_raw_fd()).expect("it is received");
        let other = second_fd.recv().expect("it is sent");
        let mut round_trip = || {
            send(&mut ring, other);
            receive(&mut ring).expect("a message comes");
        };
        round_trip();
        let begin = Instant::now();
        (0..rounds).for_each(|_| round_trip());
        begin.elapsed()
    })
}

/// # Errors
/// The system refuses a ring.
pub(crate) fn ring() -> io::Result<IoUring> {
    IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .build(8)
}

/// Puts a message to the ring of the other thread into the queue of this one.
fn send(ring: &mut IoUring, other: RawFd) {
    let message = opcode::MsgRingData::new(types::Fd(other), 0, 1, None)
        .build()
        .flags(squeue::Flags::SKIP_SUCCESS);
    // SAFETY: the entry names no memory.
    unsafe { ring.submission().push(&message) }.expect("the queue is empty");
}

/// Submits what is in the queue and waits for a message.
fn receive(ring: &mut IoUring) -> io::Result<()> {
    loop {
        ring.submit_and_wait(1)?;
        for completion in ring.completion() {
            assert_eq!(completion.result(), 0, "a message is sent and comes");
            if completion.user_data() == 1 {
                return Ok(());
            }
        }
    }
}
