//! Tests of the sync chapter on executors of every kind: threads, fibers of one
//! worker and of two, and both mixed.

mod sync {
    pub(crate) mod crew;

    mod barrier;
    mod queue;
    mod rwlock;
    mod semaphore;
}
