//! Baselines of std threads: so many threads that start together, timed from
//! their start to their end.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Runs `body(index)` on `count` threads at once and says how long they took,
/// their creation apart.
pub(crate) fn timed(count: usize, body: impl Fn(usize) + Sync) -> Duration {
    let barrier = Barrier::new(count + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|index| {
                let (barrier, body) = (&barrier, &body);
                scope.spawn(move || {
                    barrier.wait();
                    body(index);
                })
            })
            .collect();
        barrier.wait();
        let begin = Instant::now();
        for thread in threads {
            thread.join().expect("the body does not panic");
        }
        begin.elapsed()
    })
}
