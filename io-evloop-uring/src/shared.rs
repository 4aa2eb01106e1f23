//! [`Shared`]: what all threads of one event loop share: the workers' outer
//! sides, jobs without a worker, the parking lot, the pool. Made by
//! `event_loop.rs`, used by everything here.
//!
//! Threads: everything here may be called from any thread.

#![expect(
    unsafe_code,
    reason = "gives cells out as references that live as long as the loop"
)]

use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_deque::{Injector, Stealer};
use crossbeam_queue::SegQueue;
use io_core::FutexAddress;
use io_core::parking::ParkingLot;
use io_core::task::{Job, TaskRef};

use crate::cell::{FiberCell, FiberKind, FiberRef, Parked};
use crate::foreign::ThreadWords;
use crate::offload::OffloadPool;
use crate::options::Options;
use crate::ring::OpcodeSet;
use crate::route::Routes;
use crate::wake::{Sender, SleepWake};
use crate::worker::{self, Worker};

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
    /// Tasks that were started and are not over, if their number is limited.
    /// A bound, not a synchronisation: Relaxed.
    task_count: AtomicUsize,
    /// As many tasks as there can be stacks, where that is a limit.
    tasks_max: Option<usize>,
    /// Whether a worker thread may still be started, so that `start` need not
    /// lock to learn it. Written under the lock of `threads`; Relaxed, since who
    /// sees an old `true` looks again under the lock, and an old `false` means
    /// that a worker is starting right now, which takes the job.
    is_startable: AtomicBool,
    threads: Mutex<Threads>,
    #[expect(clippy::vec_box, reason = "cells must not move when the list grows")]
    cells: Mutex<Vec<Box<FiberCell>>>,
    is_stopping: AtomicBool,
}

#[derive(Default)]
struct Threads {
    handles: Vec<JoinHandle<()>>,
    /// Worker threads that run or are starting.
    running_count: usize,
    /// A worker thread failed to make its ring: no further one is tried.
    has_failed: bool,
    /// `run` is active: worker 0 has one of the places.
    is_caller_in: bool,
    next_index: usize,
}

/// What others see of a worker.
pub(crate) struct Outside {
    pub(crate) stealer: Stealer<Job>,
    /// The other end, until the worker starts.
    deque: Mutex<Option<crossbeam_deque::Worker<Job>>>,
    pub(crate) inbox: SegQueue<Message>,
}

/// What other threads tell a worker.
pub(crate) enum Message {
    /// A fiber of yours can go on.
    Ready(FiberRef),
    /// End the wait of this task, which waits on a fiber of yours.
    Interrupt(TaskRef),
}

impl Shared {
    pub(crate) fn new(options: Options, supported: OpcodeSet) -> Shared {
        // Every thread of the limit, and the caller of `run`, who may come on top
        // of threads that run already.
        let count = options.workers + 1;
        Shared {
            workers: (0..count).map(|_| Outside::new()).collect(),
            injector: Injector::new(),
            lot: ParkingLot::new(),
            wake: Arc::new(SleepWake::new(count, options.waker.or_fallback(supported))),
            offload: OffloadPool::new(options.offload_threads),
            routes: Routes::new(),
            supported,
            thread_words: ThreadWords::new(),
            task_count: AtomicUsize::new(0),
            tasks_max: options.tasks_max(),
            is_startable: AtomicBool::new(true),
            threads: Mutex::new(Threads {
                next_index: CALLER + 1,
                ..Threads::default()
            }),
            cells: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            options,
        }
    }

    /// Whether one more task that must be concurrent can have a stack.
    pub(crate) fn admit_concurrent(&self) -> bool {
        let count = self.task_count.load(Ordering::Relaxed);
        self.tasks_max.is_none_or(|max| count < max)
    }

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

    /// The worker of the fiber that a record names; `None` if it names none.
    pub(crate) fn worker_of_place(&self, place: usize) -> Option<usize> {
        // SAFETY: *alive*: records of this loop's tasks name this loop's fibers.
        let fiber = unsafe { FiberRef::from_place(place) };
        fiber.map(|fiber| fiber.cell().worker)
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// A new cell for a fiber of `worker`.
    pub(crate) fn make_cell(&self, worker: usize, kind: FiberKind) -> FiberRef {
        let cell = Box::new(FiberCell::new(worker, kind));
        let pointer = NonNull::from(&*cell);
        self.cells
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(cell);
        // SAFETY: *alive*: the box is kept until the loop's shared part goes.
        unsafe { FiberRef::new(pointer) }
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
        self.workers[index].inbox.push(message);
        self.wake_worker(index);
    }

    fn wake_worker(&self, index: usize) {
        self.with_sender(|sender| self.wake.wake_worker(index, sender))
            .expect("a wake that no way can carry leaves a fiber behind for ever");
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
        let woken = self
            .with_sender(|sender| self.wake.wake_one(sender))
            .expect("a wake that no way can carry leaves a job behind for ever");
        if woken.is_none() && self.is_startable.load(Ordering::Relaxed) {
            self.start_thread();
        }
    }

    /// Starts a worker thread if the limit allows it.
    fn start_thread(self: &Arc<Shared>) {
        let mut threads = self.threads();
        if threads.has_room(self.options.workers) && !self.is_stopping() {
            let index = threads.next_index;
            let shared = Arc::clone(self);
            let spawned = thread::Builder::new()
                .name(format!("io-worker-{index}"))
                .spawn(move || worker::run_thread(&shared, index));
            match spawned {
                Ok(handle) => {
                    threads.handles.push(handle);
                    threads.running_count += 1;
                    threads.next_index += 1;
                }
                Err(_) => threads.has_failed = true,
            }
        }
        self.publish_startable(&threads);
    }

    fn publish_startable(&self, threads: &Threads) {
        let is_startable = threads.has_room(self.options.workers);
        self.is_startable.store(is_startable, Ordering::Relaxed);
    }

    /// A worker thread could not make its ring: the loop goes on with fewer.
    pub(crate) fn give_up_thread(&self) {
        let mut threads = self.threads();
        threads.running_count -= 1;
        threads.has_failed = true;
        self.publish_startable(&threads);
        drop(threads);
        if !self.has_workers() {
            // Nobody would ever run them: their joiners learn it.
            while let Some(job) = self.injector.steal().success() {
                drop(job);
            }
        }
    }

    /// Whether a job that is queued now has a worker to run it.
    pub(crate) fn has_workers(&self) -> bool {
        let threads = self.threads();
        threads.running_count > 0 || threads.is_caller_in
    }

    /// The calling thread wants to be worker 0.
    ///
    /// # Panics
    /// If another `run` is active.
    pub(crate) fn enter_caller(&self) {
        let mut threads = self.threads();
        assert!(
            !threads.is_caller_in,
            "EventLoop::run is already active on another thread"
        );
        threads.is_caller_in = true;
        self.publish_startable(&threads);
    }

    /// Worker 0 takes no further job: its place in the limit is free.
    pub(crate) fn free_caller_place(&self) {
        let mut threads = self.threads();
        threads.is_caller_in = false;
        self.publish_startable(&threads);
        threads.is_caller_in = true;
    }

    pub(crate) fn leave_caller(&self) {
        let mut threads = self.threads();
        threads.is_caller_in = false;
        self.publish_startable(&threads);
    }

    /// The owner's end of a worker's deque.
    pub(crate) fn take_deque(&self, index: usize) -> crossbeam_deque::Worker<Job> {
        let mut deque = self.workers[index]
            .deque
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        deque.take().expect("a worker starts once at a time")
    }

    pub(crate) fn put_back_deque(&self, worker: Worker) {
        let (index, deque) = worker.into_deque();
        let mut place = self.workers[index]
            .deque
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Some(deque);
    }

    /// Ends all threads: workers first, since they use the pool.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        let handles = std::mem::take(&mut self.threads().handles);
        for index in 0..self.workers.len() {
            self.wake_worker(index);
        }
        for handle in handles {
            handle
                .join()
                .expect("a worker catches the panics of its jobs");
        }
        self.offload.stop();
    }
}

impl Threads {
    fn has_room(&self, workers: usize) -> bool {
        let places = workers - usize::from(self.is_caller_in).min(workers);
        !self.has_failed && self.running_count < places
    }
}

impl Outside {
    fn new() -> Outside {
        let deque = crossbeam_deque::Worker::new_fifo();
        Outside {
            stealer: deque.stealer(),
            deque: Mutex::new(Some(deque)),
            inbox: SegQueue::new(),
        }
    }
}
