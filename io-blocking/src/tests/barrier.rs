//! The process barrier, in its one use: buckets that change hands.

#![expect(unsafe_code, reason = "queues waiters as backends do")]

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use io_core::parking::{Bias, ParkingLot, Waiter};
use io_core::{FutexAddress, FutexWord};

use crate::system;

const LOTS: usize = 4;
/// Rounds of the thread that queues, in each.
const ROUNDS: usize = 500_000;

/// One thread queues a waiter and takes it off, the other wakes it now and then: each
/// waiter is taken by one of them.
#[test]
fn each_waiter_is_taken_once_while_its_bucket_changes_hands() {
    let barrier = system::process_barrier().expect("this kernel has membarrier(2)");
    // In each it is the first that has the bias, as often as it locks.
    for _ in 0..LOTS {
        let lot = ParkingLot::<u32>::biased(Bias::after(0, barrier));
        let word = AtomicU32::new(0);
        let (removed, is_over) = (AtomicUsize::new(0), AtomicU32::new(0));
        let woken = thread::scope(|threads| {
            threads.spawn(|| {
                for _ in 0..ROUNDS {
                    let waiter = Waiter::new(FutexWord::of(&word), 0);
                    // SAFETY: it is taken off before this round ends.
                    let is_queued =
                        unsafe { lot.enqueue(&raw const waiter, FutexWord::of(&word), 0) };
                    assert!(is_queued, "nobody changes the word");
                    // SAFETY: the waiter is valid.
                    let is_removed = unsafe { lot.remove(&raw const waiter) };
                    removed.fetch_add(usize::from(is_removed), Ordering::Relaxed);
                }
                is_over.store(1, Ordering::Release);
            });
            let mut woken = 0;
            while is_over.load(Ordering::Acquire) == 0 {
                let address = FutexAddress::of(&word);
                woken += lot.wake(address, 1, |waker| waker, |_| ()) as usize;
            }
            woken
        });
        assert_eq!(removed.into_inner() + woken, ROUNDS);
        assert!(lot.is_empty());
    }
}

/// A lot whose bucket of `word` belongs to this thread, with a waiter in it.
fn with_own_bucket(body: impl FnOnce(&ParkingLot<u32>, &AtomicU32)) {
    let barrier = system::process_barrier().expect("this kernel has membarrier(2)");
    let (lot, word) = (
        ParkingLot::biased(Bias::after(1, barrier)),
        AtomicU32::new(0),
    );
    lot.wake(FutexAddress::of(&word), 1, |waker| waker, |_| ());
    let waiter = Waiter::new(FutexWord::of(&word), 0);
    // SAFETY: it is taken off below.
    assert!(unsafe { lot.enqueue(&raw const waiter, FutexWord::of(&word), 0) });
    let body = AssertUnwindSafe(|| body(&lot, &word));
    let result = panic::catch_unwind(body);
    // SAFETY: the waiter is valid.
    unsafe { lot.remove(&raw const waiter) };
    if let Err(payload) = result {
        panic::resume_unwind(payload);
    }
}

#[test]
#[should_panic(expected = "locked by who is in it")]
fn who_is_in_a_bucket_can_not_wake_there() {
    with_own_bucket(|lot, word| {
        let address = FutexAddress::of(word);
        let again = |_| lot.wake(address, 1, |waker| waker, |_| ());
        lot.wake(address, 1, again, |_| ());
    });
}

#[test]
#[should_panic(expected = "locked by who is in it")]
fn who_is_in_a_bucket_can_not_count() {
    with_own_bucket(|lot, word| {
        lot.wake(FutexAddress::of(word), 1, |_| lot.len(), |_| ());
    });
}

#[test]
fn who_counts_leaves_the_bucket_to_its_thread() {
    with_own_bucket(|lot, word| {
        for _ in 0..100 {
            assert_eq!(
                thread::scope(|threads| threads.spawn(|| lot.len()).join()).unwrap(),
                1
            );
            assert_eq!(lot.len(), 1);
            lot.wake(FutexAddress::of(word), 0, |waker| waker, |_| ());
        }
        assert_eq!(
            lot.wake(FutexAddress::of(word), 1, |waker| waker, |_| ()),
            1
        );
    });
}
