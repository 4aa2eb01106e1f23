//! The deadline passes while the task waits, and nothing else happens.

use io_core::{Clock, Io};

use super::{TIMEOUT, assert_deadline, not_before};
use crate::cancel::trial::{assert_works_again, trial};
use crate::cancel::waits::{self, Kind, Span, Wait};
use crate::fixture::Fixture;

waits::claims_of_waits!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    for clock in Clock::ALL {
        trial(fixture, kind, Span::Long, |wait| run_out(io, wait, clock));
        // As a task of its own.
        trial(fixture, kind, Span::Long, |wait| {
            io.scope(|scope| scope.spawn(|| run_out(io, wait, clock)).join());
        });
    }
}

fn run_out(io: &dyn Io, wait: &dyn Wait, clock: Clock) {
    not_before(io, TIMEOUT, || {
        let deadline = io.now(clock).saturating_add(TIMEOUT);
        io.with_deadline(deadline, || {
            assert_deadline(wait.wait());
            assert_deadline(io.checkpoint());
            assert_deadline(wait.wait());
        });
    });
    assert_works_again(io, wait);
    // A deadline that was not hit does not linger.
    io.with_timeout(TIMEOUT, || ());
    io.sleep(2 * TIMEOUT).expect("nothing bounds it");
}
