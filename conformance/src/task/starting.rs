//! How tasks start: at once, later, concurrently, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use io_core::task::{ConcurrencyUnavailable, Job, Rejected, Start};
use io_core::{FutexAddress, FutexWord, Io, forward_io};

use crate::fixture::{Fixture, Works};
use crate::run::message_of;

pub(crate) fn every_task_runs_exactly_once(fixture: &Fixture<'_>) {
    const TASKS: usize = 2000;
    let runs: Vec<AtomicUsize> = (0..TASKS).map(|_| AtomicUsize::new(0)).collect();
    fixture.io().scope(|scope| {
        for run in &runs {
            scope.spawn(|| run.fetch_add(1, Ordering::Relaxed));
        }
    });
    assert!(runs.iter().all(|run| run.load(Ordering::Relaxed) == 1));
}

pub(crate) fn every_concurrent_task_runs_exactly_once(fixture: &Fixture<'_>) {
    for _ in 0..20 {
        let runs: Vec<AtomicUsize> = (0..8).map(|_| AtomicUsize::new(0)).collect();
        fixture.io().scope(|scope| {
            for run in &runs {
                let count = || run.fetch_add(1, Ordering::Relaxed);
                scope.spawn_concurrent(count).works();
            }
        });
        assert!(runs.iter().all(|run| run.load(Ordering::Relaxed) == 1));
    }
}

/// Each waits for all others: with one task too few at once none would end.
pub(crate) fn concurrent_tasks_make_progress_together(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let tasks = crate::Need::CONCURRENT_TASKS;
    let total = u32::try_from(tasks).expect("it is small");
    let arrived = AtomicU32::new(0);
    io.scope(|scope| {
        for _ in 0..tasks {
            let arrive = || {
                if arrived.fetch_add(1, Ordering::AcqRel) + 1 == total {
                    io.futex_wake(FutexAddress::of(&arrived), u32::MAX);
                }
                loop {
                    let seen = arrived.load(Ordering::Acquire);
                    if seen == total {
                        break;
                    }
                    io.futex_wait(FutexWord::of(&arrived), seen, None).works();
                    // A wait on a number that others raise: all look again.
                    io.futex_wake(FutexAddress::of(&arrived), u32::MAX);
                }
            };
            scope.spawn_concurrent(arrive).works();
        }
    });
}

/// The spawner waits for something else than a join: the child runs all the same.
pub(crate) fn a_concurrent_task_runs_while_its_spawner_waits(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (reader, writer) = fixture.pipe();
    io.scope(|scope| {
        let write = || writer.write_fully(b"text").result.works();
        scope.spawn_concurrent(write).works();
        let mut buffer = [0; 4];
        reader.read_fully(&mut buffer).result.works();
        assert_eq!(&buffer, b"text");
    });
}

pub(crate) fn concurrency_is_had_or_declared(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let has_none = fixture.capabilities().concurrent_tasks_max == 0;
    io.scope(|scope| match scope.spawn_concurrent(|| 42) {
        Ok(task) => {
            assert!(!has_none, "it declares that it can have none");
            assert_eq!(task.join(), 42);
        }
        Err(ConcurrencyUnavailable) => assert!(has_none, "it declares that it can"),
    });
}

pub(crate) fn what_can_not_run_concurrently_is_dropped_unrun(fixture: &Fixture<'_>) {
    /// Says no to whatever has to run concurrently.
    struct Refusing<'a>(&'a dyn Io);
    impl Io for Refusing<'_> {
        forward_io!(self => self.0; except start);

        fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
            match how {
                Start::Concurrent => Err(Rejected::new(job)),
                other => self.0.start(job, other),
            }
        }
    }
    let io: &dyn Io = &Refusing(fixture.io());
    let shared = Arc::new(());
    let runs = AtomicUsize::new(0);
    io.scope(|scope| {
        let (captured, runs) = (Arc::clone(&shared), &runs);
        let refused = scope.spawn_concurrent(move || {
            runs.fetch_add(1, Ordering::Relaxed);
            drop(captured);
        });
        assert!(refused.is_err());
        assert_eq!(Arc::strong_count(&shared), 1, "the closure is dropped");
        scope.spawn(|| ()).join();
    });
    assert_eq!(runs.into_inner(), 0);
}

/// An executor that loses a job does not hang its joiner: the join says it.
pub(crate) fn a_job_that_is_dropped_unrun_is_reported(fixture: &Fixture<'_>) {
    /// Drops every job.
    struct Losing<'a>(&'a dyn Io);
    impl Io for Losing<'_> {
        forward_io!(self => self.0; except start);

        fn start(&self, job: Job, _how: Start) -> Result<(), Rejected> {
            drop(job);
            Ok(())
        }
    }
    let io: &dyn Io = &Losing(fixture.io());
    io.scope(|scope| {
        let task = scope.spawn(|| 42);
        assert!(task.is_finished());
        let payload = task.try_join().expect_err("it never ran");
        let said = message_of(payload.as_ref());
        assert!(said.contains("dropped"), "{said}");
    });
}

/// A child that runs inline is a task like any other.
pub(crate) fn children_of_children_run(fixture: &Fixture<'_>) {
    fn chain(io: &dyn Io, depth: usize) -> usize {
        if depth == 0 {
            return 0;
        }
        io.scope(|scope| scope.spawn(move || chain(io, depth - 1)).join() + 1)
    }
    assert_eq!(chain(fixture.io(), 100), 100);
}

/// More tasks than any limit of threads: those beyond it wait or run inline.
pub(crate) fn thousands_of_tasks_that_wait_all_end(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let ended = AtomicUsize::new(0);
    io.scope(|scope| {
        for _ in 0..2000 {
            scope.spawn(|| {
                io.yield_now().works();
                io.sleep(Duration::from_micros(10)).works();
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(ended.into_inner(), 2000);
}

pub(crate) fn many_tasks_wait_at_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let tasks = fixture.capabilities().concurrent_tasks_max.min(500);
    let gate = AtomicU32::new(0);
    let passed = AtomicUsize::new(0);
    io.scope(|scope| {
        for _ in 0..tasks {
            let wait = || {
                while gate.load(Ordering::Acquire) == 0 {
                    io.futex_wait(FutexWord::of(&gate), 0, None).works();
                }
                passed.fetch_add(1, Ordering::Relaxed);
            };
            scope.spawn_concurrent(wait).works();
        }
        fixture.pause();
        assert_eq!(passed.load(Ordering::Relaxed), 0);
        gate.store(1, Ordering::Release);
        io.futex_wake(FutexAddress::of(&gate), u32::MAX);
    });
    assert_eq!(passed.into_inner(), tasks);
}
