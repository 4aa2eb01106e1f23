//! Reports of deadlocks and stalls: each is made, names its tasks, and is not made
//! where something may go on.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex as StdMutex, PoisonError};
use std::task::{Poll, Waker as FutureWaker};
use std::thread;
use std::time::Duration;

use io_core::fs::File;
use io_core::sync::{Barrier, Condvar, Event, Mutex, Queue};
use io_core::task::{self, Scope};
use io_core::watch::{Deadlock, Report, WaitKind};
use io_core::{Io, is_canceled};

use super::{Watchdog, build};
use crate::{Builder, EventLoop};

const WORKERS: [usize; 3] = [1, 2, 4];

/// Longer than it takes to report.
const QUIET: Duration = Duration::from_millis(350);

/// An event loop that reports deadlocks here.
fn watched(builder: Builder) -> (EventLoop, Receiver<Report>) {
    let (tell, told) = channel();
    let tell = StdMutex::new(tell);
    let tell = move |report: &Report| {
        let tell = tell.lock().unwrap_or_else(PoisonError::into_inner);
        // At the end of a test nobody listens any more.
        drop(tell.send(report.clone()));
    };
    let builder = builder.report_deadlocks().report_stalls(None);
    (build(builder.report_to(tell)), told)
}

fn deadlock_of(report: Report) -> Deadlock {
    match report {
        Report::Deadlock(deadlock) => deadlock,
        other => panic!("no deadlock: {other}"),
    }
}

/// Runs `body`, which joins members that wait for each other, and cancels them when
/// that was reported.
fn report_of<'env>(
    event_loop: &'env EventLoop,
    told: Receiver<Report>,
    body: impl for<'scope> FnOnce(&'scope Scope<'scope, 'env>),
) -> Deadlock {
    let _watchdog = Watchdog::new();
    let io: &dyn Io = event_loop;
    let report = event_loop.run(|_| {
        io.scope(|scope| {
            thread::scope(|threads| {
                let canceler = threads.spawn(move || {
                    let report = told.recv().expect("a report");
                    scope.cancel();
                    report
                });
                body(scope);
                canceler.join().expect("it does not panic")
            })
        })
    });
    deadlock_of(report.expect("a ring"))
}

fn has(deadlock: &Deadlock, name: &str, kind: WaitKind) -> bool {
    let mut tasks = deadlock.tasks.iter();
    tasks.any(|waiting| waiting.task.name.as_deref() == Some(name) && waiting.kind == kind)
}

#[test]
fn tasks_that_wait_for_each_others_items_are_reported() {
    for workers in WORKERS {
        let (here, there) = (Queue::bounded(1), Queue::bounded(1));
        let (here, there) = (&here, &there);
        let (event_loop, told) = watched(EventLoop::builder().workers(workers));
        let deadlock = report_of(&event_loop, told, |scope| {
            let io = scope.io();
            let answer = |from: &Queue<u32>| {
                let item = from.get(io);
                assert!(item.as_ref().is_err_and(is_canceled), "{item:?}");
            };
            let ping = scope.task("ping").spawn(move || answer(here));
            let pong = scope.task("pong").spawn(move || answer(there));
            ping.join();
            pong.join();
        });
        assert!(has(&deadlock, "ping", WaitKind::Item), "{deadlock}");
        assert!(has(&deadlock, "pong", WaitKind::Item), "{deadlock}");
        // The two, and the body, on whose stack the first of them may run.
        assert_eq!(deadlock.tasks.len(), 3, "{deadlock}");
        let text = deadlock.to_string();
        let body = "the body of run waits for the end of a task";
        assert!(text.contains(body), "{text}");
        assert!(
            text.contains(", spawned at io-evloop-uring/src/tests/watched.rs:"),
            "{text}"
        );
    }
}

#[test]
fn a_cycle_of_two_locks_is_reported() {
    for workers in WORKERS {
        let (first, second, both) = (Mutex::new(()), Mutex::new(()), Barrier::new(2));
        let (first, second, both) = (&first, &second, &both);
        let (event_loop, told) = watched(EventLoop::builder().workers(workers));
        let deadlock = report_of(&event_loop, told, |scope| {
            let io = scope.io();
            let take = |one: &Mutex<()>, other: &Mutex<()>| {
                let _held = one.lock(io).expect("it is free");
                both.wait_uncancelable(io);
                drop(other.lock(io));
            };
            let a = scope.task("a").spawn(move || take(first, second));
            let b = scope.task("b").spawn(move || take(second, first));
            a.join();
            b.join();
        });
        assert!(has(&deadlock, "a", WaitKind::Lock), "{deadlock}");
        assert!(has(&deadlock, "b", WaitKind::Lock), "{deadlock}");
    }
}

#[test]
fn a_cycle_of_joins_is_reported() {
    for workers in WORKERS {
        let (begun, event) = (Event::new(), Event::new());
        let (begun, event) = (&begun, &event);
        let (event_loop, told) = watched(EventLoop::builder().workers(workers));
        let deadlock = report_of(&event_loop, told, |scope| {
            let io = scope.io();
            let parent = move || {
                io.scope(|below| {
                    let child = below.task("child").spawn(move || {
                        begun.set(io);
                        event.wait(io)
                    });
                    // Its joiner would run it on its own stack otherwise.
                    begun.wait_uncancelable(io);
                    assert!(child.join().is_err());
                    event.set(io);
                });
            };
            scope.task("parent").spawn(parent).join();
        });
        assert!(has(&deadlock, "child", WaitKind::Event), "{deadlock}");
        assert!(has(&deadlock, "parent", WaitKind::TaskEnd), "{deadlock}");
        let text = deadlock.to_string();
        assert!(
            text.contains("waits for the end of a task: task 'child' ("),
            "{text}"
        );
    }
}

/// The guide's: a child that runs inside `spawn` waits for what comes after it.
/// Here `spawn` does so at the limit of stacks.
#[test]
fn a_child_inside_spawn_that_waits_for_its_spawner_is_reported() {
    let (is_ready, changed) = (Mutex::new(false), Condvar::new());
    let (is_ready, changed) = (&is_ready, &changed);
    let (event_loop, told) = watched(EventLoop::builder().workers(1));
    let deadlock = report_of(&event_loop, told, |scope| {
        let io = scope.io();
        let wait = move || {
            let mut ready = is_ready.lock_uncancelable(io);
            while !*ready {
                if changed.wait(&mut ready).is_err() {
                    return;
                }
            }
        };
        let spawner = move || {
            let inline = Inline(io);
            let io: &dyn Io = &inline;
            io.scope(|below| drop(below.task("child").spawn(wait)));
            *is_ready.lock_uncancelable(io) = true;
            changed.notify_one(io);
        };
        scope.task("spawner").spawn(spawner).join();
    });
    assert!(has(&deadlock, "child", WaitKind::Condition), "{deadlock}");
    assert!(has(&deadlock, "spawner", WaitKind::TaskEnd), "{deadlock}");
    assert!(
        deadlock.to_string().contains("which runs on its stack"),
        "{deadlock}"
    );
}

/// Starts nothing, so that io-core runs every child inside `spawn`.
struct Inline<'a>(&'a dyn Io);

impl Io for Inline<'_> {
    io_core::forward_io!(self => self.0; except start);
}

/// A thread of the pool that waits as a task is one of those that wait.
#[test]
fn offloaded_code_that_waits_is_reported() {
    for workers in WORKERS {
        let event = Event::new();
        let event = &event;
        let (event_loop, told) = watched(EventLoop::builder().workers(workers));
        let deadlock = report_of(&event_loop, told, |scope| {
            let io = scope.io();
            let body = move || io.offload(|| assert!(event.wait(io).is_err()));
            scope.task("offloading").spawn(body).join();
        });
        // Twice: the task that waits for the code, and the code, which has its name.
        assert!(
            has(&deadlock, "offloading", WaitKind::TaskEnd),
            "{deadlock}"
        );
        assert!(has(&deadlock, "offloading", WaitKind::Event), "{deadlock}");
        assert!(deadlock.to_string().contains("(thread "), "{deadlock}");
    }
}

/// Without `run`: the thread that waits for the scope is one of those that wait.
#[test]
fn a_thread_that_waits_for_a_stuck_task_is_reported() {
    let _watchdog = Watchdog::new();
    for workers in WORKERS {
        let (event_loop, told) = watched(EventLoop::builder().workers(workers));
        let (io, event): (&dyn Io, _) = (&event_loop, &Event::new());
        let report = io.scope(|scope| {
            thread::scope(|threads| {
                let canceler = threads.spawn(move || {
                    let report = told.recv().expect("a report");
                    scope.cancel();
                    report
                });
                let stuck = scope.task("stuck").spawn(move || event.wait(io));
                assert!(stuck.join().is_err());
                canceler.join().expect("it does not panic")
            })
        });
        let deadlock = deadlock_of(report);
        assert!(has(&deadlock, "stuck", WaitKind::Event), "{deadlock}");
        assert_eq!(deadlock.tasks.len(), 2, "{deadlock}");
        assert!(deadlock.to_string().contains("thread "), "{deadlock}");
    }
}

#[test]
fn a_deadlock_is_reported_once_until_something_goes_on() {
    let _watchdog = Watchdog::new();
    let (event_loop, told) = watched(EventLoop::builder().workers(2));
    let (io, first, second): (&dyn Io, _, _) = (&event_loop, &Event::new(), &Event::new());
    let ran = event_loop.run(|_| {
        io.scope(|scope| {
            thread::scope(|threads| {
                let wait = move || (first.wait_uncancelable(io), second.wait_uncancelable(io));
                let stuck = scope.task("stuck").spawn(wait);
                // Threads that end once they have woken somebody.
                threads.spawn(move || {
                    deadlock_of(told.recv().expect("a first report"));
                    assert_eq!(
                        told.recv_timeout(QUIET).err(),
                        Some(RecvTimeoutError::Timeout)
                    );
                    thread::scope(|threads| drop(threads.spawn(|| first.set(io))));
                    deadlock_of(told.recv().expect("a second report"));
                    assert_eq!(
                        told.recv_timeout(QUIET).err(),
                        Some(RecvTimeoutError::Timeout)
                    );
                    second.set(io);
                });
                stuck.join();
            });
        });
    });
    ran.expect("a ring");
}

/// Runs `body`, in which nothing is to be reported.
fn quiet(builder: Builder, body: impl for<'scope, 'env> FnOnce(&'scope Scope<'scope, 'env>)) {
    let _watchdog = Watchdog::new();
    let (event_loop, told) = watched(builder);
    let io: &dyn Io = &event_loop;
    event_loop.run(|_| io.scope(body)).expect("a ring");
    if let Ok(report) = told.try_recv() {
        panic!("something would have gone on: {report}");
    }
}

#[test]
fn a_pending_read_is_no_deadlock() {
    for workers in WORKERS {
        quiet(EventLoop::builder().workers(workers), |scope| {
            let io = scope.io();
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            let event = Event::new();
            thread::scope(|threads| {
                let reads = || {
                    let mut reader = File::from_fd(io, reader.into());
                    reader.read_exact(&mut [0]).expect("a byte comes");
                    event.set(io);
                };
                io.scope(|below| {
                    drop(below.spawn(reads));
                    drop(below.spawn(|| event.wait_uncancelable(io)));
                    // It never uses the event loop.
                    threads.spawn(move || {
                        thread::sleep(QUIET);
                        writer.write_all(&[0]).expect("the pipe is open");
                    });
                });
            });
        });
    }
}

#[test]
fn a_timer_is_no_deadlock() {
    for workers in WORKERS {
        quiet(EventLoop::builder().workers(workers), |scope| {
            let (io, event) = (scope.io(), Event::new());
            io.scope(|below| {
                drop(below.spawn(|| event.wait_uncancelable(io)));
                drop(below.spawn(|| {
                    io.sleep(QUIET).expect("nobody cancels");
                    event.set(io);
                }));
                let never = Event::new();
                let bounded = io.with_timeout(QUIET, || never.wait(io));
                assert!(bounded.is_err());
            });
        });
    }
}

#[test]
fn offloaded_code_that_runs_is_no_deadlock() {
    for workers in WORKERS {
        quiet(EventLoop::builder().workers(workers), |scope| {
            let (io, event) = (scope.io(), Event::new());
            io.scope(|below| {
                drop(below.spawn(|| event.wait_uncancelable(io)));
                io.offload(|| thread::sleep(QUIET));
                event.set(io);
            });
        });
    }
}

#[test]
fn a_thread_that_has_used_the_loop_may_wake() {
    for workers in WORKERS {
        quiet(EventLoop::builder().workers(workers), |scope| {
            let (io, event) = (scope.io(), &Event::new());
            thread::scope(|threads| {
                let (makes_known, is_known) = channel();
                threads.spawn(move || {
                    io.yield_now().expect("nobody cancels");
                    makes_known.send(()).expect("somebody waits for it");
                    thread::sleep(QUIET);
                    event.set(io);
                });
                is_known.recv().expect("it says so");
                io.scope(|below| drop(below.spawn(|| event.wait_uncancelable(io))));
            });
        });
    }
}

/// The thread has only the waker, and has never used the event loop.
#[test]
fn a_future_whose_waker_is_held_is_no_deadlock() {
    for workers in WORKERS {
        quiet(EventLoop::builder().workers(workers), |scope| {
            let io = scope.io();
            let (hands_over, handed) = channel::<FutureWaker>();
            thread::scope(|threads| {
                threads.spawn(move || {
                    let waker = handed.recv().expect("it is polled");
                    thread::sleep(QUIET);
                    waker.wake();
                });
                let mut is_polled = false;
                let future = poll_fn(|context| {
                    if std::mem::replace(&mut is_polled, true) {
                        return Poll::Ready(());
                    }
                    let waker = context.waker().clone();
                    hands_over.send(waker).expect("the thread waits for it");
                    Poll::Pending
                });
                task::block_on(io, future);
            });
        });
    }
}

#[test]
fn a_future_that_nobody_can_wake_is_reported() {
    let (event_loop, told) = watched(EventLoop::builder().workers(1));
    let deadlock = report_of(&event_loop, told, |scope| {
        let io = scope.io();
        let body = move || task::block_on_cancelable(io, std::future::pending::<()>());
        let awaiting = scope.task("awaiting").spawn(body);
        assert!(awaiting.join().is_err_and(|error| is_canceled(&error)));
    });
    assert!(has(&deadlock, "awaiting", WaitKind::Future), "{deadlock}");
}

/// Every wake is on its way for a while.
#[test]
fn tasks_that_go_on_are_no_deadlock() {
    for (workers, seed) in [(1, None), (2, None), (4, None), (2, Some(7))] {
        let mut builder = EventLoop::builder().workers(workers);
        if let Some(seed) = seed {
            builder = builder.switch_everywhere(seed);
        }
        quiet(builder, |scope| {
            let io = scope.io();
            let queues: Vec<Queue<u32>> = (0..8).map(|_| Queue::bounded(1)).collect();
            let queues = &queues;
            let pass_on = move |index: usize| {
                for _ in 0..200 {
                    let Some(item) = queues[index].get_uncancelable(io) else {
                        break;
                    };
                    // Each worker is alone with the item for a while.
                    if item.is_multiple_of(16) {
                        thread::sleep(Duration::from_millis(3));
                    }
                    if item > 1000 {
                        break;
                    }
                    let to = &queues[(index + 1) % queues.len()];
                    to.put_uncancelable(io, item + 1).expect("it is open");
                }
                for queue in queues {
                    queue.close(io);
                }
            };
            io.scope(|below| {
                for index in 0..queues.len() {
                    drop(below.spawn(move || pass_on(index)));
                }
                queues[0].put_uncancelable(io, 0).expect("it is open");
            });
        });
    }
}

const CHILD: &str = "IO_EVLOOP_WATCHED_TEST_CHILD";

/// What `body` makes a child print: the test binary starts itself again.
fn printed(test: &str, body: impl FnOnce()) -> String {
    if std::env::var_os(CHILD).is_some() {
        body();
        return String::new();
    }
    let test = format!("tests::watched::{test}");
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", &test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .expect("the test binary starts again");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    text
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

#[test]
fn a_deadlock_is_printed_by_default() {
    let body = || {
        let event_loop = build(EventLoop::builder().workers(1).report_deadlocks());
        let (io, event): (&dyn Io, _) = (&event_loop, &Event::new());
        let ran = event_loop.run(|_| {
            io.scope(|scope| {
                thread::scope(|threads| {
                    threads.spawn(|| {
                        thread::sleep(QUIET);
                        scope.cancel();
                    });
                    let stuck = scope.task("stuck one").spawn(|| event.wait(io));
                    assert!(stuck.join().is_err());
                });
            });
        });
        ran.expect("a ring");
    };
    let text = printed("a_deadlock_is_printed_by_default", body);
    if !is_child() {
        assert_eq!(text.matches("deadlock?").count(), 1, "{text}");
        assert!(text.contains("task 'stuck one' ("), "{text}");
        assert!(text.contains("waits for an event (word 0x"), "{text}");
    }
}

/// What only debug builds see.
#[cfg(debug_assertions)]
mod stalls {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::Instant;

    use io_core::watch::{Stall, StallPhase};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    fn stall_of(report: Report) -> Stall {
        match report {
            Report::Stall(stall) => stall,
            other => panic!("no stall: {other}"),
        }
    }

    fn watched(workers: usize, limit: Duration) -> (EventLoop, Receiver<Report>) {
        let (tell, told) = channel();
        let tell = StdMutex::new(tell);
        let tell = move |report: &Report| {
            let tell = tell.lock().unwrap_or_else(PoisonError::into_inner);
            drop(tell.send(report.clone()));
        };
        let builder = EventLoop::builder().workers(workers);
        (
            build(builder.report_stalls(Some(limit)).report_to(tell)),
            told,
        )
    }

    /// The loop ends by the report: it is made while the task still runs.
    #[test]
    fn a_task_that_never_lets_others_run_is_reported_while_it_runs() {
        let _watchdog = Watchdog::new();
        for workers in WORKERS {
            let (event_loop, told) = watched(workers, LIMIT);
            let (io, is_told): (&dyn Io, _) = (&event_loop, &AtomicBool::new(false));
            let began = Instant::now();
            let spins = move || {
                while !is_told.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            };
            let reports = event_loop.run(|_| {
                io.scope(|scope| {
                    thread::scope(|threads| {
                        let listener = threads.spawn(move || {
                            let first = told.recv().expect("a report");
                            is_told.store(true, Ordering::Relaxed);
                            [first, told.recv().expect("a second report")]
                        });
                        scope.task("spinning").spawn(spins).join();
                        // The watch needs a moment to see that it is over.
                        io.sleep(LIMIT).expect("nobody cancels");
                        listener.join().expect("it does not panic")
                    })
                })
            });
            let [first, second] = reports.expect("a ring").map(stall_of);
            assert_eq!(first.phase, StallPhase::Running, "{first}");
            assert_eq!(second.phase, StallPhase::Over, "{second}");
            for stall in [&first, &second] {
                assert_eq!(stall.task.name.as_deref(), Some("spinning"), "{stall}");
                assert!(
                    stall.time >= LIMIT && stall.time <= began.elapsed(),
                    "{stall}"
                );
            }
        }
    }

    #[test]
    fn the_body_of_run_is_reported_too() {
        let _watchdog = Watchdog::new();
        let (event_loop, told) = watched(1, LIMIT);
        let report = event_loop.run(|_| told.recv().expect("a report"));
        let stall = stall_of(report.expect("a ring"));
        assert!(
            stall.to_string().starts_with("the body of run has not let"),
            "{stall}"
        );
    }

    /// The only guard that makes a wait block its thread.
    #[test]
    fn a_wait_inside_no_suspend_is_reported_as_one() {
        let _watchdog = Watchdog::new();
        for workers in WORKERS {
            let (event_loop, told) = watched(workers, LIMIT);
            let io: &dyn Io = &event_loop;
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            let report = thread::scope(|threads| {
                let listener = threads.spawn(move || {
                    let report = told.recv().expect("a report");
                    writer.write_all(&[0]).expect("the pipe is open");
                    report
                });
                let reads = || {
                    let mut reader = File::from_fd(io, reader.into());
                    let mut read = || reader.read_exact(&mut [0]).expect("a byte comes");
                    io.no_suspend(&mut read);
                };
                let ran = event_loop.run(|_| {
                    io.scope(|scope| scope.task("blocking").spawn(reads).join());
                });
                ran.expect("a ring");
                listener.join().expect("it does not panic")
            });
            let stall = stall_of(report);
            assert_eq!(stall.phase, StallPhase::BlockingInPlace, "{stall}");
            assert_eq!(stall.task.name.as_deref(), Some("blocking"), "{stall}");
        }
    }

    /// What is reported of so many tasks that yield after so much work, and of one that
    /// sleeps, on a loop of so many workers; and for how long at most a thread of one
    /// waited for a processor at once.
    fn run_courteous_tasks(
        workers: usize,
        tasks: usize,
        work: Duration,
    ) -> (Option<Report>, Duration) {
        let (event_loop, told) = watched(workers, Duration::from_millis(400));
        let (io, starved_nanos): (&dyn Io, _) = (&event_loop, &AtomicU64::new(0));
        let queued_nanos = || {
            let nanos = crate::tests::time_queued().as_nanos();
            u64::try_from(nanos).expect("not for centuries")
        };
        let ran = event_loop.run(|_| {
            // A fiber runs them one after another.
            io.scope(|scope| {
                for _ in 0..2 {
                    drop(scope.spawn(|| ()));
                }
            });
            io.scope(|scope| {
                let ends = Instant::now() + Duration::from_millis(900);
                for _ in 0..tasks {
                    drop(scope.task("yielding").spawn(move || {
                        while Instant::now() < ends {
                            let before = queued_nanos();
                            let began = Instant::now();
                            while began.elapsed() < work {
                                std::hint::spin_loop();
                            }
                            io.yield_now().expect("nobody cancels");
                            let starved = queued_nanos() - before;
                            starved_nanos.fetch_max(starved, Ordering::Relaxed);
                        }
                    }));
                }
                io.sleep(Duration::from_millis(900))
                    .expect("nobody cancels");
            });
        });
        ran.expect("a ring");
        let starved = Duration::from_nanos(starved_nanos.load(Ordering::Relaxed));
        (told.try_recv().ok(), starved)
    }

    #[test]
    fn tasks_that_wait_or_yield_are_no_stall() {
        const ATTEMPTS: usize = 5;
        let _watchdog = Watchdog::new();
        let long = Duration::from_millis(120);
        let cases = [(4, Duration::ZERO), (1, long), (0, Duration::ZERO)];
        let of_workers = |workers| cases.map(|(tasks, work)| (workers, tasks, work));
        for (workers, tasks, work) in WORKERS.into_iter().flat_map(of_workers) {
            for attempt in 1.. {
                let (report, starved) = run_courteous_tasks(workers, tasks, work);
                let Some(report) = report else { break };
                // Only a thread that got no processor for most of the limit is excused.
                let is_excused = starved >= Duration::from_millis(250) && attempt < ATTEMPTS;
                assert!(is_excused, "every task lets others run: {report}");
            }
        }
    }

    /// Asleep, or nobody could tell a process that hangs from one that does not.
    #[test]
    fn the_watch_of_an_idle_loop_sleeps() {
        let body = || {
            let event_loop = build(EventLoop::builder().workers(1).report_stalls(Some(LIMIT)));
            let io: &dyn Io = &event_loop;
            let switches = || {
                let tasks = std::fs::read_dir("/proc/self/task").expect("procfs");
                let count = |path: std::path::PathBuf| {
                    let status = std::fs::read_to_string(path.join("status")).expect("a thread");
                    let is_watch = status.starts_with("Name:\tio-watch\n");
                    let line = |line: &&str| line.starts_with("voluntary_ctxt_switches");
                    is_watch.then(|| status.lines().find(line).expect("a count").to_owned())
                };
                let paths = tasks.map(|entry| entry.expect("an entry").path());
                paths.filter_map(count).collect::<Vec<_>>()
            };
            let ran = event_loop.run(|_| {
                io.scope(|scope| {
                    let counts = io.offload(|| {
                        // Its caller is parked: nothing runs on the loop.
                        thread::sleep(LIMIT * 10);
                        let before = switches();
                        thread::sleep(LIMIT * 10);
                        (before, switches())
                    });
                    assert_eq!(counts.0.len(), 1, "{counts:?}");
                    assert_eq!(counts.0, counts.1);
                    // It looks again when something runs.
                    scope
                        .task("late")
                        .spawn(|| thread::sleep(LIMIT * 10))
                        .join();
                    io.sleep(LIMIT * 5).expect("nobody cancels");
                });
            });
            ran.expect("a ring");
        };
        let text = printed("stalls::the_watch_of_an_idle_loop_sleeps", body);
        if !is_child() {
            assert!(text.contains("task 'late' ("), "{text}");
        }
    }

    #[test]
    fn a_stall_is_printed_by_default() {
        let body = || {
            let event_loop = build(EventLoop::builder().workers(1).report_stalls(Some(LIMIT)));
            let io: &dyn Io = &event_loop;
            let ran = event_loop.run(|_| {
                io.scope(|scope| {
                    let sleeps = || thread::sleep(LIMIT * 10);
                    scope.task("sleeping the wrong way").spawn(sleeps).join();
                    io.sleep(LIMIT * 5).expect("nobody cancels");
                });
            });
            ran.expect("a ring");
        };
        let text = printed("stalls::a_stall_is_printed_by_default", body);
        if !is_child() {
            let name = "task 'sleeping the wrong way' (";
            assert!(text.contains(name), "{text}");
            assert!(text.contains("has not let others run for "), "{text}");
            assert!(text.contains("has let others run again, after "), "{text}");
        }
    }

    #[test]
    fn no_stall_is_reported_where_none_is_to_be() {
        let body = || {
            let event_loop = build(EventLoop::builder().workers(1).report_stalls(None));
            event_loop
                .run(|_| thread::sleep(Duration::from_millis(1500)))
                .expect("a ring");
        };
        let text = printed("stalls::no_stall_is_reported_where_none_is_to_be", body);
        assert!(!text.contains("let others run"), "{text}");
    }
}
