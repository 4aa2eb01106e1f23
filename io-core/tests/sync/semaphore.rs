//! Tests of `Semaphore`.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use io_core::sync::Semaphore;
use io_core::{is_canceled, is_deadline};

use super::crew::{
    Arrivals, is_ok_or_canceled, let_others_run, on_event_loop, on_every_crew, until, with_tasks,
};

#[test]
fn permits_bound_how_many_are_inside() {
    const USERS: usize = 8;
    const ROUNDS: usize = 500;
    on_every_crew(|crew| {
        let semaphore = Semaphore::new(3);
        let (inside, total) = (AtomicU32::new(0), AtomicU32::new(0));
        crew.all(USERS, |number| {
            for round in 0..ROUNDS {
                let count = if (number + round) % 5 == 0 { 2 } else { 1 };
                let permit = if round % 7 == 0 {
                    semaphore.acquire_many_uncancelable(crew.io, count)
                } else {
                    semaphore
                        .acquire_many(crew.io, count)
                        .expect("nobody cancels")
                };
                let before = inside.fetch_add(count, Ordering::SeqCst);
                assert!(before + count <= 3, "{before} and {count}");
                if round % 3 == 0 {
                    crew.io.yield_now().expect("nobody cancels");
                }
                total.fetch_add(1, Ordering::Relaxed);
                inside.fetch_sub(count, Ordering::SeqCst);
                drop(permit);
            }
        });
        assert_eq!(total.into_inner() as usize, USERS * ROUNDS);
        assert_eq!(semaphore.available_permits(), 3);
        assert!(semaphore.try_acquire_many(crew.io, 3).is_some());
    });
}

#[test]
fn who_wants_many_is_not_overtaken() {
    with_tasks(|io| {
        let semaphore = Semaphore::new(2);
        let held = semaphore.acquire(io).expect("it is free");
        io.scope(|scope| {
            let both = scope.spawn(|| semaphore.acquire_many(io, 2).map(|permit| permit.count()));
            until(io, || semaphore.try_acquire(io).is_none());
            assert_eq!(semaphore.available_permits(), 1);
            drop(held);
            assert_eq!(both.join().expect("nobody cancels"), 2);
        });
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn who_gives_up_lets_those_behind_go_on() {
    with_tasks(|io| {
        let semaphore = Semaphore::new(2);
        let _held = semaphore.acquire(io).expect("it is free");
        io.scope(|scope| {
            let both = scope.spawn(|| semaphore.acquire_many(io, 2).map(drop));
            until(io, || semaphore.try_acquire(io).is_none());
            let one = scope.spawn(|| semaphore.acquire(io).map(drop));
            let_others_run(io);
            assert!(!one.is_finished());
            assert!(is_canceled(&both.cancel().expect_err("it waited")));
            one.join().expect("one was left");
        });
        assert_eq!(semaphore.available_permits(), 1);
    });
}

#[test]
fn no_permit_is_lost_to_a_cancel() {
    const ROUNDS: u32 = 1000;
    with_tasks(|io| {
        let semaphore = Semaphore::new(1);
        let got = AtomicU32::new(0);
        for round in 0..ROUNDS {
            let held = semaphore.try_acquire(io).expect("the state is initial");
            io.scope(|scope| {
                let waits: Vec<_> = (0..3)
                    .map(|_| {
                        scope.spawn(|| {
                            if is_ok_or_canceled(semaphore.acquire(io).map(drop)) {
                                got.fetch_add(1, Ordering::Relaxed);
                            }
                        })
                    })
                    .collect();
                for _ in 0..round % 3 {
                    io.yield_now().expect("nobody cancels the test");
                }
                if round % 2 == 0 {
                    waits[0].request_cancel();
                    drop(held);
                } else {
                    drop(held);
                    waits[0].request_cancel();
                }
                waits[2].request_cancel();
            });
            assert_eq!(semaphore.available_permits(), 1);
        }
        assert!(got.into_inner() >= ROUNDS, "the middle one always gets it");
    });
}

#[test]
fn a_permit_that_was_given_is_kept_and_the_request_stays() {
    on_event_loop(1, |io| {
        for is_cancel_first in [false, true] {
            let semaphore = Semaphore::new(0);
            let arrivals = Arrivals::default();
            io.scope(|scope| {
                let wait = scope.spawn(|| {
                    arrivals.arrive();
                    let permit = semaphore.acquire(io).expect("it was given before");
                    let later = io.checkpoint().expect_err("the request is pending");
                    assert!(is_canceled(&later));
                    io.checkpoint().expect("it was delivered once");
                    drop(permit);
                });
                arrivals.wait_for(io, 1);
                if is_cancel_first {
                    wait.request_cancel();
                    semaphore.add_permits(io, 1);
                } else {
                    semaphore.add_permits(io, 1);
                    wait.request_cancel();
                }
            });
            assert_eq!(semaphore.available_permits(), 1);
        }
    });
}

#[test]
fn a_deadline_ends_the_wait_and_takes_nothing() {
    on_every_crew(|crew| {
        let semaphore = Semaphore::new(1);
        let held = semaphore.acquire(crew.io).expect("it is free");
        crew.all(4, |_| {
            let timeout = Duration::from_millis(1);
            let answer = crew
                .io
                .with_timeout(timeout, || semaphore.acquire(crew.io).map(drop));
            assert!(is_deadline(&answer.expect_err("it is held")));
        });
        drop(held);
        assert_eq!(semaphore.available_permits(), 1);
        assert!(semaphore.try_acquire(crew.io).is_some());
    });
}

#[test]
fn a_wait_inside_no_suspend_panics_and_leaves_the_line() {
    on_event_loop(1, |io| {
        let semaphore = Semaphore::new(0);
        let is_reached = AtomicBool::new(false);
        let wait = panic::catch_unwind(AssertUnwindSafe(|| {
            io.no_suspend(&mut || {
                is_reached.store(true, Ordering::Relaxed);
                drop(semaphore.acquire(io));
            });
        }));
        assert!(wait.is_err() && is_reached.into_inner());
        semaphore.add_permits(io, 1);
        assert!(semaphore.try_acquire(io).is_some());
    });
}

#[test]
fn forgotten_permits_are_gone_and_can_be_added() {
    on_every_crew(|crew| {
        let semaphore = Semaphore::new(2);
        semaphore.acquire(crew.io).expect("it is free").forget();
        assert_eq!(semaphore.available_permits(), 1);
        semaphore.add_permits(crew.io, 1);
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
#[should_panic(expected = "more permits than a semaphore can hold")]
fn more_permits_than_the_word_holds_panic() {
    let semaphore = Semaphore::new(Semaphore::PERMITS_MAX);
    semaphore.add_permits(&io_blocking::Blocking::new(), 1);
}
