//! Tests of `RwLock`.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use io_core::sync::{Barrier, RwLock, RwLockWriteGuard};
use io_core::{is_canceled, is_deadline};

use super::crew::{Asked, is_ok_or_canceled, let_others_run, on_every_crew, until, with_tasks};

#[test]
fn writers_exclude_everybody() {
    const USERS: usize = 8;
    const ROUNDS: usize = 500;
    on_every_crew(|crew| {
        let io = crew.io;
        let pair = RwLock::new((0_usize, 0_usize));
        crew.all(USERS, |number| {
            for round in 0..ROUNDS {
                if (number + round) % 4 == 0 {
                    let mut pair = pair.write(io).expect("nobody cancels");
                    pair.0 += 1;
                    io.yield_now().expect("nobody cancels");
                    pair.1 += 1;
                } else {
                    let pair = if round % 2 == 0 {
                        pair.read(io).expect("nobody cancels")
                    } else {
                        pair.read_uncancelable(io)
                    };
                    let before = pair.0;
                    io.yield_now().expect("nobody cancels");
                    assert_eq!((before, before), *pair);
                }
            }
        });
        let writes = USERS * ROUNDS / 4;
        assert_eq!(pair.into_inner(), (writes, writes));
    });
}

#[test]
fn readers_are_in_at_the_same_time() {
    on_every_crew(|crew| {
        let (lock, barrier) = (RwLock::new(()), Barrier::new(4));
        crew.all(4, |_| {
            let guard = lock.read(crew.io).expect("nobody cancels");
            barrier.wait(crew.io).expect("nobody cancels");
            assert!(lock.try_write(crew.io).is_none());
            drop(guard);
        });
        assert!(lock.try_write(crew.io).is_some());
    });
}

#[test]
fn readers_that_keep_coming_do_not_keep_a_writer_out() {
    on_every_crew(|crew| {
        let io = crew.io;
        let (lock, is_written) = (RwLock::new(0), AtomicBool::new(false));
        crew.all(5, |number| {
            if number == 4 {
                for _ in 0..50 {
                    *lock.write(io).expect("nobody cancels") += 1;
                }
                is_written.store(true, Ordering::Release);
            } else {
                // Each takes its next guard before it drops the last one, as long
                // as nobody waits: without the line there is always a reader in.
                let mut guard = lock.read(io).expect("nobody cancels");
                while !is_written.load(Ordering::Acquire) {
                    let next = lock.try_read(io);
                    drop(guard);
                    guard = match next {
                        Some(next) => next,
                        None => lock.read(io).expect("nobody cancels"),
                    };
                    io.yield_now().expect("nobody cancels");
                }
            }
        });
        assert_eq!(lock.into_inner(), 50);
    });
}

#[test]
fn writers_that_keep_coming_do_not_keep_a_reader_out() {
    on_every_crew(|crew| {
        let io = crew.io;
        let (lock, is_read) = (RwLock::new(0), AtomicBool::new(false));
        crew.all(4, |number| {
            if number == 3 {
                for _ in 0..50 {
                    drop(lock.read(io).expect("nobody cancels"));
                }
                is_read.store(true, Ordering::Release);
            } else {
                while !is_read.load(Ordering::Acquire) {
                    let mut guard = lock.write(io).expect("nobody cancels");
                    *guard += 1;
                    io.yield_now().expect("nobody cancels");
                }
            }
        });
    });
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_behind_it_in() {
    with_tasks(|io| {
        for _ in 0..200 {
            let lock = RwLock::new(0);
            let held = lock.read(io).expect("it is free");
            io.scope(|scope| {
                let writer = scope.spawn(|| lock.write(io).map(drop));
                until(io, || lock.try_read(io).is_none());
                let readers: Vec<_> = (0..20)
                    .map(|_| scope.spawn(|| lock.read(io).map(drop)))
                    .collect();
                let_others_run(io);
                assert!(!readers.iter().any(io_core::task::Task::is_finished));
                assert!(is_canceled(&writer.cancel().expect_err("it waited")));
                for reader in readers {
                    reader.join().expect("nothing stands against it");
                }
            });
            drop(held);
            assert!(lock.try_write(io).is_some());
        }
    });
}

#[test]
fn the_state_is_initial_after_cancels_and_releases_that_race() {
    const ROUNDS: u32 = 1000;
    with_tasks(|io| {
        let lock = RwLock::new(0_u32);
        let written = AtomicU32::new(0);
        for round in 0..ROUNDS {
            let held = lock.try_write(io).expect("the state is initial");
            io.scope(|scope| {
                let write = || {
                    let answer = lock.write(io).map(|mut value| *value += 1);
                    if is_ok_or_canceled(answer) {
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                };
                let read = || {
                    is_ok_or_canceled(lock.read(io).map(drop));
                };
                let tasks = [
                    scope.spawn(write),
                    scope.spawn(read),
                    scope.spawn(read),
                    scope.spawn(write),
                    scope.spawn(read),
                ];
                for _ in 0..round % 3 {
                    io.yield_now().expect("nobody cancels the test");
                }
                let canceled = &tasks[round as usize % tasks.len()];
                if round % 2 == 0 {
                    canceled.request_cancel();
                }
                drop(held);
                canceled.request_cancel();
                tasks[3].request_cancel();
            });
        }
        assert_eq!(lock.into_inner(), written.into_inner());
    });
}

#[test]
fn a_downgrade_lets_readers_in_and_no_writer() {
    with_tasks(|io| {
        let lock = RwLock::new(1);
        let guard = lock.write(io).expect("it is free");
        // The reader has to stand in front: behind the writer it would wait for
        // that, which waits for this guard.
        let (reading, writing) = (Asked::of(io), Asked::of(io));
        io.scope(|scope| {
            let reader = scope.spawn(|| lock.read(&reading).map(|value| *value));
            reading.wait_for_a_wait();
            let writer = scope.spawn(|| lock.write(&writing).map(|mut value| *value = 2));
            writing.wait_for_a_wait();
            let guard = RwLockWriteGuard::downgrade(guard);
            assert_eq!(reader.join().expect("nobody cancels"), *guard);
            assert!(!writer.is_finished());
            drop(guard);
            writer.join().expect("nobody cancels");
        });
        assert_eq!(lock.into_inner(), 2);
    });
}

#[test]
fn a_downgrade_lets_nobody_pass_a_writer() {
    with_tasks(|io| {
        let lock = RwLock::new(1);
        let guard = lock.write(io).expect("it is free");
        let (reading, writing) = (Asked::of(io), Asked::of(io));
        io.scope(|scope| {
            let writer = scope.spawn(|| lock.write(&writing).map(|mut value| *value = 2));
            writing.wait_for_a_wait();
            let reader = scope.spawn(|| lock.read(&reading).map(|value| *value));
            reading.wait_for_a_wait();
            let guard = RwLockWriteGuard::downgrade(guard);
            let_others_run(io);
            assert!(lock.try_read(io).is_none());
            assert!(!reader.is_finished() && !writer.is_finished());
            assert_eq!(*guard, 1);
            drop(guard);
            writer.join().expect("nobody cancels");
            assert_eq!(reader.join().expect("nobody cancels"), 2);
        });
    });
}

#[test]
fn a_deadline_ends_the_wait_and_takes_nothing() {
    on_every_crew(|crew| {
        let io = crew.io;
        let lock = RwLock::new(0);
        let held = lock.read(io).expect("it is free");
        crew.all(2, |_| {
            let answer = io.with_timeout(Duration::from_millis(1), || lock.write(io).map(drop));
            assert!(is_deadline(&answer.expect_err("it is read")));
        });
        drop(lock.try_read(io).expect("no writer waits any more"));
        drop(held);
        let held = lock.write(io).expect("it is free");
        crew.all(2, |_| {
            let answer = io.with_timeout(Duration::from_millis(1), || lock.read(io).map(drop));
            assert!(is_deadline(&answer.expect_err("it is written")));
        });
        drop(held);
        assert!(lock.try_write(io).is_some());
    });
}
