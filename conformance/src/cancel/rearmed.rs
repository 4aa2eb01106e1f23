//! A request that was delivered is put back: the next point delivers it again.

use super::trial::{assert_canceled, assert_works_again, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;

waits::claims_of_all!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        io.scope(|scope| {
            let task = scope.spawn(|| {
                // Nothing was delivered: nothing is put back.
                io.rearm();
                assert_works_again(io, wait);
                scope.cancel();
                assert_canceled(wait.wait());
                io.rearm();
                assert_canceled(wait.wait());
                io.rearm();
                io.rearm();
                assert_canceled(wait.wait());
                assert_works_again(io, wait);
            });
            let () = task.join();
        });
    });
}
