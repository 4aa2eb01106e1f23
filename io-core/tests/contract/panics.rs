//! Panics in every place where code of the program runs, jobs that are dropped,
//! results that nobody takes: what was made is dropped once, nothing hangs.

use std::any::Any;
use std::io;
use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_core::sync::{Condvar, Mutex};
use io_core::task::{self, TaskRecord};
use io_core::wrappers::Counting;
use io_core::{FutexAddress, FutexWord, Instant, Io, forward_io};

use crate::backend::{Jobs, Tiny};
use crate::watchdog::Watchdog;

const RUNNING: [Jobs; 3] = [Jobs::Threads, Jobs::Inline, Jobs::Either];

/// Counts its drops, and panics in them if it is told to.
struct Counted<'a> {
    drops: &'a AtomicUsize,
    panics: bool,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::SeqCst);
        if self.panics {
            panic::resume_unwind(Box::new("a drop"));
        }
    }
}

/// A payload whose drop panics, with a payload whose drop panics.
struct Explosive(u32);

impl Drop for Explosive {
    fn drop(&mut self) {
        if self.0 > 0 {
            panic::resume_unwind(Box::new(Explosive(self.0 - 1)));
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload.downcast_ref::<&str>().copied().unwrap_or("other")
}

pub(crate) fn quietly<R>(body: impl FnOnce() -> R) -> std::thread::Result<R> {
    panic::catch_unwind(AssertUnwindSafe(body))
}

#[test]
fn a_panic_of_a_closure_reaches_its_joiner_or_its_scope() {
    let _watchdog = Watchdog::new("a_panic_of_a_closure_reaches_its_joiner_or_its_scope");
    for jobs in RUNNING {
        let tiny = Tiny::new(jobs);
        let io: &dyn Io = &tiny;
        io.scope(|scope| {
            let task = scope.spawn(|| -> () { panic::resume_unwind(Box::new("joined")) });
            assert_eq!(message(&*task.try_join().unwrap_err()), "joined");
        });
        let payload = quietly(|| {
            io.scope(|scope| {
                scope.spawn(|| -> () { panic::resume_unwind(Box::new("dropped")) });
                7
            })
        });
        assert_eq!(message(&*payload.unwrap_err()), "dropped");
    }
}

#[test]
fn forgotten_payloads_that_panic_when_dropped_neither_hang_nor_escape() {
    let _watchdog =
        Watchdog::new("forgotten_payloads_that_panic_when_dropped_neither_hang_nor_escape");
    for jobs in RUNNING {
        let tiny = Tiny::new(jobs);
        let io: &dyn Io = &tiny;
        let payload = quietly(|| {
            io.scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| -> () { panic::resume_unwind(Box::new(Explosive(3))) });
                }
            });
        });
        mem::forget(payload.unwrap_err());
        let payload = quietly(|| {
            io.scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| -> () { panic::resume_unwind(Box::new(Explosive(3))) });
                }
                panic::resume_unwind(Box::new("the body's"));
            });
        });
        assert_eq!(message(&*payload.unwrap_err()), "the body's");
    }
}

#[test]
fn a_result_is_dropped_where_its_scope_can_be_asked() {
    let _watchdog = Watchdog::new("a_result_is_dropped_where_its_scope_can_be_asked");
    struct Asks<F: Fn()>(F);
    impl<F: Fn()> Drop for Asks<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let tiny = Tiny::new(Jobs::Inline);
    let io: &dyn Io = &tiny;
    // A lock of the scope that is held meanwhile would hang here.
    let result = quietly(|| {
        io.scope(|scope| {
            for _ in 0..3 {
                let value = Asks(|| {
                    SEEN.fetch_add(1 + scope.panic_count(), Ordering::SeqCst);
                    panic::resume_unwind(Box::new(0_u8));
                });
                drop(scope.spawn(move || value));
            }
            scope.panic_count()
        })
    });
    assert!(result.is_err());
    assert_eq!(SEEN.load(Ordering::SeqCst), 1 + 2 + 3);
}

#[test]
fn captures_and_results_are_dropped_once_whatever_panics() {
    let _watchdog = Watchdog::new("captures_and_results_are_dropped_once_whatever_panics");
    for jobs in [Jobs::Threads, Jobs::Inline, Jobs::Either, Jobs::Dropped] {
        for panics in [false, true] {
            let tiny = Tiny::new(jobs);
            let io: &dyn Io = &tiny;
            let (captures, results) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let outcome = quietly(|| {
                io.scope(|scope| {
                    let drops = &captures;
                    let capture = Counted { drops, panics };
                    let drops = &results;
                    let task = scope.spawn(move || {
                        let _capture = &capture;
                        Counted { drops, panics }
                    });
                    drop(task);
                });
            });
            let may_have_run = usize::from(jobs != Jobs::Dropped && !panics);
            assert_eq!(outcome.is_err(), panics, "{jobs:?}");
            assert_eq!(captures.load(Ordering::SeqCst), 1, "{jobs:?}");
            // A capture whose drop panics takes the closure's result with it.
            let made = usize::from(jobs != Jobs::Dropped);
            let dropped = results.load(Ordering::SeqCst);
            assert!(dropped == made || (panics && dropped <= 1), "{jobs:?}");
            assert!(dropped >= may_have_run);
        }
    }
}

#[test]
fn the_join_of_a_dropped_job_says_so() {
    let _watchdog = Watchdog::new("the_join_of_a_dropped_job_says_so");
    let tiny = Tiny::new(Jobs::Dropped);
    let io: &dyn Io = &tiny;
    io.scope(|scope| {
        let payload = scope.spawn(|| 7).try_join().unwrap_err();
        assert!(message(&*payload).contains("dropped by its executor"));
        let payload = scope.spawn_concurrent(|| 7).unwrap().try_join();
        assert!(message(&*payload.unwrap_err()).contains("dropped by its executor"));
        let payload = scope.task("lost").spawn(|| 7).try_join().unwrap_err();
        let payload = payload.downcast::<String>().expect("text with a name");
        assert!(payload.contains("'lost' was dropped by its executor"));
    });
}

#[test]
fn forgotten_handles_neither_hang_nor_free() {
    let _watchdog = Watchdog::new("forgotten_handles_neither_hang_nor_free");
    for jobs in RUNNING {
        let tiny = Tiny::new(jobs);
        let io: &dyn Io = &tiny;
        let drops = AtomicUsize::new(0);
        io.scope(|scope| {
            for _ in 0..10 {
                let drops = &drops;
                mem::forget(scope.spawn(move || Counted {
                    drops,
                    panics: false,
                }));
            }
        });
        assert_eq!(drops.load(Ordering::SeqCst), 0, "leaked, not dropped");
    }
}

#[test]
fn results_of_any_size_and_alignment_arrive() {
    let _watchdog = Watchdog::new("results_of_any_size_and_alignment_arrive");
    #[derive(Clone, Copy, PartialEq, Debug)]
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    #[derive(Clone, Copy, PartialEq, Debug)]
    #[repr(align(64))]
    struct Line(u64);
    for jobs in RUNNING {
        let tiny = Tiny::new(jobs);
        let io: &dyn Io = &tiny;
        for round in 0..20_u8 {
            let page = Page([round; 4096]);
            io.scope(|scope| {
                let pages = scope.spawn(move || page);
                let lines = scope.spawn(move || [Line(7); 100]);
                let nothing = scope.spawn(|| ());
                let large = scope.spawn(move || [round; 20_000]);
                assert_eq!(pages.join(), page);
                assert_eq!(lines.join(), [Line(7); 100]);
                nothing.join();
                assert_eq!(large.join(), [round; 20_000]);
            });
        }
    }
}

#[test]
fn an_unwanted_result_is_dropped_as_part_of_its_task() {
    let _watchdog = Watchdog::new("an_unwanted_result_is_dropped_as_part_of_its_task");
    struct Asks<'a> {
        io: &'a dyn Io,
        bounded: &'a AtomicUsize,
    }
    impl Drop for Asks<'_> {
        fn drop(&mut self) {
            let is_bounded = task::deadline(self.io.id()).is_some();
            self.bounded
                .store(1 + usize::from(is_bounded), Ordering::SeqCst);
        }
    }
    let tiny = Tiny::new(Jobs::Threads);
    let io: &dyn Io = &tiny;
    let bounded = AtomicUsize::new(0);
    io.with_timeout(Duration::from_secs(600), || {
        io.scope(|scope| {
            let (go, may_go) = std::sync::mpsc::channel();
            let bounded = &bounded;
            drop(scope.spawn(move || {
                may_go.recv().unwrap();
                Asks { io, bounded }
            }));
            go.send(()).unwrap();
        });
    });
    assert_eq!(bounded.load(Ordering::SeqCst), 2, "the task's own deadline");
}

/// A wrapper whose waits for tasks fail, as inside `no_suspend`.
struct NoJoins<'a> {
    below: &'a Tiny,
}

impl Io for NoJoins<'_> {
    forward_io!(self => self.below; except wait_task);

    fn wait_task(&self, _task: &TaskRecord) {
        panic::resume_unwind(Box::new("no joins here"));
    }
}

#[test]
fn a_join_that_can_not_wait_unwinds_and_its_scope_still_ends() {
    let _watchdog = Watchdog::new("a_join_that_can_not_wait_unwinds_and_its_scope_still_ends");
    let tiny = Tiny::new(Jobs::Threads);
    let io: &dyn Io = &NoJoins { below: &tiny };
    let drops = AtomicUsize::new(0);
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let outcome = quietly(|| {
        io.scope(|scope| {
            let drops = &drops;
            let task = scope.spawn(move || {
                // Until the joiner's unwinding has dropped the other end.
                let _is_over = may_go.recv();
                Counted {
                    drops,
                    panics: false,
                }
            });
            let _go = go;
            task.join();
        });
    });
    assert_eq!(message(&*outcome.unwrap_err()), "no joins here");
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn wrappers_and_other_executors_nest_on_one_stack() {
    let _watchdog = Watchdog::new("wrappers_and_other_executors_nest_on_one_stack");
    let (outer, other) = (Tiny::new(Jobs::Inline), Tiny::new(Jobs::Inline));
    let counting = Counting::new(&outer);
    let (io, other): (&dyn Io, &dyn Io) = (&counting, &other);
    io.scope(|scope| {
        let task = scope.spawn(|| {
            other.scope(|others| {
                let task = others.spawn(|| {
                    // Both tasks are current here, each to its own executor.
                    scope.cancel();
                    others.spawn(|| other.checkpoint()).join().unwrap();
                    io.checkpoint()
                });
                task.join()
            })
        });
        let result: io::Result<()> = task.join();
        assert!(io_core::is_canceled(&result.unwrap_err()));
    });
    assert_eq!(counting.snapshot().tasks, 1);
}

#[test]
fn tasks_may_be_spawned_while_a_thread_ends() {
    let _watchdog = Watchdog::new("tasks_may_be_spawned_while_a_thread_ends");
    static RUN: AtomicUsize = AtomicUsize::new(0);
    struct SpawnsAtExit;
    impl Drop for SpawnsAtExit {
        fn drop(&mut self) {
            let tiny = Tiny::new(Jobs::Inline);
            let io: &dyn Io = &tiny;
            let sum = io.scope(|scope| scope.spawn(|| 3).join() + scope.spawn(|| 4).join());
            RUN.fetch_add(sum, Ordering::SeqCst);
        }
    }
    thread_local! { static AT_EXIT: SpawnsAtExit = const { SpawnsAtExit }; }
    for is_first in [false, true] {
        let thread = std::thread::spawn(move || {
            // Whose destructor comes first differs: the blocks' or ours.
            if is_first {
                AT_EXIT.with(|_| ());
            }
            let tiny = Tiny::new(Jobs::Inline);
            let io: &dyn Io = &tiny;
            io.scope(|scope| scope.spawn(|| ()).join());
            AT_EXIT.with(|_| ());
        });
        thread.join().unwrap();
    }
    assert_eq!(RUN.load(Ordering::SeqCst), 14);
}

/// A wrapper whose waits end early for no reason, and whose wakes fail.
struct NoWakes<'a> {
    below: &'a Tiny,
    waits: AtomicUsize,
}

impl Io for NoWakes<'_> {
    forward_io!(self => self.below; except futex_wait, futex_wake);

    fn futex_wait(&self, _: FutexWord<'_>, _: u32, _: Option<Instant>) -> io::Result<()> {
        self.waits.fetch_add(1, Ordering::SeqCst);
        self.below.yield_now()
    }

    fn futex_wake(&self, _: FutexAddress, _: u32) {
        panic::resume_unwind(Box::new("no wakes here"));
    }
}

#[test]
fn a_guard_has_its_mutex_after_a_wait_that_panicked() {
    let _watchdog = Watchdog::new("a_guard_has_its_mutex_after_a_wait_that_panicked");
    let tiny = Tiny::new(Jobs::Inline);
    let no_wakes = NoWakes {
        below: &tiny,
        waits: AtomicUsize::new(0),
    };
    let io: &dyn Io = &no_wakes;
    let (mutex, condvar) = (Mutex::new(()), Condvar::new());
    std::thread::scope(|threads| {
        let mut guard = mutex.lock(io).unwrap();
        // So that freeing it has somebody to wake.
        threads.spawn(|| drop(quietly(|| drop(mutex.lock(io)))));
        while no_wakes.waits.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
        let outcome = quietly(|| condvar.wait(&mut guard));
        assert_eq!(message(&*outcome.unwrap_err()), "no wakes here");
        assert!(mutex.try_lock(io).is_none(), "the guard is still there");
        drop(quietly(|| drop(guard)));
    });
}

/// A wrapper whose first wait ends with the mutex in other hands, and whose
/// second one fails.
struct NoRelock<'a> {
    below: &'a Tiny,
    mutex: &'a Mutex<()>,
    waits: AtomicUsize,
}

impl Io for NoRelock<'_> {
    forward_io!(self => self.below; except futex_wait);

    fn futex_wait(&self, _: FutexWord<'_>, _: u32, _: Option<Instant>) -> io::Result<()> {
        if self.waits.fetch_add(1, Ordering::SeqCst) > 0 {
            panic::resume_unwind(Box::new("no waits here"));
        }
        mem::forget(self.mutex.try_lock(self.below).unwrap());
        Ok(())
    }
}

/// Going on would let two guards have one mutex.
#[test]
fn a_guard_that_can_not_have_its_mutex_back_ends_the_process() {
    const CHILD: &str = "IO_CORE_CHILD_WITHOUT_ITS_MUTEX";
    const NAME: &str = "panics::a_guard_that_can_not_have_its_mutex_back_ends_the_process";
    if std::env::var_os(CHILD).is_some() {
        let (tiny, mutex) = (Tiny::new(Jobs::Inline), Mutex::new(()));
        let waits = AtomicUsize::new(0);
        let no_relock = NoRelock {
            below: &tiny,
            mutex: &mutex,
            waits,
        };
        let mut guard = mutex.lock(&no_relock).unwrap();
        drop(quietly(|| Condvar::new().wait(&mut guard)));
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&child.stderr);
    assert!(message.contains("a backend panicked"), "{message}");
    assert!(!child.status.success());
}
