//! The futex that the other models wait on: what the contract promises of one,
//! in its plainest form. The real parking lot has models of its own (`lots.rs`).

use std::collections::VecDeque;

use crate::atomics::{AtomicU32, Mutex, Ordering};
use crate::explore::{Arc, Notify};

/// The waits on one word.
pub(crate) struct Futex {
    queue: Mutex<VecDeque<Arc<Notify>>>,
}

/// A wait that gave up before it was woken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct GaveUp;

impl Futex {
    pub(crate) fn new() -> Futex {
        Futex {
            queue: Mutex::new(VecDeque::new()),
        }
    }

    fn enqueue(&self, word: &AtomicU32, expected: u32, waker: &Arc<Notify>) -> bool {
        let mut queue = self.queue.lock().unwrap();
        let is_expected = word.load(Ordering::Relaxed) == expected;
        if is_expected {
            queue.push_back(Arc::clone(waker));
        }
        is_expected
    }

    /// Returns whether the waiter was still queued.
    fn remove(&self, waker: &Arc<Notify>) -> bool {
        let mut queue = self.queue.lock().unwrap();
        let place = queue.iter().position(|queued| Arc::ptr_eq(queued, waker));
        place.and_then(|index| queue.remove(index)).is_some()
    }

    /// Waits until woken, or until somebody else notifies `waker`. Each thread has
    /// one waker for all of its waits: loom lets each wait end for no reason once.
    pub(crate) fn wait(&self, word: &AtomicU32, expected: u32, waker: &Arc<Notify>) {
        if self.enqueue(word, expected, waker) {
            waker.wait();
            self.remove(waker);
        }
    }

    /// A wait that is canceled at once: it gives up unless a wake was faster.
    pub(crate) fn wait_canceled(
        &self,
        word: &AtomicU32,
        expected: u32,
        waker: &Arc<Notify>,
    ) -> Result<(), GaveUp> {
        let is_queued = self.enqueue(word, expected, waker);
        if is_queued && self.remove(waker) {
            Err(GaveUp)
        } else {
            Ok(())
        }
    }

    pub(crate) fn wake(&self, count: usize) {
        for _ in 0..count {
            let Some(waker) = self.queue.lock().unwrap().pop_front() else {
                return;
            };
            waker.notify();
        }
    }
}
