//! What a sleep promises.

use std::time::Duration;

use crate::fixture::Fixture;

pub(crate) fn sleep_is_never_shorter(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for micros in [1, 50, 999, 1000, 1500, 20_000] {
        let duration = Duration::from_micros(micros);
        let (result, took) = fixture.time(|| io.sleep(duration));
        result.expect("nobody cancels");
        assert!(took >= duration, "{took:?} instead of {duration:?}");
    }
}
