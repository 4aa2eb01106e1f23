//! Tests of `Mutex`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::is_deadline;
use io_core::sync::Mutex;

use super::crew::{is_ok_or_canceled, on_every_crew, with_tasks};

#[test]
fn one_at_a_time_has_it() {
    const USERS: usize = 8;
    const ROUNDS: usize = 500;
    on_every_crew(|crew| {
        let counter = Mutex::new(0);
        crew.all(USERS, |number| {
            for round in 0..ROUNDS {
                let mut guard = if (number + round) % 3 == 0 {
                    counter.lock_uncancelable(crew.io)
                } else {
                    counter.lock(crew.io).expect("nobody cancels")
                };
                let before = *guard;
                if round % 5 == 0 {
                    crew.io.yield_now().expect("nobody cancels");
                }
                *guard = before + 1;
            }
        });
        assert_eq!(counter.into_inner(), USERS * ROUNDS);
    });
}

#[test]
fn no_wake_is_lost_to_a_cancel() {
    const ROUNDS: u32 = 1000;
    with_tasks(|io| {
        let mutex = Mutex::new(());
        let got = AtomicU32::new(0);
        for round in 0..ROUNDS {
            let held = mutex.try_lock(io).expect("the state is initial");
            io.scope(|scope| {
                let lock = || {
                    if is_ok_or_canceled(mutex.lock(io).map(drop)) {
                        got.fetch_add(1, Ordering::Relaxed);
                    }
                };
                let waits: Vec<_> = (0..3).map(|_| scope.spawn(lock)).collect();
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
        }
        assert!(got.into_inner() >= ROUNDS, "the middle one always gets it");
    });
}

#[test]
fn a_deadline_ends_the_wait_and_takes_nothing() {
    on_every_crew(|crew| {
        let mutex = Mutex::new(());
        let held = mutex.lock(crew.io).expect("it is free");
        crew.all(4, |_| {
            let timeout = Duration::from_millis(1);
            let answer = crew
                .io
                .with_timeout(timeout, || mutex.lock(crew.io).map(drop));
            assert!(is_deadline(&answer.expect_err("it is held")));
        });
        drop(held);
        assert!(mutex.try_lock(crew.io).is_some());
    });
}
