//! loom models of the wake protocol. Run by
//! `RUSTFLAGS="--cfg loom" cargo test -p io-evloop-uring --release --lib loom`.
//!
//! The kernel wake is a `Notify`: like a completion in a ring it stays until the
//! sleeper takes it. A lost wake is a model that ends with a thread still waiting,
//! which loom reports as a deadlock.

use super::sleepers::{Reach, Sleepers, WokenBy};
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;

/// Two workers at most, and what they share.
struct Model {
    sleepers: Sleepers,
    rings: [Notify; 2],
    /// Unstarted jobs, for any worker.
    jobs: AtomicUsize,
    /// Ready fibers of worker 0.
    ready: AtomicUsize,
    is_over: AtomicBool,
}

impl Model {
    fn new(workers: usize) -> Arc<Model> {
        Arc::new(Model {
            sleepers: Sleepers::new(workers),
            rings: [Notify::new(), Notify::new()],
            jobs: AtomicUsize::new(0),
            ready: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        })
    }

    fn start_job(&self) {
        self.jobs.fetch_add(1, Ordering::Release);
        self.wake_one();
    }

    fn make_ready(&self) {
        self.ready.fetch_add(1, Ordering::Release);
        self.wake(0);
    }

    fn wake(&self, worker: usize) {
        if self.sleepers.notify(worker) {
            self.rings[worker].notify();
        }
    }

    fn wake_one(&self) {
        if let Some(worker) = self.sleepers.notify_one() {
            self.rings[worker].notify();
        }
    }

    fn has_job(&self) -> bool {
        self.jobs.load(Ordering::Acquire) > 0
    }

    /// Takes one job, and wakes the next worker if it leaves some behind.
    fn take_job(&self) -> bool {
        let take = |jobs: usize| jobs.checked_sub(1);
        let taken = self
            .jobs
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        if taken.is_ok_and(|before| before > 1) {
            self.wake_one();
        }
        taken.is_ok()
    }

    /// One sleep; `kernel` is what happens in it.
    fn sleep(&self, worker: usize, has_work: impl Fn() -> bool, kernel: impl Fn()) -> WokenBy {
        self.sleepers.announce(worker, Reach::ForJobs);
        if !has_work() {
            kernel();
        }
        self.sleepers.awake(worker)
    }

    fn run_one_job(&self, worker: usize) {
        while !self.take_job() {
            self.sleep(worker, || self.has_job(), || self.rings[worker].wait());
        }
    }
}

/// With three threads the interleavings are too many to try all; three forced
/// switches reach every step of the protocol from every other.
const PREEMPTIONS_MAX: usize = 3;

fn bounded_model(check: impl Fn() + Send + Sync + 'static) {
    model_with(PREEMPTIONS_MAX, check);
}

fn model_with(preemptions_max: usize, check: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions_max);
    builder.check(check);
}

#[test]
fn loom_one_sleeper_and_one_waker_lose_no_wake() {
    loom::model(|| {
        let model = Model::new(1);
        let worker = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run_one_job(0))
        };
        model.start_job();
        worker.join().unwrap();
    });
}

#[test]
fn loom_two_wakers_lose_no_wake_and_send_one_for_each_sleep() {
    bounded_model(|| {
        let model = Model::new(1);
        let start = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.start_job())
        };
        let ready = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.make_ready())
        };
        let has_work = || model.has_job() || model.ready.load(Ordering::Acquire) > 0;
        let (mut jobs, mut fibers) = (0, 0);
        while jobs + fibers < 2 {
            jobs += usize::from(model.take_job());
            fibers += model.ready.swap(0, Ordering::AcqRel);
            if jobs + fibers < 2 {
                model.sleep(0, has_work, || model.rings[0].wait());
            }
        }
        assert_eq!((jobs, fibers), (1, 1));
        start.join().unwrap();
        ready.join().unwrap();
    });
}

#[test]
fn loom_a_sleep_that_times_out_leaves_the_next_one_whole() {
    loom::model(|| {
        let model = Model::new(1);
        let waker = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.start_job())
        };
        // The time limit passes at once: the kernel returns without a wake.
        let first = model.sleep(0, || model.has_job(), || ());
        model.run_one_job(0);
        if first == WokenBy::Waker {
            // The wake of the sleep that ended by itself is owed, and arrives.
            model.rings[0].wait();
        }
        waker.join().unwrap();
    });
}

#[test]
fn loom_two_jobs_wake_two_sleepers() {
    bounded_model(|| {
        let model = Model::new(2);
        let workers = [0, 1].map(|worker| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run_one_job(worker))
        });
        model.start_job();
        model.start_job();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn loom_a_woken_worker_that_leaves_a_job_wakes_the_next() {
    bounded_model(|| {
        let model = Model::new(2);
        let workers = [0, 1].map(|worker| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run_one_job(worker))
        });
        // Two jobs, one wake.
        model.jobs.fetch_add(2, Ordering::Release);
        model.wake_one();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

#[test]
fn loom_a_searcher_that_leaves_a_job_wakes_the_next() {
    // Three threads with the longest way each: one switch more takes minutes.
    model_with(PREEMPTIONS_MAX - 1, || {
        let model = Model::new(2);
        let searcher = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                if let Some(search) = model.sleepers.begin_search() {
                    let _ = model.has_job();
                    drop(search);
                }
                model.run_one_job(0);
                // Wakes that the search has kept back: what take_job saw may be
                // older than the end of the search, so look again.
                if model.has_job() {
                    model.wake_one();
                }
            })
        };
        let other = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run_one_job(1))
        };
        model.start_job();
        model.start_job();
        searcher.join().unwrap();
        other.join().unwrap();
    });
}

/// Worker 0 sleeps on its own account (it drains, or blocks in place), right after
/// a sleep for jobs that ended by itself: the wake for a job must go to worker 1.
#[test]
fn loom_a_wake_for_a_job_is_not_spent_on_a_later_sleep() {
    bounded_model(|| {
        let model = Model::new(2);
        let own = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                if model.sleep(0, || false, || ()) == WokenBy::Waker && model.has_job() {
                    model.wake_one();
                }
                model.sleepers.announce(0, Reach::OwnOnly);
                assert_eq!(model.sleepers.awake(0), WokenBy::Itself);
            })
        };
        let taker = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run_one_job(1))
        };
        model.start_job();
        taker.join().unwrap();
        own.join().unwrap();
    });
}

/// Worker 0 sleeps on its own account (it drains, or blocks in place): the wake
/// for a job must go to worker 1.
#[test]
fn loom_a_sleeper_that_takes_no_jobs_swallows_no_wake() {
    bounded_model(|| {
        let model = Model::new(2);
        let own = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let is_ready = || model.ready.load(Ordering::Acquire) > 0;
                while !is_ready() {
                    model.sleepers.announce(0, Reach::OwnOnly);
                    if !is_ready() {
                        model.rings[0].wait();
                    }
                    model.sleepers.awake(0);
                }
            })
        };
        let taker = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.run_one_job(1))
        };
        model.start_job();
        taker.join().unwrap();
        model.make_ready();
        own.join().unwrap();
    });
}

#[test]
fn loom_the_end_of_the_loop_reaches_a_sleeper() {
    bounded_model(|| {
        let model = Model::new(1);
        let worker = {
            let model = Arc::clone(&model);
            thread::spawn(move || {
                let is_over = || model.is_over.load(Ordering::Acquire);
                let mut jobs = 0;
                loop {
                    jobs += usize::from(model.take_job());
                    if is_over() && !model.has_job() {
                        return jobs;
                    }
                    let has_work = || is_over() || model.has_job();
                    model.sleep(0, has_work, || model.rings[0].wait());
                }
            })
        };
        let starter = {
            let model = Arc::clone(&model);
            thread::spawn(move || model.start_job())
        };
        starter.join().unwrap();
        model.is_over.store(true, Ordering::Release);
        model.wake(0);
        assert_eq!(worker.join().unwrap(), 1);
    });
}
