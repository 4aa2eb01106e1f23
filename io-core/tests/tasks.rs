//! Tests of names, of local values and of what stands on tasks (groups, bounded
//! work, retries, futures), on executors of every kind.
#![allow(clippy::unwrap_used, reason = "a failed test may end as it likes")]

#[path = "sync/crew.rs"]
#[expect(dead_code, reason = "shared with the tests of the sync chapter")]
mod crew;

mod tasks {
    mod async_crates;
    mod concurrent;
    mod futures;
    mod groups;
    mod locals;
    mod names;
    mod progress;
    mod retry;

    use io_blocking::Blocking;
    use io_core::Io;
    use io_threaded::Threaded;

    use crate::crew::on_event_loop;

    /// Runs `test` on Blocking, Threaded and event loops of one and two workers.
    #[track_caller]
    fn on_every_executor(test: impl Fn(&dyn Io)) {
        test(&Blocking::new());
        on_concurrent_executors(test);
    }

    /// Runs `test` where tasks run beside each other.
    #[track_caller]
    fn on_concurrent_executors(test: impl Fn(&dyn Io)) {
        test(&Threaded::new());
        for workers in [1, 2] {
            on_event_loop(workers, &test);
        }
    }
}
