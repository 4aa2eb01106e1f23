//! The deadline was set outside `protect`: inside, waits give their results.

use std::thread;

use io_core::Clock;

use super::{TIMEOUT, assert_deadline, passed};
use crate::cancel::nested::{Via, run_nested};
use crate::cancel::trial::{assert_result, assert_works_again, trial};
use crate::cancel::waits::{self, Kind, Nature, Span};
use crate::fixture::Fixture;

waits::claims_of_all!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Short, |wait| {
        io.with_deadline(passed(io, Clock::Monotonic), || {
            assert_deadline(wait.wait());
            io.protect(|| {
                wait.complete();
                assert_result(wait.wait());
                assert_result(io.checkpoint());
                run_nested(io, Via::Join, || assert_result(io.checkpoint()));
            });
            assert_deadline(io.checkpoint());
            assert_deadline(
                io.protect(|| io.with_deadline(passed(io, Clock::Real), || io.yield_now())),
            );
        });
        assert_works_again(io, wait);
    });
    if kind.nature == Nature::Instant {
        return;
    }
    // It passes during the wait, and the result comes later.
    trial(fixture, kind, Span::Short, |wait| {
        thread::scope(|threads| {
            io.with_timeout(TIMEOUT / 2, || {
                io.protect(|| {
                    threads.spawn(|| {
                        thread::sleep(TIMEOUT);
                        wait.complete();
                    });
                    assert_result(wait.wait());
                });
            });
        });
    });
}
