//! Executors in safe code that break the contract on purpose. Programs on them
//! may hang, panic or be wrong; what they must not do is use what is gone. So
//! each program here writes to what its tasks have borrowed, as late as it can,
//! and looks at it once the scope has ended.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use io_core::fs::{self, File};
use io_core::sync::{Mutex as TaskMutex, RwLock};
use io_core::task::{self, Done, Job, Rejected, Start, TaskRecord, TaskRef};
use io_core::{
    Clock, FutexWord, Instant, Io, IoId, Operation, OperationKind, Outcome, canceled, forward_io,
};

use crate::backend::{Jobs, Tiny};
use crate::panics::quietly;
use crate::watchdog::Watchdog;

/// What an executor does that it must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spite {
    /// Gives back another job than it was given.
    SwapsJobs,
    /// Runs jobs, the newest first, on the stack of whoever waits for anything.
    RunsJobsInWaits,
    /// Publishes the end of a task long after it has run, on any thread.
    PublishesLate,
    /// Ends every wait at once.
    WaitsNever,
    /// Ends every wait at once, and says that it was canceled.
    WaitsFail,
    /// Has a new identity every time.
    ChangesId,
    /// Panics at every other wait for a task.
    PanicsInJoins,
    /// Runs jobs as if for their joiners, who wait for others, have gone, or are on
    /// another thread, and publishes their ends later; panics in some joins.
    LiesOfJoiners,
    /// Begins waits that it does not end, so that it is in several at once.
    NestsWaits,
}

const SPITE: [Spite; 9] = [
    Spite::SwapsJobs,
    Spite::RunsJobsInWaits,
    Spite::PublishesLate,
    Spite::WaitsNever,
    Spite::WaitsFail,
    Spite::ChangesId,
    Spite::PanicsInJoins,
    Spite::LiesOfJoiners,
    Spite::NestsWaits,
];

/// An executor that keeps what it is given, wakes nobody, and never waits for
/// anything but the processor.
struct Spiteful<'a> {
    below: &'a Tiny,
    spite: Spite,
    jobs: Mutex<Vec<Job>>,
    ends: Mutex<Vec<Done>>,
    /// References to every task that there was.
    tasks: Mutex<Vec<TaskRef>>,
    calls: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'a> Spiteful<'a> {
    fn new(below: &'a Tiny, spite: Spite) -> Spiteful<'a> {
        Spiteful {
            below,
            spite,
            jobs: Mutex::default(),
            ends: Mutex::default(),
            tasks: Mutex::default(),
            calls: AtomicUsize::new(0),
        }
    }

    fn call_number(&self) -> usize {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// What it does instead of waiting: something that it has put off.
    fn pass_the_time(&self) {
        if self.spite == Spite::PublishesLate && !self.call_number().is_multiple_of(3) {
            thread::yield_now();
            return;
        }
        // Each is let go of outside the lock: it may come here again.
        let end = lock(&self.ends).pop();
        if let Some(end) = end {
            end.publish();
            return;
        }
        let job = lock(&self.jobs).pop();
        match job {
            Some(job) if self.spite == Spite::LiesOfJoiners => {
                let done = job.run_for_joiner(self.id());
                lock(&self.ends).push(done);
            }
            Some(job) => job.run(self.id()).publish(),
            None => thread::yield_now(),
        }
    }
}

impl Io for Spiteful<'_> {
    forward_io!(self => self.below; except start, wait_task, wake_task, yield_now, futex_wait,
        futex_wake, id);

    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        lock(&self.tasks).push(job.task().clone());
        match self.spite {
            Spite::SwapsJobs => {
                let mut jobs = lock(&self.jobs);
                jobs.push(job);
                // The oldest: most often another scope's.
                if jobs.len() < 4 {
                    return Ok(());
                }
                Err(Rejected::new(jobs.remove(0)))
            }
            Spite::RunsJobsInWaits | Spite::LiesOfJoiners => {
                lock(&self.jobs).push(job);
                Ok(())
            }
            Spite::PublishesLate => {
                let done = job.run(self.id());
                lock(&self.ends).insert(0, done);
                Ok(())
            }
            _ => self.below.start(job, how),
        }
    }

    fn wait_task(&self, _task: &TaskRecord) {
        if self.spite == Spite::NestsWaits {
            for _ in 0..3 {
                drop(task::begin_wait(self.id(), || self.now(Clock::Monotonic)));
            }
        }
        let panics = match self.spite {
            Spite::PanicsInJoins => self.call_number().is_multiple_of(2),
            Spite::LiesOfJoiners => self.call_number().is_multiple_of(5),
            _ => false,
        };
        if panics {
            std::panic::resume_unwind(Box::new("no joins here"));
        }
        self.pass_the_time();
    }

    fn wake_task(&self, _task: &TaskRecord) {}

    fn yield_now(&self) -> io::Result<()> {
        self.pass_the_time();
        Ok(())
    }

    fn futex_wait(&self, _: FutexWord<'_>, _: u32, _: Option<Instant>) -> io::Result<()> {
        self.pass_the_time();
        if self.spite == Spite::WaitsFail {
            return Err(canceled());
        }
        Ok(())
    }

    fn futex_wake(&self, _: io_core::FutexAddress, _: u32) {}

    fn id(&self) -> IoId {
        if self.spite == Spite::ChangesId {
            // Any address will do, also those of others.
            return match self.call_number() % 3 {
                0 => IoId::of(&self.jobs),
                1 => IoId::of(&self.ends),
                _ => self.below.id(),
            };
        }
        IoId::of(self)
    }
}

/// Counts how many there are; each must end once.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Counted<'a> {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        assert!(self.0.fetch_sub(1, Ordering::SeqCst) > 0, "dropped twice");
    }
}

/// Tasks that write to what they have borrowed, at their end and late.
fn borrows(io: &dyn Io, count: &AtomicUsize) {
    let mut places = [[0_u64; 16]; 24];
    let joined = AtomicUsize::new(0);
    let ended = quietly(|| {
        io.scope(|scope| {
            let mut tasks = Vec::new();
            for (number, place) in (1..).zip(&mut places) {
                let captured = Counted::new(count);
                tasks.push(scope.spawn(move || {
                    let own = io.scope(|inner| {
                        let child = inner.spawn(|| Box::new(number));
                        drop(inner.spawn(|| Counted::new(count)));
                        let _no_more = quietly(|| io.checkpoint());
                        // Neither result nor answer, if the executor gives none.
                        match quietly(|| child.try_join()) {
                            Ok(Ok(own)) => *own,
                            _ => number,
                        }
                    });
                    for _ in 0..3 {
                        thread::yield_now();
                    }
                    *place = [own; 16];
                    drop(captured);
                    Counted::new(count)
                }));
            }
            for (number, task) in tasks.into_iter().rev().enumerate() {
                match number % 3 {
                    0 => drop(task),
                    1 => task.request_cancel(),
                    _ => {
                        let _joined = task.join();
                        joined.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
    });
    // A panic of the executor goes on, once all that was borrowed is free.
    for (number, place) in (1..).zip(&places) {
        assert_eq!(place, &[number; 16], "the scope ended before its task");
    }
    if ended.is_ok() {
        assert_eq!(joined.into_inner(), places.len() / 3);
    }
}

/// Locks whose holders look away while they have them.
fn locks(io: &dyn Io) {
    const ROUNDS: u64 = 10;
    let (mutex, lock) = (TaskMutex::new(0_u64), RwLock::new((0_u64, 0_u64)));
    let is_inside = AtomicBool::new(false);
    io.scope(|scope| {
        for number in 0..6 {
            let (mutex, lock, is_inside) = (&mutex, &lock, &is_inside);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let mut guard = mutex.lock_uncancelable(io);
                    assert!(!is_inside.swap(true, Ordering::SeqCst));
                    thread::yield_now();
                    *guard += 1;
                    is_inside.store(false, Ordering::SeqCst);
                    drop(guard);
                    if number % 2 == 0 {
                        let mut pair = lock.write_uncancelable(io);
                        pair.0 += 1;
                        thread::yield_now();
                        pair.1 += 1;
                    } else {
                        let pair = lock.read_uncancelable(io);
                        let first = pair.0;
                        thread::yield_now();
                        assert_eq!(first, pair.1);
                    }
                }
            });
        }
    });
    assert_eq!(mutex.into_inner(), 6 * ROUNDS);
    assert_eq!(lock.into_inner(), (3 * ROUNDS, 3 * ROUNDS));
}

#[test]
fn no_executor_ends_a_scope_before_its_tasks() {
    let _watchdog = Watchdog::new("no_executor_ends_a_scope_before_its_tasks");
    for spite in SPITE {
        for _ in 0..6 {
            let count = AtomicUsize::new(0);
            let tiny = Tiny::new(Jobs::Threads);
            let spiteful = Spiteful::new(&tiny, spite);
            borrows(&spiteful, &count);
            assert!(lock(&spiteful.jobs).is_empty(), "{spite:?}");
            assert!(lock(&spiteful.ends).is_empty(), "{spite:?}");
            // What was put into a task, or came out of it, is gone.
            assert_eq!(count.into_inner(), 0, "{spite:?}");
        }
    }
}

#[test]
fn no_executor_lets_two_have_a_lock() {
    let _watchdog = Watchdog::new("no_executor_lets_two_have_a_lock");
    for spite in SPITE {
        if matches!(spite, Spite::SwapsJobs | Spite::RunsJobsInWaits) {
            // A task that runs inside the wait of who has the lock waits for ever.
            continue;
        }
        let tiny = Tiny::new(Jobs::Threads);
        locks(&Spiteful::new(&tiny, spite));
    }
}

#[test]
fn a_record_may_be_looked_at_when_its_task_and_executor_are_gone() {
    let tiny = Tiny::new(Jobs::Threads);
    let spiteful = Spiteful::new(&tiny, Spite::RunsJobsInWaits);
    let io: &dyn Io = &spiteful;
    io.scope(|scope| {
        for name in ["one", "other"] {
            drop(scope.task(name).spawn(move || vec![name; 100]));
        }
    });
    let tasks = std::mem::take(&mut *lock(&spiteful.tasks));
    drop(spiteful);
    drop(tiny);
    let look = thread::spawn(move || {
        for (task, name) in tasks.iter().zip(["one", "other"]) {
            assert_eq!(task.name(), Some(name));
            assert!(task.is_done() && task.prepare_wait().is_none());
            assert!(!task.is_interrupt_due());
            let _address = task.wait_address();
            task.place().store(usize::MAX, Ordering::Relaxed);
        }
    });
    look.join().unwrap();
}

/// An executor whose transfers and listings claim more than there can be.
struct Boastful<'a>(&'a Tiny, usize);

impl Io for Boastful<'_> {
    forward_io!(self => self.0; except perform, perform_batch);

    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        let claims = matches!(
            operation.kind(),
            OperationKind::Read | OperationKind::Write | OperationKind::ReadDirectory
        );
        let outcome = self.0.perform(operation);
        match operation {
            // It takes the buffers away, too.
            Operation::Read { buffers, .. } => *buffers = &mut [],
            Operation::Write { buffers, .. } => *buffers = &[],
            _ => {}
        }
        if claims {
            return Ok(Outcome::Count(self.1));
        }
        outcome
    }
}

#[test]
fn no_count_reaches_beyond_a_buffer() {
    let _watchdog = Watchdog::new("no_count_reaches_beyond_a_buffer");
    let tiny = Tiny::new(Jobs::Inline);
    fs::write(&tiny, "/file", b"0123").unwrap();
    for claimed in [9, 4096, usize::MAX] {
        let boastful = Boastful(&tiny, claimed);
        let io: &dyn Io = &boastful;
        let mut file = File::open(io, "/file").unwrap();
        let writer = fs::OpenOptions::new()
            .write(true)
            .open(io, "/file")
            .unwrap();
        let mut buffer = [0; 8];
        let mut halves = [0_u8; 8];
        let (one, other) = halves.split_at_mut(4);
        let panics = [
            quietly(|| file.read_at(&mut buffer, 0).map(drop)).is_err(),
            quietly(|| file.read(&mut buffer).map(drop)).is_err(),
            quietly(|| file.read_exact(&mut buffer)).is_err(),
            quietly(|| {
                let mut both = [IoSliceMut::new(one), IoSliceMut::new(other)];
                file.read_vectored(&mut both).map(drop)
            })
            .is_err(),
            quietly(|| writer.write_at(b"01234567", 0).map(drop)).is_err(),
            quietly(|| {
                let both = [IoSlice::new(b"0123"), IoSlice::new(b"4567")];
                writer.write_vectored_at(&both, 0).map(drop)
            })
            .is_err(),
        ];
        assert_eq!(panics, [true; 6], "{claimed}");
        // It asks for a little more than the file has. Who claims that there is so
        // much, again and again, has a file without an end.
        if claimed > 4 + 32 {
            assert!(quietly(|| fs::read(io, Path::new("/file"))).is_err());
        }
        let listed = quietly(|| {
            fs::read_dir(io, "/").map(|entries| entries.take(1000).filter_map(Result::ok).count())
        });
        assert!(listed.is_err() || listed.unwrap().unwrap() <= 1000);
    }
}
