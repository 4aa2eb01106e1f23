//! The words that signal: events, oneshot channels, versions. No signal is missed,
//! and what was written before it can be read after it.

use crate::atomics::AtomicU32;
use crate::explore::{Arc, OF_THREE, OF_TWO, UnsafeCell, orders_with_preemptions, spawn};
use crate::lot::{GaveUp, Lot};
use crate::sync::event_word::EventWord;
use crate::sync::oneshot_word::{Arrival, OneshotWord};
use crate::sync::version_word::{Change, VersionWord};

struct Model<W> {
    word: W,
    lot: Lot,
    value: UnsafeCell<u32>,
}

impl<W> Model<W> {
    fn new(make: impl FnOnce(AtomicU32) -> W) -> Arc<Model<W>> {
        Arc::new(Model {
            word: make(AtomicU32::new(0)),
            lot: Lot::new(),
            value: UnsafeCell::new(0),
        })
    }

    fn write(&self, number: u32) {
        self.value.with_mut(|value| write(value, number));
    }

    fn read(&self) -> u32 {
        self.value.with(read)
    }
}

#[expect(unsafe_code, reason = "loom's cells give out pointers")]
fn write(value: *mut u32, number: u32) {
    // SAFETY: loom fails the model if another thread uses the cell meanwhile.
    unsafe { value.write(number) }
}

#[expect(unsafe_code, reason = "loom's cells give out pointers")]
fn read(value: *const u32) -> u32 {
    // SAFETY: loom fails the model if another thread writes the cell meanwhile.
    unsafe { value.read() }
}

// ---- events -----------------------------------------------------------------

#[test]
fn a_set_ends_every_wait_and_shows_what_was_written() {
    orders_with_preemptions(OF_THREE + 1, || {
        let model = Model::new(EventWord::from_word);
        let waits = [1, 2].map(|user| {
            let model = Arc::clone(&model);
            spawn(move || {
                let answer = model.word.wait(&model.lot.user(user));
                answer.expect("nobody cancels");
                assert_eq!(model.read(), 7);
            })
        });
        model.write(7);
        model.word.set(&model.lot.user(0));
        for wait in waits {
            wait.join().unwrap();
        }
    });
}

#[test]
fn a_wait_that_is_given_up_leaves_the_others_alone() {
    orders_with_preemptions(OF_THREE + 1, || {
        let model = Model::new(EventWord::from_word);
        let waits = [1, 2].map(|user| {
            let model = Arc::clone(&model);
            spawn(move || model.word.wait(&model.lot.user(user)))
        });
        model.lot.cancel(1);
        model.word.set(&model.lot.user(0));
        let [one, other] = waits.map(|wait| wait.join().unwrap());
        other.expect("nobody canceled it");
        assert_eq!(model.lot.is_pending(1), one.is_ok(), "once or kept");
    });
}

#[test]
fn a_reset_after_the_set_holds_nobody_back() {
    orders_with_preemptions(OF_TWO, || {
        let model = Model::new(EventWord::from_word);
        let waiter = Arc::clone(&model);
        let wait = spawn(move || waiter.word.wait(&waiter.lot.user(1)));
        let was_waiting = model.lot.is_waiting(1);
        model.word.set(&model.lot.user(0));
        model.word.reset();
        if !was_waiting {
            // It may come after the reset, and then waits for the next set.
            model.word.set(&model.lot.user(0));
        }
        wait.join().unwrap().expect("nobody cancels");
    });
}

// ---- oneshot channels -------------------------------------------------------

#[test]
fn a_sent_value_arrives() {
    orders_with_preemptions(OF_TWO, || {
        let model = Model::new(OneshotWord::from_word);
        let receiver = Arc::clone(&model);
        let receive = spawn(move || {
            let arrival = receiver.word.wait(&receiver.lot.user(1));
            assert_eq!(arrival, Ok(Arrival::Value));
            receiver.read()
        });
        model.write(7);
        assert!(model.word.send(&model.lot.user(0)));
        assert_eq!(receive.join().unwrap(), 7);
    });
}

#[test]
fn a_sender_that_goes_ends_the_wait() {
    orders_with_preemptions(OF_TWO, || {
        let model = Model::new(OneshotWord::from_word);
        let receiver = Arc::clone(&model);
        let receive = spawn(move || receiver.word.wait(&receiver.lot.user(1)));
        model.word.leave_sender(&model.lot.user(0));
        assert_eq!(receive.join().unwrap(), Ok(Arrival::Nothing));
    });
}

#[test]
fn a_value_is_received_or_comes_back_or_waits() {
    orders_with_preemptions(OF_TWO, || {
        let model = Model::new(OneshotWord::from_word);
        let receiver = Arc::clone(&model);
        let receive = spawn(move || {
            let answer = receiver.word.wait(&receiver.lot.user(1));
            (answer, receiver.word.leave_receiver().is_some())
        });
        model.lot.cancel(1);
        let is_wanted = model.word.send(&model.lot.user(0));
        let (answer, was_there) = receive.join().unwrap();
        if answer == Ok(Arrival::Value) {
            assert!(is_wanted && was_there);
        } else {
            assert_eq!(answer, Err(GaveUp));
            assert_eq!(is_wanted, was_there, "it comes back, or it was there");
        }
    });
}

// ---- versions ---------------------------------------------------------------

#[test]
fn a_change_ends_every_wait_and_shows_what_was_written() {
    orders_with_preemptions(OF_THREE + 1, || {
        let model = Model::new(VersionWord::from_word);
        let seen = model.word.version();
        let waits = [1, 2].map(|user| {
            let model = Arc::clone(&model);
            spawn(move || {
                let change = model.word.wait(&model.lot.user(user), seen);
                assert_eq!(change, Ok(Change::Changed));
                assert_eq!(model.read(), 7);
            })
        });
        model.write(7);
        model.word.advance(&model.lot.user(0));
        for wait in waits {
            wait.join().unwrap();
        }
    });
}

#[test]
fn a_close_ends_every_wait() {
    orders_with_preemptions(OF_THREE + 1, || {
        let model = Model::new(VersionWord::from_word);
        let seen = model.word.version();
        let waits = [1, 2].map(|user| {
            let model = Arc::clone(&model);
            spawn(move || model.word.wait(&model.lot.user(user), seen))
        });
        model.lot.cancel(1);
        model.word.close(&model.lot.user(0));
        let [one, other] = waits.map(|wait| wait.join().unwrap());
        assert_eq!(other, Ok(Change::Closed));
        assert_eq!(model.lot.is_pending(1), one.is_ok(), "once or kept");
    });
}
