//! A request comes to a task that joins another one: it goes on to that one.

use super::nested::{Via, check_during};
use super::waits::{self, Kind};
use crate::fixture::Fixture;

waits::claims_of_waits!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    check_during(fixture, kind, Via::Join);
}
