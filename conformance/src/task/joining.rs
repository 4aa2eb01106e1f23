//! Results, panics and the end of a scope.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::fixture::Fixture;
use crate::run::message_of;

pub(crate) fn join_returns_the_result(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let sum = io.scope(|scope| {
        let tasks: Vec<_> = (0..100_u64).map(|n| scope.spawn(move || n)).collect();
        tasks.into_iter().map(|task| task.join()).sum::<u64>()
    });
    assert_eq!(sum, 4950);
}

pub(crate) fn join_raises_the_panic(fixture: &Fixture<'_>) {
    let io = fixture.io();
    io.scope(|scope| {
        let task = scope.spawn(|| -> () { panic::resume_unwind(Box::new("the task's own")) });
        let payload = task.try_join().expect_err("the task panicked");
        assert_eq!(message_of(payload.as_ref()), "the task's own");
        let task = scope.spawn(|| panic::resume_unwind(Box::new("another one")));
        let join = AssertUnwindSafe(|| {
            let () = task.join();
        });
        let payload = panic::catch_unwind(join).expect_err("the join panics");
        assert_eq!(message_of(payload.as_ref()), "another one");
    });
}

pub(crate) fn scope_raises_the_first_unjoined_panic(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let others = AtomicUsize::new(0);
    let scope = || {
        io.scope(|scope| {
            scope.spawn(|| -> () { panic::resume_unwind(Box::new("nobody joined")) });
            for _ in 0..10 {
                scope.spawn(|| others.fetch_add(1, Ordering::Relaxed));
            }
        });
    };
    let payload = panic::catch_unwind(AssertUnwindSafe(scope)).expect_err("the scope panics");
    assert_eq!(message_of(payload.as_ref()), "nobody joined");
    assert_eq!(others.into_inner(), 10, "other tasks go on");
}
