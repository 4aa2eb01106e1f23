//! Where a forwarded request ends up: with who receives it, or back where it came
//! from.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use io_core::{FutexAddress, FutexWord, Io};

use super::nested::{Via, run_nested};
use super::trial::{
    Pause, assert_canceled, assert_no_request, assert_result, settle, take_request,
};
use crate::fixture::{Fixture, wait_while};

const ALL: [Via; 4] = [Via::Join, Via::ScopeEnd, Via::Inline, Via::Offload];

/// Runs `body` as a task with a request pending.
fn with_request(io: &dyn Io, body: impl FnOnce() + Send) {
    io.scope(|scope| {
        scope.cancel();
        let () = scope.spawn(body).join();
    });
}

fn check_comes_back(fixture: &Fixture<'_>, via: Via) {
    let io = fixture.io();
    for _ in 0..20 {
        with_request(io, || {
            let has_run = AtomicBool::new(false);
            run_nested(io, via, || has_run.store(true, Ordering::Release));
            assert!(has_run.load(Ordering::Acquire));
            take_request(io);
        });
    }
}

pub(crate) fn unreceived_by_a_joined_task_it_comes_back(fixture: &Fixture<'_>) {
    check_comes_back(fixture, Via::Join);
}

pub(crate) fn unreceived_by_members_it_comes_back(fixture: &Fixture<'_>) {
    check_comes_back(fixture, Via::ScopeEnd);
}

pub(crate) fn unreceived_by_an_inline_child_it_comes_back(fixture: &Fixture<'_>) {
    check_comes_back(fixture, Via::Inline);
}

pub(crate) fn unreceived_by_what_is_offloaded_it_comes_back(fixture: &Fixture<'_>) {
    check_comes_back(fixture, Via::Offload);
}

/// The nested task is protected, so that it can not receive it: it gives its
/// result, and the request is pending again for who waited.
pub(crate) fn deferred_to_the_end_it_comes_back(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for via in ALL {
        with_request(io, || {
            run_nested(io, via, || {
                io.protect(|| assert_result(io.yield_now()));
            });
            take_request(io);
        });
    }
}

pub(crate) fn put_back_before_the_end_it_comes_back(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    // Whoever can be started before its spawner waits needs a wait of its own.
    for via in [Via::Inline, Via::Offload] {
        with_request(io, || {
            run_nested(io, via, || {
                assert_canceled(wait_while(io, &word, 0, None));
                io.rearm();
            });
            take_request(io);
        });
    }
}

/// As above, where the request reaches the task while it waits.
pub(crate) fn put_back_by_who_waited_it_comes_back(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    for via in ALL {
        with_request(io, || {
            run_nested(io, via, || {
                assert_canceled(wait_while(io, &word, 0, None));
                io.rearm();
            });
            take_request(io);
        });
    }
}

pub(crate) fn joining_a_finished_task_keeps_the_request(fixture: &Fixture<'_>) {
    let io = fixture.io();
    io.scope(|scope| {
        let task = scope.spawn(|| {
            io.scope(|nested| {
                let finished = nested.spawn(|| 7);
                while !finished.is_finished() {
                    io.yield_now().expect("no request yet");
                }
                scope.cancel();
                assert_eq!(finished.join(), 7);
                take_request(io);
                scope.cancel();
            });
            // The scope had no member left when it ended.
            take_request(io);
        });
        let () = task.join();
    });
}

pub(crate) fn the_end_of_a_scope_forwards_to_all_members(fixture: &Fixture<'_>) {
    const MEMBERS: u32 = 8;
    let io = fixture.io();
    for pause in Pause::ALL {
        let (word, received) = (AtomicU32::new(0), AtomicU32::new(0));
        let wait = || {
            assert_canceled(wait_while(io, &word, 0, None));
            assert_no_request(io);
            received.fetch_add(1, Ordering::Relaxed);
        };
        io.scope(|scope| {
            let outer = scope.spawn_concurrent(|| {
                io.scope(|nested| {
                    for _ in 0..MEMBERS {
                        nested.spawn_concurrent(wait).expect("needs Concurrency");
                    }
                });
                assert_no_request(io);
            });
            settle(io, pause);
            let () = outer.expect("needs Concurrency").cancel();
        });
        assert_eq!(received.into_inner(), MEMBERS, "after {pause:?}");
    }
}

/// Members that are added by members, after the request has come.
pub(crate) fn the_end_of_a_scope_forwards_to_later_members(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (word, received) = (AtomicU32::new(0), AtomicU32::new(0));
    io.scope(|scope| {
        let outer = scope.spawn_concurrent(|| {
            io.scope(|nested| {
                let first = || {
                    assert_canceled(wait_while(io, &word, 0, None));
                    for _ in 0..3 {
                        nested.spawn(|| {
                            take_request(io);
                            received.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                };
                // Run inside `spawn` it would get the request itself, alone.
                nested.spawn_concurrent(first).expect("needs Concurrency");
            });
            assert_no_request(io);
        });
        settle(io, Pause::Short);
        let () = outer.expect("needs Concurrency").cancel();
    });
    assert_eq!(received.into_inner(), 3);
}

pub(crate) fn a_join_forwards_to_the_joined_task_alone(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for pause in Pause::ALL {
        let word = AtomicU32::new(0);
        io.scope(|scope| {
            let outer = scope.spawn_concurrent(|| {
                io.scope(|nested| {
                    let other = || {
                        while word.load(Ordering::Acquire) == 0 {
                            assert_result(io.futex_wait(FutexWord::of(&word), 0, None));
                        }
                        assert_no_request(io);
                    };
                    let other = nested.spawn_concurrent(other).expect("needs Concurrency");
                    let joined = || assert_canceled(wait_while(io, &word, 0, None));
                    let joined = nested.spawn_concurrent(joined);
                    let () = joined.expect("needs Concurrency").join();
                    assert_no_request(io);
                    word.store(1, Ordering::Release);
                    io.futex_wake(FutexAddress::of(&word), u32::MAX);
                    let () = other.join();
                });
                assert_no_request(io);
            });
            settle(io, pause);
            let () = outer.expect("needs Concurrency").cancel();
        });
    }
}

fn chain(io: &dyn Io, word: &AtomicU32, depth: usize) {
    match depth.checked_sub(1) {
        None => {
            assert_canceled(wait_while(io, word, 0, None));
            assert_no_request(io);
        }
        Some(less) => {
            run_nested(io, ALL[depth % ALL.len()], || chain(io, word, less));
            assert_no_request(io);
        }
    }
}

/// Tasks that wait for tasks that wait, in every way: the last one receives it.
pub(crate) fn a_chain_forwards_to_its_end(fixture: &Fixture<'_>) {
    const DEPTH: usize = 9;
    let io = fixture.io();
    let word = AtomicU32::new(0);
    for pause in Pause::ALL {
        io.scope(|scope| {
            let outer = scope.spawn_concurrent(|| chain(io, &word, DEPTH));
            settle(io, pause);
            let () = outer.expect("needs Concurrency").cancel();
        });
    }
}

/// As above, the request being there from the start.
pub(crate) fn a_pending_request_goes_to_the_end_of_a_chain(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    for depth in [1, 2, 3, 8] {
        with_request(io, || chain(io, &word, depth));
    }
}

/// Who waits for a task waits to its end, whatever the task makes of the request.
pub(crate) fn a_forwarding_point_waits_to_the_end(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for via in ALL {
        let (word, steps) = (AtomicU32::new(0), AtomicU32::new(0));
        io.scope(|scope| {
            let outer = || {
                run_nested(io, via, || {
                    assert_canceled(wait_while(io, &word, 0, None));
                    for _ in 0..100 {
                        if let Err(error) = io.yield_now() {
                            assert!(io_core::is_canceled(&error), "{error:?}");
                        }
                        steps.fetch_add(1, Ordering::Relaxed);
                    }
                });
                assert_eq!(steps.load(Ordering::Relaxed), 100, "{via:?} ended early");
            };
            let outer = scope.spawn_concurrent(outer).expect("needs Concurrency");
            settle(io, Pause::Short);
            // More requests do not make it hurry.
            for _ in 0..3 {
                outer.request_cancel();
                settle(io, Pause::Yield);
            }
            outer.join();
        });
    }
}

/// A request beside the end of the task that is joined: it is received there, or
/// pending for who joined; never both, never neither.
pub(crate) fn a_request_beside_the_end_is_received_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mut random = fixture.random();
    for round in 0..200 {
        let turns = [0; 2].map(|_| random.below(4000));
        let via = ALL[round % ALL.len()];
        let (is_entering, is_requested) = (AtomicBool::new(false), AtomicBool::new(false));
        let wait_until = |flag: &AtomicBool| {
            while !flag.load(Ordering::Acquire) {
                thread::yield_now();
            }
        };
        io.scope(|scope| {
            let request = || {
                wait_until(&is_entering);
                (0..turns[0]).for_each(|_| std::hint::spin_loop());
                scope.cancel();
                is_requested.store(true, Ordering::Release);
            };
            let outer = || {
                let received = AtomicU32::new(0);
                run_nested(io, via, || {
                    is_entering.store(true, Ordering::Release);
                    (0..turns[1]).for_each(|_| std::hint::spin_loop());
                    if let Err(error) = io.checkpoint() {
                        assert!(io_core::is_canceled(&error), "{error:?}");
                        received.fetch_add(1, Ordering::Relaxed);
                    }
                });
                wait_until(&is_requested);
                if received.into_inner() == 0 {
                    take_request(io);
                }
                assert_no_request(io);
            };
            thread::scope(|threads| {
                threads.spawn(request);
                let () = scope.spawn(outer).join();
            });
        });
    }
}
