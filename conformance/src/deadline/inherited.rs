//! The deadline was set by who spawned the task that waits.

use super::{TIMEOUT, assert_deadline, not_before, passed};
use crate::cancel::nested::{Via, run_nested};
use crate::cancel::trial::{assert_works_again, trial};
use crate::cancel::waits::{self, Kind, Span};
use crate::fixture::Fixture;
use io_core::Clock;

waits::claims_of_waits!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    for via in [Via::Join, Via::ScopeEnd, Via::Inline] {
        trial(fixture, kind, Span::Long, |wait| {
            not_before(io, TIMEOUT, || {
                io.with_timeout(TIMEOUT, || {
                    run_nested(io, via, || {
                        assert_deadline(wait.wait());
                        // It is the task's for as long as it runs.
                        assert_deadline(wait.wait());
                        run_nested(io, via, || assert_deadline(io.checkpoint()));
                    });
                });
            });
            assert_works_again(io, wait);
            io.with_deadline(passed(io, Clock::Monotonic), || {
                run_nested(io, via, || assert_deadline(wait.wait()));
            });
            assert_works_again(io, wait);
        });
    }
}
