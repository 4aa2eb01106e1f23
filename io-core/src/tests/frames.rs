//! The chain of frames of a stack. What coroutines of other libraries can do to it
//! is done here by exchanging it.

#![expect(unsafe_code, reason = "exchanges the chain as such coroutines do")]

use std::process::Command;

use crate::io::IoId;
use crate::task::{StackContext, protected, swap_stack_context, with_current};

/// Says to the test that it is in a process of its own.
const ALONE: &str = "IO_CORE_ALONE";

#[test]
fn a_frame_that_is_left_before_what_it_called_ends_the_process() {
    let executor = 0_u8;
    let io = IoId::of(&executor);
    if std::env::var_os(ALONE).is_some() {
        protected(io, || {
            // SAFETY: the chain of a coroutine that is suspended inside a call, as
            // far as its outer frame can tell; no frame is looked at afterwards.
            let _own = unsafe { swap_stack_context(StackContext::EMPTY) };
        });
        return;
    }
    let test = "tests::frames::a_frame_that_is_left_before_what_it_called_ends_the_process";
    let output = Command::new(std::env::current_exe().expect("this test's binary"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{text}");
    assert!(
        text.contains("ended before one that began inside it"),
        "{text}"
    );
}

#[test]
fn frames_that_nest_are_left_in_silence() {
    let executors = [0_u8; 2];
    let [first, second] = executors.each_ref().map(IoId::of);
    let has = |io| with_current(io, |record| record.is_some());
    protected(first, || {
        protected(second, || assert!(has(first) && has(second)));
        let panics = || protected(second, || std::panic::resume_unwind(Box::new(())));
        assert!(std::panic::catch_unwind(panics).is_err());
        assert!(has(first) && !has(second));
    });
    assert!(!has(first));
}
