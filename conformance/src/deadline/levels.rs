//! What is about deadlines and not about waits: nesting, whom they reach, what
//! they do not bound.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use io_core::{Clock, FutexAddress, Instant};

use super::{TIMEOUT, assert_deadline, not_before, passed};
use crate::cancel::nested::{Via, run_nested};
use crate::cancel::trial::{assert_no_request, assert_result, assert_works_again, trial};
use crate::cancel::waits::{
    FUTEX_WAIT, Kind, OPEN_FIFO, PIPE_READ, PIPE_WRITE, SLEEP, Span, WAIT_READABLE,
};
use crate::fixture::{Fixture, wait_while};

/// A minute: never reached here.
const FAR: Duration = Duration::from_secs(60);
/// An upper bound for what should take milliseconds, on a loaded machine.
const SOON: Duration = Duration::from_secs(10);

pub(crate) fn the_earlier_of_nested_deadlines_wins(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for (outer, within) in [(TIMEOUT, FAR), (FAR, TIMEOUT)] {
        let ((), took) = fixture.time(|| {
            not_before(io, TIMEOUT, || {
                io.with_timeout(outer, || {
                    io.with_timeout(within, || assert_deadline(io.sleep(FAR)));
                    match outer < within {
                        true => assert_deadline(io.checkpoint()),
                        false => assert_no_request(io),
                    }
                });
            });
        });
        assert!(took < SOON, "{took:?}");
        assert_no_request(io);
    }
}

pub(crate) fn a_deadline_ends_with_its_call(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let value = io.with_deadline(passed(io, Clock::Monotonic), || 7);
    assert_eq!(value, 7, "what needs no point gives its value");
    assert_no_request(io);
    for _ in 0..20 {
        // On a busy machine the deadline may pass before so short a sleep is over.
        drop(io.with_timeout(TIMEOUT, || io.sleep(Duration::from_micros(10))));
    }
    assert_result(io.sleep(2 * TIMEOUT));
    let panics = || io.with_deadline(passed(io, Clock::Monotonic), panic_without_a_message);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
    assert!(caught.is_err());
    assert_no_request(io);
}

fn panic_without_a_message() {
    std::panic::resume_unwind(Box::new(()));
}

pub(crate) fn a_deadline_out_of_reach_is_none(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for clock in Clock::ALL {
        let last = Instant::from_nanos(clock, u64::MAX);
        io.with_deadline(last, || assert_result(io.sleep(Duration::from_millis(1))));
    }
    io.with_timeout(Duration::MAX, || {
        assert_result(io.sleep(Duration::from_millis(1)))
    });
    for clock in Clock::ALL {
        let first = Instant::from_nanos(clock, 0);
        io.with_deadline(first, || assert_deadline(io.sleep(FAR)));
    }
}

pub(crate) fn what_is_over_before_it_is_not_touched(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for kind in [&SLEEP, &FUTEX_WAIT] {
        trial(fixture, kind, Span::Short, |wait| {
            io.with_timeout(FAR, || assert_works_again(io, wait));
        });
    }
}

/// A task that was spawned outside runs on, and its join waits for it; so do the
/// end of a scope and `offload`.
pub(crate) fn a_deadline_bounds_no_join(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let sleep = || assert_result(io.protect(|| io.sleep(4 * TIMEOUT)));
    for via in [Via::Join, Via::ScopeEnd, Via::Inline, Via::Offload] {
        let has_ended = AtomicBool::new(false);
        io.with_timeout(TIMEOUT, || {
            run_nested(io, via, || {
                sleep();
                has_ended.store(true, Ordering::Release);
            });
            assert!(has_ended.load(Ordering::Acquire), "{via:?} ended early");
            assert_deadline(io.checkpoint());
        });
    }
    io.scope(|scope| {
        let outside = scope.spawn(|| {
            assert_result(io.sleep(4 * TIMEOUT));
            7
        });
        let joined = io.with_timeout(TIMEOUT, || outside.join());
        assert_eq!(joined, 7);
    });
}

pub(crate) fn a_deadline_is_not_that_of_other_tasks(fixture: &Fixture<'_>) {
    let io = fixture.io();
    io.scope(|scope| {
        let other = scope.spawn_concurrent(|| {
            assert_result(io.sleep(4 * TIMEOUT));
            assert_no_request(io);
        });
        let bounded = scope.spawn_concurrent(|| {
            io.with_timeout(TIMEOUT, || assert_deadline(io.sleep(FAR)));
        });
        for task in [other, bounded] {
            let () = task.expect("needs Concurrency").join();
        }
    });
}

pub(crate) fn each_of_many_tasks_has_its_own(fixture: &Fixture<'_>) {
    const TASKS: u64 = 16;
    let io = fixture.io();
    let ((), took) = fixture.time(|| {
        io.scope(|scope| {
            for index in 0..TASKS {
                let timeout = Duration::from_micros((index * 7 % TASKS) * 500);
                let task = move || {
                    not_before(io, timeout, || {
                        io.with_timeout(timeout, || assert_deadline(io.sleep(FAR)));
                    });
                };
                scope.spawn_concurrent(task).expect("needs Concurrency");
            }
        });
    });
    assert!(took < SOON, "{took:?}");
}

/// A deadline of the call itself, and one in force.
pub(crate) fn a_futex_wait_ends_at_the_earlier_deadline(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    let at = |timeout| Some(io.now(Clock::Monotonic).saturating_add(timeout));
    for (own, in_force) in [(TIMEOUT, FAR), (FAR, TIMEOUT)] {
        not_before(io, TIMEOUT, || {
            io.with_timeout(in_force, || {
                assert_deadline(wait_while(io, &word, 0, at(own)));
                match own < in_force {
                    true => assert_no_request(io),
                    false => assert_deadline(io.checkpoint()),
                }
            });
        });
    }
    for clock in Clock::ALL {
        let own = io.now(clock).saturating_add(TIMEOUT);
        let ((), took) = fixture.time(|| assert_deadline(wait_while(io, &word, 0, Some(own))));
        assert!(took < SOON, "{took:?}");
        assert_no_request(io);
    }
    // The call's own deadline applies in `protect` too: it was set inside.
    io.protect(|| assert_deadline(wait_while(io, &word, 0, at(TIMEOUT))));
    io.futex_wake(FutexAddress::of(&word), 1);
}

/// A thread that runs no task has deadlines and protection all the same.
pub(crate) fn a_plain_thread_has_deadlines(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let on_thread = |body: &(dyn Fn() + Sync)| {
        fixture.beside(body, || ());
    };
    let word = AtomicU32::new(0);
    on_thread(&|| {
        not_before(io, TIMEOUT, || {
            io.with_timeout(TIMEOUT, || {
                assert_deadline(io.sleep(FAR));
                assert_deadline(wait_while(io, &word, 0, None));
                assert_deadline(io.yield_now());
                io.protect(|| assert_result(io.sleep(Duration::from_millis(1))));
            });
        });
        assert_no_request(io);
        // Tasks that it spawns inherit it.
        io.with_deadline(passed(io, Clock::Monotonic), || {
            run_nested(io, Via::Join, || assert_deadline(io.checkpoint()));
        });
    });
}

pub(crate) fn a_plain_thread_has_deadlines_on_operations(fixture: &Fixture<'_>) {
    on_a_plain_thread(fixture, &[&PIPE_READ, &PIPE_WRITE, &WAIT_READABLE]);
}

/// Where a wait inside the kernel can be interrupted.
pub(crate) fn a_plain_thread_has_deadlines_on_openings(fixture: &Fixture<'_>) {
    on_a_plain_thread(fixture, &[&OPEN_FIFO]);
}

fn on_a_plain_thread(fixture: &Fixture<'_>, kinds: &[&Kind]) {
    let io = fixture.io();
    for kind in kinds {
        trial(fixture, kind, Span::Long, |wait| {
            let body = || {
                not_before(io, TIMEOUT, || {
                    io.with_timeout(TIMEOUT, || assert_deadline(wait.wait()));
                });
                assert_works_again(io, wait);
            };
            fixture.beside(body, || ());
        });
    }
}

/// Generous: what is measured on an idle machine is said elsewhere.
pub(crate) fn a_deadline_is_not_late_by_much(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for _ in 0..10 {
        let ((), took) = fixture.time(|| {
            io.with_timeout(TIMEOUT, || assert_deadline(io.sleep(FAR)));
        });
        assert!(took < SOON, "{took:?} instead of {TIMEOUT:?}");
    }
    // Also while others are busy and yield.
    let is_over = AtomicBool::new(false);
    thread::scope(|threads| {
        threads.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let ((), took) = fixture.time(|| {
            io.with_timeout(TIMEOUT, || assert_deadline(io.sleep(FAR)));
        });
        is_over.store(true, Ordering::Relaxed);
        assert!(took < SOON, "{took:?} instead of {TIMEOUT:?}");
    });
}
