//! What happens where something runs out: stacks, threads, cells.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use io_core::task::Task;
use io_core::{FutexAddress, FutexWord, Io};

use super::{Watchdog, build, with_workers};
use crate::EventLoop;

/// Waits until `count` tasks are inside at the same time.
fn meet(io: &dyn Io, word: &AtomicU32, count: u32) {
    word.fetch_add(1, Ordering::AcqRel);
    io.futex_wake(FutexAddress::of(word), u32::MAX);
    loop {
        let here = word.load(Ordering::Acquire);
        if here >= count {
            return;
        }
        io.futex_wait(FutexWord::of(word), here, None)
            .expect("nobody cancels");
    }
}

#[test]
fn tasks_beyond_the_stacks_run_all_the_same() {
    const COUNT: u32 = 40;
    let _watchdog = Watchdog::new();
    for workers in [1, 2, 3] {
        let mut builder = EventLoop::builder().workers(workers).offload_threads(2);
        builder.options.stack.stack_count_max = 4;
        let event_loop = build(builder);
        let io: &dyn Io = &event_loop;
        for _ in 0..3 {
            let word = AtomicU32::new(0);
            event_loop
                .run(|_| {
                    io.scope(|scope| {
                        for _ in 0..COUNT {
                            scope
                                .spawn_concurrent(|| meet(io, &word, COUNT))
                                .expect("no limit is known beforehand");
                        }
                    });
                })
                .expect("a ring");
            assert_eq!(word.into_inner(), COUNT);
        }
    }
}

#[test]
fn a_known_limit_is_told_and_spawn_runs_inline_beyond_it() {
    let _watchdog = Watchdog::new();
    let mut builder = EventLoop::builder().workers(2).force_protected_stacks();
    builder.options.stack.stack_count_max = 8;
    let event_loop = build(builder);
    let io: &dyn Io = &event_loop;
    assert_eq!(io.capabilities().concurrent_tasks_max, 8);
    for _ in 0..3 {
        let word = AtomicU32::new(0);
        event_loop
            .run(|_| {
                io.scope(|scope| {
                    let wait = || {
                        while word.load(Ordering::Acquire) == 0 {
                            io.futex_wait(FutexWord::of(&word), 0, None)
                                .expect("nobody cancels");
                        }
                    };
                    for number in 0..8 {
                        scope
                            .spawn_concurrent(wait)
                            .unwrap_or_else(|_| panic!("{number}"));
                    }
                    assert!(scope.spawn_concurrent(wait).is_err());
                    let inline = scope.spawn(|| 7);
                    assert!(inline.is_finished());
                    assert_eq!(inline.join(), 7);
                    word.store(1, Ordering::Release);
                    io.futex_wake(FutexAddress::of(&word), u32::MAX);
                });
                // The places are free again.
                io.scope(|scope| drop(scope.spawn_concurrent(|| ()).expect("a place")));
            })
            .expect("a ring");
    }
}

#[test]
fn inline_tasks_leave_half_of_the_stack() {
    fn nest(io: &dyn Io, levels: u32) -> u32 {
        let frame = std::hint::black_box([levels; 256]);
        let below = match levels {
            0 => 0,
            _ => io.scope(|scope| scope.spawn(move || nest(io, levels - 1)).join()),
        };
        below + std::hint::black_box(frame)[255] - levels + 1
    }
    let _watchdog = Watchdog::new();
    let mut builder = EventLoop::builder().workers(1).stack_bytes(64 * 1024);
    builder = builder.force_protected_stacks();
    builder.options.stack.stack_count_max = 2;
    let event_loop = build(builder);
    let io: &dyn Io = &event_loop;
    // Without the rule this overflows a stack of 64 KiB many times.
    let depth = event_loop.run(|_| io.scope(|scope| scope.spawn(|| nest(io, 300)).join()));
    assert_eq!(depth.expect("a ring"), 301);
}

#[test]
fn bursts_of_tasks_use_the_same_cells() {
    const COUNT: usize = 3000;
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let burst = || {
        let word = AtomicU32::new(0);
        let inside = AtomicUsize::new(0);
        io.scope(|scope| {
            for _ in 0..COUNT {
                scope.spawn(|| {
                    inside.fetch_add(1, Ordering::Relaxed);
                    while word.load(Ordering::Acquire) == 0 {
                        io.futex_wait(FutexWord::of(&word), 0, None)
                            .expect("nobody cancels");
                    }
                });
            }
            while inside.load(Ordering::Relaxed) < COUNT {
                io.yield_now().expect("nobody cancels");
            }
            word.store(1, Ordering::Release);
            io.futex_wake(FutexAddress::of(&word), u32::MAX);
        });
    };
    for _ in 0..3 {
        event_loop
            .run(|_| {
                burst();
                burst();
            })
            .expect("a ring");
        assert!(event_loop.shared.cell_count() <= COUNT + 1);
    }
}

#[test]
fn offloaded_calls_that_wait_for_each_other_are_not_limited_by_the_pool() {
    const COUNT: u32 = 6;
    let _watchdog = Watchdog::new();
    let event_loop = build(EventLoop::builder().workers(2).offload_threads(1));
    let io: &dyn Io = &event_loop;
    let word = AtomicU32::new(0);
    event_loop
        .run(|_| {
            io.scope(|scope| {
                let tasks: Vec<Task<'_, ()>> = (0..COUNT)
                    .map(|_| scope.spawn(|| io.offload(|| meet(io, &word, COUNT))))
                    .collect();
                tasks.into_iter().for_each(Task::join);
            });
            // Within each other, and with fibers in between.
            let answer = io.offload(|| {
                io.scope(|scope| scope.spawn(|| io.offload(|| io.offload(|| 7))).join())
            });
            assert_eq!(answer, 7);
        })
        .expect("a ring");
}

#[test]
fn blocked_offloads_leave_operations_a_thread() {
    let _watchdog = Watchdog::new();
    let builder = EventLoop::builder()
        .workers(1)
        .offload_threads(1)
        .force_fallbacks();
    let event_loop = build(builder);
    let io: &dyn Io = &event_loop;
    let (sender, receiver) = std::sync::mpsc::channel();
    event_loop
        .run(|_| {
            io.scope(|scope| {
                let blocked = scope.spawn(|| io.offload(move || receiver.recv().expect("a byte")));
                io.sleep(Duration::from_millis(5)).expect("nobody cancels");
                // Without the opcode this goes through the pool.
                let file = io_core::fs::File::open(io, "/proc/self/exe").expect("it runs");
                file.sync_all().expect("a file");
                sender.send(7).expect("it waits");
                assert_eq!(blocked.join(), 7);
            });
        })
        .expect("a ring");
}
