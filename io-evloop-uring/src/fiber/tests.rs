//! What fibers promise to the scheduler, each promise with a test.
//!
//! Here is what the tests share. Tests that end the process, or use up
//! something that is counted per process, run in a child: the test binary
//! starts itself again with [`CHILD_VARIABLE`] set and only that test selected.
#![expect(unsafe_code, reason = "makes fibers that borrow locals")]

// Stacks are not run on when threads stand in for fibers.
#[cfg(not(fiber_threads))]
mod overflow;
#[cfg(not(fiber_threads))]
mod stack;
mod switch;

use std::{
    env,
    os::unix::process::ExitStatusExt,
    process::{Command, Output},
};

use super::{Fiber, Stack, StackBounds, StackOptions, StackPool, Suspender, Switch};

const CHILD_VARIABLE: &str = "IO_EVLOOP_FIBER_TEST_CHILD";

fn is_child() -> bool {
    env::var_os(CHILD_VARIABLE).is_some()
}

/// Runs one test of this binary in a child process.
fn run_child(test: &str) -> Output {
    Command::new(env::current_exe().expect("the test binary has a path"))
        .args(["--exact", &format!("fiber::tests::{test}"), "--nocapture"])
        .arg("--test-threads=1")
        .env(CHILD_VARIABLE, "1")
        // The address sanitizer would report faults in place of std.
        .env("ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0")
        .output()
        .expect("the test binary can be started again")
}

fn assert_child_passes(test: &str) {
    let output = run_child(test);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}\n{stdout}\n{stderr}",
        output.status
    );
    assert!(
        stdout.contains("1 passed"),
        "the child ran no test:\n{stdout}"
    );
}

/// The child must end by `signal`; returns what it wrote to stderr.
fn assert_child_dies(test: &str, signal: libc::c_int) -> String {
    let output = run_child(test);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.signal(),
        Some(signal),
        "{}\n{stderr}",
        output.status
    );
    stderr
}

fn pool() -> StackPool {
    StackPool::new(StackOptions::default()).expect("the default options are valid")
}

/// A fiber whose body borrows nothing but what outlives the test's fibers.
fn fiber<In, Out, F>(stack: Stack, body: F) -> Fiber<In, Out>
where
    F: FnOnce(Suspender<'_, In, Out>, In),
{
    // SAFETY: each test drives its fibers to their end (or leaks them with all
    // that they borrow) before its locals are dropped, on its own thread, and
    // relies on no nesting, and lends no suspender.
    unsafe { Fiber::new(stack, body) }
}

fn suspended<Out>(switch: Switch<Out>) -> Out {
    match switch {
        Switch::Suspended(out) => out,
        Switch::Ended(_) => panic!("the fiber ended"),
    }
}

fn ended<Out>(switch: Switch<Out>) -> Stack {
    match switch {
        Switch::Suspended(_) => panic!("the fiber suspended itself"),
        Switch::Ended(stack) => stack.expect("it is no caller's"),
    }
}

/// Uses at least 256 bytes of stack per level.
#[inline(never)]
fn recurse(levels: u64) -> u64 {
    let frame = std::hint::black_box([levels; 32]);
    if levels == 0 {
        return frame[0];
    }
    let below = recurse(levels - 1);
    below + std::hint::black_box(frame)[31]
}

/// Goes down until fewer than `reserve_bytes` are left; returns what was left.
#[inline(never)]
fn descend(bounds: StackBounds, reserve_bytes: usize) -> usize {
    let frame = std::hint::black_box([1_u8; 128]);
    let remaining = bounds.remaining_stack_bytes();
    if remaining < reserve_bytes + 1024 {
        return remaining;
    }
    let lowest = descend(bounds, reserve_bytes);
    lowest + usize::from(std::hint::black_box(frame)[5]) - 1
}
