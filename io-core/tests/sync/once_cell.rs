//! Tests of `OnceCell`.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_core::sync::{Event, OnceCell};
use io_core::{is_canceled, is_deadline};

use super::crew::{is_ok_or_canceled, on_every_crew, until, with_tasks};

#[test]
fn the_value_is_made_once() {
    on_every_crew(|crew| {
        for _ in 0..50 {
            let (cell, made) = (OnceCell::new(), AtomicUsize::new(0));
            crew.all(6, |number| {
                let make = || {
                    crew.io.yield_now().expect("nobody cancels");
                    made.fetch_add(1, Ordering::Relaxed);
                    vec![number]
                };
                let value = if number % 2 == 0 {
                    cell.get_or_init(crew.io, make).expect("nobody cancels")
                } else {
                    cell.get_or_init_uncancelable(crew.io, make)
                };
                assert!(std::ptr::eq(value, cell.get().expect("it was made")));
            });
            assert_eq!(made.into_inner(), 1);
            assert_eq!(cell.into_inner().expect("it was made").len(), 1);
        }
    });
}

#[test]
fn after_a_failure_or_a_panic_the_next_one_makes_it() {
    on_every_crew(|crew| {
        let cell = OnceCell::new();
        let tries = AtomicUsize::new(0);
        crew.all(6, |_| {
            let make = || match tries.fetch_add(1, Ordering::Relaxed) {
                0 => Err(io::Error::other("the first fails")),
                1 => panic::resume_unwind(Box::new("the second panics")),
                _ => Ok(7),
            };
            let made = panic::catch_unwind(AssertUnwindSafe(|| {
                cell.get_or_try_init(crew.io, make).copied()
            }));
            if let Ok(Ok(value)) = made {
                assert_eq!(value, 7);
            }
        });
        assert_eq!(tries.into_inner(), 3);
        assert_eq!(cell.get(), Some(&7));
    });
}

#[test]
fn a_canceled_maker_leaves_it_to_who_waits() {
    with_tasks(|io| {
        for _ in 0..200 {
            let (cell, begun) = (OnceCell::new(), Event::new());
            io.scope(|scope| {
                let maker = scope.spawn(|| {
                    let make = || {
                        begun.set(io);
                        io.sleep(Duration::from_secs(1000))?;
                        Ok(0)
                    };
                    cell.get_or_try_init(io, make).copied()
                });
                begun.wait(io).expect("nobody cancels");
                assert!(cell.set(io, 5).is_err(), "it is being made");
                let wait = scope.spawn(|| cell.get_or_init(io, || 7).copied());
                assert!(is_canceled(&maker.cancel().expect_err("it slept")));
                assert_eq!(wait.join().expect("nobody canceled it"), 7);
            });
        }
    });
}

#[test]
fn a_canceled_wait_leaves_the_maker_alone() {
    with_tasks(|io| {
        for _ in 0..1000 {
            let cell = OnceCell::new();
            io.scope(|scope| {
                let maker = scope.spawn(|| {
                    let make = || io.protect(|| until(io, || true));
                    cell.get_or_init_uncancelable(io, make);
                });
                let wait = scope.spawn(|| cell.get_or_init(io, || ()).map(drop));
                is_ok_or_canceled(wait.cancel());
                maker.join();
            });
            assert!(cell.get().is_some());
        }
    });
}

#[test]
fn a_deadline_ends_the_wait_for_the_maker() {
    with_tasks(|io| {
        let (cell, begun, go_on) = (OnceCell::new(), Event::new(), Event::new());
        io.scope(|scope| {
            let maker = scope.spawn(|| {
                let make = || {
                    begun.set(io);
                    go_on.wait(io)
                };
                cell.get_or_try_init(io, make).copied()
            });
            begun.wait(io).expect("nobody cancels");
            let wait = || cell.get_or_init(io, || ()).copied();
            let answer = io.with_timeout(Duration::from_millis(1), wait);
            assert!(is_deadline(&answer.expect_err("it is being made")));
            go_on.set(io);
            maker.join().expect("nobody cancels");
        });
    });
}

#[test]
fn a_value_can_be_set_and_taken() {
    on_every_crew(|crew| {
        let mut cell = OnceCell::new();
        assert_eq!(cell.get(), None);
        assert_eq!(cell.set(crew.io, 1), Ok(()));
        assert_eq!(cell.set(crew.io, 2), Err(2));
        assert_eq!(cell.take(), Some(1));
        assert_eq!(cell.get_mut(), None);
        let value = cell.get_or_init(crew.io, || 3).expect("nobody is there");
        assert_eq!(*value, 3);
    });
}
