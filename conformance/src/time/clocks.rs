//! What reading a clock promises.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use io_core::Clock;

use crate::fixture::{Fixture, Works};

pub(crate) fn a_steady_clock_never_steps_back(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for clock in [Clock::Monotonic, Clock::Boot] {
        let mut before = io.now(clock);
        for _ in 0..10_000 {
            let after = io.now(clock);
            assert!(after >= before, "{clock:?}: {before:?}, then {after:?}");
            before = after;
        }
    }
}

pub(crate) fn an_instant_carries_its_clock(fixture: &Fixture<'_>) {
    for clock in Clock::ALL {
        assert_eq!(fixture.io().now(clock).clock(), clock);
    }
}

pub(crate) fn a_clock_goes_on(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for clock in Clock::ALL {
        let before = io.now(clock);
        io.sleep(Duration::from_millis(3)).works();
        let passed = io.now(clock).saturating_duration_since(before);
        // The time of day may be set back meanwhile, by a little at most.
        assert!(passed > Duration::from_millis(1), "{clock:?}: {passed:?}");
        assert!(passed < Duration::from_secs(60), "{clock:?}: {passed:?}");
    }
}

pub(crate) fn all_threads_see_one_clock(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let before = io.now(Clock::Monotonic);
    let (there, ()) = fixture.beside(|| io.now(Clock::Monotonic), || ());
    assert!(there >= before);
    assert!(io.now(Clock::Monotonic) >= there);
}

pub(crate) fn the_time_of_day_is_the_systems(fixture: &Fixture<'_>) {
    let system = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.expect("it is after 1970").as_nanos()
    };
    const SLACK_NANOS: u128 = 10_000_000_000;
    let before = system() - SLACK_NANOS;
    let ours = u128::from(fixture.io().now(Clock::Real).as_nanos());
    let after = system() + SLACK_NANOS;
    assert!((before..=after).contains(&ours), "{ours}");
}
