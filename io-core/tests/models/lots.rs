//! The parking lot itself: exactly one of wake and remove takes a waiter, and a
//! wait either sees the store before a wake or is found by it.

#![expect(unsafe_code, reason = "queues waiters as backends do")]

use crate::atomics::{AtomicU32, Ordering};
use crate::biases::barrier;
use crate::explore::{Arc, AtomicUsize, Notify, orders_with_preemptions, spawn};
use crate::futex::{FutexAddress, FutexWord};
use crate::parking::{Bias, ParkingLot, Waiter};

/// A lot, a word, and two who may wait for it; a waker is the index of one.
struct Model {
    lot: ParkingLot<usize>,
    word: AtomicU32,
    waits: [Notify; 2],
    /// Wakes that were given out.
    given: AtomicUsize,
}

/// How a wait ended that gives up at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Changed,
    Woken,
    GaveUp,
}

impl Model {
    fn new() -> Arc<Model> {
        Model::with(ParkingLot::new())
    }

    /// As [`Model::new`], its bucket biased to who uses it first.
    fn biased() -> Arc<Model> {
        Model::with(ParkingLot::biased(Bias::after(0, barrier())))
    }

    fn with(lot: ParkingLot<usize>) -> Arc<Model> {
        Arc::new(Model {
            lot,
            word: AtomicU32::new(0),
            waits: [Notify::new(), Notify::new()],
            given: AtomicUsize::new(0),
        })
    }

    fn wake(&self, count: u32) -> u32 {
        let address = FutexAddress::of(&self.word);
        let notify = |index: usize| {
            self.given.fetch_add(1, Ordering::Relaxed);
            self.waits[index].notify();
        };
        self.lot.wake(address, count, |index| index, notify)
    }

    /// Waits for the word to become other than 0.
    fn wait(&self, index: usize) {
        while self.word.load(Ordering::Relaxed) == 0 {
            let waiter = Waiter::new(FutexWord::of(&self.word), index);
            // SAFETY: it is taken off before this turn ends.
            if unsafe {
                self.lot
                    .enqueue(&raw const waiter, FutexWord::of(&self.word), 0)
            } {
                self.waits[index].wait();
                // SAFETY: the waiter is valid.
                unsafe { self.lot.remove(&raw const waiter) };
            }
        }
    }

    fn wait_canceled(&self, index: usize) -> End {
        let waiter = Waiter::new(FutexWord::of(&self.word), index);
        // SAFETY: it is taken off before this returns.
        if !unsafe {
            self.lot
                .enqueue(&raw const waiter, FutexWord::of(&self.word), 0)
        } {
            return End::Changed;
        }
        // SAFETY: the waiter is valid.
        if unsafe { self.lot.remove(&raw const waiter) } {
            End::GaveUp
        } else {
            End::Woken
        }
    }
}

fn wait_or_wake(new: fn() -> Arc<Model>) {
    orders_with_preemptions(2, move || {
        let model = new();
        let others: Vec<_> = (0..2)
            .map(|index| {
                let model = Arc::clone(&model);
                spawn(move || model.wait(index))
            })
            .collect();
        model.word.store(1, Ordering::Relaxed);
        model.wake(u32::MAX);
        for other in others {
            other.join().unwrap();
        }
        assert!(model.lot.is_empty());
    });
}

#[test]
fn a_wait_sees_the_store_or_is_found_by_the_wake() {
    wait_or_wake(Model::new);
}

#[test]
fn a_wait_sees_the_store_or_is_found_by_the_wake_with_a_bias() {
    wait_or_wake(Model::biased);
}

fn wake_or_remove(new: fn() -> Arc<Model>) {
    orders_with_preemptions(2, move || {
        let model = new();
        let other = Arc::clone(&model);
        let other = spawn(move || other.wait_canceled(0));
        let taken = model.wake(1);
        let end = other.join().unwrap();
        assert_eq!(end == End::Woken, taken == 1, "{end:?}");
        assert_eq!(model.given.load(Ordering::Relaxed), taken as usize);
        assert!(model.lot.is_empty());
    });
}

#[test]
fn exactly_one_of_wake_and_remove_takes_a_waiter() {
    wake_or_remove(Model::new);
}

#[test]
fn exactly_one_of_wake_and_remove_takes_a_waiter_with_a_bias() {
    wake_or_remove(Model::biased);
}

fn give_up(new: fn() -> Arc<Model>) {
    orders_with_preemptions(2, move || {
        let model = new();
        let canceled = Arc::clone(&model);
        let canceled = spawn(move || {
            // As a lock does: who consumed a wake sees to it that others go on.
            if canceled.wait_canceled(0) == End::Woken {
                canceled.wake(1);
            }
        });
        let other = Arc::clone(&model);
        let other = spawn(move || other.wait(1));
        model.word.store(1, Ordering::Relaxed);
        model.wake(1);
        canceled.join().unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_wait_that_gives_up_leaves_the_wake_to_others() {
    give_up(Model::new);
}

#[test]
fn a_wait_that_gives_up_leaves_the_wake_to_others_with_a_bias() {
    give_up(Model::biased);
}
