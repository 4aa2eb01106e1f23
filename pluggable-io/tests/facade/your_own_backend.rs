//! `your-own-backend` keeps the contract: the whole suite, and the program.

#[path = "../../examples/your-own-backend/suite.rs"]
mod suite;
#[path = "../../examples/your-own-backend/thread_per_task.rs"]
mod thread_per_task;

use crate::program::run_example;

#[test]
fn the_program_runs_on_it() {
    let ran = run_example::<&str>("your-own-backend", &[]).expect_code(0);
    let expected: String = ["fibers", "threads", "calls"]
        .map(|greeting| format!("thread-per-task says hello to {greeting}\n"))
        .concat();
    assert_eq!(ran.text(), expected);
}
