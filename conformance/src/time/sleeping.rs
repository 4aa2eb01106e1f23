//! What a sleep promises.

use std::time::Duration;

use io_core::{Clock, Instant};

use crate::fixture::{Fixture, Works};
use crate::system;

/// Generous, for machines that do much else.
const LATENESS_MAX: Duration = Duration::from_secs(5);

pub(crate) fn a_sleep_is_never_shorter(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for micros in [0, 1, 50, 999, 1000, 1500, 20_000] {
        let duration = Duration::from_micros(micros);
        let (result, took) = fixture.time(|| io.sleep(duration));
        result.works();
        assert!(took >= duration, "{took:?} instead of {duration:?}");
    }
}

pub(crate) fn a_sleep_is_not_much_longer(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for millis in [0, 1, 10] {
        let duration = Duration::from_millis(millis);
        let (result, took) = fixture.time(|| io.sleep(duration));
        result.works();
        assert!(took < duration + LATENESS_MAX, "{took:?} for {duration:?}");
    }
}

pub(crate) fn a_sleep_until_the_past_returns(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let past = [
        Instant::from_nanos(Clock::Monotonic, 0),
        Instant::from_nanos(Clock::Real, 1),
        io.now(Clock::Boot),
    ];
    for until in past {
        let (result, took) = fixture.time(|| io.sleep_until(until));
        result.works();
        assert!(took < LATENESS_MAX, "{took:?}");
    }
}

pub(crate) fn every_clock_can_be_slept_on(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for clock in Clock::ALL {
        let until = io.now(clock).saturating_add(Duration::from_millis(4));
        io.sleep_until(until).works();
        assert!(io.now(clock) >= until, "{clock:?}: too early");
    }
}

pub(crate) fn sleeping_uses_no_processor(fixture: &Fixture<'_>) {
    const SLEEP: Duration = Duration::from_millis(200);
    let before = system::cpu_time();
    fixture.io().sleep(SLEEP).works();
    let used = system::cpu_time() - before;
    assert!(used < SLEEP / 4, "{used:?} of processor time in {SLEEP:?}");
}

pub(crate) fn tasks_sleep_at_the_same_time(fixture: &Fixture<'_>) {
    const SLEEP: Duration = Duration::from_millis(150);
    let io = fixture.io();
    let tasks = crate::Need::CONCURRENT_TASKS;
    let ((), took) = fixture.time(|| {
        io.scope(|scope| {
            for _ in 0..tasks {
                scope.spawn_concurrent(|| io.sleep(SLEEP).works()).works();
            }
        });
    });
    let in_turn = SLEEP * u32::try_from(tasks).expect("it is small");
    assert!(took >= SLEEP && took < in_turn, "{took:?}");
}

/// Sleeps of mixed lengths: each ends after its own time, whoever armed first.
pub(crate) fn many_sleeps_end_each_in_its_time(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mut random = fixture.random();
    io.scope(|scope| {
        for index in 0..300 {
            let micros_max = if index % 10 == 0 { 20_000 } else { 2000 };
            let micros = random.below(micros_max) as u64;
            let duration = Duration::from_micros(micros);
            scope.spawn(move || {
                let before = io.now(Clock::Monotonic);
                io.sleep(duration).works();
                let took = io.now(Clock::Monotonic).saturating_duration_since(before);
                assert!(took >= duration, "{took:?} instead of {duration:?}");
            });
        }
    });
}

pub(crate) fn a_short_sleep_is_not_delayed_by_a_long_one(fixture: &Fixture<'_>) {
    let io = fixture.io();
    io.scope(|scope| {
        let long = || drop(io.sleep(Duration::from_secs(3600)));
        let long = scope.spawn_concurrent(long).works();
        let (result, took) = fixture.time(|| io.sleep(Duration::from_millis(5)));
        result.works();
        assert!(took < LATENESS_MAX, "{took:?}");
        long.cancel();
    });
}
