//! The deadline was set inside `protect`: it bounds clean-up. A request waits.

use super::{TIMEOUT, assert_deadline, not_before};
use crate::cancel::nested::{Via, run_nested};
use crate::cancel::trial::{as_task, assert_result, assert_works_again, take_request, trial};
use crate::cancel::waits::{self, Kind, Span};
use crate::fixture::Fixture;

waits::claims_of_waits!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        as_task(io, |request| {
            request();
            io.protect(|| {
                not_before(io, TIMEOUT, || {
                    io.with_timeout(TIMEOUT, || {
                        assert_deadline(wait.wait());
                        run_nested(io, Via::Join, || assert_deadline(io.checkpoint()));
                    });
                });
                assert_result(io.checkpoint());
            });
            take_request(io);
            assert_works_again(io, wait);
        });
    });
}
