//! The readers-writer lock.

use std::time::Duration;

use io_core::sync::RwLock;
use io_core::{is_canceled, is_deadline};

use crate::fixture::{Fixture, Works, assert_deadline};

const ROUNDS: usize = 200;

pub(crate) fn a_writer_is_alone(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let pair = RwLock::new((0_usize, 0_usize));
    let write = || {
        for _ in 0..ROUNDS {
            let mut pair = pair.write(io).works();
            pair.0 += 1;
            io.yield_now().works();
            pair.1 += 1;
        }
    };
    let read = || {
        for _ in 0..ROUNDS {
            let pair = pair.read(io).works();
            let before = pair.0;
            io.yield_now().works();
            assert_eq!((before, before), *pair, "it was written while it was read");
        }
    };
    fixture.beside(|| fixture.beside(write, read), write);
    assert_eq!(pair.into_inner(), (2 * ROUNDS, 2 * ROUNDS));
}

pub(crate) fn readers_are_in_together(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let lock = RwLock::new(0);
    let held = lock.read(io).works();
    // It gets in, although this one stays in.
    fixture.beside(|| drop(lock.read(io).works()), || ());
    assert!(lock.try_write(io).is_none(), "it is read");
    drop(held);
    assert!(lock.try_write(io).is_some(), "nobody reads it");
}

pub(crate) fn readers_that_keep_coming_let_a_writer_in(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let lock = RwLock::new(false);
    let write = || {
        fixture.pause();
        *lock.write(io).works() = true;
    };
    let read = || {
        // The next guard is taken before the last is dropped, as long as nobody
        // waits: there is always a reader in.
        let mut guard = lock.read(io).works();
        while !*guard {
            let next = lock.try_read(io);
            drop(guard);
            guard = match next {
                Some(next) => next,
                None => lock.read(io).works(),
            };
            io.yield_now().works();
        }
    };
    fixture.beside(|| fixture.beside(read, read), write);
}

pub(crate) fn a_canceled_writer_lets_readers_in(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let lock = RwLock::new(0);
    for _ in 0..50 {
        let held = lock.read(io).works();
        io.scope(|scope| {
            let write = || lock.write(io).map(drop);
            let writer = scope.spawn_concurrent(write).works();
            while lock.try_read(io).is_some() {
                io.yield_now().works();
            }
            let read = || lock.read(io).map(drop);
            let reader = scope.spawn_concurrent(read).works();
            let error = writer.cancel().expect_err("it is read all the time");
            assert!(is_canceled(&error), "{error:?}");
            reader.join().works();
        });
        drop(held);
        assert!(lock.try_write(io).is_some(), "the state is initial");
    }
}

pub(crate) fn a_deadline_ends_the_wait_of_readers_and_writers(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let lock = RwLock::new(0);
    let held = lock.read(io).works();
    let write = || lock.write(io).map(drop);
    assert_deadline(io.with_timeout(Duration::from_millis(2), write));
    drop(lock.try_read(io).expect("no writer waits any more"));
    drop(held);
    let held = lock.write(io).works();
    let read = io.with_timeout(Duration::from_millis(2), || lock.read(io).map(drop));
    assert!(is_deadline(&read.expect_err("it is written")));
    drop(held);
    assert!(lock.try_write(io).is_some(), "the state is initial");
}
