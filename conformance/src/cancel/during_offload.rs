//! A request comes to a task that waits for what it offloaded: it goes on to that,
//! and ends sleeps and waits on words. Whether it ends operations there is the
//! executor's affair.

use super::nested::{Via, check_during};
use super::waits::{self, Kind};
use crate::fixture::Fixture;

waits::claims! { check: yield_now YIELD_NOW, sleep SLEEP }
waits::claims_of_words!(check);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    check_during(fixture, kind, Via::Offload);
}
