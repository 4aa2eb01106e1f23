//! Tasks that run on the stack of who joins them.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use io_blocking::Blocking;
use io_core::fs::File;
use io_core::sync::Event;
use io_core::task::{Scope, Task, TaskRecord};
use io_core::{Io, forward_io, is_canceled};

use super::{Watchdog, build, wait_until, with_workers};
use crate::EventLoop;

/// Where the running stack is, roughly.
#[inline(never)]
fn here() -> usize {
    let local = 0_u8;
    std::hint::black_box(&raw const local).addr()
}

/// Far less than the distance of two stacks.
const SAME_STACK_BYTES: usize = 16 * 1024;

#[test]
fn a_task_runs_on_the_stack_of_who_joins_it() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            for _ in 0..1000 {
                let there = io.scope(|scope| scope.spawn(here).join());
                assert!(there.abs_diff(here()) < SAME_STACK_BYTES);
            }
            let fibers = event_loop.shared.cell_count();
            assert_eq!(fibers, 1, "there is none but the main one");
            // In order, which is that of the queue. The joiner lets others run now
            // and then, and then a job may start by itself.
            let same = io.scope(|scope| {
                let tasks: Vec<_> = (0..1000).map(|_| scope.spawn(here)).collect();
                let places = tasks.into_iter().map(Task::join);
                places
                    .filter(|there| there.abs_diff(here()) < SAME_STACK_BYTES)
                    .count()
            });
            assert!(same > 500, "{same} of 1000");
        })
        .expect("a ring");
}

#[test]
fn tasks_are_joined_in_any_order_and_run_once() {
    const COUNT: usize = 200;
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let event_loop = with_workers(workers);
        let io: &dyn Io = &event_loop;
        let runs = AtomicUsize::new(0);
        let join = |order: fn(usize) -> usize| {
            io.scope(|scope| {
                let body = || runs.fetch_add(1, Ordering::Relaxed);
                let mut tasks: Vec<_> = (0..COUNT).map(|_| Some(scope.spawn(body))).collect();
                for index in 0..COUNT {
                    tasks[order(index)].take().expect("each once").join();
                }
            });
        };
        event_loop
            .run(|_| {
                join(|index| index);
                join(|index| COUNT - 1 - index);
                join(|index| index * 77 % COUNT);
                io.scope(|scope| {
                    scope.spawn(|| join(|index| index * 3 % COUNT));
                    scope.spawn(|| join(|index| COUNT - 1 - index)).join();
                });
            })
            .expect("a ring");
        assert_eq!(runs.into_inner(), 5 * COUNT);
    }
}

#[test]
fn joins_within_joins_leave_half_of_every_stack() {
    fn nest(io: &dyn Io, levels: u32) -> u32 {
        let frame = std::hint::black_box([levels; 256]);
        let below = match levels {
            0 => 0,
            _ => io.scope(|scope| scope.spawn(move || nest(io, levels - 1)).join()),
        };
        below + std::hint::black_box(frame)[255] - levels + 1
    }
    let _watchdog = Watchdog::new();
    let event_loop = build(EventLoop::builder().workers(1).stack_bytes(128 * 1024));
    let io: &dyn Io = &event_loop;
    let depth = event_loop.run(|_| nest(io, 3000)).expect("a ring");
    assert_eq!(depth, 3001);
    let fibers = event_loop.shared.cell_count();
    assert!((50..1500).contains(&fibers), "{fibers} fibers");
}

#[test]
fn tasks_that_nobody_joins_do_not_pile_up_beside_those_that_are_joined() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let run_count = &AtomicUsize::new(0);
    let most = event_loop.run(|_| {
        io.scope(|scope| {
            let waiting = |spawned: usize| {
                drop(scope.spawn(move || run_count.fetch_add(1, Ordering::Relaxed)));
                scope.spawn(|| ()).join();
                spawned - run_count.load(Ordering::Relaxed)
            };
            (1..2000).map(waiting).max()
        })
    });
    let most = most.expect("a ring").expect("some rounds");
    assert!(most < 100, "{most} tasks waited");
}

#[test]
fn a_job_that_a_joiner_has_put_aside_is_there_for_other_workers() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    let [is_busy, is_released, is_ready] = [const { AtomicBool::new(false) }; 3];
    let (reader, mut writer) = std::io::pipe().expect("two descriptors");
    event_loop
        .run(|_| {
            io.scope(|scope| {
                drop(scope.spawn(|| {
                    is_busy.store(true, Ordering::Relaxed);
                    wait_until(|| is_released.load(Ordering::Relaxed));
                }));
                wait_until(|| is_busy.load(Ordering::Relaxed));
                // Stops this worker until the oldest job has run.
                drop(scope.spawn(|| {
                    let mut reader = File::from_fd(io, reader.into());
                    is_ready.store(true, Ordering::Relaxed);
                    io.yield_now().expect("nobody cancels");
                    is_released.store(true, Ordering::Relaxed);
                    io.no_suspend(&mut || reader.read_exact(&mut [0]).expect("it is written"));
                }));
                while !is_ready.load(Ordering::Relaxed) {
                    io.yield_now().expect("nobody cancels");
                }
                drop(scope.spawn(move || writer.write_all(&[7]).expect("it is read")));
                let neither_oldest_nor_newest = scope.spawn(|| ());
                drop(scope.spawn(|| ()));
                neither_oldest_nor_newest.join();
            });
        })
        .expect("a ring");
}

#[test]
fn joined_tasks_delay_no_timer_for_long() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let is_over = AtomicBool::new(false);
    let late = event_loop.run(|_| {
        io.scope(|scope| {
            let sleeper = scope.spawn(|| {
                let mut latest = Duration::MAX;
                // Other processes run too: the best of many tries counts.
                for _ in 0..20 {
                    let began = Instant::now();
                    io.sleep(Duration::from_millis(2)).expect("nobody cancels");
                    latest = latest.min(began.elapsed() - Duration::from_millis(2));
                }
                is_over.store(true, Ordering::Relaxed);
                latest
            });
            io.yield_now().expect("nobody cancels");
            while !is_over.load(Ordering::Relaxed) {
                io.scope(|inner| inner.spawn(|| ()).join());
            }
            sleeper.join()
        })
    });
    let late = late.expect("a ring");
    assert!(late < Duration::from_millis(5), "{late:?} late");
}

#[test]
fn a_job_starts_beside_a_fiber_whose_operations_complete_at_once() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(&[7; 4096]).expect("room");
    event_loop
        .run(|_| {
            let file = File::from_fd(io, file.into());
            let has_run = AtomicBool::new(false);
            io.scope(|scope| {
                scope.spawn(|| has_run.store(true, Ordering::Relaxed));
                while !has_run.load(Ordering::Relaxed) {
                    assert_eq!(file.read_at(&mut [0; 16], 0).expect("cached"), 16);
                }
            });
        })
        .expect("a ring");
}

#[test]
fn a_joined_task_is_no_part_of_what_its_joiner_runs_in() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let blocking = Blocking::new();
    let other: &dyn Io = &blocking;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                let task = scope.spawn(|| other.checkpoint());
                other.scope(|inside| {
                    inside.cancel();
                    let joiner = inside.spawn(move || task.join());
                    let answer = joiner.join();
                    assert!(answer.is_ok(), "the request is the joiner's: {answer:?}");
                });
            });
        })
        .expect("a ring");
}

#[test]
fn a_request_goes_on_to_the_task_that_is_joined() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2] {
        let event_loop = with_workers(workers);
        let io: &dyn Io = &event_loop;
        let begun = AtomicBool::new(false);
        event_loop
            .run(|_| {
                io.scope(|scope| {
                    let sleep = || {
                        begun.store(true, Ordering::Relaxed);
                        io.sleep(Duration::from_secs(600))
                    };
                    let joiner = scope.spawn(move || {
                        let answer = io.scope(|inner| inner.spawn(sleep).join());
                        (answer, io.checkpoint())
                    });
                    while !begun.load(Ordering::Relaxed) {
                        io.yield_now().expect("nobody cancels");
                    }
                    let (answer, after) = joiner.cancel();
                    assert!(is_canceled(&answer.expect_err("it waits for long")));
                    assert!(after.is_ok(), "it was received");
                });
            })
            .expect("a ring");
    }
}

#[test]
fn another_worker_takes_the_newest_job_too() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            for _ in 0..20 {
                let has_run = AtomicBool::new(false);
                io.scope(|scope| {
                    scope.spawn(|| has_run.store(true, Ordering::Relaxed));
                    // It neither waits nor yields.
                    wait_until(|| has_run.load(Ordering::Relaxed));
                });
            }
        })
        .expect("a ring");
}

/// A loop of one worker that has had no stack for a job and has one again. `body` is
/// called with the job that waited meanwhile not started yet, if that can be had.
fn after_a_lack_of_stacks(body: impl Fn(&dyn Io, &dyn Fn()), in_between: u32) {
    let mut builder = EventLoop::builder().workers(1).offload_threads(2);
    // One is the run loop's.
    builder.options.stack.stack_count_max = 3;
    let event_loop = build(builder);
    let io: &dyn Io = &event_loop;
    let run = event_loop.run(|_| {
        let (first, second, has_run) = (Event::new(), Event::new(), AtomicBool::new(false));
        let begun = AtomicUsize::new(0);
        io.scope(|scope| {
            for event in [&first, &second] {
                let holds_a_stack = || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    event.wait(io).expect("nobody cancels");
                };
                drop(
                    scope
                        .spawn_concurrent(holds_a_stack)
                        .expect("there is room"),
                );
            }
            wait_until_yielding(io, || begun.load(Ordering::Relaxed) == 2);
            // There is no stack for it: a thread of the pool runs it.
            drop(scope.spawn(|| has_run.store(true, Ordering::Relaxed)));
            wait_until_yielding(io, || has_run.load(Ordering::Relaxed));
            (0..in_between).for_each(|_| io.yield_now().expect("nobody cancels"));
            body(io, &|| {
                first.set(io);
                io.yield_now().expect("nobody cancels");
            });
            second.set(io);
        });
    });
    run.expect("a ring");
}

fn wait_until_yielding(io: &dyn Io, is_so: impl Fn() -> bool) {
    while !is_so() {
        io.yield_now().expect("nobody cancels");
    }
}

#[test]
fn a_join_runs_no_job_but_that_of_its_task() {
    let _watchdog = Watchdog::new();
    let body = |io: &dyn Io, free_a_stack: &dyn Fn()| {
        let is_joined = Event::new();
        io.scope(|scope| {
            // Spawned while there is no stack; it needs what comes after the join.
            let waits = || {
                io.with_timeout(Duration::from_secs(5), || is_joined.wait(io))
                    .is_ok()
            };
            let waits = scope.spawn_concurrent(waits).expect("there is room");
            free_a_stack();
            let joined = scope.spawn(|| ());
            // The worker shows its newest job while it blocks.
            io.no_suspend(&mut || {
                io.sleep(Duration::from_millis(1)).expect("nobody cancels");
            });
            joined.join();
            is_joined.set(io);
            assert!(
                waits.join(),
                "it ran on the stack of who joined another task"
            );
        });
    };
    (0..8).for_each(|in_between| after_a_lack_of_stacks(body, in_between));
}

#[test]
fn jobs_that_start_jobs_keep_none_waiting_that_was_spawned_without_a_stack() {
    fn chain<'scope>(
        scope: &'scope Scope<'scope, '_>,
        count: &'scope AtomicUsize,
        is_over: &'scope AtomicBool,
    ) {
        let count_before = count.fetch_add(1, Ordering::Relaxed);
        if !is_over.load(Ordering::Relaxed) && count_before < 100_000 {
            drop(scope.spawn(move || chain(scope, count, is_over)));
        }
    }
    let _watchdog = Watchdog::new();
    let body = |io: &dyn Io, free_a_stack: &dyn Fn()| {
        let (count, has_run) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (count, has_run) = (&count, &has_run);
        io.scope(|scope| {
            drop(scope.spawn(|| has_run.store(true, Ordering::Relaxed)));
            free_a_stack();
            drop(scope.spawn(move || chain(scope, count, has_run)));
        });
        let count = count.load(Ordering::Relaxed);
        assert!(count < 1000, "{count} jobs went before one that was older");
    };
    (0..8).for_each(|in_between| after_a_lack_of_stacks(body, in_between));
}

/// Waits until a task is over before it waits for it.
struct WaitsTwice<'a>(&'a dyn Io);

impl Io for WaitsTwice<'_> {
    forward_io!(self => self.0; except wait_task);

    fn wait_task(&self, task: &TaskRecord) {
        while !task.is_done() {
            self.0.yield_now().expect("a wait for a task is no point");
        }
        self.0.wait_task(task);
    }
}

/// Who looks for the job of a task, finds another one and then need not wait keeps
/// that one for nobody.
#[test]
fn a_job_that_a_joiner_has_passed_over_is_there_for_all() {
    let _watchdog = Watchdog::new();
    // Another worker could come, but does not.
    let mut builder = EventLoop::builder().workers(2);
    builder.options.refuse_threads = true;
    let event_loop = build(builder);
    let below: &dyn Io = &event_loop;
    let io: &dyn Io = &WaitsTwice(below);
    event_loop
        .run(|_| {
            io.scope(|scope| {
                let task = scope.spawn(|| {
                    scope.spawn(|| ());
                    scope.spawn(|| ());
                });
                task.join();
                let outside = &event_loop.shared.workers[0];
                let newest = usize::from(!outside.newest.is_empty());
                let queued = outside.stealer.len() + event_loop.shared.injector.len();
                assert_eq!(newest + queued, 2, "jobs that another worker could take");
            });
        })
        .expect("a ring");
}
