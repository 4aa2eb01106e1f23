//! The request comes after the call has returned its result: it is pending, and
//! the next point delivers it.

use super::trial::{assert_canceled, assert_result, assert_works_again, take_request, trial};
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
                wait.complete();
                assert_result(wait.wait());
                scope.cancel();
                take_request(io);
                assert_works_again(io, wait);
                scope.cancel();
                assert_canceled(wait.wait());
                assert_works_again(io, wait);
            });
            let () = task.join();
        });
    });
}
