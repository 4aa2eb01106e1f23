//! The request comes before the task has begun: it runs all the same and sees
//! the request at its first point.

use super::trial::{assert_canceled, assert_works_again, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;

waits::claims_of_all!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        io.scope(|scope| {
            scope.cancel();
            let task = scope.spawn(|| {
                assert_canceled(wait.wait());
                assert_works_again(io, wait);
                "it ran"
            });
            assert_eq!(task.join(), "it ran");
        });
    });
}
