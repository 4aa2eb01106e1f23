//! Tests of `Condvar`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::sync::{Condvar, Mutex};
use io_core::{is_canceled, is_deadline};

use super::crew::{is_ok_or_canceled, on_every_crew, with_tasks};

#[test]
fn each_notification_ends_a_wait() {
    const ROUNDS: u32 = 300;
    on_every_crew(|crew| {
        let (tokens, more) = (Mutex::new(0_u32), Condvar::new());
        let taken = AtomicU32::new(0);
        crew.all(6, |number| {
            for _ in 0..ROUNDS {
                let mut tokens = tokens.lock(crew.io).expect("nobody cancels");
                if number % 2 == 0 {
                    *tokens += 1;
                    drop(tokens);
                    more.notify_one(crew.io);
                } else {
                    let is_empty = |tokens: &mut u32| *tokens == 0;
                    more.wait_while(&mut tokens, is_empty)
                        .expect("nobody cancels");
                    *tokens -= 1;
                    taken.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        assert_eq!((tokens.into_inner(), taken.into_inner()), (0, 3 * ROUNDS));
    });
}

#[test]
fn all_are_notified() {
    on_every_crew(|crew| {
        let (is_open, opened) = (Mutex::new(false), Condvar::new());
        crew.all(8, |number| {
            let mut is_open = is_open.lock(crew.io).expect("nobody cancels");
            if number == 7 {
                *is_open = true;
                opened.notify_all(crew.io);
            } else {
                let is_shut = |is_open: &mut bool| !*is_open;
                opened
                    .wait_while(&mut is_open, is_shut)
                    .expect("nobody cancels");
            }
        });
    });
}

#[test]
fn no_notification_is_lost_to_a_cancel() {
    with_tasks(|io| {
        for round in 0..1000 {
            let (tokens, more) = (Mutex::new(0), Condvar::new());
            io.scope(|scope| {
                let take = || {
                    let mut tokens = tokens.lock_uncancelable(io);
                    let answer = more.wait_while(&mut tokens, |tokens| *tokens == 0);
                    if is_ok_or_canceled(answer) {
                        *tokens -= 1;
                    }
                };
                let one = scope.spawn(take);
                let other = scope.spawn(take);
                for _ in 0..round % 3 {
                    io.yield_now().expect("nobody cancels the test");
                }
                *tokens.lock_uncancelable(io) += 1;
                if round % 2 == 0 {
                    one.request_cancel();
                    more.notify_one(io);
                } else {
                    more.notify_one(io);
                    one.request_cancel();
                }
                // If the first one took it, the other needs one of its own.
                let () = one.join();
                if *tokens.lock_uncancelable(io) == 0 {
                    *tokens.lock_uncancelable(io) += 1;
                    more.notify_one(io);
                }
                let () = other.join();
            });
        }
    });
}

#[test]
fn the_guard_holds_the_mutex_after_an_error() {
    with_tasks(|io| {
        let (mutex, never) = (Mutex::new(0), Condvar::new());
        io.scope(|scope| {
            let wait = scope.spawn(|| {
                let mut guard = mutex.lock_uncancelable(io);
                let answer = never.wait_while(&mut guard, |_| true);
                assert!(mutex.try_lock(io).is_none());
                answer
            });
            assert!(is_canceled(&wait.cancel().expect_err("nobody notified it")));
        });
        let mut guard = mutex.lock(io).expect("it is free");
        let answer = never.wait_timeout(&mut guard, Duration::from_millis(1));
        assert!(is_deadline(&answer.expect_err("nobody notified it")));
        assert!(mutex.try_lock(io).is_none());
    });
}
