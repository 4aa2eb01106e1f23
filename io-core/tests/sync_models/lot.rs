//! [`Lot`]: waits and wakes for the models, by address, as executors have them,
//! and requests that end a wait: each is delivered once, at the next wait or the
//! one under way, if that has not consumed a wake.

use std::collections::VecDeque;

use crate::atomics::{AtomicU32, Mutex, MutexGuard, Ordering};
use crate::explore::{Arc, Notify};
use crate::futex::FutexAddress;
use crate::sync::park::Park;

/// How many users a model has at most.
const USERS_MAX: usize = 4;

/// All waiters of a model.
pub(crate) struct Lot {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiters: VecDeque<Waiting>,
    users: [Requests; USERS_MAX],
}

#[derive(Clone, Copy, Default)]
struct Requests {
    is_pending: bool,
    is_interrupted: bool,
}

struct Waiting {
    address: FutexAddress,
    user: usize,
    notify: Arc<Notify>,
}

/// A wait was given up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GaveUp;

impl State {
    fn take(&mut self, is_it: impl Fn(&Waiting) -> bool) -> Option<Waiting> {
        let place = self.waiters.iter().position(is_it)?;
        self.waiters.remove(place)
    }
}

impl Lot {
    pub(crate) fn new() -> Lot {
        Lot {
            state: Mutex::new(State::default()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic ends the model")
    }

    /// The lot, as a user of this number waits in it.
    pub(crate) fn user(&self, number: usize) -> User<'_> {
        User { lot: self, number }
    }

    /// Leaves a request with a user: it ends the wait that it is in, or the next.
    pub(crate) fn cancel(&self, number: usize) {
        let mut state = self.state();
        let waits = |waiting: &Waiting| waiting.user == number;
        match state.take(waits) {
            Some(waiting) => {
                state.users[number].is_interrupted = true;
                drop(state);
                waiting.notify.notify();
            }
            None => state.users[number].is_pending = true,
        }
    }

    /// Whether a user waits now.
    pub(crate) fn is_waiting(&self, number: usize) -> bool {
        let state = self.state();
        state.waiters.iter().any(|waiting| waiting.user == number)
    }

    /// Whether a request is left with a user that was not delivered.
    pub(crate) fn is_pending(&self, number: usize) -> bool {
        self.state().users[number].is_pending
    }
}

/// One thread of a model.
#[derive(Clone, Copy)]
pub(crate) struct User<'a> {
    lot: &'a Lot,
    number: usize,
}

impl Park for User<'_> {
    type Error = GaveUp;

    fn wait(&self, word: &AtomicU32, expected: u32) -> Result<(), GaveUp> {
        let notify = Arc::new(Notify::new());
        let mut state = self.lot.state();
        if word.load(Ordering::Acquire) != expected {
            return Ok(());
        }
        if std::mem::take(&mut state.users[self.number].is_pending) {
            return Err(GaveUp);
        }
        state.waiters.push_back(Waiting {
            address: FutexAddress::of(word),
            user: self.number,
            notify: Arc::clone(&notify),
        });
        let is_own = |waiting: &Waiting| waiting.user == self.number;
        while state.waiters.iter().any(is_own) {
            drop(state);
            // May return early: loom's notify does.
            notify.wait();
            state = self.lot.state();
        }
        if std::mem::take(&mut state.users[self.number].is_interrupted) {
            return Err(GaveUp);
        }
        Ok(())
    }

    fn wake(&self, address: FutexAddress, count: u32) {
        for _ in 0..count {
            let mut state = self.lot.state();
            let is_there = |waiting: &Waiting| waiting.address == address;
            let Some(waiting) = state.take(is_there) else {
                return;
            };
            drop(state);
            waiting.notify.notify();
        }
    }

    fn put_back(&self, _error: GaveUp) {
        self.lot.state().users[self.number].is_pending = true;
    }
}
