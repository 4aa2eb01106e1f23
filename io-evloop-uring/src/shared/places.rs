//! [`Places`]: who takes jobs. The limit of workers is a number of places; a
//! worker thread has one for good, the caller of `run` has one while its body
//! runs. `shared.rs` asks before it queues a job; worker threads and the caller
//! report here.
//!
//! # The protocol
//! A job must not be queued for nobody. *Takers* are worker threads whose ring
//! is made, and the caller until it drains.
//!
//! Whoever queues a job
//! 1. makes sure that there is a taker, or starts one and waits for its report;
//! 2. pushes the job;
//! 3. passes a SeqCst fence and looks again whether there is a taker: the caller
//!    may have begun to drain in between. If there is none, back to 1.
//!
//! The caller that begins to drain
//! 1. says that it takes no more jobs and hands on those it has;
//! 2. passes a SeqCst fence;
//! 3. looks whether jobs are queued. If so, it makes sure that there is a taker,
//!    and if none can be had it takes jobs again.
//!
//! One of the two fences comes first: either the drainer sees the job, or who
//! queued it sees that the taker is gone. Threads stay until the loop ends.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use io_blocking::system;
use io_core::Clock;

/// A thread that could not be started, or got no ring, is tried again after this
/// time, which doubles with each failure in a row.
const RETRY_NANOS_MIN: u64 = 100_000_000;
/// 100 ms to 12.8 s.
const RETRY_DOUBLINGS_MAX: u32 = 7;
/// See [`Places::startable_from_nanos`].
const NOT_STARTABLE: u64 = u64::MAX;

/// The places of one loop.
pub(crate) struct Places {
    state: Mutex<State>,
    /// A worker thread has reported, or the caller has changed its mind.
    changed: Condvar,
    places_max: usize,
    /// Threads and caller that take jobs: what the lock's state says, for those
    /// who need not be right. Written under the lock, SeqCst by the fences.
    taker_count: AtomicUsize,
    /// From when on a further thread may be started: also a copy, so that `start`
    /// need not lock to learn it. Relaxed: who sees an old time looks again under
    /// the lock; an old [`NOT_STARTABLE`] means that a taker starts right now.
    startable_from_nanos: AtomicU64,
}

struct State {
    handles: Vec<JoinHandle<()>>,
    /// Threads whose ring is made.
    running_count: usize,
    /// Threads that have not reported yet.
    starting_count: usize,
    caller: Caller,
    /// So many threads in a row could not be started or got no ring: while there
    /// are others, no further one is tried before this time.
    failure_count: u32,
    retry_at_nanos: u64,
    free_indices: Vec<usize>,
    is_stopping: bool,
}

/// What the caller of `run` does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caller {
    Out,
    TakesJobs,
    Drains,
}

/// Whether a new worker thread got what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// It takes jobs from here on.
    Runs,
    /// It has no ring and ends.
    GivesUp,
}

impl Places {
    /// `places_max` places; threads get the indices from 1 on.
    pub(crate) fn new(places_max: usize) -> Places {
        Places {
            state: Mutex::new(State {
                handles: Vec::new(),
                running_count: 0,
                starting_count: 0,
                caller: Caller::Out,
                failure_count: 0,
                retry_at_nanos: 0,
                free_indices: (1..=places_max).rev().collect(),
                is_stopping: false,
            }),
            changed: Condvar::new(),
            places_max,
            taker_count: AtomicUsize::new(0),
            startable_from_nanos: AtomicU64::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies what others read without the lock, and tells who waits.
    fn publish(&self, state: &State) {
        let caller = usize::from(state.caller == Caller::TakesJobs);
        self.taker_count
            .store(state.running_count + caller, Ordering::SeqCst);
        let startable_from_nanos = if state.has_room(self.places_max) {
            state.retry_at_nanos
        } else {
            NOT_STARTABLE
        };
        self.startable_from_nanos
            .store(startable_from_nanos, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// How many take jobs, by a look that orders itself after what the caller
    /// has pushed.
    pub(crate) fn taker_count(&self) -> usize {
        fence(Ordering::SeqCst);
        self.taker_count.load(Ordering::SeqCst)
    }

    /// Starts a thread by `spawn` if a place is free; there is more work than takers.
    pub(crate) fn start_further(&self, spawn: impl FnOnce(usize) -> Option<JoinHandle<()>>) {
        let from_nanos = self.startable_from_nanos.load(Ordering::Relaxed);
        if from_nanos == 0 || from_nanos != NOT_STARTABLE && now_nanos() >= from_nanos {
            let mut state = self.state();
            if state.has_room(self.places_max) && state.retry_at_nanos <= now_nanos() {
                state.start(spawn);
            }
            self.publish(&state);
        }
    }

    /// Makes sure that somebody takes jobs, and waits for the report of a thread
    /// if it has to. False if nobody can be had.
    pub(crate) fn ensure_taker(&self, spawn: impl FnOnce(usize) -> Option<JoinHandle<()>>) -> bool {
        if self.taker_count() > 0 {
            return true;
        }
        let mut spawn = Some(spawn);
        let mut state = self.state();
        loop {
            if state.has_taker() {
                return true;
            }
            if state.starting_count > 0 {
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // A former failure does not count: without any taker it is worth a try.
            let Some(spawn) = spawn.take().filter(|_| !state.is_stopping) else {
                return false;
            };
            state.start(spawn);
            self.publish(&state);
        }
    }

    /// A new thread reports.
    pub(crate) fn report(&self, index: usize, report: Report) {
        let mut state = self.state();
        state.starting_count -= 1;
        match report {
            Report::Runs => {
                state.running_count += 1;
                state.failure_count = 0;
                state.retry_at_nanos = 0;
            }
            Report::GivesUp => {
                state.free_indices.push(index);
                state.note_failure();
            }
        }
        self.publish(&state);
    }

    /// The calling thread wants to be worker 0.
    ///
    /// # Panics
    /// If another `run` is active.
    pub(crate) fn enter_caller(&self) {
        let mut state = self.state();
        assert!(
            state.caller == Caller::Out,
            "EventLoop::run is already active on another thread"
        );
        state.caller = Caller::TakesJobs;
        self.publish(&state);
    }

    /// Whether the caller has the only place, so that nobody else takes jobs before
    /// it drains.
    pub(crate) fn is_caller_alone(&self) -> bool {
        let state = self.state();
        let others = state.running_count + state.starting_count;
        state.caller == Caller::TakesJobs && others == 0 && !state.has_room(self.places_max)
    }

    /// The caller takes no more jobs: step 1 of its protocol, with step 2.
    pub(crate) fn begin_drain(&self) {
        let mut state = self.state();
        state.caller = Caller::Drains;
        self.publish(&state);
        drop(state);
        fence(Ordering::SeqCst);
    }

    /// Nobody else can be had: the caller takes jobs again.
    pub(crate) fn end_drain(&self) {
        let mut state = self.state();
        state.caller = Caller::TakesJobs;
        self.publish(&state);
    }

    pub(crate) fn leave_caller(&self) {
        let mut state = self.state();
        state.caller = Caller::Out;
        self.publish(&state);
    }

    /// No thread starts any more; gives out those there are.
    pub(crate) fn stop(&self) -> Vec<JoinHandle<()>> {
        let mut state = self.state();
        state.is_stopping = true;
        self.publish(&state);
        std::mem::take(&mut state.handles)
    }
}

impl State {
    fn has_taker(&self) -> bool {
        self.running_count > 0 || self.caller == Caller::TakesJobs
    }

    fn has_room(&self, places_max: usize) -> bool {
        let taken = self.running_count + self.starting_count;
        let caller = usize::from(self.caller == Caller::TakesJobs);
        !self.is_stopping && taken + caller < places_max
    }

    fn start(&mut self, spawn: impl FnOnce(usize) -> Option<JoinHandle<()>>) {
        let Some(index) = self.free_indices.pop() else {
            return;
        };
        // What has given up since.
        self.handles.retain(|handle| !handle.is_finished());
        match spawn(index) {
            Some(handle) => {
                self.handles.push(handle);
                self.starting_count += 1;
            }
            None => {
                self.free_indices.push(index);
                self.note_failure();
            }
        }
    }

    fn note_failure(&mut self) {
        let delay_nanos = RETRY_NANOS_MIN << self.failure_count.min(RETRY_DOUBLINGS_MAX);
        self.failure_count = self.failure_count.saturating_add(1);
        self.retry_at_nanos = now_nanos().saturating_add(delay_nanos);
    }
}

fn now_nanos() -> u64 {
    system::now(Clock::Monotonic).as_nanos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn(_index: usize) -> Option<JoinHandle<()>> {
        Some(std::thread::spawn(|| ()))
    }

    #[test]
    fn the_caller_has_a_place_until_it_drains() {
        let places = Places::new(1);
        places.enter_caller();
        places.start_further(|_| unreachable!("the only place is taken"));
        assert_eq!(places.taker_count(), 1);
        assert!(places.is_caller_alone());
        places.begin_drain();
        assert_eq!(places.taker_count(), 0);
        assert!(!places.is_caller_alone());
        places.start_further(spawn);
        places.report(1, Report::Runs);
        assert!(places.ensure_taker(|_| unreachable!("there is one")));
        places.leave_caller();
        places.enter_caller();
        assert!(!places.is_caller_alone(), "a thread has the place");
        places.leave_caller();
        for handle in places.stop() {
            handle.join().unwrap();
        }
    }

    #[test]
    fn a_taker_that_gives_up_is_no_taker() {
        let places = Places::new(2);
        std::thread::scope(|threads| {
            let ensured = threads.spawn(|| places.ensure_taker(spawn));
            while places.state().starting_count == 0 {
                std::thread::yield_now();
            }
            places.report(1, Report::GivesUp);
            assert!(!ensured.join().unwrap());
        });
        assert_eq!(places.taker_count(), 0);
        // Without any taker a further try is allowed, and its index is free again.
        std::thread::scope(|threads| {
            let ensured = threads.spawn(|| places.ensure_taker(spawn));
            while places.state().starting_count == 0 {
                std::thread::yield_now();
            }
            places.report(1, Report::Runs);
            assert!(ensured.join().unwrap());
        });
    }

    #[test]
    fn a_thread_that_cannot_be_started_is_not_waited_for() {
        let places = Places::new(2);
        assert!(!places.ensure_taker(|_| None));
        places.start_further(|_| unreachable!("it has just failed"));
    }
}
