//! A request is pending when a task joins another one: it goes on to that one.

use super::nested::{Via, check_pending};
use super::waits::{self, Kind};
use crate::fixture::Fixture;

waits::claims_of_all!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    check_pending(fixture, kind, Via::Join);
}
