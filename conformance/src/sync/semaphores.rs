//! The semaphore.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::is_canceled;
use io_core::sync::Semaphore;

use crate::fixture::{Fixture, Works, assert_deadline};

const ROUNDS: u32 = 200;

pub(crate) fn permits_bound_how_many_are_inside(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (semaphore, inside) = (Semaphore::new(2), AtomicU32::new(0));
    let enter = |count: u32| {
        for _ in 0..ROUNDS {
            let permit = semaphore.acquire_many(io, count).works();
            let before = inside.fetch_add(count, Ordering::AcqRel);
            assert!(before + count <= 2, "{before} and {count} are inside");
            io.yield_now().works();
            inside.fetch_sub(count, Ordering::AcqRel);
            drop(permit);
        }
    };
    fixture.beside(|| fixture.beside(|| enter(1), || enter(1)), || enter(2));
    assert_eq!(semaphore.available_permits(), 2);
}

pub(crate) fn a_permit_given_back_wakes_who_waits(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let semaphore = Semaphore::new(1);
    let held = semaphore.acquire(io).works();
    let give_back = || {
        fixture.pause();
        drop(held);
    };
    fixture.beside(|| drop(semaphore.acquire(io).works()), give_back);
    assert_eq!(semaphore.available_permits(), 1);
}

pub(crate) fn no_permit_is_lost_to_a_cancel(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let semaphore = Semaphore::new(1);
    for round in 0..ROUNDS {
        let held = semaphore.try_acquire(io).expect("nobody has it");
        io.scope(|scope| {
            let acquire = || semaphore.acquire(io).map(drop);
            let canceled = scope.spawn_concurrent(acquire).works();
            let other = scope.spawn_concurrent(acquire).works();
            for _ in 0..round % 3 {
                io.yield_now().works();
            }
            canceled.request_cancel();
            drop(held);
            if let Err(error) = canceled.join() {
                assert!(is_canceled(&error), "{error:?}");
            }
            other.join().works();
        });
        assert_eq!(semaphore.available_permits(), 1);
    }
}

pub(crate) fn who_gives_up_lets_those_behind_go_on(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let semaphore = Semaphore::new(2);
    let _held = semaphore.acquire(io).works();
    io.scope(|scope| {
        let acquire = |count: u32| semaphore.acquire_many(io, count).map(drop);
        let both = scope.spawn_concurrent(move || acquire(2)).works();
        while semaphore.try_acquire(io).is_some() {
            io.yield_now().works();
        }
        let one = scope.spawn_concurrent(move || acquire(1)).works();
        fixture.pause();
        let error = both.cancel().expect_err("one is held all the time");
        assert!(is_canceled(&error), "{error:?}");
        one.join().works();
    });
    assert_eq!(semaphore.available_permits(), 1);
}

pub(crate) fn a_deadline_ends_the_wait_for_a_permit(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let semaphore = Semaphore::new(1);
    let held = semaphore.acquire(io).works();
    let wait = || semaphore.acquire(io).map(drop);
    assert_deadline(io.with_timeout(Duration::from_millis(2), wait));
    drop(held);
    assert!(semaphore.try_acquire(io).is_some(), "it has left the line");
}
