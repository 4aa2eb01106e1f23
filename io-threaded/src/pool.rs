//! [`Pool`]: the threads, and how a job gets one. `task.rs` hands it jobs, and
//! the executor's drop ends it.
//!
//! **Every job that is accepted has a thread of its own from then on.** There is
//! no queue: a job is handed to a thread that is idle, or to one that is started
//! for it, or it is given back. So no job ever waits behind a thread, let alone
//! behind one that waits for it, however deep scopes nest; and two tasks that
//! were both accepted always make progress beside each other.
//!
//! Tasks of `spawn` and of `spawn_concurrent` are counted apart, each with a
//! limit of its own; any thread serves both.
//!
//! 1. `start` counts the job, under the lock, or gives it back at the limit.
//! 2. It takes the thread that went idle last off the list (its caches are warm,
//!    and those below come to their time-out), puts the job on its seat and wakes
//!    that thread alone. Or it starts a thread with the job on its seat; if the
//!    system refuses, the job is given back.
//! 3. The thread runs the job. Then, under the lock, it uncounts the job and
//!    lists itself as idle; **then** it publishes that the task is over. So
//!    whoever has joined a task finds its thread idle and its place free. What is
//!    handed to the thread before it has published waits for a few instructions
//!    of it, never for a wait.
//! 4. It sleeps on its seat's word. After the time-out it takes itself off the
//!    list, under the lock, and ends; if it is not on the list any more, a job is
//!    on its way, and it waits for that.
//! 5. A thread that ends leaves its handle for the next one that ends, which
//!    joins it: the pool keeps at most one ended thread. Drop joins all.

mod seat_word;

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use io_blocking::system::{self, FutexEnd};
use io_core::task::Job;
use io_core::{Clock, FutexAddress, FutexWord};

use crate::options::Options;
use crate::pool::seat_word::SeatWord;
use crate::shared::Shared;

/// By which limit a job is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    Spawned,
    Concurrent,
}

/// The threads of one executor.
pub(crate) struct Pool {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Threads without a job; the last one went idle last.
    idle: Vec<Arc<Seat>>,
    spawned_count: usize,
    concurrent_count: usize,
    /// Threads that have not ended, by number.
    threads: HashMap<u64, Member>,
    next_number: u64,
    /// The thread that ended last, still to be joined.
    ended: Option<JoinHandle<()>>,
}

/// A thread, as its starter and itself see it.
enum Member {
    /// Its starter does not have its handle yet.
    Starting,
    Running(JoinHandle<()>),
    /// It has ended before its starter had its handle.
    Ended,
}

/// Where a job is handed to a thread.
struct Seat {
    /// The thread sleeps on it.
    word: SeatWord,
    /// Filled by who hands over before it takes the word; emptied by the thread
    /// after.
    order: Mutex<Option<Order>>,
}

/// What a thread is to do next.
enum Order {
    Run(Job, Share),
    Stop,
}

thread_local! {
    /// The address of the pool whose thread this was.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.state);
        formatter
            .debug_struct("Pool")
            .field("threads", &state.threads.len())
            .field("idle", &state.idle.len())
            .finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn new() -> Pool {
        Pool {
            state: Mutex::default(),
        }
    }

    /// Gives the job a thread.
    ///
    /// # Errors
    /// The job: the limit of its share is reached, or the system refuses a thread.
    pub(crate) fn start(&self, shared: &Arc<Shared>, job: Job, share: Share) -> Result<(), Job> {
        let mut state = lock(&self.state);
        if !state.admit(share, &shared.options) {
            return Err(job);
        }
        shared.begin_job();
        if let Some(seat) = state.idle.pop() {
            drop(state);
            seat.hand_over(Order::Run(job, share));
            return Ok(());
        }
        let number = state.next_number;
        state.next_number += 1;
        state.threads.insert(number, Member::Starting);
        drop(state);
        self.start_thread(shared, number, Order::Run(job, share))
    }

    fn start_thread(&self, shared: &Arc<Shared>, number: u64, order: Order) -> Result<(), Job> {
        let seat = Arc::new(Seat::filled(order));
        let mut builder = thread::Builder::new().name("io-threaded".to_owned());
        if let Some(bytes) = shared.options.stack_bytes {
            builder = builder.stack_size(bytes);
        }
        let started = {
            let (seat, shared) = (Arc::clone(&seat), Arc::clone(shared));
            builder.spawn(move || serve(&shared, &seat, number))
        };
        let mut state = lock(&self.state);
        match started {
            Ok(handle) => {
                let before = state.threads.insert(number, Member::Running(handle));
                if matches!(before, Some(Member::Ended)) {
                    let handle = state.leave(number);
                    drop(state);
                    join(handle);
                }
                Ok(())
            }
            Err(_refused) => {
                state.threads.remove(&number);
                let Some(Order::Run(job, share)) = seat.take_order() else {
                    unreachable!("the thread did not start, so the job is on its seat");
                };
                // One may have gone idle meanwhile.
                if let Some(seat) = state.idle.pop() {
                    drop(state);
                    seat.hand_over(Order::Run(job, share));
                    return Ok(());
                }
                state.uncount(share);
                shared.end_job();
                Err(job)
            }
        }
    }

    /// Step 3: before the task is over.
    fn go_idle(&self, seat: &Arc<Seat>, share: Share) {
        let mut state = lock(&self.state);
        state.uncount(share);
        state.idle.push(Arc::clone(seat));
    }

    /// Takes an idle thread off the list; false if it is not on it.
    fn withdraw(&self, seat: &Arc<Seat>) -> bool {
        let mut state = lock(&self.state);
        let index = state.idle.iter().position(|idle| Arc::ptr_eq(idle, seat));
        if let Some(index) = index {
            state.idle.remove(index);
        }
        index.is_some()
    }

    /// Step 5, the last act of a thread.
    fn end_thread(&self, number: u64) {
        let before = lock(&self.state).leave(number);
        join(before);
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Ends all threads and joins them. No task runs any more.
    ///
    /// A thread-local of one of them may own the executor. Then it is that thread's
    /// end that comes here: it can not wait for itself, nor for one that joins it.
    pub(crate) fn stop(&self) {
        let mut state = lock(&self.state);
        debug_assert_eq!((state.spawned_count, state.concurrent_count), (0, 0));
        let idle = std::mem::take(&mut state.idle);
        let threads = std::mem::take(&mut state.threads);
        let ended = state.ended.take();
        drop(state);
        for seat in idle {
            seat.hand_over(Order::Stop);
        }
        if LEFT.get() == self.address() {
            return;
        }
        join(ended);
        for member in threads.into_values() {
            if let Member::Running(handle) = member {
                join(Some(handle));
            }
        }
    }

    /// Threads that have not ended, and those of them that are idle.
    #[cfg(test)]
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = lock(&self.state);
        (state.threads.len(), state.idle.len())
    }
}

impl State {
    fn admit(&mut self, share: Share, options: &Options) -> bool {
        let (count, max) = match share {
            Share::Spawned => (&mut self.spawned_count, options.spawn_threads),
            Share::Concurrent => (&mut self.concurrent_count, options.concurrent_threads),
        };
        let is_admitted = *count < max;
        *count += usize::from(is_admitted);
        is_admitted
    }

    fn uncount(&mut self, share: Share) {
        match share {
            Share::Spawned => self.spawned_count -= 1,
            Share::Concurrent => self.concurrent_count -= 1,
        }
    }

    /// A thread ends. Its handle takes the place of the one that is returned.
    fn leave(&mut self, number: u64) -> Option<JoinHandle<()>> {
        match self.threads.remove(&number) {
            Some(Member::Running(handle)) => self.ended.replace(handle),
            Some(Member::Starting) => {
                self.threads.insert(number, Member::Ended);
                None
            }
            // Drop has taken the handle, and joins this thread.
            Some(Member::Ended) | None => None,
        }
    }
}

fn join(handle: Option<JoinHandle<()>>) {
    if let Some(handle) = handle {
        handle
            .join()
            .expect("jobs catch their panics, and the rest of a thread has none");
    }
}

/// A thread of the pool.
fn serve(shared: &Arc<Shared>, seat: &Arc<Seat>, number: u64) {
    shared.adopt_thread();
    let parker = shared.parkers.adopt_thread();
    let mut order = seat.take_order();
    while let Some(Order::Run(job, share)) = order {
        let done = job.run(shared.id());
        shared.pool.go_idle(seat, share);
        done.publish();
        shared.end_job();
        order = seat.next_order(Some(shared.options.idle_timeout));
        if order.is_none() && !shared.pool.withdraw(seat) {
            order = seat.next_order(None);
        }
    }
    drop(parker);
    LEFT.set(shared.pool.address());
    shared.pool.end_thread(number);
}

impl Seat {
    /// A seat whose thread is still to be started.
    fn filled(order: Order) -> Seat {
        Seat {
            word: SeatWord::new(),
            order: Mutex::new(Some(order)),
        }
    }

    fn take_order(&self) -> Option<Order> {
        lock(&self.order).take()
    }

    /// Step 2. Called by who has taken the seat off the list of idle ones.
    fn hand_over(&self, order: Order) {
        let before = lock(&self.order).replace(order);
        debug_assert!(before.is_none(), "an idle thread has no order");
        if self.word.take() {
            system::futex_wake(FutexAddress::of(self.word.atomic()), 1);
        }
    }

    /// Step 4: the next order, `None` if none came in time.
    fn next_order(&self, timeout: Option<Duration>) -> Option<Order> {
        let until = timeout.map(|timeout| system::now(Clock::Monotonic).saturating_add(timeout));
        if self.word.fall_asleep() {
            while self.word.is_asleep() {
                let end =
                    system::futex_wait(FutexWord::of(self.word.atomic()), SeatWord::ASLEEP, until);
                if end == FutexEnd::TimedOut {
                    break;
                }
            }
        }
        if self.word.wake_up() {
            self.take_order()
        } else {
            None
        }
    }
}
