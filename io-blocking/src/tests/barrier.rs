//! The process barrier, in its one use: buckets that change hands.

#![expect(unsafe_code, reason = "queues waiters as backends do")]

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
