//! async-executor, the executor of smol: a local one on this thread, and a shared
//! one on two threads.

use std::thread;
use std::time::{Duration, Instant};

use async_executor::{Executor, LocalExecutor};
use futures_lite::future::{block_on, yield_now};

use super::{WARM_UP, fan_out_body, small_body};
use crate::workload::Together;

pub(super) fn yields(fibers: u64, rounds: u64) -> Duration {
    let together = Together::new(fibers);
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let take_turns = || together.yields_async(rounds, yield_now);
        let tasks: Vec<_> = (0..fibers).map(|_| executor.spawn(take_turns())).collect();
        for task in tasks {
            task.await;
        }
    }));
    drop(executor);
    together.time()
}

pub(super) fn tasks(batch: u64, iterations: u64) -> Duration {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let mut time = Duration::ZERO;
        for iterations in [1 + WARM_UP / batch, iterations] {
            let begin = Instant::now();
            for _ in 0..iterations {
                let tasks: Vec<_> = (0..batch).map(|_| executor.spawn(small_body())).collect();
                for task in tasks {
                    assert_eq!(task.await, 7);
                }
            }
            time = begin.elapsed();
        }
        time
    }))
}

pub(super) fn fan_out(tasks: u64, iterations: u64) -> Duration {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let begin = Instant::now();
        for _ in 0..iterations {
            let all: Vec<_> = (0..tasks)
                .map(|seed| executor.spawn(fan_out_body(seed)))
                .collect();
            for task in all {
                task.await;
            }
        }
        begin.elapsed()
    }))
}

pub(super) fn fan_out_on_two(tasks: u64, iterations: u64) -> Duration {
    let executor = Executor::new();
    let (stop, stopped) = async_channel::bounded::<()>(1);
    thread::scope(|scope| {
        // Ends with an error once the sender is dropped.
        scope.spawn(|| assert!(block_on(executor.run(stopped.recv())).is_err()));
        let time = block_on(executor.run(async {
            let begin = Instant::now();
            for _ in 0..iterations {
                let all: Vec<_> = (0..tasks)
                    .map(|seed| executor.spawn(fan_out_body(seed)))
                    .collect();
                for task in all {
                    task.await;
                }
            }
            begin.elapsed()
        }));
        drop(stop);
        time
    })
}
