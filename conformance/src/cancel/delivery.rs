//! To whom a request goes, and how often it is delivered.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use io_core::{FutexAddress, FutexWord};

use super::trial::{
    Pause, as_task, assert_canceled, assert_no_request, assert_result, settle, take_request, trial,
};
use super::waits::{FUTEX_WAIT, Kind, SLEEP, Span};
use crate::fixture::{Fixture, wait_while};

pub(crate) fn requests_of_many_threads_are_one(fixture: &Fixture<'_>) {
    const THREADS: usize = 6;
    const ROUNDS: usize = 50;
    let io = fixture.io();
    for _ in 0..ROUNDS {
        io.scope(|scope| {
            let are_sent = Barrier::new(THREADS + 1);
            thread::scope(|threads| {
                for _ in 0..THREADS {
                    threads.spawn(|| {
                        scope.cancel();
                        are_sent.wait();
                    });
                }
                are_sent.wait();
            });
            let () = scope.spawn(|| take_request(io)).join();
        });
    }
}

/// Requests that come while the task takes them: never more deliveries than
/// requests, and a last one that comes after all deliveries is delivered too.
pub(crate) fn no_request_is_delivered_twice(fixture: &Fixture<'_>) {
    const REQUESTS: usize = 2000;
    let io = fixture.io();
    let (sent, delivered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    io.scope(|scope| {
        let send = || {
            for _ in 0..REQUESTS {
                sent.fetch_add(1, Ordering::SeqCst);
                scope.cancel();
            }
        };
        let take = || {
            let mut is_last = false;
            while !is_last {
                // Read before the point: what it delivers was sent by then.
                is_last = sent.load(Ordering::SeqCst) == REQUESTS;
                if let Err(error) = io.yield_now() {
                    assert!(io_core::is_canceled(&error), "{error:?}");
                    let count = delivered.fetch_add(1, Ordering::SeqCst) + 1;
                    assert!(count <= sent.load(Ordering::SeqCst), "delivered twice");
                }
            }
        };
        thread::scope(|threads| {
            let sender = threads.spawn(send);
            let () = scope.spawn(take).join();
            sender.join().expect("a request does not panic");
        });
    });
    assert!(delivered.into_inner() > 0, "none arrived");
}

pub(crate) fn a_request_goes_to_its_task_alone(fixture: &Fixture<'_>) {
    const TASKS: usize = 12;
    let io = fixture.io();
    for canceled in 0..TASKS {
        let gate = AtomicU32::new(0);
        io.scope(|scope| {
            let wait = || {
                while gate.load(Ordering::Acquire) == 0 {
                    io.futex_wait(FutexWord::of(&gate), 0, None)?;
                }
                io.checkpoint()
            };
            let start = |_| scope.spawn_concurrent(wait).expect("needs Concurrency");
            let tasks: Vec<_> = (0..TASKS).map(start).collect();
            settle(io, Pause::Yield);
            tasks[canceled].request_cancel();
            settle(io, Pause::Yield);
            gate.store(1, Ordering::Release);
            io.futex_wake(FutexAddress::of(&gate), u32::MAX);
            for (index, task) in tasks.into_iter().enumerate() {
                match task.join() {
                    Err(error) if index == canceled => assert!(io_core::is_canceled(&error)),
                    other => assert!(index != canceled && other.is_ok(), "{index}: {other:?}"),
                }
            }
        });
    }
}

/// A task's record, its fiber and its thread are used again: a request that came
/// too late must not wait for their next task there.
pub(crate) fn a_request_to_a_finished_task_reaches_nobody(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for round in 0..100 {
        io.scope(|scope| {
            let finished = scope.spawn(|| round);
            while !finished.is_finished() {
                io.yield_now().expect("nobody cancels");
            }
            finished.request_cancel();
            let next: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        assert_no_request(io);
                        assert_result(io.sleep(Duration::ZERO));
                        assert_no_request(io);
                    })
                })
                .collect();
            finished.request_cancel();
            next.into_iter().for_each(|task| task.join());
            assert_eq!(finished.cancel(), round, "its result is there all the same");
        });
    }
}

/// A request that comes about when the task ends: its result is there, and
/// whoever runs next in its place sees nothing of it.
pub(crate) fn a_request_beside_the_end_reaches_nobody_else(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mut random = fixture.random();
    for round in 0..200 {
        let turns = random.below(3000);
        io.scope(|scope| {
            let task = scope.spawn_concurrent(move || {
                let outcome = io.sleep(Duration::ZERO);
                (round, outcome)
            });
            let task = task.expect("needs Concurrency");
            thread::scope(|threads| {
                threads.spawn(|| {
                    (0..turns).for_each(|_| std::hint::spin_loop());
                    task.request_cancel();
                });
            });
            let (number, outcome) = task.join();
            assert_eq!(number, round);
            assert!(outcome.as_ref().is_ok_and(|()| true) || outcome.is_err());
            if let Err(error) = outcome {
                assert!(io_core::is_canceled(&error), "{error:?}");
            }
            let next = scope.spawn_concurrent(|| {
                assert_no_request(io);
                assert_result(io.sleep(Duration::from_micros(50)));
                assert_no_request(io);
            });
            let () = next.expect("needs Concurrency").join();
        });
    }
}

pub(crate) fn canceling_a_scope_reaches_its_members_not_its_body(fixture: &Fixture<'_>) {
    let io = fixture.io();
    as_task(io, |_| {
        io.scope(|scope| {
            scope.cancel();
            assert_no_request(io);
            for _ in 0..3 {
                let () = scope.spawn(|| take_request(io)).join();
            }
            assert_no_request(io);
            // A scope within is another one: the body's tasks there are none of it.
            io.scope(|nested| {
                let () = nested.spawn(|| assert_no_request(io)).join();
            });
            scope.cancel();
            let () = scope.spawn(|| take_request(io)).join();
        });
        assert_no_request(io);
    });
}

pub(crate) fn canceling_a_scope_reaches_members_that_members_add(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let received = AtomicU32::new(0);
    let count = || {
        take_request(io);
        received.fetch_add(1, Ordering::Relaxed);
    };
    io.scope(|scope| {
        scope.spawn(|| {
            scope.cancel();
            count();
            scope.spawn(|| {
                count();
                scope.spawn(count);
            });
        });
    });
    assert_eq!(received.into_inner(), 3);
}

pub(crate) fn a_body_that_panics_cancels_its_members(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    let received = AtomicU32::new(0);
    let scope = || {
        io.scope(|scope| {
            for _ in 0..3 {
                let wait = || {
                    assert_canceled(wait_while(io, &word, 0, None));
                    received.fetch_add(1, Ordering::Relaxed);
                };
                scope.spawn_concurrent(wait).expect("needs Concurrency");
            }
            settle(io, Pause::Short);
            panic::resume_unwind(Box::new("the body's own"));
        });
    };
    let payload = panic::catch_unwind(AssertUnwindSafe(scope)).expect_err("it panics");
    assert_eq!(payload.downcast_ref(), Some(&"the body's own"));
    assert_eq!(received.into_inner(), 3);
}

pub(crate) fn task_cancel_requests_and_joins(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for kind in [&SLEEP, &FUTEX_WAIT] {
        request_and_join(fixture, kind);
    }
    io.scope(|scope| {
        let deaf = scope.spawn(|| "done");
        assert_eq!(deaf.cancel(), "done");
    });
}

fn request_and_join(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    for pause in Pause::ALL {
        trial(fixture, kind, Span::Long, |wait| {
            io.scope(|scope| {
                let task = scope.spawn_concurrent(|| wait.wait());
                let task = task.expect("needs Concurrency");
                settle(io, pause);
                assert_canceled(task.cancel());
            });
        });
    }
}
