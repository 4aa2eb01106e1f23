//! The deadline has passed before the call: no operation is started.

use io_core::Clock;

use super::{assert_deadline, passed};
use crate::cancel::trial::{assert_result, assert_works_again, trial};
use crate::cancel::waits::{self, Kind, Nature, Span};
use crate::fixture::Fixture;

waits::claims_of_all!(check);
waits::claims_of_tasks!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    for clock in Clock::ALL {
        trial(fixture, kind, Span::Long, |wait| {
            io.with_deadline(passed(io, clock), || {
                // A level, not an edge.
                for _ in 0..3 {
                    assert_deadline(wait.wait());
                }
                wait.complete();
                match kind.nature {
                    Nature::Word => {
                        assert_result(wait.wait());
                        wait.complete();
                    }
                    Nature::Instant | Nature::Operation => assert_deadline(wait.wait()),
                }
                assert_deadline(io.checkpoint());
            });
            assert_result(wait.wait());
            assert_works_again(io, wait);
        });
    }
}
