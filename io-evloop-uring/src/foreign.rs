//! Threads that are no workers: plain threads of the program, and those of the
//! offload pool. Operations are blocking calls; waits are in the same parking
//! lot as the fibers', asleep on a word of the thread's own.
//!
//! # Safety argument: thread words
//! A word lies on the stack of the thread that waits (or is an eventfd that it
//! holds). A wake touches it under
//! its bucket's lock while the waiter is queued; an interrupt under the lock of
//! `ThreadWords` while it is registered. The thread leaves queue and register
//! before it returns.

#![expect(unsafe_code, reason = "queues waiters that lie on the thread's stack")]

mod opening;
mod readiness;

use std::collections::HashMap;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use io_blocking::system::{self, FutexEnd};
use io_core::parking::Waiter;
use io_core::task::{self, TaskRecord, WaitEntry};
use io_core::{
    BatchEntry, Clock, FutexAddress, FutexWord, Instant, IoId, Operation, Outcome, canceled,
    deadline_passed, is_canceled, is_deadline,
};

use crate::cell::Parked;
use crate::offload;
use crate::shared::Shared;
use crate::wake::write_eventfd;

const AWAKE: u32 = 1;

/// The words of tasks that wait on threads, by the place in their record.
pub(crate) struct ThreadWords {
    words: Mutex<Words>,
}

#[derive(Default)]
struct Words {
    by_place: HashMap<usize, Word>,
    next_number: usize,
}

/// What a thread sleeps on.
enum Word {
    /// Its word.
    Futex(*const AtomicU32),
    /// A poll that looks at this eventfd too.
    EventFd(RawFd),
}

// SAFETY: thread words: used under the register's lock, while it is registered.
unsafe impl Send for Word {}

impl ThreadWords {
    pub(crate) fn new() -> ThreadWords {
        ThreadWords {
            words: Mutex::default(),
        }
    }

    fn words(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Odd, so that it is no fiber's address.
    fn register(&self, word: Word) -> usize {
        let mut words = self.words();
        let place = words.next_number * 2 + 1;
        words.next_number += 1;
        words.by_place.insert(place, word);
        place
    }

    fn unregister(&self, place: usize) {
        self.words().by_place.remove(&place);
    }

    /// Wakes the thread that waits at `place`. False if `place` is a fiber's.
    pub(crate) fn interrupt(&self, place: usize) -> bool {
        if place.is_multiple_of(2) {
            return false;
        }
        let words = self.words();
        match words.by_place.get(&place) {
            Some(Word::Futex(word)) => {
                // SAFETY: thread words: registered, under the lock.
                let word = unsafe { &**word };
                word.store(AWAKE, Ordering::Release);
                system::futex_wake(FutexAddress::of(word), 1);
            }
            Some(Word::EventFd(eventfd)) => {
                // SAFETY: thread words: as above, for the descriptor.
                let eventfd = unsafe { BorrowedFd::borrow_raw(*eventfd) };
                write_eventfd(eventfd).expect("an eventfd takes a one");
            }
            None => {}
        }
        true
    }
}

fn monotonic() -> Instant {
    system::now(Clock::Monotonic)
}

/// One wait of a thread, registered if the thread runs a task. The word lies
/// beside it: to drop it is to borrow it exclusively.
struct ThreadWait<'a> {
    shared: &'a Shared,
    place: Option<usize>,
}

impl<'a> ThreadWait<'a> {
    /// Runs `body` with a word that an interrupt finds.
    fn with<R>(shared: &'a Shared, id: IoId, body: impl FnOnce(&AtomicU32) -> R) -> R {
        let word = AtomicU32::new(0);
        let mut wait = ThreadWait {
            shared,
            place: None,
        };
        task::with_current(id, |record: Option<&TaskRecord>| {
            if let Some(record) = record {
                let place = shared.thread_words.register(Word::Futex(&raw const word));
                record.place().store(place, Ordering::Relaxed);
                wait.place = Some(place);
            }
        });
        body(&word)
    }
}

impl Drop for ThreadWait<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.shared.thread_words.unregister(place);
        }
    }
}

/// Sleeps on the thread's own word until somebody stores to it or `until`.
fn sleep_on(word: &AtomicU32, until: Option<Instant>) {
    while word.load(Ordering::Acquire) != AWAKE {
        if system::futex_wait(FutexWord::of(word), 0, until) == FutexEnd::TimedOut {
            return;
        }
    }
}

/// A blocking call. Of a task on this thread, what may wait for a peer waits so
/// that a request ends it.
pub(crate) fn perform(
    shared: &Shared,
    id: IoId,
    operation: &mut Operation<'_, '_>,
) -> io::Result<Outcome> {
    shared.enter_thread();
    task::point(id, monotonic)?;
    let is_task = task::with_current(id, |record| record.is_some());
    if is_task && let Some(peer) = readiness::peer_of(operation)? {
        return readiness::perform(shared, id, operation, peer);
    }
    if is_task && opening::may_wait(operation) {
        return opening::perform(shared, id, operation);
    }
    match system::perform_until(operation, task::deadline(id)) {
        // A request that came meanwhile goes before the deadline.
        Err(error) if is_deadline(&error) => match task::interruption(id, monotonic) {
            Some(Err(answer)) => Err(answer),
            _ => Err(error),
        },
        answer => answer,
    }
}

/// One after the other; after `Canceled` the rest answers that too.
pub(crate) fn perform_batch(shared: &Shared, id: IoId, batch: &mut [BatchEntry<'_, '_>]) {
    let mut is_over = false;
    for entry in batch {
        let result = if is_over {
            Err(canceled())
        } else {
            perform(shared, id, &mut entry.operation)
        };
        is_over = is_over || result.as_ref().is_err_and(is_canceled);
        entry.result = Some(result);
    }
}

pub(crate) fn futex_wait(
    shared: &Arc<Shared>,
    id: IoId,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    shared.enter_thread();
    if word.load(Ordering::Relaxed) != expected {
        return Ok(());
    }
    shared.start_watch();
    ThreadWait::with(shared, id, |own| {
        let waiter = Waiter::new(word, Parked::Thread(std::ptr::from_ref(own)));
        loop {
            own.store(0, Ordering::Relaxed);
            let until = match task::begin_wait(id, monotonic)? {
                WaitEntry::Wait { until } => until,
                WaitEntry::Ready => return Ok(()),
            };
            let queued = Queued::enqueue(shared, &waiter, word, expected);
            if queued.is_some() {
                let until = system::earliest(deadline, until);
                let watch = shared.watch.as_ref().filter(|_| until.is_none());
                let address = word.address();
                let resting = watch.and_then(|watch| watch.rest_thread(id, address));
                offload::waiting(shared, || sleep_on(own, until));
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
    })
}

/// A waiter in the queue; off it when this goes, also by unwinding.
struct Queued<'a> {
    shared: &'a Shared,
    waiter: &'a Waiter<Parked>,
}

impl<'a> Queued<'a> {
    /// Queues the waiter if `word` is `expected`.
    fn enqueue(
        shared: &'a Shared,
        waiter: &'a Waiter<Parked>,
        word: FutexWord<'_>,
        expected: u32,
    ) -> Option<Queued<'a>> {
        // SAFETY: thread words: the guard that is returned takes it off.
        let is_queued = unsafe { shared.lot.enqueue(waiter, word, expected) };
        is_queued.then_some(Queued { shared, waiter })
    }

    /// Takes it off the queue; whether it was still on it.
    fn leave(self) -> bool {
        ManuallyDrop::new(self).remove()
    }

    fn remove(&self) -> bool {
        // SAFETY: the waiter is borrowed, so it is valid.
        unsafe { self.shared.lot.remove(self.waiter) }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.remove();
    }
}

pub(crate) fn sleep_until(shared: &Shared, id: IoId, deadline: Instant) -> io::Result<()> {
    shared.enter_thread();
    ThreadWait::with(shared, id, |own| {
        loop {
            own.store(0, Ordering::Relaxed);
            let until = match task::begin_wait(id, monotonic)? {
                WaitEntry::Wait { until } => until,
                WaitEntry::Ready => return Ok(()),
            };
            let wake =
                system::earliest(Some(deadline), until).filter(|_| !system::has_passed(deadline));
            if wake.is_some() {
                sleep_on(own, wake);
            }
            task::end_wait(id);
            // As on a fiber, see `time.rs`.
            if wake.is_some()
                && wake == until
                && until.is_some_and(system::has_passed)
                && let Some(answer) = task::interruption(id, monotonic)
            {
                return answer;
            }
            if system::has_passed(deadline) {
                return Ok(());
            }
            if let Some(answer) = task::interruption(id, monotonic) {
                return answer;
            }
        }
    })
}
