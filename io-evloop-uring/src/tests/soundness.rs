//! Verdicts of `fiber/SOUNDNESS.md` that need the whole event loop.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use io_core::Io;

use super::{Watchdog, with_workers};

const SOON: Duration = Duration::from_millis(2);

thread_local! {
    /// A scope that relies on nesting: whoever enters puts its number here and
    /// restores the former one.
    static SCOPE: Cell<u32> = const { Cell::new(0) };
}

/// H1: inside `no_suspend` a thread-local scope may be open across a wait.
#[test]
fn scopes_of_a_thread_nest_inside_no_suspend() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for number in 1..=5 {
                    scope.spawn(move || {
                        io.no_suspend(&mut || {
                            let before = SCOPE.replace(number);
                            io.sleep(SOON).expect("nobody cancels");
                            assert_eq!(SCOPE.replace(before), number);
                            assert_eq!(before, 0);
                        });
                    });
                }
            });
        })
        .expect("a ring");
}

/// H2: the same for the initialiser of a thread-local.
#[test]
fn a_thread_local_may_be_initialised_by_a_wait_inside_no_suspend() {
    thread_local! {
        static COUNT: AtomicUsize = const { AtomicUsize::new(0) };
        static FIRST: usize = COUNT.with(|count| count.fetch_add(1, Ordering::Relaxed));
    }
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        io.no_suspend(&mut || {
                            io.sleep(SOON).expect("nobody cancels");
                            assert_eq!(FIRST.with(|first| *first), 0);
                        });
                    });
                }
            });
        })
        .expect("a ring");
}

/// P9: a wait for another task inside `no_suspend` can not end, so it panics.
#[test]
fn a_wait_for_a_task_inside_no_suspend_fails_loudly() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    event_loop
        .run(|io| {
            let word = AtomicU32::new(0);
            let mut wait = || drop(io.futex_wait(&word, 0, None));
            let payload = catch_unwind(AssertUnwindSafe(|| io.no_suspend(&mut wait)));
            let message = payload.expect_err("it panics");
            let message = message.downcast_ref::<&str>().expect("a text");
            assert!(message.contains("no_suspend"), "{message}");
            // It is over: this waits again.
            io.sleep(SOON).expect("nobody cancels");
        })
        .expect("a ring");
}

/// H3: a wait for the kernel while a thread unwinds lets no sibling run, which
/// would take the panic for its own and poison its locks.
#[test]
fn a_wait_while_unwinding_poisons_no_lock_of_a_sibling() {
    struct Wait<'a>(&'a dyn Io, &'a AtomicBool);
    impl Drop for Wait<'_> {
        fn drop(&mut self) {
            self.1.store(true, Ordering::Relaxed);
            self.0.sleep(SOON).expect("nobody cancels");
            self.1.store(false, Ordering::Relaxed);
        }
    }
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let lock = Mutex::new(0);
    let is_unwinding = AtomicBool::new(false);
    event_loop
        .run(|_| {
            io.scope(|scope| {
                let panics = scope.spawn(|| {
                    let _wait = Wait(io, &is_unwinding);
                    panic!("on purpose");
                });
                scope.spawn(|| {
                    for _ in 0..100 {
                        assert!(!is_unwinding.load(Ordering::Relaxed));
                        *lock.lock().expect("nobody panics with it") += 1;
                        io.yield_now().expect("nobody cancels");
                    }
                });
                assert!(panics.try_join().is_err());
            });
        })
        .expect("a ring");
    assert_eq!(lock.into_inner().expect("nobody panicked with it"), 100);
}

/// H7: the thread-locals of a worker go after its last fiber.
#[test]
fn thread_locals_of_a_worker_outlive_its_fibers() {
    struct Note(Arc<AtomicUsize>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local! {
        static NOTE: RefCell<Option<Note>> = const { RefCell::new(None) };
    }
    let _watchdog = Watchdog::new();
    let dropped = Arc::new(AtomicUsize::new(0));
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    io.scope(|scope| {
        scope.spawn(|| {
            NOTE.with_borrow_mut(|note| *note = Some(Note(Arc::clone(&dropped))));
            io.sleep(SOON).expect("nobody cancels");
            assert_eq!(dropped.load(Ordering::SeqCst), 0);
        });
    });
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(event_loop);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// H9, H13, H24: scoped threads, `Rc` and lock guards across a wait.
#[test]
fn what_is_not_send_stays_where_it_was() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for number in 0..50 {
                    scope.spawn(move || {
                        let own = Rc::new(number);
                        let lock = Mutex::new(Rc::clone(&own));
                        let guard = lock.lock().expect("nobody panics with it");
                        let thread = std::thread::current().id();
                        io.sleep(SOON).expect("nobody cancels");
                        assert_eq!(std::thread::current().id(), thread);
                        let doubled = std::thread::scope(|threads| {
                            let number = **guard;
                            threads.spawn(move || number * 2).join().expect("no panic")
                        });
                        assert_eq!(doubled, *own * 2);
                    });
                }
            });
        })
        .expect("a ring");
}

/// H25: a child process is started while rings are in use.
#[test]
fn a_fiber_starts_a_process() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let output = std::process::Command::new("true").status();
                        assert!(output.expect("it starts").success());
                        io.sleep(SOON).expect("the ring is ours still");
                    });
                }
            });
        })
        .expect("a ring");
}
