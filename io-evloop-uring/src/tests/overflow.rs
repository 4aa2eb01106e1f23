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

/// Overflows a fiber's stack in `body` and returns the report.
fn report_of(test: &str, body: impl FnOnce(&dyn Io) + Send) -> String {
    if std::env::var_os(CHILD).is_some() {
        let event_loop = build(EventLoop::builder().workers(1).stack_bytes(128 * 1024));
        let io: &dyn Io = &event_loop;
        drop(event_loop.run(|_| {
            // The fiber of this one is the next one's, which is told apart. Nobody
            // joins them: they do not run on their joiner's stack.
            io.scope(|scope| drop(scope.task("a former one").spawn(|| ())));
            io.scope(|scope| drop(scope.spawn(|| body(io))));
        }));
        panic!("the stack held");
    }
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        // The address sanitizer would report faults in place of std.
        .env("ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0")
        .output()
        .expect("the test binary starts again");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
    text
}

/// Deep enough for a small stack only.
fn overflow() {
    recurse(20_000);
}

#[test]
fn a_task_that_recurses_too_deep_is_named_with_the_option() {
    let test = "tests::overflow::a_task_that_recurses_too_deep_is_named_with_the_option";
    // Cut where the label ends, between two characters.
    let text = report_of(test, |io| {
        let name = format!("parse {}", "ü".repeat(40));
        io.scope(|scope| drop(scope.task(name).spawn(overflow)));
    });
    let kept = format!("parse {}", "ü".repeat(24));
    let line = format!("stack overflow in task '{kept}' #");
    assert!(text.contains(&line), "{text}");
    assert!(text.contains("stack_bytes"), "{text}");
}

#[test]
fn a_task_without_a_name_is_not_reported_by_a_former_ones() {
    let test = "tests::overflow::a_task_without_a_name_is_not_reported_by_a_former_ones";
    let text = report_of(test, |_| overflow());
    assert!(text.contains("stack overflow in task #"), "{text}");
}

#[test]
fn a_task_on_its_joiners_stack_is_reported_by_its_own_name() {
    let test = "tests::overflow::a_task_on_its_joiners_stack_is_reported_by_its_own_name";
    let text = report_of(test, |io| {
        io.scope(|scope| scope.task("a child").spawn(overflow).join());
    });
    assert!(
        text.contains("stack overflow in task 'a child' #"),
        "{text}"
    );
}

#[test]
fn a_task_whose_joined_child_has_ended_is_reported_by_its_own_name() {
    let test = "tests::overflow::a_task_whose_joined_child_has_ended_is_reported_by_its_own_name";
    let text = report_of(test, |io| {
        let parent = || {
            io.scope(|scope| scope.task("a child").spawn(|| ()).join());
            overflow();
        };
        io.scope(|scope| drop(scope.task("a parent").spawn(parent)));
    });
    assert!(
        text.contains("stack overflow in task 'a parent' #"),
        "{text}"
    );
}
