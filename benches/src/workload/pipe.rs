//! A byte through one pipe and back through another, between two tasks: waiting
//! for readiness. The limit is a loop over epoll(7) by hand; two threads that block
//! are what a program has without a loop.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use io_core::{Io, fs};

use super::of_executors;
use crate::baseline::readiness;
use crate::contender::{Contender, Workload};
use crate::executor::Executor;

pub(super) fn workload() -> Workload {
    Workload {
        name: "pipe",
        operation: "one byte there and back",
        reference: "raw-epoll",
        contenders: |_, _| contenders(),
        ..Workload::of_one_case()
    }
}

fn contenders() -> Vec<Contender> {
    let epoll = |rounds| readiness::to_and_fro(rounds).expect("there are descriptors");
    let mut all = vec![
        Contender::new("raw-epoll", 1, epoll),
        Contender::new("std-threads-1-cpu", 1, std_threads),
        Contender::new("std-threads-2-cpus", 1, std_threads).on_cpus(2),
    ];
    // Two tasks that need each other: what has no second task can not take part.
    let wanted = [
        Executor::Threaded,
        Executor::EventLoop1,
        Executor::EventLoop2,
    ];
    all.extend(of_executors(&wanted, 1, of_tasks));
    all
}

/// The ends of two pipes: those of who asks, those of who answers.
fn pipes() -> [(PipeReader, PipeWriter); 2] {
    let (there_read, there_write) = io::pipe().expect("there are descriptors");
    let (back_read, back_write) = io::pipe().expect("there are descriptors");
    [(back_read, there_write), (there_read, back_write)]
}

fn ask(from: &mut impl Read, to: &mut impl Write, rounds: u64) -> Duration {
    let mut byte = [7];
    let begin = Instant::now();
    for _ in 0..rounds {
        to.write_all(&byte).expect("the other reads");
        from.read_exact(&mut byte).expect("the other writes");
    }
    begin.elapsed()
}

fn answer(from: &mut impl Read, to: &mut impl Write, rounds: u64) {
    let mut byte = [0];
    for _ in 0..rounds {
        from.read_exact(&mut byte).expect("the other writes");
        to.write_all(&byte).expect("the other reads");
    }
}

fn std_threads(rounds: u64) -> Duration {
    let [(mut from, mut to), (mut read, mut write)] = pipes();
    thread::scope(|scope| {
        scope.spawn(move || answer(&mut read, &mut write, rounds));
        ask(&mut from, &mut to, rounds)
    })
}

fn of_tasks(io: &dyn Io, rounds: u64) -> Duration {
    let file = |end: OwnedFd| fs::File::from_fd(io, end);
    let [(from, to), (read, write)] = pipes();
    let [from, to] = [file(from.into()), file(to.into())];
    let [read, write] = [file(read.into()), file(write.into())];
    io.scope(|scope| {
        let second = scope.spawn_concurrent(|| answer(&mut &read, &mut &write, rounds));
        let first = scope.spawn_concurrent(|| ask(&mut &from, &mut &to, rounds));
        second.expect("there can be two tasks").join();
        first.expect("there can be two tasks").join()
    })
}
