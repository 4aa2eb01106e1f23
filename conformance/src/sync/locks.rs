//! The mutex.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use io_core::sync::Mutex;

use crate::fixture::{Fixture, Works, assert_deadline};

pub(crate) fn a_lock_is_exclusive(fixture: &Fixture<'_>) {
    const ROUNDS: usize = 200;
    let io = fixture.io();
    let is_inside = AtomicBool::new(false);
    let count = Mutex::new(0_usize);
    let enter = || {
        for _ in 0..ROUNDS {
            let mut count = count.lock(io).works();
            assert!(!is_inside.swap(true, Ordering::AcqRel), "two are inside");
            io.yield_now().works();
            *count += 1;
            is_inside.store(false, Ordering::Release);
        }
    };
    fixture.beside(enter, enter);
    assert_eq!(count.into_inner(), 2 * ROUNDS);
}

pub(crate) fn tasks_take_turns_under_a_lock(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let numbers = Mutex::new(Vec::new());
    io.scope(|scope| {
        for index in 0..50 {
            let numbers = &numbers;
            scope.spawn(move || {
                for _ in 0..4 {
                    let mut numbers = numbers.lock(io).works();
                    numbers.push(index);
                }
                io.yield_now().works();
                numbers.lock_uncancelable(io).push(index);
            });
        }
    });
    let mut numbers = numbers.into_inner();
    numbers.sort_unstable();
    let expected: Vec<_> = (0..50).flat_map(|index| [index; 5]).collect();
    assert_eq!(numbers, expected);
}

pub(crate) fn try_lock_never_waits(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mutex = Mutex::new(1);
    let guard = mutex.try_lock(io).expect("it is free");
    assert!(mutex.try_lock(io).is_none(), "it is held");
    drop(guard);
    *mutex.try_lock(io).expect("it is free again") = 2;
    assert_eq!(mutex.into_inner(), 2);
}

pub(crate) fn a_lock_may_be_held_across_waits(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let file = Mutex::new(fixture.create("file"));
    let write = |letter: u8| {
        let file = file.lock(io).works();
        for _ in 0..10 {
            let end = file.metadata().works().len();
            file.write_all_at(&[letter], end).works();
            io.sleep(Duration::from_micros(100)).works();
        }
    };
    fixture.beside(|| write(b'a'), || write(b'b'));
    let content = fixture.content(fixture.path("file"));
    let expected = [content[0], content[10]]
        .map(|letter| [letter; 10])
        .concat();
    assert_eq!(content, expected, "one after the other");
}

pub(crate) fn a_release_wakes_who_waits(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mutex = Mutex::new(0);
    let guard = mutex.lock(io).works();
    let wait = || *mutex.lock(io).works() += 1;
    let release = move || {
        fixture.pause();
        drop(guard);
    };
    fixture.beside(wait, release);
    assert_eq!(mutex.into_inner(), 1);
}

pub(crate) fn a_panic_leaves_the_lock_usable(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mutex = Mutex::new(0);
    io.scope(|scope| {
        let task = scope.spawn(|| -> () {
            let mut guard = mutex.lock(io).works();
            *guard = 1;
            std::panic::resume_unwind(Box::new("with the lock held"));
        });
        assert!(task.try_join().is_err());
        assert_eq!(*mutex.lock(io).works(), 1);
    });
}

pub(crate) fn a_deadline_ends_the_wait_for_a_lock(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mutex = Mutex::new(0);
    let held = mutex.lock(io).works();
    let wait = || {
        let lock = io.with_timeout(Duration::from_millis(3), || mutex.lock(io).map(drop));
        assert_deadline(lock);
    };
    fixture.beside(wait, || ());
    drop(held);
    *mutex.lock(io).works() = 1;
}
