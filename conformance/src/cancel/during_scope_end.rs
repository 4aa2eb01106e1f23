//! A request comes to a task at the end of a scope: it goes on to its members.

use super::nested::{Via, check_during};
use super::waits::{self, Kind};
use crate::fixture::Fixture;

waits::claims_of_waits!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    check_during(fixture, kind, Via::ScopeEnd);
}
