//! Locks that nobody else holds: taken, a number increased, released. The limit
//! is std's lock of the same kind; std has no semaphore, so there it is std's mutex.

use std::hint::black_box;
use std::time::{Duration, Instant};

use io_core::Io;
use io_core::sync::{Mutex, RwLock, Semaphore};

use super::of_executors;
use crate::contender::{Contender, Workload};
use crate::executor::Executor;

pub(super) fn mutex() -> Workload {
    Workload {
        name: "mutex",
        operation: "one lock and unlock of a free mutex",
        reference: "std-mutex",
        contenders: |_, _| {
            let std_mutex = Contender::new("std-mutex", 1, std_mutex);
            let ours = |io: &dyn Io, count| {
                let mutex = Mutex::new(0_u64);
                timed(count, || {
                    *black_box(&mutex).lock(io).expect("nobody cancels") += 1;
                })
            };
            beside(std_mutex, crate::peers::mutex(), ours)
        },
        ..Workload::of_one_case()
    }
}

pub(super) fn read() -> Workload {
    Workload {
        name: "rwlock-read",
        operation: "one shared lock and unlock of a free lock",
        reference: "std-rwlock",
        contenders: |_, _| {
            let std_rwlock = Contender::new("std-rwlock", 1, |count| {
                let lock = std::sync::RwLock::new(0_u64);
                timed(count, || {
                    black_box(*black_box(&lock).read().expect("no panic"));
                })
            });
            let ours = |io: &dyn Io, count| {
                let lock = RwLock::new(0_u64);
                timed(count, || {
                    black_box(*black_box(&lock).read(io).expect("nobody cancels"));
                })
            };
            beside(std_rwlock, crate::peers::read(), ours)
        },
        ..Workload::of_one_case()
    }
}

pub(super) fn write() -> Workload {
    Workload {
        name: "rwlock-write",
        operation: "one exclusive lock and unlock of a free lock",
        reference: "std-rwlock",
        contenders: |_, _| {
            let std_rwlock = Contender::new("std-rwlock", 1, |count| {
                let lock = std::sync::RwLock::new(0_u64);
                timed(count, || {
                    *black_box(&lock).write().expect("no panic") += 1;
                })
            });
            let ours = |io: &dyn Io, count| {
                let lock = RwLock::new(0_u64);
                timed(count, || {
                    *black_box(&lock).write(io).expect("nobody cancels") += 1;
                })
            };
            beside(std_rwlock, crate::peers::write(), ours)
        },
        ..Workload::of_one_case()
    }
}

pub(super) fn semaphore() -> Workload {
    Workload {
        name: "semaphore",
        operation: "one permit taken and given back",
        reference: "std-mutex",
        contenders: |_, _| {
            let std_mutex = Contender::new("std-mutex", 1, std_mutex);
            let ours = |io: &dyn Io, count| {
                let semaphore = Semaphore::new(2);
                timed(count, || {
                    drop(black_box(&semaphore).acquire(io).expect("nobody cancels"));
                })
            };
            beside(std_mutex, crate::peers::semaphore(), ours)
        },
        ..Workload::of_one_case()
    }
}

/// The lock of std, those of peers, and ours where it is used.
fn beside(
    of_std: Contender,
    peers: Vec<Contender>,
    ours: impl Fn(&dyn Io, u64) -> Duration + Clone + 'static,
) -> Vec<Contender> {
    let wanted = [Executor::Blocking, Executor::Threaded, Executor::EventLoop1];
    let mut all = vec![of_std];
    all.extend(peers);
    // On one CPU each: nobody else wants the lock.
    all.extend(of_executors(&wanted, 1, ours).map(|contender| contender.on_cpus(1)));
    all
}

fn std_mutex(count: u64) -> Duration {
    let mutex = std::sync::Mutex::new(0_u64);
    timed(count, || {
        *black_box(&mutex).lock().expect("no panic") += 1;
    })
}

/// The time of so many turns.
#[inline]
pub(crate) fn timed(count: u64, mut turn: impl FnMut()) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        turn();
    }
    begin.elapsed()
}
