//! What the watch of an event loop looks at: which fiber each worker runs, and
//! what the parked ones wait for. The watch's thread (`io_blocking::watch`) calls
//! [`Watched`]; the workers keep [`Running`] and answer a [`Gathering`].
//!
//! A fiber's cell belongs to its worker. So each worker is asked, and woken, to
//! describe its own fibers; whoever finds that something goes on says so instead.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use io_blocking::watch::{Examination, LOOKS_PER_STALL, Watch, Watched};
use io_core::Instant;
use io_core::task::TaskRef;
use io_core::watch::{Report, ReportedTask, Stall, StallPhase, TaskPlace, WaitingTask};

use super::{Message, Shared};
use crate::cell::{FiberCell, FiberKind};
use crate::worker;

/// A worker that does not answer within this time does something.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which fiber a worker runs, for the watch.
pub(crate) struct Running {
    /// There is a worker. Written by its thread, read by the watch: Relaxed, a
    /// worker that comes or goes meanwhile does not answer or becomes active.
    pub(crate) is_there: AtomicBool,
    /// Odd while a fiber runs, another number each time. Written by the worker
    /// (Release, after `fiber`), read by the watch (Acquire). In debug builds only.
    pulse: AtomicUsize,
    /// The number of that fiber. Ordered by the pulse.
    fiber: AtomicUsize,
    /// The fiber blocks the worker in place. Relaxed: only words of a report.
    pub(crate) is_blocked: AtomicBool,
    /// The tasks that run on the worker's fibers, by the fiber's number, each above
    /// its joiner. In debug builds only.
    tasks: Mutex<HashMap<usize, Vec<TaskRef>>>,
    /// The number of the main fiber, once there is one; no other has it.
    main: AtomicUsize,
}

impl Running {
    pub(crate) fn new() -> Running {
        Running {
            is_there: AtomicBool::new(false),
            pulse: AtomicUsize::new(0),
            fiber: AtomicUsize::new(0),
            is_blocked: AtomicBool::new(false),
            tasks: Mutex::default(),
            main: AtomicUsize::new(usize::MAX),
        }
    }

    /// The worker goes to a fiber.
    pub(crate) fn enter(&self, fiber: &FiberCell) {
        if fiber.kind == FiberKind::Main {
            self.main.store(fiber.number, Ordering::Relaxed);
        }
        self.fiber.store(fiber.number, Ordering::Relaxed);
        self.step();
    }

    /// It comes back.
    pub(crate) fn leave(&self) {
        self.step();
    }

    /// The worker alone writes it.
    fn step(&self) {
        let pulse = self.pulse.load(Ordering::Relaxed);
        self.pulse.store(pulse.wrapping_add(1), Ordering::Release);
    }

    /// A fiber runs this task from here on.
    pub(crate) fn begin_task(&self, fiber: usize, task: TaskRef) {
        lock(&self.tasks).entry(fiber).or_default().push(task);
    }

    /// The task that it began last has ended.
    pub(crate) fn end_task(&self, fiber: usize) {
        let mut all = lock(&self.tasks);
        let tasks = all.get_mut(&fiber).expect("it has begun one");
        let ended = tasks.pop();
        if tasks.is_empty() {
            all.remove(&fiber);
        }
        drop(all);
        drop(ended);
    }

    fn reported_task(&self, worker: usize) -> ReportedTask {
        let number = self.fiber.load(Ordering::Relaxed);
        let tasks = lock(&self.tasks);
        let task = tasks.get(&number).and_then(|tasks| tasks.last()).cloned();
        drop(tasks);
        let place = if number == self.main.load(Ordering::Relaxed) {
            TaskPlace::MainFiber
        } else {
            TaskPlace::Fiber { number, worker }
        };
        ReportedTask::new(task.as_deref(), place)
    }
}

/// What the watch has seen of the workers' pulses. Used by its thread alone.
pub(super) struct Stalls(Mutex<Vec<Seen>>);

#[derive(Default)]
struct Seen {
    pulse: usize,
    /// When the pulse was this for the first time.
    since: Option<Instant>,
    /// How often it was the same since.
    look_count: u32,
    reported: Option<ReportedTask>,
}

impl Stalls {
    pub(super) fn new(workers: usize) -> Stalls {
        Stalls(Mutex::new((0..workers).map(|_| Seen::default()).collect()))
    }
}

/// What the workers answer.
pub(crate) struct Gathering {
    answers: Mutex<Answers>,
    arrived: Condvar,
}

struct Answers {
    /// Workers that have not answered.
    missing_count: usize,
    /// `None` if one of them says that something goes on.
    waiting: Option<Vec<WaitingTask>>,
}

impl Gathering {
    fn new(workers: usize) -> Gathering {
        Gathering {
            answers: Mutex::new(Answers {
                missing_count: workers,
                waiting: Some(Vec::new()),
            }),
            arrived: Condvar::new(),
        }
    }

    /// What the fibers of one worker wait for; `None` if it has something to do.
    pub(crate) fn answer(&self, waiting: Option<Vec<WaitingTask>>) {
        let mut answers = lock(&self.answers);
        answers.missing_count -= 1;
        match (&mut answers.waiting, waiting) {
            (Some(all), Some(waiting)) => all.extend(waiting),
            (all, None) => *all = None,
            (None, Some(_)) => {}
        }
        drop(answers);
        self.arrived.notify_one();
    }

    fn wait(&self) -> Option<Vec<WaitingTask>> {
        let is_missing = |answers: &mut Answers| answers.missing_count > 0;
        let answers = lock(&self.answers);
        let (mut answers, _timeout) = self
            .arrived
            .wait_timeout_while(answers, ANSWER_TIME_MAX, is_missing)
            .unwrap_or_else(PoisonError::into_inner);
        let is_complete = answers.missing_count == 0;
        answers.waiting.take().filter(|_| is_complete)
    }
}

impl Shared {
    /// A thread that is no worker uses the loop: it may wake a task, to its end.
    #[inline]
    pub(crate) fn enter_thread(&self) {
        if let Some(watch) = &self.watch
            && worker::with_current(self, |_| ()).is_none()
        {
            watch.enter_thread();
        }
    }

    /// Starts the watch, if anything is watched.
    pub(crate) fn start_watch(self: &Arc<Shared>) {
        if let Some(watch) = &self.watch {
            watch.start(|| Arc::clone(self) as Arc<dyn Watched>);
        }
    }

    /// Whether a wake or a job is on its way to a worker.
    fn has_undelivered(&self) -> bool {
        self.has_jobs() || self.workers.iter().any(|other| !other.inbox.is_empty())
    }
}

impl Watched for Shared {
    fn watch(&self) -> &Watch {
        self.watch.as_ref().expect("its thread calls this")
    }

    fn name(&self) -> &'static str {
        "event-loop"
    }

    fn examine(&self) -> Examination {
        let nothing = Examination {
            waiting: None,
            disturbed_count: 0,
        };
        if self.has_undelivered() {
            return nothing;
        }
        let is_there = |index: &usize| {
            self.workers[*index]
                .running
                .is_there
                .load(Ordering::Relaxed)
        };
        let there: Vec<usize> = (0..self.workers.len()).filter(is_there).collect();
        let gathering = Arc::new(Gathering::new(there.len()));
        for index in &there {
            self.send(*index, Message::Describe(Arc::clone(&gathering)));
        }
        let fibers = gathering.wait();
        let threads = self.watch().resting_threads();
        let waiting = fibers.map(|mut fibers| {
            fibers.extend(threads);
            fibers
        });
        let is_settled = |waiting: &Vec<WaitingTask>| {
            let on_words = waiting.iter().filter(|task| task.address.is_some());
            // Who has been woken is off the queue, though it may not know yet.
            on_words.count() == self.lot.len() && !waiting.iter().any(WaitingTask::may_be_woken)
        };
        Examination {
            waiting: waiting.filter(is_settled),
            disturbed_count: there.len() as u64,
        }
    }

    fn look_for_stalls(&self, now: Instant) -> bool {
        let mut all_seen = lock(&self.stalls.0);
        let mut has_run = false;
        for (index, seen) in all_seen.iter_mut().enumerate() {
            let running = &self.workers[index].running;
            let pulse = running.pulse.load(Ordering::Acquire);
            let since = *seen.since.get_or_insert(now);
            let time = now.saturating_duration_since(since);
            has_run |= pulse != seen.pulse || !pulse.is_multiple_of(2);
            if pulse != seen.pulse || pulse.is_multiple_of(2) {
                if let Some(task) = seen.reported.take() {
                    self.tell_stall(task, time, StallPhase::Over);
                }
                *seen = Seen {
                    pulse,
                    since: Some(now),
                    look_count: 0,
                    reported: None,
                };
                continue;
            }
            seen.look_count += 1;
            if seen.look_count >= LOOKS_PER_STALL && seen.reported.is_none() {
                let task = running.reported_task(index);
                seen.reported = Some(task.clone());
                let phase = if running.is_blocked.load(Ordering::Relaxed) {
                    StallPhase::BlockingInPlace
                } else {
                    StallPhase::Running
                };
                self.tell_stall(task, time, phase);
            }
        }
        has_run
    }
}

impl Shared {
    fn tell_stall(&self, task: ReportedTask, time: Duration, phase: StallPhase) {
        self.watch()
            .tell(&Report::Stall(Stall { task, time, phase }));
    }
}
