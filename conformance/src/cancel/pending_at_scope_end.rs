//! A request is pending when a task comes to the end of a scope: it goes on to the
//! scope's members.

use super::nested::{Via, check_pending};
use super::waits::{self, Kind};
use crate::fixture::Fixture;

waits::claims_of_all!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    check_pending(fixture, kind, Via::ScopeEnd);
}
