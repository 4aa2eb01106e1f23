//! What a yield costs: fibers of one worker that do nothing but yield, scheduler
//! included. The floor is a bare coroutine on stacks of the same layout, resumed
//! in turn; two threads of one CPU are what a program has without fibers.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
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

fn yields(io: &dyn Io, fibers: u64, rounds: u64) -> Duration {
    let together = Together::new(fibers);
    io.scope(|scope| {
        for _ in 0..fibers {
            let yield_now = || io.yield_now().expect("nobody cancels");
            let together = &together;
            scope.spawn(move || together.yields(rounds, yield_now));
        }
    });
    together.time()
}

/// Times what tasks do that take turns: from the moment at which the last of them has
/// begun, as no start of a task and no new stack belongs to it, until the first ends.
pub(crate) struct Together {
    tasks: u64,
    begun: AtomicU64,
    began: OnceLock<Instant>,
    ended: OnceLock<Instant>,
}

impl Together {
    pub(crate) fn new(tasks: u64) -> Together {
        Together {
            tasks,
            begun: AtomicU64::new(0),
            began: OnceLock::new(),
            ended: OnceLock::new(),
        }
    }

    /// The body of one task.
    pub(crate) fn yields(&self, rounds: u64, yield_now: impl Fn()) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        while !self.all_have_begun() {
            yield_now();
        }
        for _ in 0..rounds {
            yield_now();
        }
        self.ended.get_or_init(Instant::now);
    }

    /// The same of a future.
    #[cfg(feature = "peers")]
    pub(crate) async fn yields_async<F: Future>(&self, rounds: u64, yield_now: impl Fn() -> F) {
        self.begun.fetch_add(1, Ordering::Relaxed);
        while !self.all_have_begun() {
            yield_now().await;
        }
        for _ in 0..rounds {
            yield_now().await;
        }
        self.ended.get_or_init(Instant::now);
    }

    // Relaxed: all of it is on one thread.
    fn all_have_begun(&self) -> bool {
        let all_have = self.begun.load(Ordering::Relaxed) >= self.tasks;
        if all_have {
            self.began.get_or_init(Instant::now);
        }
        all_have
    }

    pub(crate) fn time(&self) -> Duration {
        let at = |moment: &OnceLock<Instant>| *moment.get().expect("every task has ended");
        at(&self.ended).duration_since(at(&self.began))
    }
}
