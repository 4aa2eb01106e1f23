//! Tests of `Event`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::sync::{Barrier, Event};
use io_core::{is_canceled, is_deadline};

use super::crew::{
    Arrivals, is_ok_or_canceled, let_others_run, on_event_loop, on_every_crew, with_tasks,
};

#[test]
fn all_who_wait_see_what_was_written_before_the_set() {
    on_every_crew(|crew| {
        for _ in 0..50 {
            let (event, value) = (Event::new(), AtomicU32::new(0));
            crew.all(6, |number| {
                if number == 5 {
                    value.store(7, Ordering::Relaxed);
                    event.set(crew.io);
                } else if number % 2 == 0 {
                    event.wait(crew.io).expect("nobody cancels");
                    assert_eq!(value.load(Ordering::Relaxed), 7);
                } else {
                    event.wait_uncancelable(crew.io);
                    assert_eq!(value.load(Ordering::Relaxed), 7);
                }
            });
            assert!(event.is_set());
            event.wait(crew.io).expect("it is set");
        }
    });
}

#[test]
fn a_reset_event_is_waited_for_again() {
    const ROUNDS: u32 = 500;
    on_every_crew(|crew| {
        let (ping, pong) = (Event::new(), Event::new());
        crew.all(2, |number| {
            for _ in 0..ROUNDS {
                if number == 0 {
                    ping.set(crew.io);
                    pong.wait(crew.io).expect("nobody cancels");
                    pong.reset();
                } else {
                    ping.wait(crew.io).expect("nobody cancels");
                    ping.reset();
                    pong.set(crew.io);
                }
            }
        });
        assert!(!ping.is_set() && !pong.is_set());
    });
}

#[test]
fn a_reset_right_after_the_set_holds_nobody_back() {
    on_event_loop(1, |io| {
        let (event, arrivals) = (Event::new(), Arrivals::default());
        io.scope(|scope| {
            let waits: Vec<_> = (0..10)
                .map(|_| {
                    scope.spawn(|| {
                        arrivals.arrive();
                        event.wait(io)
                    })
                })
                .collect();
            arrivals.wait_for(io, 10);
            event.set(io);
            event.reset();
            for wait in waits {
                wait.join().expect("it was set while it waited");
            }
        });
        assert!(!event.is_set());
    });
}

#[test]
fn a_wait_that_is_canceled_leaves_the_others_alone() {
    with_tasks(|io| {
        for round in 0..1000 {
            let event = Event::new();
            io.scope(|scope| {
                let one = scope.spawn(|| event.wait(io));
                let other = scope.spawn(|| event.wait(io));
                for _ in 0..round % 3 {
                    let_others_run(io);
                }
                if round % 2 == 0 {
                    assert!(is_canceled(&one.cancel().expect_err("it was not set")));
                    event.set(io);
                } else {
                    event.set(io);
                    is_ok_or_canceled(one.cancel());
                }
                other.join().expect("nobody canceled it");
            });
        }
    });
}

#[test]
fn a_set_beats_a_cancel_and_the_request_stays() {
    on_event_loop(1, |io| {
        let (event, arrivals) = (Event::new(), Arrivals::default());
        io.scope(|scope| {
            let wait = scope.spawn(|| {
                arrivals.arrive();
                event.wait(io).expect("it was set before it looked");
                io.checkpoint().expect_err("the request is pending")
            });
            arrivals.wait_for(io, 1);
            wait.request_cancel();
            event.set(io);
            assert!(is_canceled(&wait.join()));
        });
    });
}

#[test]
fn a_deadline_ends_the_wait() {
    on_every_crew(|crew| {
        let (event, barrier) = (Event::new(), Barrier::new(3));
        crew.all(3, |_| {
            let timeout = Duration::from_millis(1);
            let answer = crew.io.with_timeout(timeout, || event.wait(crew.io));
            assert!(is_deadline(&answer.expect_err("it was not set")));
            barrier.wait(crew.io).expect("nobody cancels");
            event.set(crew.io);
            event.wait(crew.io).expect("it is set");
        });
    });
}
