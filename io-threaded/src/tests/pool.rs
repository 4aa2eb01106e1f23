//! The pool: growth, limits, inline runs, idle end, refusal by the system, drop.

use super::*;

use std::collections::HashSet;
use std::panic::{self, AssertUnwindSafe};

use io_core::sync::{Condvar as IoCondvar, Mutex as IoMutex};

#[test]
fn a_thread_is_used_again() {
    watched("a_thread_is_used_again", || {
        let threaded = Threaded::builder().spawn_threads(4).build();
        let io: &dyn Io = &threaded;
        let mut threads = HashSet::new();
        for _ in 0..1000 {
            threads.insert(io.scope(|scope| scope.spawn(|| thread::current().id()).join()));
        }
        assert!(!threads.contains(&thread::current().id()));
        assert_eq!(threads.len(), 1, "a joined task's thread is idle again");
        assert_eq!(threaded.shared.pool.counts(), (1, 1));
    });
}

#[test]
fn no_thread_is_started_before_there_is_work() {
    let threaded = Threaded::new();
    assert_eq!(threaded.shared.pool.counts(), (0, 0));
}

/// Runs `count` tasks of `spawn` that all wait, and says which of them ran
/// inside `spawn` (those do not wait).
fn spawn_waiting(io: &dyn Io, count: usize) -> usize {
    let (gate, opened) = (IoMutex::new(false), IoCondvar::new());
    let caller = thread::current().id();
    io.scope(|scope| {
        let mut tasks = Vec::new();
        for _ in 0..count {
            tasks.push(scope.spawn(|| {
                if thread::current().id() == caller {
                    return true;
                }
                let mut is_open = gate.lock_uncancelable(io);
                while !*is_open {
                    opened.wait(&mut is_open).unwrap();
                }
                false
            }));
        }
        *gate.lock_uncancelable(io) = true;
        opened.notify_all(io);
        tasks.into_iter().map(|task| usize::from(task.join())).sum()
    })
}

#[test]
fn spawn_runs_inline_from_its_limit_on() {
    watched("spawn_runs_inline_from_its_limit_on", || {
        for limit in [0, 1, 2, 5] {
            let threaded = Threaded::builder().spawn_threads(limit).build();
            for count in [limit.saturating_sub(1), limit, limit + 1, limit + 3] {
                let inline = spawn_waiting(&threaded, count);
                assert_eq!(inline, count.saturating_sub(limit), "{count} of {limit}");
            }
            assert_eq!(threaded.shared.pool.counts().0, limit);
        }
    });
}

#[test]
fn spawn_concurrent_is_refused_from_its_limit_on() {
    watched("spawn_concurrent_is_refused_from_its_limit_on", || {
        let threaded = Threaded::builder()
            .spawn_threads(0)
            .concurrent_threads(2)
            .build();
        let io: &dyn Io = &threaded;
        assert_eq!(io.capabilities().concurrent_tasks_max, 2);
        for _ in 0..100 {
            let (gate, opened) = (IoMutex::new(false), IoCondvar::new());
            io.scope(|scope| {
                let wait = || {
                    let mut is_open = gate.lock_uncancelable(io);
                    while !*is_open {
                        opened.wait(&mut is_open).unwrap();
                    }
                };
                let first = scope.spawn_concurrent(wait).unwrap();
                let second = scope.spawn_concurrent(wait).unwrap();
                assert!(scope.spawn_concurrent(wait).is_err());
                *gate.lock_uncancelable(io) = true;
                opened.notify_all(io);
                first.join();
                // Its place is free as soon as it is joined.
                scope.spawn_concurrent(wait).unwrap().join();
                second.join();
            });
        }
        assert_eq!(threaded.shared.pool.counts(), (2, 2));
    });
}

#[test]
fn tasks_of_spawn_take_no_place_of_concurrent_ones() {
    watched("tasks_of_spawn_take_no_place_of_concurrent_ones", || {
        let threaded = Threaded::builder()
            .spawn_threads(2)
            .concurrent_threads(1)
            .build();
        let io: &dyn Io = &threaded;
        let (reader, writer) = pipe();
        io.scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert_eq!(read(io, &reader, &mut [0]).unwrap(), 1));
            }
            // Both threads wait for what only this one does.
            let task = scope.spawn_concurrent(|| write(io, &writer, b"ab").unwrap());
            assert_eq!(task.unwrap().join(), 2);
        });
    });
}

#[test]
fn nesting_deeper_than_the_limit_ends() {
    fn fall(io: &dyn Io, depth: usize) -> usize {
        if depth == 0 {
            return 1;
        }
        io.scope(|scope| {
            let left = scope.spawn(|| fall(io, depth - 1));
            let right = scope.spawn(|| fall(io, depth - 1));
            left.join() + right.join()
        })
    }
    watched("nesting_deeper_than_the_limit_ends", || {
        for limit in [1, 2, 3] {
            let threaded = Threaded::builder().spawn_threads(limit).build();
            assert_eq!(fall(&threaded, 9), 512);
            assert!(threaded.shared.pool.counts().0 <= limit);
        }
    });
}

#[test]
fn a_refused_thread_means_inline_or_unavailable() {
    watched("a_refused_thread_means_inline_or_unavailable", || {
        // No address space has room for such a stack.
        let threaded = Threaded::builder().stack_bytes(1 << 60).build();
        let io: &dyn Io = &threaded;
        let caller = thread::current().id();
        io.scope(|scope| {
            for _ in 0..3 {
                assert_eq!(scope.spawn(|| thread::current().id()).join(), caller);
                assert!(scope.spawn_concurrent(|| ()).is_err());
            }
        });
        assert_eq!(threaded.shared.pool.counts(), (0, 0));
    });
}

#[test]
fn idle_threads_end_and_new_ones_start() {
    watched("idle_threads_end_and_new_ones_start", || {
        let threaded = Threaded::builder()
            .spawn_threads(3)
            .idle_timeout(Duration::from_millis(1))
            .build();
        for _ in 0..20 {
            assert_eq!(spawn_waiting(&threaded, 3), 0);
            eventually("the end of idle threads", || {
                threaded.shared.pool.counts() == (0, 0)
            });
        }
    });
}

#[test]
fn an_idle_time_of_zero_loses_no_job() {
    watched("an_idle_time_of_zero_loses_no_job", || {
        let threaded = Threaded::builder()
            .spawn_threads(4)
            .idle_timeout(Duration::ZERO)
            .build();
        let io: &dyn Io = &threaded;
        for round in 0..2000 {
            let sum: usize = io.scope(|scope| {
                let tasks: Vec<_> = (0..3).map(|number| scope.spawn(move || number)).collect();
                tasks.into_iter().map(io_core::task::Task::join).sum()
            });
            assert_eq!(sum, 3, "round {round}");
        }
    });
}

#[test]
fn a_panic_ends_its_task_only() {
    watched("a_panic_ends_its_task_only", || {
        let threaded = Threaded::builder().spawn_threads(1).build();
        let io: &dyn Io = &threaded;
        io.scope(|scope| {
            let task = scope.spawn(|| panic::resume_unwind(Box::new("on purpose")));
            let payload: Result<(), _> = task.try_join();
            assert_eq!(
                *payload.unwrap_err().downcast::<&str>().unwrap(),
                "on purpose"
            );
            scope.spawn(|| ()).join();
        });
        assert_eq!(threaded.shared.pool.counts(), (1, 1));
    });
}

#[test]
fn an_inline_panic_is_stored() {
    let threaded = Threaded::builder().spawn_threads(0).build();
    let io: &dyn Io = &threaded;
    io.scope(|scope| {
        let task = scope.spawn(|| panic::resume_unwind(Box::new(7_u32)));
        let result: Result<(), _> = task.try_join();
        assert_eq!(*result.unwrap_err().downcast::<u32>().unwrap(), 7);
    });
}

#[test]
fn offload_runs_where_it_is_called() {
    let threaded = Threaded::new();
    let io: &dyn Io = &threaded;
    let caller = thread::current().id();
    assert_eq!(io.offload(|| thread::current().id()), caller);
    let panics = panic::catch_unwind(AssertUnwindSafe(|| {
        io.offload(|| panic::resume_unwind(Box::new("offloaded")));
    }));
    assert_eq!(
        *panics.unwrap_err().downcast::<&str>().unwrap(),
        "offloaded"
    );
}

#[test]
fn drop_right_after_work_joins_every_thread() {
    watched("drop_right_after_work_joins_every_thread", || {
        for round in 0..200 {
            let threaded = Threaded::builder()
                .spawn_threads(3)
                .idle_timeout(Duration::from_micros(round * 2))
                .build();
            let io: &dyn Io = &threaded;
            let shared = Arc::downgrade(&threaded.shared);
            io.scope(|scope| {
                for _ in 0..5 {
                    scope.spawn(|| ());
                }
            });
            drop(threaded);
            assert!(
                shared.upgrade().is_none(),
                "a thread still has the executor"
            );
        }
    });
}

#[test]
fn stack_bytes_are_what_a_task_has() {
    fn use_stack(depth: usize) -> u8 {
        let block = std::hint::black_box([1_u8; 4096]);
        if depth == 0 {
            block[0]
        } else {
            use_stack(depth - 1).wrapping_add(block[7])
        }
    }
    watched("stack_bytes_are_what_a_task_has", || {
        let threaded = Threaded::builder()
            .spawn_threads(1)
            .stack_bytes(32 << 20)
            .build();
        let io: &dyn Io = &threaded;
        // 12 MiB: more than std gives by default.
        io.scope(|scope| scope.spawn(|| use_stack(3000)).join());
    });
}
