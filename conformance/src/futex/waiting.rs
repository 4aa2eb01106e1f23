//! What a wait on a word promises.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::{Clock, FutexAddress, FutexWord};

use crate::fixture::{Fixture, Works, assert_deadline};
use crate::system;

pub(crate) fn a_changed_word_ends_the_wait_at_once(fixture: &Fixture<'_>) {
    let word = AtomicU32::new(1);
    for expected in [0, 2, u32::MAX] {
        fixture
            .io()
            .futex_wait(FutexWord::of(&word), expected, None)
            .works();
    }
}

pub(crate) fn a_wake_ends_a_wait(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    let wait = || {
        while word.load(Ordering::Acquire) == 0 {
            io.futex_wait(FutexWord::of(&word), 0, None).works();
        }
    };
    let wake = || {
        fixture.pause();
        word.store(1, Ordering::Release);
        io.futex_wake(FutexAddress::of(&word), 1);
    };
    fixture.beside(wait, wake);
}

/// Waits as often as it takes, since a wait may end early, until it times out.
fn wait_out(fixture: &Fixture<'_>, word: &AtomicU32, timeout: Duration) -> Duration {
    let io = fixture.io();
    let until = io.now(Clock::Monotonic).saturating_add(timeout);
    let (result, took) = fixture.time(|| {
        loop {
            match io.futex_wait(FutexWord::of(word), 0, Some(until)) {
                Ok(()) => {}
                Err(error) => break Err::<(), _>(error),
            }
        }
    });
    assert_deadline(result);
    assert!(io.now(Clock::Monotonic) >= until, "it timed out early");
    took
}

pub(crate) fn a_wait_ends_at_its_deadline_and_not_before(fixture: &Fixture<'_>) {
    let word = AtomicU32::new(0);
    for micros in [1, 100, 999, 5000, 20_000] {
        let took = wait_out(fixture, &word, Duration::from_micros(micros));
        assert!(took < Duration::from_secs(5), "it took {took:?}");
    }
}

pub(crate) fn a_deadline_that_has_passed_ends_the_wait(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    let past = io.now(Clock::Monotonic);
    for _ in 0..10 {
        // A wait may return early, but not for ever.
        if io.futex_wait(FutexWord::of(&word), 0, Some(past)).is_err() {
            return;
        }
    }
    let took = wait_out(fixture, &word, Duration::ZERO);
    assert!(took < Duration::from_secs(5), "it took {took:?}");
}

pub(crate) fn deadlines_of_other_clocks_are_kept(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(0);
    for clock in [Clock::Boot, Clock::Real] {
        let until = io.now(clock).saturating_add(Duration::from_millis(5));
        let result = loop {
            match io.futex_wait(FutexWord::of(&word), 0, Some(until)) {
                Ok(()) => {}
                Err(error) => break Err::<(), _>(error),
            }
        };
        assert_deadline(result);
        assert!(io.now(clock) >= until, "{clock:?}: it timed out early");
    }
}

pub(crate) fn a_changed_word_comes_before_the_deadline(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let word = AtomicU32::new(1);
    let past = io.now(Clock::Monotonic);
    io.futex_wait(FutexWord::of(&word), 0, Some(past)).works();
}

/// A wait that is long burns no processor.
pub(crate) fn waiting_uses_no_processor(fixture: &Fixture<'_>) {
    const WAIT: Duration = Duration::from_millis(200);
    let word = AtomicU32::new(0);
    let before = system::cpu_time();
    wait_out(fixture, &word, WAIT);
    let used = system::cpu_time() - before;
    assert!(used < WAIT / 4, "{used:?} of processor time in {WAIT:?}");
}

pub(crate) fn waiting_tasks_use_no_processor(fixture: &Fixture<'_>) {
    const WAIT: Duration = Duration::from_millis(200);
    let io = fixture.io();
    let word = AtomicU32::new(0);
    io.scope(|scope| {
        let (mut reader, writer) = fixture.pipe();
        let wait = || {
            while word.load(Ordering::Acquire) == 0 {
                io.futex_wait(FutexWord::of(&word), 0, None).works();
            }
        };
        let waits: Vec<_> = (0..4)
            .map(|_| scope.spawn_concurrent(wait).works())
            .collect();
        let read = move || std::io::Read::read(&mut reader, &mut [0; 4]).works();
        let read = scope.spawn_concurrent(read).works();
        fixture.pause();
        let before = system::cpu_time();
        io.sleep(WAIT).works();
        let used = system::cpu_time() - before;
        assert!(used < WAIT / 4, "{used:?} of processor time in {WAIT:?}");
        word.store(1, Ordering::Release);
        io.futex_wake(FutexAddress::of(&word), u32::MAX);
        drop(writer);
        assert_eq!(read.join(), 0);
        waits.into_iter().for_each(|task| task.join());
    });
}
