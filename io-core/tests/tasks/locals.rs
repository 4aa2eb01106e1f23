//! Task-local values: who has which, until when, and where they are dropped.

#![expect(
    clippy::disallowed_methods,
    reason = "threads that are no tasks, which clippy.toml forbids to the contract"
)]

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use io_blocking::Blocking;
use io_core::Io;
use io_core::sync::Event;
use io_core::task::{Scope, TaskLocal};
use io_threaded::Threaded;

use super::{on_concurrent_executors, on_every_executor};
use crate::crew::until;

static NUMBER: TaskLocal<u32> = TaskLocal::new();
static OTHER_NUMBER: TaskLocal<u32> = TaskLocal::new();
static COUNTED: TaskLocal<Arc<()>> = TaskLocal::new();

/// Both numbers, as the current task has them.
fn numbers(io: &dyn Io) -> (Option<u32>, Option<u32>) {
    (NUMBER.current(io), OTHER_NUMBER.current(io))
}

#[test]
fn a_value_is_bound_for_a_closure_and_nested_ones_come_back() {
    on_every_executor(|io| {
        let check = || {
            assert_eq!(numbers(io), (None, None));
            NUMBER.with_value(io, 1, || {
                OTHER_NUMBER.with_value(io, 2, || {
                    assert_eq!(numbers(io), (Some(1), Some(2)));
                    NUMBER.with_value(io, 3, || assert_eq!(numbers(io), (Some(3), Some(2))));
                    assert_eq!(numbers(io), (Some(1), Some(2)));
                    let outer = NUMBER.with(io, |outer| {
                        let outer = outer.unwrap();
                        NUMBER.with_value(io, 4, || assert_eq!(NUMBER.current(io), Some(4)));
                        *outer
                    });
                    assert_eq!(outer, 1);
                });
                assert_eq!(numbers(io), (Some(1), None));
            });
            assert_eq!(numbers(io), (None, None));
        };
        check();
        io.scope(|scope| scope.spawn(check).join());
    });
}

#[test]
fn a_panic_restores_what_was_bound() {
    on_every_executor(|io| {
        NUMBER.with_value(io, 1, || {
            let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
                NUMBER.with_value(io, 2, || -> () { panic::resume_unwind(Box::new(())) });
            }));
            assert!(panicked.is_err());
            assert_eq!(NUMBER.current(io), Some(1));
        });
    });
}

#[test]
fn children_inherit_what_is_bound_when_they_are_spawned() {
    on_every_executor(|io| {
        io.scope(|scope| {
            let before = scope.spawn(|| numbers(io));
            let inside = NUMBER.with_value(io, 1, || {
                // The grandchild has it from the child.
                scope.spawn(|| io.scope(|below| below.spawn(|| numbers(io)).join()))
            });
            let after = scope.spawn(|| numbers(io));
            assert_eq!(before.join(), (None, None));
            assert_eq!(inside.join(), (Some(1), None));
            assert_eq!(after.join(), (None, None));
            let offloaded = OTHER_NUMBER.with_value(io, 2, || io.offload(|| numbers(io)));
            assert_eq!(offloaded, (None, Some(2)));
        });
    });
}

#[test]
fn what_a_parent_binds_later_is_not_seen_and_a_childs_is_its_own() {
    on_concurrent_executors(|io| {
        let (has_begun, goes_on) = (Event::new(), Event::new());
        io.scope(|scope| {
            let child = NUMBER.with_value(io, 1, || {
                scope.spawn_concurrent(|| {
                    let first = NUMBER.current(io);
                    NUMBER.with_value(io, 2, || {
                        has_begun.set(io);
                        goes_on.wait(io).unwrap();
                        (first, NUMBER.current(io))
                    })
                })
            });
            NUMBER.with_value(io, 3, || {
                has_begun.wait(io).unwrap();
                assert_eq!(NUMBER.current(io), Some(3));
                goes_on.set(io);
                assert_eq!(child.unwrap().join(), (Some(1), Some(2)));
            });
        });
    });
}

#[test]
fn a_thread_that_is_no_task_binds_and_hands_on() {
    on_every_executor(|io| {
        let is_over = Event::new();
        let foreign = || {
            assert_eq!(NUMBER.current(io), None);
            let child = NUMBER.with_value(io, 2, || {
                assert_eq!(NUMBER.current(io), Some(2));
                io.scope(|scope| scope.spawn(|| NUMBER.current(io)).join())
            });
            assert_eq!((child, NUMBER.current(io)), (Some(2), None));
        };
        thread::scope(|threads| {
            NUMBER.with_value(io, 1, || {
                let thread = threads.spawn(|| {
                    let result = panic::catch_unwind(AssertUnwindSafe(foreign));
                    is_over.set(io);
                    result
                });
                is_over.wait(io).unwrap();
                thread.join().unwrap().unwrap();
            });
        });
    });
}

#[test]
fn each_executor_keeps_its_own() {
    on_every_executor(|io| {
        let (blocking, threaded) = (Blocking::new(), Threaded::new());
        for other in [&blocking as &dyn Io, &threaded] {
            NUMBER.with_value(io, 1, || {
                assert_eq!(NUMBER.current(other), None);
                NUMBER.with_value(other, 2, || {
                    let child = other.scope(|scope| scope.spawn(|| NUMBER.current(other)).join());
                    assert_eq!(child, Some(2));
                    let child = io.scope(|scope| scope.spawn(|| NUMBER.current(io)).join());
                    assert_eq!(child, Some(1));
                });
                assert_eq!(NUMBER.current(io), Some(1));
            });
        }
    });
}

#[test]
fn deadlines_and_protection_leave_values_alone() {
    on_every_executor(|io| {
        NUMBER.with_value(io, 1, || {
            let later = std::time::Duration::from_secs(600);
            let seen = io.with_timeout(later, || io.protect(|| NUMBER.current(io)));
            assert_eq!(seen, Some(1));
        });
        // And the other way round: a deadline set outside applies inside.
        let passed = io.with_timeout(std::time::Duration::ZERO, || {
            NUMBER.with_value(io, 1, || io.checkpoint())
        });
        assert!(io_core::is_deadline(&passed.unwrap_err()));
    });
}

#[test]
fn a_value_is_dropped_before_the_last_task_that_has_it_is_over() {
    on_every_executor(|io| {
        let counted = Arc::new(());
        io.scope(|scope| {
            let child = COUNTED.with_value(io, Arc::clone(&counted), || {
                scope.spawn(|| io.scope(|below| below.spawn(|| COUNTED.current(io)).join()))
            });
            drop(child.join());
            assert_eq!(Arc::strong_count(&counted), 1);
        });
    });
}

#[test]
fn tasks_that_hand_on_keep_no_former_values() {
    const TASKS: u32 = 500;
    fn hand_on<'scope>(scope: &'scope Scope<'scope, '_>, rest: u32, alive: &'scope Arc<()>) {
        let io = scope.io();
        // Until those before it are over: this task has inherited one, the test has one.
        until(io, || Arc::strong_count(alive) <= 2);
        if rest > 0 {
            COUNTED.with_value(io, Arc::clone(alive), || {
                drop(scope.spawn_concurrent(move || hand_on(scope, rest - 1, alive)));
            });
        }
    }
    on_concurrent_executors(|io| {
        let alive = Arc::new(());
        io.scope(|scope| hand_on(scope, TASKS, &alive));
        assert_eq!(Arc::strong_count(&alive), 1);
    });
}

#[test]
fn a_value_that_panics_when_dropped_by_a_child_is_the_childs_panic() {
    struct Explosive<'a>(&'a AtomicUsize);
    impl Drop for Explosive<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic::resume_unwind(Box::new("the value's"));
        }
    }
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    static EXPLOSIVE: TaskLocal<Explosive<'static>> = TaskLocal::new();
    on_concurrent_executors(|io| {
        let is_unbound = Event::new();
        let before = DROPS.load(Ordering::Relaxed);
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            io.scope(|scope| {
                let child = EXPLOSIVE.with_value(io, Explosive(&DROPS), || {
                    scope.spawn_concurrent(|| is_unbound.wait(io))
                });
                is_unbound.set(io);
                child.unwrap().join().unwrap();
            });
        }));
        assert_eq!(DROPS.load(Ordering::Relaxed), before + 1);
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&"the value's"));
    });
}

#[test]
fn a_value_may_ask_for_others_when_it_is_dropped() {
    struct Asks(Arc<Threaded>);
    impl Drop for Asks {
        fn drop(&mut self) {
            let io: &dyn Io = &*self.0;
            ASKS.with(io, |own| assert!(own.is_none()));
            SEEN.fetch_add(NUMBER.current(io).map_or(100, |_| 1), Ordering::Relaxed);
        }
    }
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    static ASKS: TaskLocal<Asks> = TaskLocal::new();
    let threaded = Arc::new(Threaded::new());
    let io: &dyn Io = &*threaded;
    NUMBER.with_value(io, 1, || {
        ASKS.with_value(io, Asks(Arc::clone(&threaded)), || ());
    });
    assert_eq!(SEEN.load(Ordering::Relaxed), 1);
    // Dropped by a task at its end: there is nothing bound any more.
    let is_unbound = Event::new();
    io.scope(|scope| {
        let child = ASKS.with_value(io, Asks(Arc::clone(&threaded)), || {
            scope.spawn_concurrent(|| is_unbound.wait(io))
        });
        is_unbound.set(io);
        child.unwrap().join().unwrap();
    });
    assert_eq!(SEEN.load(Ordering::Relaxed), 101);
}
