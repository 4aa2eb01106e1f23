//! What a task costs: spawned and joined one at a time, and a batch spawned
//! before its first is joined. The floor is a bare coroutine on a stack that was
//! used before; a thread is what a program has without fibers.

use std::hint::black_box;
use std::time::{Duration, Instant};

use io_core::Io;

use super::of_executors;
use crate::baseline::coroutine::{Stacks, run_on};
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "spawn-join",
        operation: "one task, spawned and joined",
        parameter: Some("batch"),
        parameters: |_| &[1, 1000],
        reference: "bare-coroutine",
        contenders,
        shape: Shape::Points,
    }
}

fn contenders(_scale: Scale, batch: u64) -> Vec<Contender> {
    let mut all = vec![
        Contender::new("bare-coroutine", batch, move |iterations| {
            bare(iterations * batch)
        }),
        Contender::new("std-threads", batch, move |iterations| {
            std_threads(batch, iterations)
        })
        .on_cpus(2),
    ];
    all.extend(crate::peers::spawn_join(batch));
    let ours = move |io: &dyn Io, iterations| {
        tasks(io, batch, 1 + 1000 / batch);
        tasks(io, batch, iterations)
    };
    all.extend(of_executors(&Executor::ALL, batch, ours));
    all
}

/// The body of each task: too small to matter, too opaque to be left out.
fn body() -> u64 {
    black_box(7)
}

fn bare(count: u64) -> Duration {
    let stacks = Stacks::new(1);
    let mut stack = stacks.stack(0);
    let mut sum = 0;
    let begin = Instant::now();
    for _ in 0..count {
        let (used, value) = run_on(stack, body);
        stack = used;
        sum += value;
    }
    let time = begin.elapsed();
    assert_eq!(sum, 7 * count);
    time
}

fn std_threads(batch: u64, iterations: u64) -> Duration {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..iterations {
            let threads: Vec<_> = (0..batch).map(|_| scope.spawn(body)).collect();
            let values = threads.into_iter().map(|thread| thread.join());
            let sum: u64 = values.map(|value| value.expect("no panic")).sum();
            assert_eq!(sum, 7 * batch);
        }
    });
    begin.elapsed()
}

fn tasks(io: &dyn Io, batch: u64, iterations: u64) -> Duration {
    io.scope(|scope| {
        let mut tasks = Vec::with_capacity(usize::try_from(batch).expect("it fits in memory"));
        let begin = Instant::now();
        for _ in 0..iterations {
            if batch == 1 {
                assert_eq!(scope.spawn(body).join(), 7);
                continue;
            }
            tasks.extend((0..batch).map(|_| scope.spawn(body)));
            let sum: u64 = tasks.drain(..).map(|task| task.join()).sum();
            assert_eq!(sum, 7 * batch);
        }
        begin.elapsed()
    })
}
