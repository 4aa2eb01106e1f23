//! Two tasks that wake each other, one after the other: what handing work on
//! costs. On one worker nobody sleeps; two threads sleep in the kernel each time,
//! on one CPU or on two, which is what a wake across CPUs costs.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use io_core::{FutexAddress, FutexWord, Io};

use super::of_executors;
use crate::contender::{Contender, Scale, Workload};
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "wake",
        operation: "one round trip between two tasks",
        parameter: Some("tasks"),
        parameters: |_| &[2],
        reference: "std-threads-1-cpu",
        contenders,
    }
}

fn contenders(_scale: Scale, _tasks: u64) -> Vec<Contender> {
    let mut all = vec![
        Contender::new("std-threads-1-cpu", 1, std_threads),
        Contender::new("std-threads-2-cpus", 1, std_threads).on_cpus(2),
    ];
    // Two tasks that need each other: what has no second task can not take part.
    let wanted = [
        Executor::Threaded,
        Executor::EventLoop1,
        Executor::EventLoop2,
    ];
    all.extend(of_executors(&wanted, 1, ping_pong));
    all
}

/// Threads that park and unpark each other.
fn std_threads(rounds: u64) -> Duration {
    let turn = AtomicU32::new(0);
    let wait_for = |own: u32| {
        while turn.load(Ordering::Acquire) != own {
            std::thread::park();
        }
    };
    let first = std::thread::current();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            for _ in 0..=rounds {
                wait_for(1);
                turn.store(0, Ordering::Release);
                first.unpark();
            }
        });
        let round_trip = || {
            turn.store(1, Ordering::Release);
            second.thread().unpark();
            wait_for(0);
        };
        round_trip();
        let begin = Instant::now();
        (0..rounds).for_each(|_| round_trip());
        begin.elapsed()
    })
}

fn ping_pong(io: &dyn Io, rounds: u64) -> Duration {
    let turn = AtomicU32::new(0);
    let hand_over = |own: u32| {
        while turn.load(Ordering::Acquire) != own {
            io.futex_wait(FutexWord::of(&turn), 1 - own, None)
                .expect("nobody cancels");
        }
        turn.store(1 - own, Ordering::Release);
        io.futex_wake(FutexAddress::of(&turn), 1);
    };
    io.scope(|scope| {
        let second = scope.spawn_concurrent(|| (0..=rounds).for_each(|_| hand_over(1)));
        let first = scope.spawn_concurrent(|| {
            hand_over(0);
            let begin = Instant::now();
            (0..rounds).for_each(|_| hand_over(0));
            begin.elapsed()
        });
        second.expect("there can be two tasks").join();
        first.expect("there can be two tasks").join()
    })
}
