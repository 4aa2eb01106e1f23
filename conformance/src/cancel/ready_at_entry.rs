//! The request is pending when the task enters a call that would not have to
//! wait. Operations are points all the same, and then they have done nothing; a
//! lock or a queue gives what it has, and the request stays pending.

use super::trial::{
    assert_canceled, assert_no_request, assert_result, assert_works_again, take_request, trial,
};
use super::waits::{self, Kind, Nature, Span};
use crate::fixture::Fixture;

waits::claims_of_all!(check);
waits::claims_of_tasks!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        io.scope(|scope| {
            let task = scope.spawn(|| {
                wait.complete();
                scope.cancel();
                match kind.nature {
                    Nature::Instant | Nature::Operation => {
                        assert_canceled(wait.wait());
                        assert_no_request(io);
                        assert_result(wait.wait());
                    }
                    Nature::Word => {
                        assert_result(wait.wait());
                        take_request(io);
                    }
                }
                assert_works_again(io, wait);
            });
            let () = task.join();
        });
    });
}
