//! Faults in waits, clocks and randomness.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use io_core::{Clock, FutexAddress, FutexWord, Instant};

use crate::broken::broken;
use crate::broken::faulty::Faulty;

broken! {
    "a wait does not look at the word" breaks X1,
        hangs "futex::waiting::a_changed_word_ends_the_wait_at_once": { futex_wait: wait_anyway }
    "every fifth wake is lost" breaks X2,
        hangs "futex::waking::no_wake_is_lost_in_many_rounds": { futex_wake: lose_some }
    "a wake of all wakes one" breaks X2,
        hangs "futex::waking::a_wake_of_all_ends_all_waits": { futex_wake: wake_one }
    "who frees a lock wakes nobody" breaks S3,
        hangs "sync::locks::a_release_wakes_who_waits": { futex_wake: wake_nobody }
    "a notification of all reaches one" breaks S6,
        hangs "sync::conditions::notify_all_ends_all_waits": { futex_wake: wake_one }
    "a permit given back wakes nobody" breaks S9,
        hangs "sync::semaphores::a_permit_given_back_wakes_who_waits": { futex_wake: wake_nobody }
    "the close of a queue is missed" breaks S14,
        hangs "sync::queues::a_close_ends_the_waits": { futex_wake: wake_nobody }
    "an event that is set wakes one" breaks S16,
        hangs "sync::signals::a_set_ends_all_waits": { futex_wake: wake_one }
    "the last at a barrier wakes nobody" breaks S17,
        hangs "sync::signals::nobody_passes_a_barrier_alone": { futex_wake: wake_nobody }
    "a value that was sent wakes nobody" breaks S18,
        hangs "sync::signals::a_sent_value_arrives": { futex_wake: wake_nobody }
    "a wait times out at once" breaks X4,
        fails "futex::waiting::a_wait_ends_at_its_deadline_and_not_before": { futex_wait: give_up }
    "the clock steps back" breaks M1,
        fails "time::clocks::a_steady_clock_never_steps_back": { now: step_back }
    "the time of day is that since the start" breaks M2,
        fails "time::clocks::the_time_of_day_is_the_systems": { now: no_day }
    "a sleep is half as long" breaks M3,
        fails "time::sleeping::a_sleep_is_never_shorter": { sleep_until: half }
    "a sleep is late by seconds" breaks M4,
        fails "time::sleeping::a_sleep_is_not_much_longer": { sleep_until: late }
    "random bytes are always the same" breaks R1,
        fails "time::random::no_two_answers_are_alike": { random: constant }
    "only the first 256 bytes are random" breaks R1,
        fails "time::random::the_whole_buffer_is_filled": { random: beginning }
}

fn wait_anyway(
    faulty: &Faulty<'_>,
    word: FutexWord<'_>,
    _expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    let now = word.load(Ordering::Acquire);
    faulty.below.futex_wait(word, now, deadline)
}

fn lose_some(faulty: &Faulty<'_>, address: FutexAddress, count: u32) {
    if !faulty.is_every(5) {
        faulty.below.futex_wake(address, count);
    }
}

fn wake_one(faulty: &Faulty<'_>, address: FutexAddress, count: u32) {
    faulty.below.futex_wake(address, count.min(1));
}

fn wake_nobody(_faulty: &Faulty<'_>, _address: FutexAddress, _count: u32) {}

fn give_up(
    faulty: &Faulty<'_>,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    match deadline {
        Some(_) => Err(io_core::deadline_passed()),
        None => faulty.below.futex_wait(word, expected, None),
    }
}

fn step_back(faulty: &Faulty<'_>, clock: Clock) -> Instant {
    let now = faulty.below.now(clock);
    let back = if faulty.is_every(100) { 1_000_000 } else { 0 };
    Instant::from_nanos(clock, now.as_nanos().saturating_sub(back))
}

fn no_day(faulty: &Faulty<'_>, clock: Clock) -> Instant {
    let since_start = faulty.below.now(Clock::Monotonic).as_nanos();
    Instant::from_nanos(clock, since_start)
}

fn half(faulty: &Faulty<'_>, deadline: Instant) -> io::Result<()> {
    let now = faulty.below.now(deadline.clock());
    let rest = deadline.saturating_duration_since(now);
    faulty.below.sleep_until(now.saturating_add(rest / 2))
}

fn late(faulty: &Faulty<'_>, deadline: Instant) -> io::Result<()> {
    faulty
        .below
        .sleep_until(deadline.saturating_add(Duration::from_secs(6)))
}

fn constant(_faulty: &Faulty<'_>, buffer: &mut [u8]) {
    buffer.fill(4);
}

fn beginning(faulty: &Faulty<'_>, buffer: &mut [u8]) {
    let bytes = buffer.len().min(256);
    faulty.below.random(&mut buffer[..bytes]);
}
