//! The futex chapter: all waits in one parking lot, each thread asleep on the
//! word of its parker. `lib.rs` calls it.
//!
//! # Safety argument: lot
//! A waiter lies on the stack of the thread that waits, and `Queued` takes it off
//! the queue before the frame ends, also when unwinding.

#![expect(unsafe_code, reason = "queues waiters that lie on the thread's stack")]

use std::io;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use io_blocking::system;
use io_core::parking::{ParkingLot, Waiter};
use io_core::task::{self, WaitEntry};
use io_core::{Clock, FutexAddress, FutexWord, Instant, deadline_passed};

use crate::shared::Shared;

/// The waits of one executor; a waiter's waker is the index of its parker.
pub(crate) type Lot = ParkingLot<usize>;

/// The futex wait of the current task or thread.
pub(crate) fn wait(
    shared: &Arc<Shared>,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    // A call that does not have to wait is no cancellation point. Relaxed: who
    // waits loads the word again, and the lot compares it under its lock.
    if word.load(Ordering::Relaxed) != expected {
        return Ok(());
    }
    let (id, monotonic) = (shared.id(), || system::now(Clock::Monotonic));
    let parker = shared.parker();
    shared.start_watch();
    let waiter = Waiter::new(word, parker.index());
    loop {
        parker.begin_park(id);
        let until = match task::begin_wait(id, monotonic)? {
            WaitEntry::Wait { until } => until,
            WaitEntry::Ready => return Ok(()),
        };
        let queued = Queued::enqueue(&shared.lot, &waiter, word, expected);
        if queued.is_some() {
            let until = system::earliest(deadline, until);
            let watch = shared.watch.as_ref().filter(|_| until.is_none());
            let address = word.address();
            let resting = watch.and_then(|watch| watch.rest_thread(id, address));
            parker.park(until);
            drop(resting);
        }
        let is_ended_early = queued.is_some_and(Queued::leave);
        task::end_wait(id);
        if !is_ended_early {
            return Ok(());
        }
        if let Some(answer) = task::interruption(id, monotonic) {
            return answer;
        }
        if deadline.is_some_and(system::has_passed) {
            return Err(deadline_passed());
        }
    }
}

/// Wakes the waits that wait longest.
pub(crate) fn wake(shared: &Shared, address: FutexAddress, count: u32) {
    let mark = |index| shared.parkers.at(index).mark_woken();
    // Its sleeper may have gone on by itself; then nobody sleeps there, or
    // somebody who looks at the word and sleeps on.
    let wake = |word| system::futex_wake(word, 1);
    let woken_count = shared.lot.wake(address, count, mark, wake);
    if woken_count > 0 {
        shared.enter_thread();
    }
}

/// A waiter in the queue.
struct Queued<'a> {
    lot: &'a Lot,
    waiter: &'a Waiter<usize>,
}

impl<'a> Queued<'a> {
    /// Queues the waiter if `word` is `expected`.
    fn enqueue(
        lot: &'a Lot,
        waiter: &'a Waiter<usize>,
        word: FutexWord<'_>,
        expected: u32,
    ) -> Option<Queued<'a>> {
        // SAFETY: *lot*: the guard that is returned takes it off.
        let is_queued = unsafe { lot.enqueue(waiter, word, expected) };
        is_queued.then_some(Queued { lot, waiter })
    }

    /// Takes it off the queue; whether it was still on it.
    fn leave(self) -> bool {
        ManuallyDrop::new(self).remove()
    }

    fn remove(&self) -> bool {
        // SAFETY: the waiter is borrowed, so it is valid.
        unsafe { self.lot.remove(self.waiter) }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}
