//! [`Shared`]: what all threads of one event loop share: the workers' outer
//! sides, jobs without a worker, the parking lot, the pool. Made by
//! `event_loop.rs`, used by everything here.
//!
//! Threads: everything here may be called from any thread.

#![expect(
    unsafe_code,
    reason = "gives cells out as references that live as long as the loop"
)]

mod places;
mod watched;

use places::Places;
pub(crate) use places::Report;
pub(crate) use watched::Gathering;
use watched::{Running, Stalls};

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_deque::{Injector, Stealer};
use crossbeam_queue::SegQueue;
use io_blocking::system;
use io_blocking::watch::Watch;
use io_core::FutexAddress;
use io_core::parking::{Bias, ParkingLot};
use io_core::task::{Job, JobSlot, TaskRef};

use crate::cell::{FiberCell, FiberKind, FiberRef, Parked};
use crate::fiber::GuardKind;
use crate::foreign::ThreadWords;
use crate::metrics::{Counters, Metrics};
use crate::offload::OffloadPool;
use crate::options::Options;
use crate::ring::{OpcodeSet, wake_failed};
use crate::route::Routes;
use crate::wake::{Sender, SleepWake};
use crate::worker;

/// The index of the worker that `EventLoop::run` makes of its caller.
pub(crate) const CALLER: usize = 0;

/// What all threads of one event loop share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    /// Worker 0 is the caller of `run`; the others are threads.
    pub(crate) workers: Box<[Outside]>,
    /// Jobs that no worker holds. Any worker takes them.
    pub(crate) injector: Injector<Job>,
    pub(crate) lot: ParkingLot<Parked>,
    pub(crate) wake: Arc<SleepWake>,
    pub(crate) offload: OffloadPool,
    pub(crate) routes: Routes,
    pub(crate) supported: OpcodeSet,
    pub(crate) thread_words: ThreadWords,
    /// What threads that are no workers do, and all wakes.
    pub(crate) others: Counters,
    /// Tasks that were started and are not over, if their number is limited.
    /// A bound, not a synchronisation: Relaxed.
    task_count: AtomicUsize,
    /// As many tasks as there can be stacks, where that is a limit.
    tasks_max: Option<usize>,
    pub(crate) places: Places,
    /// Workers that have no stack for a further job at the moment.
    short_count: AtomicUsize,
    #[expect(clippy::vec_box, reason = "cells must not move when the list grows")]
    cells: Mutex<Vec<Box<FiberCell>>>,
    is_stopping: AtomicBool,
    /// If anything is watched.
    pub(crate) watch: Option<Arc<Watch>>,
    stalls: Stalls,
}

/// What others see of a worker.
pub(crate) struct Outside {
    /// The job that the worker has queued last: who spawns a task often joins it
    /// next, and finds it here. All others are in the deque. The worker puts jobs
    /// in, anybody takes them.
    pub(crate) newest: JobSlot,
    pub(crate) stealer: Stealer<Job>,
    /// What the worker's thread has while it runs.
    kept: Mutex<Option<Kept>>,
    pub(crate) inbox: SegQueue<Message>,
    pub(crate) counters: Arc<Counters>,
    /// For the watch: which fiber runs.
    pub(crate) running: Running,
    /// How many of its fibers have a job, or [`TAKES_NONE`]. Written by the worker; to
    /// others a hint, hence Relaxed.
    pub(crate) busy_count: AtomicUsize,
}

/// Of a worker that takes no jobs, as `busy_count`.
pub(crate) const TAKES_NONE: usize = usize::MAX;

/// What a worker hands on to the next thread that is it.
pub(crate) struct Kept {
    /// The owner's end of the deque.
    pub(crate) deque: crossbeam_deque::Worker<Job>,
    /// Cells of fibers that have ended, to be used again.
    pub(crate) spare_cells: Vec<FiberRef>,
    /// The cell of the main fiber, once there was one.
    pub(crate) main: Option<FiberRef>,
}

/// After so many waits and wakes in a row of one worker, a bucket of the lot is its own
/// until somebody else comes, who pays a microsecond or two for that.
const LOCKS_BEFORE_BIAS: u16 = 64;

fn new_lot(options: &Options) -> ParkingLot<Parked> {
    // The stress mode has them change hands all the time.
    let locks = match options.switch_seed {
        None => LOCKS_BEFORE_BIAS,
        Some(_) => 1,
    };
    match system::process_barrier() {
        Some(barrier) => ParkingLot::biased(Bias::after(locks, barrier)),
        None => ParkingLot::new(),
    }
}

/// What other threads tell a worker.
pub(crate) enum Message {
    /// A fiber of yours can go on.
    Ready(FiberRef),
    /// End the wait of this task, which waits on a fiber of yours.
    Interrupt(TaskRef),
    /// Say what your fibers wait for.
    Describe(Arc<Gathering>),
}

impl Shared {
    pub(crate) fn new(options: Options, supported: OpcodeSet, guard: GuardKind) -> Shared {
        // Every thread of the limit, and the caller of `run`, who may come on top
        // of threads that run already.
        let count = options.workers + 1;
        Shared {
            workers: (0..count).map(|_| Outside::new()).collect(),
            injector: Injector::new(),
            lot: new_lot(&options),
            wake: Arc::new(SleepWake::new(count, options.waker.or_fallback(supported))),
            offload: OffloadPool::new(options.offload_threads),
            routes: Routes::new(),
            supported,
            thread_words: ThreadWords::new(),
            others: Counters::default(),
            task_count: AtomicUsize::new(0),
            tasks_max: options.tasks_max(guard),
            places: Places::new(options.workers),
            short_count: AtomicUsize::new(0),
            cells: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            watch: Watch::new(options.watch.clone()),
            stalls: Stalls::new(count),
            options,
        }
    }

    /// Counts a task that is about to be started, unless there are as many as
    /// there can be stacks.
    pub(crate) fn admit(&self) -> bool {
        let Some(tasks_max) = self.tasks_max else {
            return true;
        };
        let admit = |count: usize| (count < tasks_max).then_some(count + 1);
        self.task_count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, admit)
            .is_ok()
    }

    /// Counts a task that is started beyond the limit.
    pub(crate) fn count_started(&self) {
        if self.tasks_max.is_some() {
            self.task_count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_ended(&self) {
        if self.tasks_max.is_some() {
            self.task_count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn concurrent_tasks_max(&self) -> usize {
        self.tasks_max.unwrap_or(self.options.stack.stack_count_max)
    }

    /// A job that no worker has taken.
    pub(crate) fn take_injected(&self) -> Option<Job> {
        worker::retry(|| self.injector.steal())
    }

    /// What all threads have counted.
    pub(crate) fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        for outside in &self.workers {
            metrics.add(&outside.counters);
        }
        metrics.add(&self.others);
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        metrics.fibers_max = cells.len() as u64;
        metrics
    }

    /// Whether a job waits for a worker, as far as one can see.
    pub(crate) fn has_jobs(&self) -> bool {
        let has_job = |other: &Outside| !other.newest.is_empty() || !other.stealer.is_empty();
        !self.injector.is_empty() || self.workers.iter().any(has_job)
    }

    /// The fiber that a record names by [`FiberRef::place`]; `None` if it names none.
    pub(crate) fn fiber_at(&self, place: usize) -> Option<FiberRef> {
        let number = (place / 2).checked_sub(1)?;
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = cells.get(number).filter(|_| place.is_multiple_of(2))?;
        // SAFETY: *alive*: the box is kept until the loop's shared part goes.
        Some(unsafe { FiberRef::new(NonNull::from(&**cell)) })
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// A new cell for a fiber of `worker`.
    pub(crate) fn make_cell(&self, worker: usize, kind: FiberKind) -> FiberRef {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = Box::new(FiberCell::new(worker, kind, cells.len()));
        let pointer = NonNull::from(&*cell);
        cells.push(cell);
        drop(cells);
        // SAFETY: *alive*: the box is kept until the loop's shared part goes.
        unsafe { FiberRef::new(pointer) }
    }

    /// Calls `body` with every cell of `worker`, on its thread.
    pub(crate) fn for_each_cell(&self, worker: usize, body: impl FnMut(&FiberCell)) {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        let own = cells.iter().filter(|cell| cell.worker == worker);
        own.map(|cell| &**cell).for_each(body);
    }

    #[cfg(test)]
    pub(crate) fn cell_count(&self) -> usize {
        let cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.len()
    }

    /// Makes a parked fiber go on: on its own worker at once, from elsewhere
    /// through its inbox.
    pub(crate) fn make_ready(&self, fiber: FiberRef) {
        let index = fiber.cell().worker;
        let is_own = worker::with_current(self, |worker| {
            let is_own = worker.index == index;
            if is_own {
                worker.push_ready(fiber);
            }
            is_own
        });
        if is_own != Some(true) {
            self.send(index, Message::Ready(fiber));
        }
    }

    /// Tells a worker something and wakes it if it sleeps.
    pub(crate) fn send(&self, index: usize, message: Message) {
        self.enter_thread();
        self.workers[index].inbox.push(message);
        self.wake_worker(index);
    }

    fn wake_worker(&self, index: usize) {
        if self.wake.sleepers().notify(index) {
            self.carry_wake(index);
        } else {
            self.others.wakes_of_awake.add_one_shared();
        }
    }

    /// Sends the wake to a worker whose sleep this thread has claimed.
    fn carry_wake(&self, index: usize) {
        self.others.wakes.add_one_shared();
        if let Err(error) = self.with_sender(|sender| self.wake.carry(index, sender)) {
            wake_failed(&error);
        }
    }

    /// Runs `send` with the best way this thread has to send a wake.
    fn with_sender<R>(&self, send: impl FnOnce(Sender<'_>) -> R) -> R {
        let mut send = Some(send);
        let sent = worker::with_current(self, |worker| {
            // The ring is in use while completions are given out.
            let mut ring = worker.ring.try_borrow_mut().ok()?;
            send.take().map(|send| send(Sender::Ring(&mut ring)))
        });
        match (sent.flatten(), send) {
            (Some(result), _) => result,
            (None, Some(send)) => send(Sender::Foreign),
            (None, None) => unreachable!("`send` is taken only to be called"),
        }
    }

    /// Wakes waiters of a word.
    pub(crate) fn wake_waiters(&self, address: FutexAddress, count: u32) {
        enum Taken {
            Fiber(FiberRef),
            Thread(FutexAddress),
        }
        let taken = |parked| match parked {
            Parked::Fiber(fiber) => Taken::Fiber(fiber),
            Parked::Thread(word) => {
                // SAFETY: the thread's waiter is queued: it has not returned.
                let word = unsafe { &*word };
                // The word is looked at in a loop around a futex wait on it.
                word.store(1, Ordering::Release);
                Taken::Thread(FutexAddress::of(word))
            }
        };
        self.lot.wake(address, count, taken, |woken| match woken {
            Taken::Fiber(fiber) => self.make_ready(fiber),
            Taken::Thread(address) => {
                io_blocking::system::futex_wake(address, 1);
            }
        });
    }

    /// There is a new job: wakes a sleeping worker for it, or starts one.
    pub(crate) fn announce_job(self: &Arc<Shared>) {
        match self.wake.sleepers().notify_one() {
            Some(index) => {
                self.others.wakes_for_jobs.add_one_shared();
                self.carry_wake(index);
            }
            None => self.places.start_further(|index| self.spawn_worker(index)),
        }
    }

    /// Makes sure that somebody takes jobs; see `places.rs`.
    pub(crate) fn ensure_taker(self: &Arc<Shared>) -> bool {
        self.places.ensure_taker(|index| self.spawn_worker(index))
    }

    fn spawn_worker(self: &Arc<Shared>, index: usize) -> Option<JoinHandle<()>> {
        if self.options.refuse_threads {
            return None;
        }
        let shared = Arc::clone(self);
        thread::Builder::new()
            .name(format!("io-worker-{index}"))
            .spawn(move || worker::run_thread(&shared, index))
            .ok()
    }

    /// A worker has no stack for a job. Returns whether another one takes jobs
    /// that may have one.
    pub(crate) fn begin_short(&self) -> bool {
        let short = self.short_count.fetch_add(1, Ordering::SeqCst) + 1;
        short < self.places.taker_count()
    }

    pub(crate) fn end_short(&self) {
        self.short_count.fetch_sub(1, Ordering::SeqCst);
    }

    /// What the thread that becomes worker `index` needs.
    pub(crate) fn take_kept(&self, index: usize) -> Kept {
        let mut kept = self.workers[index]
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        kept.take().expect("a worker is one thread at a time")
    }

    pub(crate) fn put_back(&self, index: usize, kept: Kept) {
        let mut place = self.workers[index]
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Some(kept);
    }

    /// Ends all threads: workers first, since they use the pool.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        let handles = self.places.stop();
        for index in 0..self.workers.len() {
            self.wake_worker(index);
        }
        for handle in handles {
            handle
                .join()
                .expect("a worker catches the panics of its jobs");
        }
        self.offload.stop();
        if let Some(watch) = &self.watch {
            watch.stop();
        }
    }
}

impl Outside {
    fn new() -> Outside {
        let deque = crossbeam_deque::Worker::new_fifo();
        Outside {
            newest: JobSlot::new(),
            stealer: deque.stealer(),
            kept: Mutex::new(Some(Kept {
                deque,
                spare_cells: Vec::new(),
                main: None,
            })),
            inbox: SegQueue::new(),
            counters: Arc::default(),
            running: Running::new(),
            busy_count: AtomicUsize::new(TAKES_NONE),
        }
    }
}
