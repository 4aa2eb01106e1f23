//! Blocking or stack-hungry code, where nothing else waits.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::time::Duration;

use io_core::fs;

use crate::fixture::{Fixture, Works};
use crate::run::message_of;

/// A stack of this size is what a thread has by default, less a margin.
const STACK_BYTES: usize = 1 << 20;

pub(crate) fn offload_returns_the_result(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mut local = vec![1, 2];
    let sum: i32 = io.offload(|| {
        local.push(3);
        local.iter().sum()
    });
    assert_eq!((sum, local.len()), (6, 3));
}

pub(crate) fn offload_raises_the_panic(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let offload = || {
        io.offload(|| -> () { panic::resume_unwind(Box::new("offloaded")) });
    };
    let payload = panic::catch_unwind(AssertUnwindSafe(offload)).expect_err("it panics");
    assert_eq!(message_of(payload.as_ref()), "offloaded");
}

pub(crate) fn offloaded_code_may_use_the_executor(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("file");
    io.offload(|| {
        fs::write(io, &path, "offloaded").works();
        io.sleep(Duration::from_millis(1)).works();
        io.scope(|scope| scope.spawn(|| io.yield_now()).join())
            .works();
    });
    assert_eq!(fixture.content(&path), b"offloaded");
}

/// The offloaded code blocks its thread until a task lets it go.
pub(crate) fn offloaded_code_that_blocks_delays_no_task(fixture: &Fixture<'_>) {
    let io = fixture.io();
    io.scope(|scope| {
        let (send, receive) = mpsc::channel();
        let blocks = move || {
            let receive = receive;
            io.offload(move || receive.recv().expect("the sender sends"))
        };
        let blocked = scope.spawn_concurrent(blocks).works();
        fixture.pause();
        let path = fixture.make_file("file", "0123");
        fs::read(io, path).works();
        scope.spawn(|| io.yield_now()).join().works();
        send.send(42).expect("the receiver lives");
        assert_eq!(blocked.join(), 42);
    });
}

/// Uses about `bytes` of stack.
#[inline(never)]
fn descend(bytes: usize) -> usize {
    const FRAME_BYTES: usize = 4096;
    let frame = std::hint::black_box([1_u8; FRAME_BYTES]);
    if bytes <= FRAME_BYTES {
        return usize::from(frame[bytes % FRAME_BYTES]);
    }
    let below = descend(bytes - FRAME_BYTES);
    below + usize::from(std::hint::black_box(&frame)[0])
}

pub(crate) fn offloaded_code_has_a_large_stack(fixture: &Fixture<'_>) {
    let io = fixture.io();
    io.scope(|scope| {
        let hungry = || io.offload(|| descend(STACK_BYTES / 2));
        assert!(scope.spawn(hungry).join() > 100);
    });
}

/// What every task may use of its stack, wherever it runs.
pub(crate) fn a_task_has_a_usable_stack(fixture: &Fixture<'_>) {
    const TASK_STACK_BYTES: usize = 64 * 1024;
    fixture.io().scope(|scope| {
        let tasks: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| descend(TASK_STACK_BYTES)))
            .collect();
        for task in tasks {
            assert!(task.join() >= 16);
        }
    });
}

pub(crate) fn many_offloads_all_end(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let sum: u64 = io.scope(|scope| {
        let tasks: Vec<_> = (0..200_u64)
            .map(|index| scope.spawn(move || io.offload(move || index)))
            .collect();
        tasks.into_iter().map(|task| task.join()).sum()
    });
    assert_eq!(sum, 19_900);
}
