//! Tests of the sync chapter on executors of every kind: plain threads, tasks that
//! are threads, fibers of one worker and of two, and tasks and threads mixed.

mod sync {
    pub(crate) mod crew;

    mod barrier;
    mod condvar;
    mod event;
    mod mutex;
    mod once_cell;
    mod oneshot;
    mod queue;
    mod rwlock;
    mod semaphore;
    mod watch;
}
