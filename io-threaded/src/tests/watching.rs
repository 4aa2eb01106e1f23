//! Reports of deadlocks: each is made and names its tasks, and none is made where
//! something may go on.

use std::io::{Read, Write};
use std::sync::Mutex as StdMutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use io_core::Io;
use io_core::fs::File;
use io_core::sync::{Barrier, Condvar, Event, Mutex};
use io_core::task::Scope;
use io_core::watch::{Deadlock, Report, WaitKind};

use super::watched;
use crate::{Builder, Threaded};

/// Longer than it takes to report.
const QUIET: Duration = Duration::from_millis(350);

/// An executor that reports deadlocks here.
fn reporting(builder: Builder) -> (Threaded, Receiver<Report>) {
    let (tell, told) = channel();
    let tell = StdMutex::new(tell);
    let tell = move |report: &Report| {
        // At the end of a test nobody listens any more.
        drop(tell.lock().unwrap().send(report.clone()));
    };
    (builder.report_deadlocks().report_to(tell).build(), told)
}

/// Runs `body`, which joins members that wait for each other, and cancels them when
/// that was reported.
fn report_of<'env>(
    threaded: &'env Threaded,
    told: Receiver<Report>,
    body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>),
) -> Deadlock {
    let io: &dyn Io = threaded;
    let report = io.scope(|scope| {
        thread::scope(|threads| {
            let canceler = threads.spawn(move || {
                let report = told.recv().unwrap();
                scope.cancel();
                report
            });
            body(scope);
            canceler.join().unwrap()
        })
    });
    match report {
        Report::Deadlock(deadlock) => deadlock,
        other => panic!("no deadlock: {other}"),
    }
}

fn has(deadlock: &Deadlock, name: &str, kind: WaitKind) -> bool {
    let mut tasks = deadlock.tasks.iter();
    tasks.any(|waiting| waiting.task.name.as_deref() == Some(name) && waiting.kind == kind)
}

#[test]
fn a_cycle_of_two_locks_is_reported() {
    watched("a_cycle_of_two_locks_is_reported", || {
        let (first, second, both) = (Mutex::new(()), Mutex::new(()), Barrier::new(2));
        let (first, second, both) = (&first, &second, &both);
        let (threaded, told) = reporting(Threaded::builder());
        let deadlock = report_of(&threaded, told, |scope| {
            let io = scope.io();
            let take = |one: &Mutex<()>, other: &Mutex<()>| {
                let _held = one.lock(io).unwrap();
                both.wait_uncancelable(io);
                drop(other.lock(io));
            };
            let a = scope
                .task("a")
                .spawn_concurrent(move || take(first, second));
            let b = scope
                .task("b")
                .spawn_concurrent(move || take(second, first));
            a.unwrap().join();
            b.unwrap().join();
        });
        assert!(has(&deadlock, "a", WaitKind::Lock), "{deadlock}");
        assert!(has(&deadlock, "b", WaitKind::Lock), "{deadlock}");
        // The two, and the thread that joins the first.
        assert_eq!(deadlock.tasks.len(), 3, "{deadlock}");
        let text = deadlock.to_string();
        assert!(
            text.contains(" waits for the end of a task: task 'a' (thread "),
            "{text}"
        );
    });
}

/// The guide's: `spawn` at its limit runs a child that waits for what comes after.
#[test]
fn a_child_inside_spawn_that_waits_for_its_spawner_is_reported() {
    watched(
        "a_child_inside_spawn_that_waits_for_its_spawner_is_reported",
        || {
            let (is_ready, changed) = (Mutex::new(false), Condvar::new());
            let (is_ready, changed) = (&is_ready, &changed);
            let (threaded, told) = reporting(Threaded::builder().spawn_threads(0));
            let deadlock = report_of(&threaded, told, |scope| {
                let io = scope.io();
                let wait = move || {
                    let mut ready = is_ready.lock_uncancelable(io);
                    while !*ready && changed.wait(&mut ready).is_ok() {}
                };
                drop(scope.task("child").spawn(wait));
                *is_ready.lock_uncancelable(io) = true;
                changed.notify_one(io);
            });
            assert!(has(&deadlock, "child", WaitKind::Condition), "{deadlock}");
        },
    );
}

#[test]
fn what_may_go_on_is_no_deadlock() {
    watched("what_may_go_on_is_no_deadlock", || {
        let (threaded, told) = reporting(Threaded::builder());
        let (io, event): (&dyn Io, _) = (&threaded, &Event::new());
        // A timer, then a deadline.
        io.scope(|scope| {
            drop(
                scope
                    .spawn_concurrent(|| event.wait_uncancelable(io))
                    .unwrap(),
            );
            io.sleep(QUIET).unwrap();
            assert!(io.with_timeout(QUIET, || Event::new().wait(io)).is_err());
            event.set(io);
        });
        event.reset();
        // A read, whose byte comes from a thread that never uses the executor.
        let (reader, mut writer) = std::io::pipe().unwrap();
        thread::scope(|threads| {
            threads.spawn(move || {
                thread::sleep(QUIET);
                writer.write_all(&[0]).unwrap();
            });
            io.scope(|scope| {
                drop(
                    scope
                        .spawn_concurrent(|| event.wait_uncancelable(io))
                        .unwrap(),
                );
                let mut reader = File::from_fd(io, reader.into());
                reader.read_exact(&mut [0]).unwrap();
                event.set(io);
            });
        });
        event.reset();
        // A thread that has used the executor.
        thread::scope(|threads| {
            let (makes_known, is_known) = channel();
            threads.spawn(move || {
                io.yield_now().unwrap();
                makes_known.send(()).unwrap();
                thread::sleep(QUIET);
                event.set(io);
            });
            is_known.recv().unwrap();
            io.scope(|scope| {
                drop(
                    scope
                        .spawn_concurrent(|| event.wait_uncancelable(io))
                        .unwrap(),
                );
            });
        });
        assert!(told.try_recv().is_err());
    });
}
