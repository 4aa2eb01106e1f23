//! Two tasks that wake each other, one after the other: what handing work on
//! costs. On one worker nobody sleeps; two threads sleep in the kernel each time,
//! on one CPU or on two, which is what a wake across CPUs costs. `event-loop-2`
//! puts both tasks on the worker that starts them; `event-loop-2-apart` makes sure
//! that each has its own, whose limits are `raw-futex` and `raw-msg-ring`.

use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use io_core::{FutexAddress, FutexWord, Io};

use super::of_executors;
use crate::baseline::wakes;
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "wake",
        operation: "one round trip between two tasks",
        parameter: Some("tasks"),
        parameters: |_| &[2],
        reference: "std-threads-1-cpu",
        contenders,
        shape: Shape::Points,
    }
}

fn contenders(_scale: Scale, _tasks: u64) -> Vec<Contender> {
    let mut all = vec![
        Contender::new("std-threads-1-cpu", 1, std_threads),
        Contender::new("std-threads-2-cpus", 1, std_threads).on_cpus(2),
        Contender::new("raw-futex", 1, wakes::by_futex).on_cpus(2),
    ];
    match wakes::ring() {
        Ok(_) => all.push(Contender::new("raw-msg-ring", 1, wakes::by_ring).on_cpus(2)),
        Err(refused) => eprintln!("!!! raw-msg-ring is left out: {refused}"),
    }
    all.extend(crate::peers::wake());
    // Two tasks that need each other: what has no second task can not take part.
    let wanted = [
        Executor::Threaded,
        Executor::EventLoop1,
        Executor::EventLoop2,
    ];
    all.extend(of_executors(&wanted, 1, ping_pong));
    if Executor::EventLoop2.refusal().is_none() {
        let apart = |rounds| Executor::EventLoop2.run(|io| ping_pong_apart(io, rounds));
        all.push(Contender::new("event-loop-2-apart", 1, apart).on_cpus(2));
    }
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
    io.scope(|scope| {
        let second = scope.spawn_concurrent(|| {
            (0..=rounds).for_each(|_| hand_over(io, &turn, 1));
        });
        let first = scope.spawn_concurrent(|| timed(io, &turn, rounds));
        second.expect("there can be two tasks").join();
        first.expect("there can be two tasks").join()
    })
}

/// As [`ping_pong`]; each holds its worker until the other has begun, which so must
/// be on another, whichever begins first.
fn ping_pong_apart(io: &dyn Io, rounds: u64) -> Duration {
    let turn = AtomicU32::new(0);
    // Relaxed: it carries nothing but how many have begun.
    let begun = AtomicU32::new(0);
    let wait_for_both = || {
        begun.fetch_add(1, Ordering::Relaxed);
        while begun.load(Ordering::Relaxed) < 2 {
            hint::spin_loop();
        }
    };
    io.scope(|scope| {
        let first = scope.spawn_concurrent(|| {
            wait_for_both();
            timed(io, &turn, rounds)
        });
        let second = scope.spawn_concurrent(|| {
            wait_for_both();
            (0..=rounds).for_each(|_| hand_over(io, &turn, 1));
        });
        second.expect("there can be two tasks").join();
        first.expect("there can be two tasks").join()
    })
}

/// Waits for the own turn and gives it to the other.
fn hand_over(io: &dyn Io, turn: &AtomicU32, own: u32) {
    while turn.load(Ordering::Acquire) != own {
        io.futex_wait(FutexWord::of(turn), 1 - own, None)
            .expect("nobody cancels");
    }
    turn.store(1 - own, Ordering::Release);
    io.futex_wake(FutexAddress::of(turn), 1);
}

/// The time of so many turns of the first task, after one that is not counted.
fn timed(io: &dyn Io, turn: &AtomicU32, rounds: u64) -> Duration {
    hand_over(io, turn, 0);
    let begin = Instant::now();
    (0..rounds).for_each(|_| hand_over(io, turn, 0));
    begin.elapsed()
}
