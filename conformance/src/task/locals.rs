//! Names and values that belong to a task: whose they are, and until when.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use io_core::sync::Event;
use io_core::task::{self, Retry, TaskGroup, TaskLocal};
use io_core::{Io, fs};

use super::ending::with_another;
use crate::fixture::{Fixture, Works};

static NUMBER: TaskLocal<usize> = TaskLocal::new();
static TEXT: TaskLocal<&str> = TaskLocal::new();

/// The name of the current task.
fn name_of(io: &dyn Io) -> Option<String> {
    io.task_name().map(|name| name.to_string())
}

pub(crate) fn a_task_has_the_name_it_was_given_and_no_other(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let outside = name_of(io);
    io.scope(|scope| {
        let named = scope.task("named").spawn(|| {
            let child = io.scope(|below| below.spawn(|| name_of(io)).join());
            (name_of(io), child, io.offload(|| name_of(io)), name_of(io))
        });
        let made = scope.task(format!("made {}", 7)).spawn(|| name_of(io));
        let unnamed = scope.spawn(|| name_of(io));
        assert_eq!(named.name(), Some("named"));
        let own = || Some("named".to_owned());
        assert_eq!(named.join(), (own(), None, own(), own()));
        assert_eq!(made.join().as_deref(), Some("made 7"));
        assert_eq!(unnamed.join(), None);
    });
    assert_eq!(name_of(io), outside);
}

pub(crate) fn members_of_groups_and_awaited_tasks_have_names(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let has_concurrency = fixture.capabilities().concurrent_tasks_max > 0;
    io.scope(|scope| {
        let mut group = TaskGroup::new(scope);
        group.task("first").spawn(|| name_of(io));
        group.spawn(|| name_of(io));
        let mut expected = vec![Some("first".to_owned()), None];
        if has_concurrency {
            let third = group.task(format!("third {}", 3));
            third.spawn_concurrent(|| name_of(io)).works();
            expected.push(Some("third 3".to_owned()));
        }
        while let Some((index, name)) = group.wait_next().works() {
            assert_eq!(name, expected[index]);
        }
        let awaited = scope.task("awaited").spawn_future(|| name_of(io));
        let unnamed = scope.spawn_future(|| name_of(io));
        let both = task::block_on(io, async { (awaited.await, unnamed.await) });
        assert_eq!(both, (Some("awaited".to_owned()), None));
    });
}

pub(crate) fn a_value_is_bound_for_a_closure(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let both = || (NUMBER.current(io), TEXT.current(io));
    let check = || {
        assert_eq!(both(), (None, None));
        NUMBER.with_value(io, 1, || {
            TEXT.with_value(io, "text", || {
                assert_eq!(both(), (Some(1), Some("text")));
                NUMBER.with_value(io, 2, || assert_eq!(both(), (Some(2), Some("text"))));
                assert_eq!(both(), (Some(1), Some("text")));
            });
            assert_eq!(both(), (Some(1), None));
        });
        assert_eq!(both(), (None, None));
    };
    check();
    io.scope(|scope| scope.spawn(check).join());
    io.offload(check);
}

pub(crate) fn a_panic_restores_what_was_bound(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let check = || {
        NUMBER.with_value(io, 1, || {
            let panics =
                || NUMBER.with_value(io, 2, || -> () { panic::resume_unwind(Box::new(())) });
            assert!(panic::catch_unwind(AssertUnwindSafe(panics)).is_err());
            assert_eq!(NUMBER.current(io), Some(1));
        });
    };
    check();
    io.scope(|scope| scope.spawn(check).join());
}

/// On one thread or several, the tasks' waits end in any order.
pub(crate) fn names_and_values_stay_with_their_task_across_waits(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    let (path, number_of) = (path.as_path(), |io| NUMBER.current(io));
    let work = |index: usize| {
        let is_own = |expected| {
            assert_eq!(number_of(io), Some(expected));
            assert_eq!(name_of(io), Some(format!("task {index}")));
        };
        for round in 0..10 {
            is_own(index);
            NUMBER.with_value(io, index + 1000, || {
                io.yield_now().works();
                is_own(index + 1000);
                if round % 5 == index % 5 {
                    io.sleep(Duration::from_millis(1)).works();
                }
                assert_eq!(fs::read(io, path).works(), b"0123");
                is_own(index + 1000);
            });
        }
    };
    let work = &work;
    io.scope(|scope| {
        for index in 0..20 {
            NUMBER.with_value(io, index, || {
                let task = scope.task(format!("task {index}"));
                drop(task.spawn(move || work(index)));
            });
        }
        assert_eq!(NUMBER.current(io), None);
    });
}

pub(crate) fn children_inherit_what_is_bound_at_their_spawn(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let number = || NUMBER.current(io);
    io.scope(|scope| {
        let before = scope.spawn(number);
        let inside = NUMBER.with_value(io, 1, || {
            // The grandchild has it from the child.
            scope.spawn(|| io.scope(|below| below.spawn(number).join()))
        });
        let after = scope.spawn(number);
        assert_eq!(
            (before.join(), inside.join(), after.join()),
            (None, Some(1), None)
        );
    });
    assert_eq!(NUMBER.with_value(io, 2, || io.offload(number)), Some(2));
}

pub(crate) fn whatever_starts_a_task_hands_values_on(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let number = || NUMBER.current(io);
    let has_it = |_item: usize| {
        assert_eq!(number(), Some(7));
        Ok(number())
    };
    let check = || {
        io.scope(|scope| {
            let mut group = TaskGroup::new(scope);
            group.spawn(number);
            group.task("named").spawn(number);
            while let Some((_index, seen)) = group.wait_next().works() {
                assert_eq!(seen, Some(7));
            }
            assert_eq!(scope.task("named").spawn(number).join(), Some(7));
            let awaited = scope.spawn_future(number);
            assert_eq!(task::block_on(io, awaited), Some(7));
        });
        assert_eq!(task::block_on(io, async { number() }), Some(7));
        assert_eq!(task::join_all(io, [number; 3]), [Some(7); 3]);
        assert_eq!(task::race(io, [number; 3]).works(), Some(Some(7)));
        task::for_each_concurrent(io, 3, 0..9, |item| has_it(item).map(drop)).works();
        let mapped = task::map_concurrent(io, 3, 0..9, has_it).works();
        assert_eq!(mapped, [Some(7); 9]);
        assert_eq!(io.offload(number), Some(7));
        let once = Retry::new(1).run(io, || Ok::<_, std::io::Error>(number()));
        assert_eq!(once.works(), Some(7));
    };
    NUMBER.with_value(io, 7, check);
    // ... and a task as its own spawner.
    NUMBER.with_value(io, 7, || io.scope(|scope| scope.spawn(check).join()));
    assert_eq!(number(), None);
}

pub(crate) fn parent_and_child_bind_apart(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (has_begun, goes_on) = (Event::new(), Event::new());
    io.scope(|scope| {
        let child = || {
            let inherited = NUMBER.current(io);
            NUMBER.with_value(io, 2, || {
                has_begun.set(io);
                goes_on.wait(io).works();
                (inherited, NUMBER.current(io))
            })
        };
        let child = NUMBER.with_value(io, 1, || scope.spawn_concurrent(child));
        NUMBER.with_value(io, 3, || {
            has_begun.wait(io).works();
            assert_eq!(NUMBER.current(io), Some(3));
            goes_on.set(io);
            assert_eq!(child.works().join(), (Some(1), Some(2)));
        });
    });
}

pub(crate) fn a_foreign_thread_binds_and_hands_on(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let there = || {
        assert_eq!(NUMBER.current(io), None);
        let child = NUMBER.with_value(io, 2, || {
            io.yield_now().works();
            assert_eq!(NUMBER.current(io), Some(2));
            io.scope(|scope| scope.spawn(|| NUMBER.current(io)).join())
        });
        assert_eq!((child, NUMBER.current(io)), (Some(2), None));
    };
    let ((), here) = NUMBER.with_value(io, 1, || fixture.beside(there, || NUMBER.current(io)));
    assert_eq!(here, Some(1));
}

pub(crate) fn each_executor_has_its_own_values(fixture: &Fixture<'_>) {
    let here = fixture.io();
    with_another(fixture, &|other| {
        let both = || (NUMBER.current(here), NUMBER.current(other));
        NUMBER.with_value(here, 1, || {
            assert_eq!(both(), (Some(1), None));
            NUMBER.with_value(other, 2, || {
                assert_eq!(both(), (Some(1), Some(2)));
                let child = here.scope(|scope| scope.spawn(|| NUMBER.current(here)).join());
                assert_eq!(child, Some(1));
                let child = other.scope(|scope| scope.spawn(|| NUMBER.current(other)).join());
                assert_eq!(child, Some(2));
            });
            assert_eq!(both(), (Some(1), None));
        });
    });
}
