//! A request and a deadline are both due: Canceled comes first.

use io_core::Clock;

use super::{assert_deadline, passed};
use crate::cancel::trial::{as_task, assert_canceled, assert_works_again, trial};
use crate::cancel::waits::{self, Kind, Span};
use crate::fixture::Fixture;

waits::claims_of_all!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        as_task(io, |request| {
            io.with_deadline(passed(io, Clock::Monotonic), || {
                request();
                assert_canceled(wait.wait());
                assert_deadline(wait.wait());
                io.rearm();
                assert_canceled(wait.wait());
                assert_deadline(wait.wait());
            });
            assert_works_again(io, wait);
        });
    });
}
