//! The condition variable.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::sync::{Condvar, Mutex};

use crate::fixture::{Fixture, Works, assert_deadline};

pub(crate) fn a_notification_ends_a_wait(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    let wait = || {
        let mut ready = ready.lock(io).works();
        while !*ready {
            changed.wait(&mut ready).works();
        }
    };
    let notify = || {
        fixture.pause();
        *ready.lock(io).works() = true;
        changed.notify_one(io);
    };
    fixture.beside(wait, notify);
}

pub(crate) fn notify_all_ends_all_waits(fixture: &Fixture<'_>) {
    const WAITERS: u32 = 8;
    let io = fixture.io();
    let (ready, changed) = (Mutex::new(false), Condvar::new());
    let entered = AtomicU32::new(0);
    io.scope(|scope| {
        for _ in 0..WAITERS {
            let wait = || {
                let mut ready = ready.lock(io).works();
                entered.fetch_add(1, Ordering::Relaxed);
                changed.wait_while(&mut ready, |ready| !*ready).works();
            };
            scope.spawn_concurrent(wait).works();
        }
        // However long it takes to start them: one that comes late needs no wake.
        while entered.load(Ordering::Relaxed) < WAITERS {
            fixture.pause();
        }
        fixture.pause();
        *ready.lock(io).works() = true;
        changed.notify_all(io);
    });
}

/// A queue of one place between a producer and a consumer.
pub(crate) fn no_notification_is_lost(fixture: &Fixture<'_>) {
    const ITEMS: u32 = 500;
    let io = fixture.io();
    let (place, changed) = (Mutex::new(None), Condvar::new());
    let produce = || {
        for item in 0..ITEMS {
            let mut place = place.lock(io).works();
            changed
                .wait_while(&mut place, |place| place.is_some())
                .works();
            *place = Some(item);
            changed.notify_one(io);
        }
    };
    let consume = || {
        for item in 0..ITEMS {
            let mut place = place.lock(io).works();
            changed
                .wait_while(&mut place, |place| place.is_none())
                .works();
            assert_eq!(place.take(), Some(item));
            changed.notify_one(io);
        }
    };
    fixture.beside(produce, consume);
}

pub(crate) fn a_wait_gives_the_lock_free_and_takes_it_back(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (value, changed) = (Mutex::new(0), Condvar::new());
    let wait = || {
        let mut guard = value.lock(io).works();
        while *guard == 0 {
            changed.wait(&mut guard).works();
            assert!(value.try_lock(io).is_none(), "the guard holds it");
        }
    };
    let set = || {
        fixture.pause();
        // Nobody could take it here if the wait kept it.
        *value.lock(io).works() = 1;
        changed.notify_all(io);
    };
    fixture.beside(wait, set);
}

pub(crate) fn a_wait_ends_at_its_timeout_with_the_lock(fixture: &Fixture<'_>) {
    const WAIT: Duration = Duration::from_millis(5);
    let io = fixture.io();
    let (value, changed) = (Mutex::new(0), Condvar::new());
    let mut guard = value.lock(io).works();
    let (result, took) = fixture.time(|| {
        loop {
            match changed.wait_timeout(&mut guard, WAIT) {
                // For no reason: wait again.
                Ok(()) => {}
                Err(error) => break Err::<(), _>(error),
            }
        }
    });
    assert_deadline(result);
    assert!(took >= WAIT, "{took:?}");
    *guard = 1;
    assert!(value.try_lock(io).is_none(), "the guard holds it");
}

pub(crate) fn a_notification_without_a_wait_is_forgotten(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (value, changed) = (Mutex::new(0), Condvar::new());
    changed.notify_one(io);
    changed.notify_all(io);
    let mut guard = value.lock(io).works();
    let result = io.with_timeout(Duration::from_millis(2), || {
        loop {
            if let Err(error) = changed.wait(&mut guard) {
                break Err::<(), _>(error);
            }
        }
    });
    assert_deadline(result);
}
