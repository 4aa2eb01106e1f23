//! A stack overflow ends the process, with a message that names the task and the
//! option. In a child: the test binary starts itself again.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use io_core::Io;

use super::build;
use crate::EventLoop;

const CHILD: &str = "IO_EVLOOP_OVERFLOW_TEST_CHILD";

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

#[test]
fn a_task_that_recurses_too_deep_is_named_with_the_option() {
    if std::env::var_os(CHILD).is_some() {
        let event_loop = build(EventLoop::builder().workers(2).stack_bytes(128 * 1024));
        let io: &dyn Io = &event_loop;
        // Deep enough for a small stack only.
        let sum = event_loop.run(|_| io.scope(|scope| scope.spawn(|| recurse(20_000)).join()));
        panic!("the stack held {sum:?}");
    }
    let name = "tests::overflow::a_task_that_recurses_too_deep_is_named_with_the_option";
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        // The address sanitizer would report faults in place of std.
        .env("ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0")
        .output()
        .expect("the test binary starts again");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
    assert!(text.contains("stack overflow in task 'task' #"), "{text}");
    assert!(text.contains("stack_bytes"), "{text}");
}
