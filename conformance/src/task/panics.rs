//! What becomes of panics.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

use io_core::fs::File;

use crate::fixture::{Fixture, Works};
use crate::run::message_of;

fn raise(text: &'static str) {
    // Without the message on stderr that a panic of the program would give.
    panic::resume_unwind(Box::new(text));
}

fn caught<R>(body: impl FnOnce() -> R) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(body));
    let payload = payload.map(drop).expect_err("it panics");
    message_of(payload.as_ref())
}

pub(crate) fn try_join_gives_the_payload(fixture: &Fixture<'_>) {
    fixture.io().scope(|scope| {
        let task = scope.spawn(|| raise("the task's own"));
        let payload = task.try_join().expect_err("the task panicked");
        assert_eq!(message_of(payload.as_ref()), "the task's own");
        let task = scope.spawn(|| -> () { panic::resume_unwind(Box::new(17_u64)) });
        let payload = task.try_join().expect_err("the task panicked");
        assert_eq!(payload.downcast_ref::<u64>(), Some(&17));
    });
}

pub(crate) fn join_raises_the_panic(fixture: &Fixture<'_>) {
    fixture.io().scope(|scope| {
        let task = scope.spawn(|| raise("the task's own"));
        assert_eq!(caught(|| task.join()), "the task's own");
    });
}

pub(crate) fn spawn_itself_never_panics(fixture: &Fixture<'_>) {
    fixture.io().scope(|scope| {
        let task = scope.spawn(|| raise("only at the join"));
        fixture.pause();
        assert_eq!(caught(|| task.join()), "only at the join");
    });
}

pub(crate) fn a_panic_that_nobody_joined_is_raised_by_the_scope(fixture: &Fixture<'_>) {
    let others = AtomicUsize::new(0);
    let said = caught(|| {
        fixture.io().scope(|scope| {
            scope.spawn(|| raise("nobody joined"));
            for _ in 0..10 {
                scope.spawn(|| others.fetch_add(1, Ordering::Relaxed));
            }
        });
    });
    assert_eq!(said, "nobody joined");
    assert_eq!(others.into_inner(), 10, "other tasks go on");
}

pub(crate) fn a_panic_that_was_joined_is_not_raised_again(fixture: &Fixture<'_>) {
    fixture.io().scope(|scope| {
        drop(scope.spawn(|| raise("joined")).try_join());
    });
}

pub(crate) fn a_dropped_handle_loses_no_panic(fixture: &Fixture<'_>) {
    let said = caught(|| {
        fixture.io().scope(|scope| {
            let task = scope.spawn(|| raise("handle dropped"));
            fixture.pause();
            drop(task);
        });
    });
    assert_eq!(said, "handle dropped");
}

pub(crate) fn further_panics_are_counted(fixture: &Fixture<'_>) {
    let said = caught(|| {
        fixture.io().scope(|scope| {
            let tasks: Vec<_> = (0..3)
                .map(|_| scope.spawn(|| raise("one of three")))
                .collect();
            while !tasks.iter().all(io_core::task::Task::is_finished) {
                fixture.pause();
            }
            drop(tasks);
            assert_eq!(scope.panic_count(), 3);
        });
    });
    assert_eq!(said, "one of three");
}

pub(crate) fn the_bodys_panic_comes_first_and_after_its_tasks(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let ended = AtomicUsize::new(0);
    let said = caught(|| {
        io.scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    // The scope's request may end it.
                    drop(io.yield_now());
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
            scope.spawn(|| raise("a member's"));
            raise("the body's");
        });
    });
    assert_eq!(said, "the body's");
    assert_eq!(ended.into_inner(), 4);
}

pub(crate) fn a_panicking_body_cancels_its_tasks(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let canceled = AtomicUsize::new(0);
    let said = caught(|| {
        io.scope(|scope| {
            let wait = || {
                let hour = std::time::Duration::from_secs(3600);
                if io
                    .sleep(hour)
                    .is_err_and(|error| io_core::is_canceled(&error))
                {
                    canceled.fetch_add(1, Ordering::Relaxed);
                }
            };
            scope.spawn_concurrent(wait).works();
            scope.spawn_concurrent(wait).works();
            raise("the body's");
        });
    });
    assert_eq!(said, "the body's");
    assert_eq!(canceled.into_inner(), 2);
}

/// Clean-up in destructors uses the executor while its task unwinds.
pub(crate) fn operations_work_while_unwinding(fixture: &Fixture<'_>) {
    struct WriteOnDrop<'a>(&'a Fixture<'a>, String);
    impl Drop for WriteOnDrop<'_> {
        fn drop(&mut self) {
            let io = self.0.io();
            io_core::fs::write(io, self.0.path(&self.1), "clean").works();
            io.sleep(std::time::Duration::from_millis(1)).works();
            io.yield_now().works();
        }
    }
    fixture.io().scope(|scope| {
        let tasks: Vec<_> = (0..4)
            .map(|index| {
                scope.spawn(move || {
                    let _clean = WriteOnDrop(fixture, format!("file-{index}"));
                    raise("with clean-up");
                })
            })
            .collect();
        for task in tasks {
            assert!(task.try_join().is_err());
        }
    });
    for index in 0..4 {
        assert_eq!(
            fixture.content(fixture.path(format!("file-{index}"))),
            b"clean"
        );
    }
}

/// The count of panics belongs to a thread; a task that was moved aside while it
/// unwinds must not let others look as if they panicked.
pub(crate) fn other_tasks_do_not_look_as_if_they_panicked(fixture: &Fixture<'_>) {
    struct WaitOnDrop<'a>(&'a Fixture<'a>);
    impl Drop for WaitOnDrop<'_> {
        fn drop(&mut self) {
            self.0.pause();
        }
    }
    fixture.io().scope(|scope| {
        let unwinding = scope.spawn(|| {
            let _wait = WaitOnDrop(fixture);
            raise("and waits");
        });
        let others: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..20 {
                        assert!(!std::thread::panicking(), "another task's panic");
                        fixture.io().yield_now().works();
                    }
                })
            })
            .collect();
        assert!(unwinding.try_join().is_err());
        others.into_iter().for_each(|task| task.join());
        assert!(!std::thread::panicking());
    });
}

pub(crate) fn a_panic_in_an_operations_task_closes_its_files(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    io.scope(|scope| {
        let task = scope.spawn(|| {
            let _file = File::open(io, &path).works();
            raise("with a file open");
        });
        assert!(task.try_join().is_err());
    });
    let held = crate::system::descriptors().into_iter().find(|number| {
        let target = std::fs::read_link(format!("/proc/self/fd/{number}"));
        target.is_ok_and(|target| target == path)
    });
    assert_eq!(held, None, "the file is still open");
}
