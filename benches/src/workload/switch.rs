//! What a yield costs: fibers of one worker that do nothing but yield, scheduler
//! included. The floor is a bare coroutine on stacks of the same layout, resumed
//! in turn; two threads of one CPU are what a program has without fibers.

use std::time::{Duration, Instant};

use io_core::Io;

use super::of_executors;
use crate::baseline::coroutine::{Stacks, Yielders};
use crate::baseline::threads;
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "switch",
        operation: "one yield of one fiber",
        parameter: Some("fibers"),
        parameters: |_| &[2, 10_000],
        reference: "bare-coroutine",
        contenders,
        shape: Shape::Points,
    }
}

fn contenders(_scale: Scale, fibers: u64) -> Vec<Contender> {
    let mut all = vec![Contender::new("bare-coroutine", fibers, move |rounds| {
        bare(fibers, rounds)
    })];
    if fibers == 2 {
        all.push(Contender::new("std-2-threads", fibers, yield_of_threads));
    }
    all.extend(crate::peers::switch(fibers));
    let ours = move |io: &dyn Io, rounds| yields(io, fibers, rounds);
    all.extend(of_executors(&[Executor::EventLoop1], fibers, ours));
    all
}

fn bare(fibers: u64, rounds: u64) -> Duration {
    let count = usize::try_from(fibers).expect("they fit in memory");
    let stacks = Stacks::new(count);
    let mut yielders = Yielders::new(&stacks, count);
    yielders.round_robin(1);
    let begin = Instant::now();
    yielders.round_robin(rounds);
    let time = begin.elapsed();
    yielders.end();
    time
}

/// Two threads that yield to each other, if they share a CPU: pin the process.
fn yield_of_threads(rounds: u64) -> Duration {
    threads::timed(2, |_| {
        for _ in 0..rounds {
            std::thread::yield_now();
        }
    })
}

/// The tasks yield until all have begun: then every stack is there.
fn yields(io: &dyn Io, fibers: u64, rounds: u64) -> Duration {
    let mut time = Duration::ZERO;
    let yield_often = |rounds: u64| {
        for _ in 0..rounds {
            io.yield_now().expect("nobody cancels");
        }
    };
    for rounds in [1, rounds] {
        let begin = Instant::now();
        io.scope(|scope| {
            for _ in 0..fibers {
                scope.spawn(move || yield_often(rounds));
            }
        });
        time = begin.elapsed();
    }
    time
}
