//! A request comes to a task while a child runs on its stack: it goes on to the
//! child.

use super::nested::{Via, check_during};
use super::waits::{self, Kind};
use crate::fixture::Fixture;

waits::claims_of_waits!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    check_during(fixture, kind, Via::Inline);
}
