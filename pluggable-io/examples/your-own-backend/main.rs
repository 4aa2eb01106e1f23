//! An executor of one's own, and a program that runs on it: the tutorial for
//! people who write one. Read `thread_per_task.rs`, then `suite.rs`.
//!
//! ```sh
//! cargo run --example your-own-backend
//! cargo test --example your-own-backend
//! ```
#![forbid(unsafe_code)]

mod thread_per_task;

#[cfg(test)]
mod suite;

use std::io;
use std::time::Duration;

use pluggable_io::Io;
use pluggable_io::sync::Mutex;

use thread_per_task::ThreadPerTask;

const GREETINGS: [&str; 3] = ["fibers", "threads", "calls"];

fn main() -> io::Result<()> {
    let executor = ThreadPerTask::default();
    program(&executor)
}

/// Knows nothing of the executor: it would run on any.
fn program(io: &dyn Io) -> io::Result<()> {
    let name = io.capabilities().name;
    let lines = Mutex::new(Vec::new());
    io.scope(|scope| {
        let lines = &lines;
        let mut tasks = Vec::new();
        for (index, greeting) in (1..).zip(GREETINGS) {
            tasks.push(scope.spawn_concurrent(move || {
                io.sleep(index * Duration::from_millis(10))?;
                lines
                    .lock(io)?
                    .push(format!("{name} says hello to {greeting}"));
                io::Result::Ok(())
            })?);
        }
        tasks.into_iter().try_for_each(|task| task.join())
    })?;
    for line in lines.into_inner() {
        println!("{line}");
    }
    Ok(())
}
