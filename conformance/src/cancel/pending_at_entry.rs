//! The request is pending when the task enters a call that has to wait.

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
            let task = scope.spawn(|| {
                // The second one finds the first undelivered: they are one.
                scope.cancel();
                scope.cancel();
                assert_canceled(wait.wait());
                assert_works_again(io, wait);
                scope.cancel();
                assert_canceled(wait.wait());
                assert_works_again(io, wait);
            });
            let () = task.join();
        });
    });
}
