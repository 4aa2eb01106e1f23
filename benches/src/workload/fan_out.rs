//! Many small independent tasks of about 50 ns of work each, spawned by one and
//! joined by the end of their scope. The limits are the same work in one loop
//! and in two threads with half of it each; a pool of two threads that take
//! boxed jobs from one queue is what a program would write first.

use std::hint::black_box;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use io_core::Io;

use super::of_executors;
use crate::baseline::threads;
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::data::work;
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "fan-out",
        operation: "one task of about 50 ns",
        parameter: Some("tasks"),
        parameters: |scale| match scale {
            Scale::Small => &[1000],
            Scale::Full => &[100_000],
        },
        reference: "std-serial",
        contenders,
        shape: Shape::Points,
    }
}

fn contenders(_scale: Scale, tasks: u64) -> Vec<Contender> {
    let mut all = vec![
        Contender::new("std-serial", tasks, move |iterations| {
            timed(iterations, || (0..tasks).for_each(one_task))
        }),
        Contender::new("std-2-threads", tasks, move |iterations| {
            timed(iterations, || halves(tasks))
        })
        .on_cpus(2),
        Contender::new("std-2-thread-queue", tasks, move |iterations| {
            timed(iterations, || queue(tasks))
        })
        .on_cpus(2),
    ];
    all.extend(crate::peers::fan_out(tasks));
    let ours = move |io: &dyn Io, iterations| spawns(io, tasks, iterations);
    all.extend(of_executors(&Executor::ALL, tasks, ours));
    all
}

fn one_task(seed: u64) {
    black_box(work(seed));
}

fn timed(iterations: u64, body: impl Fn()) -> Duration {
    let begin = Instant::now();
    for _ in 0..iterations {
        body();
    }
    begin.elapsed()
}

/// So many times so many tasks, after once that is not counted.
pub(super) fn spawns(io: &dyn Io, tasks: u64, iterations: u64) -> Duration {
    spawn_all(io, tasks);
    timed(iterations, || spawn_all(io, tasks))
}

fn spawn_all(io: &dyn Io, tasks: u64) {
    io.scope(|scope| {
        for index in 0..tasks {
            scope.spawn(move || one_task(index));
        }
    });
}

fn halves(tasks: u64) {
    let half = tasks / 2;
    threads::timed(2, |index| {
        let start = index as u64 * half;
        (start..start + half).for_each(one_task);
    });
}

type BoxedJob = Box<dyn FnOnce() + Send>;

/// Jobs, and whether more will come.
struct Queue {
    jobs: Mutex<(Vec<BoxedJob>, bool)>,
    changed: Condvar,
}

fn queue(tasks: u64) {
    let queue = Queue {
        jobs: Mutex::new((Vec::new(), false)),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(job) = queue.take() {
                    job()
                }
            });
        }
        for index in 0..tasks {
            let job: BoxedJob = Box::new(move || one_task(index));
            queue.jobs.lock().expect("no job panics").0.push(job);
            queue.changed.notify_one();
        }
        queue.jobs.lock().expect("no job panics").1 = true;
        queue.changed.notify_all();
    });
}

impl Queue {
    fn take(&self) -> Option<BoxedJob> {
        let mut state = self.jobs.lock().expect("no job panics");
        loop {
            if let Some(job) = state.0.pop() {
                return Some(job);
            }
            if state.1 {
                return None;
            }
            state = self.changed.wait(state).expect("no job panics");
        }
    }
}
