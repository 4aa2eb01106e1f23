//! The request comes in `protect`, or is pending when the task enters it: what
//! waits inside gives its result, and the request is delivered afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::trial::{assert_result, assert_works_again, take_request, trial};
use super::waits::{self, Kind, Span, Wait};
use crate::fixture::Fixture;

waits::claims_of_all!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);

/// So long the task is left alone before and after the request.
const PAUSE: Duration = Duration::from_millis(2);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    trial(fixture, kind, Span::Long, |wait| pending(fixture, wait));
    for _ in 0..3 {
        trial(fixture, kind, Span::Short, |wait| during(fixture, wait));
    }
}

fn pending(fixture: &Fixture<'_>, wait: &dyn Wait) {
    let io = fixture.io();
    io.scope(|scope| {
        let task = scope.spawn(|| {
            scope.cancel();
            io.protect(|| {
                for _ in 0..2 {
                    wait.complete();
                    assert_result(wait.wait());
                    assert_result(io.checkpoint());
                }
                // Protection nests.
                io.protect(|| assert_result(io.yield_now()));
                assert_result(io.yield_now());
            });
            take_request(io);
            assert_works_again(io, wait);
        });
        let () = task.join();
    });
}

fn during(fixture: &Fixture<'_>, wait: &dyn Wait) {
    let io = fixture.io();
    let (is_entering, is_requested) = (AtomicBool::new(false), AtomicBool::new(false));
    let wait_until = |flag: &AtomicBool| {
        while !flag.load(Ordering::Acquire) {
            thread::yield_now();
        }
    };
    io.scope(|scope| {
        let request = || {
            wait_until(&is_entering);
            thread::sleep(PAUSE);
            scope.cancel();
            is_requested.store(true, Ordering::Release);
            thread::sleep(PAUSE);
            wait.complete();
        };
        let body = || {
            io.protect(|| {
                is_entering.store(true, Ordering::Release);
                assert_result(wait.wait());
            });
            // What ends by itself may have ended before the request came.
            wait_until(&is_requested);
            take_request(io);
        };
        thread::scope(|threads| {
            threads.spawn(request);
            let () = scope.spawn(body).join();
        });
    });
}
