//! The parking lot, one thread at a time. What threads do to it at once is a
//! matter of the loom models (`tests/models.rs`).

#![expect(unsafe_code, reason = "queues waiters as backends do")]

use std::sync::atomic::AtomicU32;

use crate::biased::BiasedMutex;
use crate::futex::{FutexAddress, FutexWord};
use crate::parking::{ParkingLot, Waiter};

fn wake_all(lot: &ParkingLot<u32>, word: &AtomicU32, count: u32) -> Vec<u32> {
    let mut order = Vec::new();
    lot.wake(
        FutexAddress::of(word),
        count,
        |waker| waker,
        |waker| order.push(waker),
    );
    order
}

#[test]
fn a_bucket_is_one_line_of_the_cache() {
    // Two pointers and a count, as a queue.
    assert!(size_of::<BiasedMutex<[usize; 3]>>() <= 64);
}

#[test]
fn a_wait_on_a_changed_word_is_not_queued() {
    let (lot, word) = (ParkingLot::<u32>::new(), AtomicU32::new(1));
    let waiter = Waiter::new(FutexWord::of(&word), 7);
    // SAFETY: the waiter outlives the lot's interest in it.
    assert!(!unsafe { lot.enqueue(&raw const waiter, FutexWord::of(&word), 0) });
    assert!(lot.is_empty());
}

#[test]
fn a_wake_takes_the_oldest_first_and_only_its_own_word() {
    let (lot, word, other) = (
        ParkingLot::<u32>::new(),
        AtomicU32::new(0),
        AtomicU32::new(0),
    );
    let waiters: Vec<_> = (0..100)
        .map(|number| Waiter::new(FutexWord::of(&word), number))
        .collect();
    let stranger = Waiter::new(FutexWord::of(&other), 1000);
    for waiter in &waiters {
        // SAFETY: taken off below, before the vector goes.
        assert!(unsafe { lot.enqueue(waiter, FutexWord::of(&word), 0) });
    }
    // SAFETY: as above.
    assert!(unsafe { lot.enqueue(&raw const stranger, FutexWord::of(&other), 0) });
    assert_eq!(wake_all(&lot, &word, 3), [0, 1, 2]);
    assert_eq!(
        wake_all(&lot, &word, u32::MAX),
        (3..100).collect::<Vec<_>>()
    );
    assert_eq!(wake_all(&lot, &word, 1), []);
    assert_eq!(wake_all(&lot, &other, 1), [1000]);
    assert!(lot.is_empty());
}

#[test]
fn a_wake_takes_no_wait_that_began_after_it() {
    let (lot, word) = (ParkingLot::<usize>::new(), AtomicU32::new(0));
    let waiters: Vec<_> = (0..200)
        .map(|index| Waiter::new(FutexWord::of(&word), index))
        .collect();
    let enqueue = |index: usize| {
        // SAFETY: taken off below, before the vector goes.
        assert!(unsafe { lot.enqueue(&raw const waiters[index], FutexWord::of(&word), 0) });
    };
    (0..40).for_each(enqueue);
    // Who is woken waits again, and another with it.
    let mut woken = Vec::new();
    let wake = |index: usize| {
        woken.push(index);
        enqueue(index);
        enqueue(index + 100);
    };
    let count = lot.wake(FutexAddress::of(&word), u32::MAX, |waker| waker, wake);
    assert_eq!(count, 40);
    assert_eq!(woken, (0..40).collect::<Vec<_>>());
    assert_eq!(lot.len(), 80);
    lot.wake(FutexAddress::of(&word), u32::MAX, drop, drop);
    assert!(lot.is_empty());
}

#[test]
fn exactly_one_of_wake_and_remove_takes_a_waiter() {
    let (lot, word) = (ParkingLot::<u32>::new(), AtomicU32::new(0));
    let waiters: Vec<_> = (0..3)
        .map(|number| Waiter::new(FutexWord::of(&word), number))
        .collect();
    for waiter in &waiters {
        // SAFETY: taken off below, before the vector goes.
        assert!(unsafe { lot.enqueue(waiter, FutexWord::of(&word), 0) });
    }
    // SAFETY: the waiter is valid.
    assert!(unsafe { lot.remove(&raw const waiters[1]) });
    // SAFETY: the waiter is valid.
    assert!(!unsafe { lot.remove(&raw const waiters[1]) });
    assert_eq!(wake_all(&lot, &word, 1), [0]);
    // SAFETY: the waiter is valid.
    assert!(!unsafe { lot.remove(&raw const waiters[0]) });
    assert_eq!(wake_all(&lot, &word, 5), [2]);
}
