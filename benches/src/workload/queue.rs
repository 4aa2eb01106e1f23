//! Two tasks that hand a number to and fro through two queues of one place each.
//! The limit is std's channel between two threads, on one CPU, where a wait is a
//! switch of the kernel, and on two, where it is a wake across CPUs.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use io_core::Io;
use io_core::sync::Queue;

use super::of_executors;
use crate::contender::{Contender, Workload};
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "queue",
        operation: "one number there and back",
        reference: "std-threads-1-cpu",
        contenders: |_, _| contenders(),
        ..Workload::of_one_case()
    }
}

fn contenders() -> Vec<Contender> {
    let mut all = vec![
        Contender::new("std-threads-1-cpu", 1, of_std),
        Contender::new("std-threads-2-cpus", 1, of_std).on_cpus(2),
    ];
    all.extend(crate::peers::queue());
    // Two tasks that need each other: what has no second task can not take part.
    let wanted = [
        Executor::Threaded,
        Executor::EventLoop1,
        Executor::EventLoop2,
    ];
    all.extend(of_executors(&wanted, 1, to_and_fro));
    all
}

fn of_std(rounds: u64) -> Duration {
    let (there, from_there) = mpsc::sync_channel(1);
    let (back, from_back) = mpsc::sync_channel(1);
    let echo = move || {
        while from_there
            .recv()
            .is_ok_and(|number| back.send(number).is_ok())
        {}
    };
    between_threads(rounds, echo, move |number| {
        there.send(number).expect("the other receives");
        assert_eq!(from_back.recv(), Ok(number));
    })
}

/// So many round trips with another thread, which runs `echo`.
pub(crate) fn between_threads(
    rounds: u64,
    echo: impl FnOnce() + Send,
    round_trip: impl Fn(u64),
) -> Duration {
    thread::scope(|scope| {
        scope.spawn(echo);
        round_trip(0);
        let begin = Instant::now();
        (0..rounds).for_each(&round_trip);
        let time = begin.elapsed();
        // Its ends of the channels go: the other thread sees that and ends.
        drop(round_trip);
        time
    })
}

fn to_and_fro(io: &dyn Io, rounds: u64) -> Duration {
    let (there, back) = (Queue::bounded(1), Queue::bounded(1));
    io.scope(|scope| {
        let second = scope.spawn_concurrent(|| {
            while let Some(number) = there.get(io).expect("nobody cancels") {
                back.put(io, number).expect("it is open");
            }
        });
        let first = scope.spawn_concurrent(|| {
            let round_trip = |number: u64| {
                there.put(io, number).expect("it is open");
                assert_eq!(back.get(io).expect("nobody cancels"), Some(number));
            };
            round_trip(0);
            let begin = Instant::now();
            (0..rounds).for_each(round_trip);
            let time = begin.elapsed();
            there.close(io);
            time
        });
        second.expect("there can be two tasks").join();
        first.expect("there can be two tasks").join()
    })
}
