//! The end of an executor: right after work, with nothing left behind; and
//! several of them in one process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_core::{Io, fs};

use crate::fixture::{Fixture, Works};
use crate::system;

/// Runs `body` with an executor of its own, on a thread of its own.
pub(super) fn with_another(fixture: &Fixture<'_>, body: &(dyn Fn(&dyn Io) + Sync)) {
    let backend = fixture.backend();
    let run = || {
        let ran = backend.run(&mut |io| body(io));
        ran.expect("one could be had a moment ago");
    };
    fixture.beside(run, || ());
}

pub(crate) fn an_executor_may_end_right_after_work(fixture: &Fixture<'_>) {
    for round in 0..20 {
        let ended = AtomicUsize::new(0);
        with_another(fixture, &|io| {
            io.scope(|scope| {
                for _ in 0..round {
                    scope.spawn(|| ended.fetch_add(1, Ordering::Relaxed));
                }
            });
        });
        assert_eq!(ended.into_inner(), round);
    }
}

pub(crate) fn an_executor_may_end_unused(fixture: &Fixture<'_>) {
    for _ in 0..20 {
        with_another(fixture, &|_| ());
    }
}

pub(crate) fn an_executor_may_end_right_after_operations(fixture: &Fixture<'_>) {
    for round in 0..10 {
        with_another(fixture, &|io| {
            io.scope(|scope| {
                for index in 0..8 {
                    scope.spawn(move || {
                        let path = fixture.path(format!("file-{round}-{index}"));
                        fs::write(io, path, "0123").works();
                        // May time out; either way the executor ends right after.
                        drop(io.with_timeout(Duration::from_micros(50), || {
                            io.sleep(Duration::from_millis(1))
                        }));
                    });
                }
            });
        });
    }
    assert_eq!(
        fs::read_dir(fixture.io(), fixture.directory())
            .works()
            .count(),
        80
    );
}

pub(crate) fn executors_that_ended_leave_no_descriptor_and_no_thread(fixture: &Fixture<'_>) {
    let work = |io: &dyn Io| {
        io.scope(|scope| {
            for index in 0..20 {
                scope.spawn(move || {
                    let path = fixture.path(format!("file-{index}"));
                    fs::write(io, &path, "0123").works();
                    io.sleep(Duration::from_micros(200)).works();
                    io.offload(|| ());
                });
            }
        });
    };
    with_another(fixture, &work);
    let before = system::descriptors().len();
    for _ in 0..20 {
        with_another(fixture, &work);
    }
    // A thread that has ended may still be listed for a moment.
    let is_settled = || system::descriptors().len() <= before;
    for _ in 0..500 {
        if is_settled() {
            break;
        }
        fixture.pause();
    }
    let after = system::descriptors().len();
    assert!(
        after <= before,
        "{before} descriptors before, {after} after"
    );
    let threads = system::threads().len();
    assert!(threads < 100, "{threads} threads are left");
}

pub(crate) fn two_executors_do_not_disturb_each_other(fixture: &Fixture<'_>) {
    let work = |io: &dyn Io, name: &str| {
        for round in 0..10 {
            io.scope(|scope| {
                for index in 0..8 {
                    scope.spawn(move || {
                        let path = fixture.path(format!("{name}-{round}-{index}"));
                        fs::write(io, &path, name).works();
                        io.yield_now().works();
                        assert_eq!(fs::read_to_string(io, &path).works(), name);
                    });
                }
            });
        }
    };
    let backend = fixture.backend();
    let there = || backend.run(&mut |io| work(io, "there")).is_ok();
    let (ran, ()) = fixture.beside(there, || work(fixture.io(), "here"));
    assert!(ran);
}

/// A task of one executor uses another: deadlines and requests of the one mean
/// nothing to the other.
pub(crate) fn a_task_of_one_may_use_another(fixture: &Fixture<'_>) {
    let here = fixture.io();
    with_another(fixture, &|other| {
        assert_ne!(here.id(), other.id(), "each has an id of its own");
        other.with_timeout(Duration::ZERO, || {
            here.checkpoint().works();
            let path = fixture.path("file");
            fs::write(here, &path, "0123").works();
            assert!(other.checkpoint().is_err());
        });
        here.scope(|scope| scope.spawn(|| here.yield_now()).join())
            .works();
    });
}
