//! `your-own-backend` keeps the contract: the whole suite, and the program.

#[path = "../../examples/your-own-backend/suite.rs"]
mod suite;
#[path = "../../examples/your-own-backend/thread_per_task.rs"]
mod thread_per_task;

use crate::program::run_example;

#[test]
fn the_program_runs_on_it() {
    let ran = run_example::<&str>("your-own-backend", &[]).expect_code(0);
    // There is no order between tasks.
    let mut lines: Vec<&str> = ran.text().lines().collect();
    lines.sort_unstable();
    let expected = ["calls", "fibers", "threads"]
        .map(|greeting| format!("thread-per-task says hello to {greeting}"));
    assert_eq!(lines, expected);
}
