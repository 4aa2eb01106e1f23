//! Who runs jobs and who is woken for them: fairness, sleepers that take no
//! jobs, the end of `run`.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use io_core::fs::File;
use io_core::{FutexAddress, FutexWord, Io};

use super::{Watchdog, build, wait_until, with_workers};
use crate::EventLoop;
use crate::event_loop::CallerPlace;

#[test]
fn a_foreign_job_starts_beside_fibers_that_only_yield() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        event_loop
            .run(|_| {
                threads.spawn(|| {
                    io.scope(|scope| scope.spawn(|| ()).join());
                    is_over.store(true, Ordering::Relaxed);
                });
                while !is_over.load(Ordering::Relaxed) {
                    io.yield_now().expect("nobody cancels");
                }
            })
            .expect("a ring");
    });
}

#[test]
fn a_foreign_job_starts_beside_jobs_that_start_each_other() {
    fn next(io: &dyn Io, is_over: &AtomicBool) {
        if !is_over.load(Ordering::Relaxed) {
            io.scope(|scope| drop(scope.spawn(|| ())));
        }
    }
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        event_loop
            .run(|_| {
                threads.spawn(|| {
                    io.scope(|scope| scope.spawn(|| ()).join());
                    is_over.store(true, Ordering::Relaxed);
                });
                while !is_over.load(Ordering::Relaxed) {
                    next(io, &is_over);
                }
            })
            .expect("a ring");
    });
}

#[test]
fn a_worker_that_blocks_in_place_swallows_no_wake_for_a_job() {
    let _watchdog = Watchdog::new();
    for _ in 0..20 {
        let event_loop = with_workers(2);
        let io: &dyn Io = &event_loop;
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let reader = File::from_fd(io, reader.into());
        let writer = File::from_fd(io, writer.into());
        std::thread::scope(|threads| {
            event_loop
                .run(|_| {
                    // The other worker starts and goes to sleep.
                    io.scope(|scope| {
                        scope.spawn(|| ());
                        scope.spawn(|| ());
                    });
                    let sleepers = event_loop.shared.wake.sleepers();
                    wait_until(|| sleepers.sleeping() == 1);
                    threads.spawn(|| {
                        wait_until(|| event_loop.shared.wake.sleepers().is_asleep(0));
                        io.scope(|scope| {
                            scope.spawn(|| (&writer).write_all(b"x").expect("room"));
                        });
                    });
                    io.no_suspend(&mut || {
                        (&reader).read_exact(&mut [0]).expect("the job writes");
                    });
                })
                .expect("a ring");
        });
    }
}

#[test]
fn a_worker_that_drains_swallows_no_wake_for_a_job() {
    let _watchdog = Watchdog::new();
    for _ in 0..20 {
        let event_loop = with_workers(2);
        let io: &dyn Io = &event_loop;
        let (word, has_begun, is_over) = (
            AtomicU32::new(0),
            AtomicBool::new(false),
            AtomicBool::new(false),
        );
        let open = || {
            word.store(1, Ordering::Release);
            io.futex_wake(FutexAddress::of(&word), u32::MAX);
        };
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let sleepers = event_loop.shared.wake.sleepers();
                let drains =
                    || sleepers.is_asleep(0) && event_loop.shared.places.taker_count() == 1;
                wait_until(|| drains() && sleepers.is_asleep(1) || is_over.load(Ordering::Relaxed));
                io.scope(|scope| scope.spawn(open).join());
            });
            io.scope(|outside| {
                let wait = || {
                    has_begun.store(true, Ordering::Relaxed);
                    while word.load(Ordering::Acquire) == 0 {
                        io.futex_wait(FutexWord::of(&word), 0, None)
                            .expect("nobody cancels");
                    }
                };
                event_loop
                    .run(|_| {
                        // The other worker starts.
                        io.scope(|scope| {
                            scope.spawn(|| ());
                            scope.spawn(|| ());
                        });
                        outside.spawn(wait);
                        while !has_begun.load(Ordering::Relaxed) {
                            io.yield_now().expect("nobody cancels");
                        }
                    })
                    .expect("a ring");
                is_over.store(true, Ordering::Relaxed);
            });
        });
    }
}

#[test]
fn a_fiber_of_a_draining_worker_starts_tasks_elsewhere() {
    let _watchdog = Watchdog::new();
    for refuse_threads in [false, true] {
        let mut builder = EventLoop::builder().workers(1);
        builder.options.refuse_threads = refuse_threads;
        let event_loop = build(builder);
        let io: &dyn Io = &event_loop;
        let (has_begun, sum) = (AtomicBool::new(false), AtomicU32::new(0));
        std::thread::scope(|threads| {
            event_loop
                .run(|_| {
                    threads.spawn(|| {
                        io.scope(|scope| {
                            scope.spawn(|| {
                                has_begun.store(true, Ordering::Relaxed);
                                // By then the body of `run` is over.
                                io.sleep(Duration::from_millis(30)).expect("nobody cancels");
                                io.scope(|inside| {
                                    for _ in 0..10 {
                                        inside
                                            .spawn_concurrent(|| {
                                                io.yield_now().expect("nobody cancels");
                                                sum.fetch_add(1, Ordering::Relaxed);
                                            })
                                            .expect("there is always a worker");
                                    }
                                });
                            });
                        });
                    });
                    while !has_begun.load(Ordering::Relaxed) {
                        io.yield_now().expect("nobody cancels");
                    }
                })
                .expect("a ring");
        });
        assert_eq!(sum.into_inner(), 10, "threads refused: {refuse_threads}");
    }
}

#[test]
fn jobs_that_nobody_has_started_outlive_run() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let count = AtomicUsize::new(0);
    std::thread::scope(|threads| {
        event_loop
            .run(|_| {
                threads.spawn(|| {
                    io.scope(|scope| {
                        for _ in 0..1000 {
                            scope.spawn(|| count.fetch_add(1, Ordering::Relaxed));
                        }
                    });
                });
                // It neither waits nor yields: worker 0 starts none of them.
                wait_until(|| event_loop.shared.has_jobs());
            })
            .expect("a ring");
    });
    assert_eq!(count.into_inner(), 1000);
}

#[test]
fn without_any_worker_tasks_run_on_their_spawner() {
    let _watchdog = Watchdog::new();
    let mut builder = EventLoop::builder().workers(2);
    builder.options.refuse_threads = true;
    let event_loop = build(builder);
    let io: &dyn Io = &event_loop;
    io.scope(|scope| {
        let thread = std::thread::current().id();
        let task = scope.spawn(move || std::thread::current().id() == thread);
        assert!(task.is_finished());
        assert!(task.join());
        assert!(scope.spawn_concurrent(|| ()).is_err());
    });
}

#[test]
fn run_may_be_called_again_and_on_other_threads() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    for round in 0..50 {
        let run = || event_loop.run(|_| io.scope(|scope| scope.spawn(move || round).join()));
        assert_eq!(run().expect("a ring"), round);
        let other = std::thread::scope(|threads| threads.spawn(run).join());
        assert_eq!(other.expect("no panic").expect("a ring"), round);
    }
}

#[test]
fn run_within_run_panics_and_harms_nothing() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let message = |payload: Box<dyn std::any::Any + Send>| *payload.downcast_ref::<&str>().unwrap();
    let nested = std::panic::AssertUnwindSafe(|| event_loop.run(|_| ()));
    event_loop
        .run(|io| {
            let payload = std::panic::catch_unwind(|| drop(nested())).expect_err("it is nested");
            assert!(message(payload).contains("on a worker thread"));
            let other =
                std::thread::scope(|threads| threads.spawn(|| event_loop.run(|_| ())).join());
            assert!(
                message(other.map(drop).expect_err("one at a time")).contains("already active")
            );
            io.scope(|scope| scope.spawn(|| ()).join());
        })
        .expect("a ring");
    let body = std::panic::AssertUnwindSafe(|| event_loop.run(|_| panic!("the body's own")));
    let payload = std::panic::catch_unwind(|| drop(body())).expect_err("the body panics");
    assert_eq!(message(payload), "the body's own");
    assert_eq!(event_loop.run(|_| 3).expect("a ring"), 3);
}

#[test]
fn a_panicking_body_still_waits_for_what_was_started() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let is_done = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let has_begun = AtomicU32::new(0);
        let run = std::panic::AssertUnwindSafe(|| {
            event_loop.run(|_| {
                std::thread::scope(|_| ());
                while has_begun.load(Ordering::Acquire) == 0 {
                    io.futex_wait(FutexWord::of(&has_begun), 0, None)
                        .expect("nobody cancels");
                }
                panic!("the body's own")
            })
        });
        std::thread::scope(|inside| {
            inside.spawn(|| {
                io.scope(|scope| {
                    scope.spawn(|| {
                        has_begun.store(1, Ordering::Release);
                        io.futex_wake(FutexAddress::of(&has_begun), 1);
                        io.sleep(Duration::from_millis(20)).expect("nobody cancels");
                        is_done.store(true, Ordering::Relaxed);
                    });
                });
            });
            assert!(std::panic::catch_unwind(|| drop::<std::io::Result<()>>(run())).is_err());
        });
        threads.spawn(|| assert!(is_done.load(Ordering::Relaxed)));
    });
}

/// Stops its thread until the other one runs too; false if it does not.
fn runs_beside(own: &AtomicBool, other: &AtomicBool) -> bool {
    own.store(true, Ordering::SeqCst);
    let began = std::time::Instant::now();
    while !other.load(Ordering::SeqCst) && began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    other.load(Ordering::SeqCst)
}

/// One wake for two jobs: who takes the first wakes the next worker for the other.
#[test]
fn a_worker_that_is_woken_for_several_jobs_wakes_the_next() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    let sleepers = event_loop.shared.wake.sleepers();
    let flags = [const { AtomicBool::new(false) }; 4];
    let [first, second, third, fourth] = &flags;
    // Both workers are started by this.
    io.scope(|scope| {
        let others = scope.spawn(|| runs_beside(first, second));
        assert!(scope.spawn(|| runs_beside(second, first)).join());
        assert!(others.join());
    });
    wait_until(|| sleepers.is_asleep(1) && sleepers.is_asleep(2));
    io.scope(|scope| {
        // While somebody searches nobody is woken for a new job.
        let search = sleepers.begin_search().expect("all are asleep");
        let others = scope.spawn(|| runs_beside(third, fourth));
        let task = scope.spawn(|| runs_beside(fourth, third));
        drop(search);
        event_loop.shared.announce_job();
        assert!(
            others.join() && task.join(),
            "a worker slept beside a job that waited"
        );
    });
}

/// A worker that is woken for a job, and finds a fiber of its own to run first,
/// wakes the next one: that fiber may take its time.
#[test]
fn a_worker_that_is_woken_for_a_job_and_has_other_work_wakes_the_next() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    let sleepers = event_loop.shared.wake.sleepers();
    let both_sleep = || sleepers.is_asleep(1) && sleepers.is_asleep(2);
    let [first, second] = &[const { AtomicBool::new(false) }; 2];
    io.scope(|scope| {
        let other = scope.spawn(|| runs_beside(first, second));
        assert!(scope.spawn(|| runs_beside(second, first)).join());
        assert!(other.join());
    });
    for _ in 0..20 {
        let [is_there, job_ran] = &[const { AtomicBool::new(false) }; 2];
        let has_begun = &AtomicBool::new(false);
        let (reader, mut writer) = std::io::pipe().expect("two descriptors");
        io.scope(|scope| {
            let fiber = scope.spawn(move || {
                let mut reader = File::from_fd(io, reader.into());
                has_begun.store(true, Ordering::SeqCst);
                reader.read_exact(&mut [0]).expect("the test writes");
                runs_beside(is_there, job_ran)
            });
            wait_until(|| has_begun.load(Ordering::SeqCst) && both_sleep());
            // Both come in one sleep of a worker, if it takes a moment to wake.
            writer.write_all(&[1]).expect("the fiber reads");
            let job = scope.spawn(|| job_ran.store(true, Ordering::SeqCst));
            assert!(fiber.join(), "a worker slept beside a job that waited");
            job.join();
        });
    }
}

/// A caller of `run` that finds no ring leaves jobs behind that were queued for it.
#[test]
fn a_job_that_counted_on_a_caller_without_a_ring_runs() {
    let _watchdog = Watchdog::new();
    for refuse_threads in [false, true] {
        let mut builder = EventLoop::builder().workers(1);
        builder.options.refuse_threads = refuse_threads;
        let event_loop = build(builder);
        let io: &dyn Io = &event_loop;
        io.scope(|scope| {
            // As `run` does before it makes its ring.
            let place = CallerPlace::enter(&event_loop.shared);
            let job = scope.spawn(|| 7);
            assert!(!job.is_finished(), "it is queued for the caller");
            drop(place);
            assert_eq!(job.join(), 7);
        });
    }
}

#[test]
fn a_job_that_is_left_to_a_worker_which_does_not_come_starts_all_the_same() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    event_loop
        .run(|io| {
            let (has_begun, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
            io.scope(|scope| {
                // The other worker takes it, as this one does not yield, and then has one
                // fiber.
                drop(scope.spawn(|| {
                    has_begun.store(true, Ordering::Relaxed);
                    wait_until(|| is_over.load(Ordering::Relaxed));
                }));
                wait_until(|| has_begun.load(Ordering::Relaxed));
                // This one has more, which are always ready.
                for _ in 0..8 {
                    drop(scope.spawn(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            io.yield_now().expect("nobody cancels");
                        }
                    }));
                }
                drop(scope.spawn(|| is_over.store(true, Ordering::Relaxed)));
            });
        })
        .expect("a ring");
}
