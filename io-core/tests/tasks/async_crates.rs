//! Futures of crates that know no executor, on tasks of every executor: futures,
//! futures-lite, async-channel, async-lock, event-listener, and tokio's sync.

mod awaited;
mod channels;
mod combined;
mod endings;
mod locks;
mod wakes;

use std::thread;

use io_core::Io;

/// Runs the bodies of each number below `count` as tasks that run beside each
/// other, every second one on a thread that is no task of anybody.
#[expect(
    clippy::disallowed_methods,
    reason = "threads that are no tasks of anybody"
)]
fn beside_each_other(io: &dyn Io, count: usize, body: impl Fn(usize) + Sync) {
    let body = &body;
    thread::scope(|threads| {
        io.scope(|tasks| {
            for number in 0..count {
                if number % 2 == 0 {
                    let task = tasks.spawn_concurrent(move || body(number));
                    drop(task.expect("a task can be had"));
                } else {
                    threads.spawn(move || body(number));
                }
            }
        });
    });
}

/// Runs `outside` on a thread that is no task, while `inside` runs here.
#[expect(
    clippy::disallowed_methods,
    reason = "threads that are no tasks of anybody"
)]
fn beside_a_thread<T>(outside: impl FnOnce() + Send, inside: impl FnOnce() -> T) -> T {
    thread::scope(|threads| {
        threads.spawn(outside);
        inside()
    })
}
