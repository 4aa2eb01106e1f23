//! What reading a clock promises.

use io_core::Clock;

use crate::fixture::Fixture;

pub(crate) fn the_monotonic_clock_never_steps_back(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for clock in [Clock::Monotonic, Clock::Boot] {
        let mut before = io.now(clock);
        assert_eq!(before.clock(), clock);
        for _ in 0..10_000 {
            let after = io.now(clock);
            assert!(after >= before, "{clock:?}: {before:?}, then {after:?}");
            before = after;
        }
    }
}
