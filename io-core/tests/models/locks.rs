//! The words of the locks: exclusion, and no lost wake, also if a waiter gives up.

use std::convert::Infallible;
use std::ops::Deref;

use crate::atomics::AtomicU32;
use crate::condvar_word::CondvarWord;
use crate::explore::{Arc, Notify, UnsafeCell, every_order, orders_with_preemptions, spawn};
use crate::lock_word::LockWord;
use crate::waits::{Futex, GaveUp};

/// A mutex around a count, and a condition.
struct Model {
    lock: LockWord,
    lock_futex: Futex,
    value: UnsafeCell<u32>,
    condition: CondvarWord,
    condition_futex: Futex,
}

/// One thread of a model.
struct Thread {
    model: Arc<Model>,
    waker: Arc<Notify>,
}

impl Deref for Thread {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.model
    }
}

impl Model {
    fn new() -> Arc<Model> {
        Arc::new(Model {
            lock: LockWord::from_word(AtomicU32::new(0)),
            lock_futex: Futex::new(),
            value: UnsafeCell::new(0),
            condition: CondvarWord::from_words(AtomicU32::new(0), AtomicU32::new(0)),
            condition_futex: Futex::new(),
        })
    }

    fn unlock(&self) {
        if self.lock.release() {
            self.lock_futex.wake(1);
        }
    }

    fn value(&self) -> u32 {
        self.value.with(read)
    }

    fn set(&self, count: u32) {
        self.value.with_mut(|value| write(value, count));
    }

    fn notify_one(&self) {
        if self.condition.notify() {
            self.condition_futex.wake(1);
        }
    }
}

impl Thread {
    fn of(model: &Arc<Model>) -> Thread {
        Thread {
            model: Arc::clone(model),
            waker: Arc::new(Notify::new()),
        }
    }

    fn lock(&self) {
        if !self.lock.try_take() {
            let wait = |expected| {
                let word = self.lock.word();
                self.lock_futex.wait(word, expected, &self.waker);
                Ok::<(), Infallible>(())
            };
            let Ok(()) = self.lock.take(wait);
        }
    }

    fn lock_canceled(&self) -> Result<(), GaveUp> {
        if self.lock.try_take() {
            return Ok(());
        }
        let word = self.lock.word();
        self.lock
            .take(|expected| self.lock_futex.wait_canceled(word, expected, &self.waker))
    }

    fn add_one(&self) {
        self.lock();
        self.set(self.value() + 1);
        self.unlock();
    }

    /// Takes one of the count, waiting for it.
    fn take_one(&self) {
        let wait = |expected| {
            let word = self.condition.word();
            self.condition_futex.wait(word, expected, &self.waker);
            Ok(())
        };
        assert_eq!(self.take_one_by(wait), Ok(()));
    }

    /// Takes one of the count, unless it gives up waiting for it.
    fn take_one_canceled(&self) -> Result<(), GaveUp> {
        let word = self.condition.word();
        self.take_one_by(|expected| {
            self.condition_futex
                .wait_canceled(word, expected, &self.waker)
        })
    }

    fn take_one_by(&self, wait: impl Fn(u32) -> Result<(), GaveUp>) -> Result<(), GaveUp> {
        self.lock();
        let mut result = Ok(());
        while self.value() == 0 && result.is_ok() {
            let expected = self.condition.begin_wait();
            self.unlock();
            result = wait(expected);
            self.lock();
            self.condition.end_wait();
        }
        if result.is_ok() {
            self.set(self.value() - 1);
        }
        self.unlock();
        result
    }
}

#[expect(unsafe_code, reason = "loom's cells give out pointers")]
fn read(value: *const u32) -> u32 {
    // SAFETY: loom fails the model if another thread writes the cell meanwhile.
    unsafe { value.read() }
}

#[expect(unsafe_code, reason = "loom's cells give out pointers")]
fn write(value: *mut u32, count: u32) {
    // SAFETY: loom fails the model if another thread uses the cell meanwhile.
    unsafe { value.write(count) }
}

#[test]
fn a_mutex_excludes_and_wakes_whoever_waits() {
    orders_with_preemptions(2, || {
        let model = Model::new();
        let own = Thread::of(&model);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let other = Thread::of(&model);
                spawn(move || other.add_one())
            })
            .collect();
        own.add_one();
        for other in others {
            other.join().unwrap();
        }
        own.lock();
        assert_eq!(own.value(), 3);
        own.unlock();
    });
}

#[test]
fn a_wait_for_a_mutex_that_gives_up_takes_no_wake_away() {
    orders_with_preemptions(2, || {
        let model = Model::new();
        let own = Thread::of(&model);
        let canceled = Thread::of(&model);
        let canceled = spawn(move || {
            if canceled.lock_canceled().is_ok() {
                canceled.unlock();
            }
        });
        let other = Thread::of(&model);
        let other = spawn(move || other.add_one());
        own.add_one();
        canceled.join().unwrap();
        other.join().unwrap();
        own.add_one();
        assert_eq!(own.value(), 3);
    });
}

#[test]
fn a_notification_is_not_missed() {
    every_order(|| {
        let model = Model::new();
        let own = Thread::of(&model);
        let waiter = Thread::of(&model);
        let waiter = spawn(move || waiter.take_one());
        own.add_one();
        own.notify_one();
        waiter.join().unwrap();
    });
}

#[test]
fn a_condition_wait_that_gives_up_takes_no_notification_away() {
    orders_with_preemptions(2, || {
        let model = Model::new();
        let own = Thread::of(&model);
        let canceled = Thread::of(&model);
        let canceled = spawn(move || {
            if canceled.take_one_canceled().is_ok() {
                canceled.add_one();
                canceled.notify_one();
            }
        });
        let waiter = Thread::of(&model);
        let waiter = spawn(move || waiter.take_one());
        own.add_one();
        own.notify_one();
        canceled.join().unwrap();
        waiter.join().unwrap();
    });
}
