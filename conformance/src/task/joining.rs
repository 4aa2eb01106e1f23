//! Results, handles and the end of a scope.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::fixture::{Fixture, Works};

pub(crate) fn join_returns_the_result(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let sum = io.scope(|scope| {
        let tasks: Vec<_> = (0..100_u64).map(|n| scope.spawn(move || n)).collect();
        tasks.into_iter().map(|task| task.join()).sum::<u64>()
    });
    assert_eq!(sum, 4950);
}

pub(crate) fn a_scope_returns_what_its_body_does(fixture: &Fixture<'_>) {
    let text = fixture.io().scope(|_| "value".to_owned());
    assert_eq!(text, "value");
}

/// A result may be large, and want an alignment that no allocator gives by itself.
pub(crate) fn results_are_of_any_size_and_alignment(fixture: &Fixture<'_>) {
    #[repr(align(64))]
    struct Aligned([u8; 3]);
    #[repr(align(4096))]
    struct Page(u8);
    fixture.io().scope(|scope| {
        let none = scope.spawn(|| ());
        let large = scope.spawn(|| [7_u8; 20_000]);
        let aligned = scope.spawn(|| Aligned([1, 2, 3]));
        let page = scope.spawn(|| Page(9));
        none.join();
        assert_eq!(large.join(), [7; 20_000]);
        let aligned = aligned.join();
        assert_eq!(aligned.0, [1, 2, 3]);
        assert_eq!((&raw const aligned).addr() % 64, 0);
        assert_eq!(page.join().0, 9);
    });
}

pub(crate) fn closures_are_of_any_size_and_alignment(fixture: &Fixture<'_>) {
    #[repr(align(128))]
    struct Aligned([u8; 5000]);
    let large = Aligned([3; 5000]);
    fixture.io().scope(|scope| {
        let task = scope.spawn(move || {
            let whole = &large;
            assert_eq!((&raw const *whole).addr() % 128, 0);
            whole.0.iter().map(|byte| usize::from(*byte)).sum::<usize>()
        });
        assert_eq!(task.join(), 15_000);
    });
}

/// Counts how often it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) fn a_result_that_nobody_wants_is_dropped_once(fixture: &Fixture<'_>) {
    const TASKS: usize = 50;
    let drops = AtomicUsize::new(0);
    fixture.io().scope(|scope| {
        for index in 0..TASKS {
            let task = scope.spawn(|| Counted(&drops));
            if index % 2 == 0 {
                // The task may be over by now.
                fixture.pause();
            }
            drop(task);
        }
    });
    assert_eq!(drops.into_inner(), TASKS);
}

pub(crate) fn a_result_that_is_taken_is_the_joiners(fixture: &Fixture<'_>) {
    let drops = AtomicUsize::new(0);
    fixture.io().scope(|scope| {
        let result = scope.spawn(|| Counted(&drops)).join();
        assert_eq!(drops.load(Ordering::Relaxed), 0);
        drop(result);
    });
    assert_eq!(drops.into_inner(), 1);
}

pub(crate) fn captures_are_gone_when_a_join_returns(fixture: &Fixture<'_>) {
    for _ in 0..100 {
        let shared = Arc::new(());
        fixture.io().scope(|scope| {
            let captured = Arc::clone(&shared);
            scope.spawn(move || drop(captured)).join();
            assert_eq!(Arc::strong_count(&shared), 1);
            let captured = Arc::clone(&shared);
            scope.spawn(move || Arc::strong_count(&captured)).join();
            assert_eq!(Arc::strong_count(&shared), 1);
        });
    }
}

pub(crate) fn a_scope_ends_after_its_last_task(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for round in 0..50_usize {
        let ended = AtomicUsize::new(0);
        io.scope(|scope| {
            for index in 0..8 {
                let ended = &ended;
                scope.spawn(move || {
                    for _ in 0..(round + index) % 4 {
                        io.yield_now().works();
                    }
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(ended.into_inner(), 8);
    }
}

pub(crate) fn tasks_change_what_they_borrow(fixture: &Fixture<'_>) {
    let mut numbers = vec![0_u64; 64];
    fixture.io().scope(|scope| {
        for (index, number) in (0..).zip(numbers.iter_mut()) {
            scope.spawn(move || *number = index);
        }
    });
    assert_eq!(numbers, (0..64).collect::<Vec<_>>());
}

pub(crate) fn scopes_nest_in_tasks(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fn count(io: &dyn io_core::Io, depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        io.scope(|scope| {
            let tasks: Vec<_> = (0..3)
                .map(|_| scope.spawn(move || count(io, depth - 1)))
                .collect();
            tasks.into_iter().map(|task| task.join()).sum()
        })
    }
    assert_eq!(count(io, 5), 243);
}

/// Members may add members while the scope's end already waits.
pub(crate) fn a_member_may_add_members(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let ended = AtomicUsize::new(0);
    io.scope(|scope| {
        scope.spawn(|| {
            io.yield_now().works();
            for _ in 0..5 {
                scope.spawn(|| {
                    scope.spawn(|| ended.fetch_add(1, Ordering::Relaxed));
                });
            }
        });
    });
    assert_eq!(ended.into_inner(), 5);
}

pub(crate) fn is_finished_tells_the_end(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let may_end = &AtomicBool::new(false);
    io.scope(|scope| {
        let wait = || {
            while !may_end.load(Ordering::Acquire) {
                io.sleep(std::time::Duration::from_millis(1)).works();
            }
        };
        std::thread::scope(|threads| {
            // From a thread, so that it works for executors that run tasks at once.
            let (send, receive) = std::sync::mpsc::channel();
            threads.spawn(move || {
                fixture.pause();
                send.send(()).expect("the receiver lives");
                may_end.store(true, Ordering::Release);
            });
            let task = scope.spawn(wait);
            let is_early = receive.try_recv().is_err() && task.is_finished();
            assert!(!is_early, "it was over before it could be");
            task.join();
            let task = scope.spawn(wait);
            while !task.is_finished() {
                io.yield_now().works();
            }
            task.join();
        });
    });
}

pub(crate) fn joins_come_in_any_order(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mut random = fixture.random();
    io.scope(|scope| {
        let mut tasks: Vec<_> = (0..50_usize)
            .map(|index| (index, scope.spawn(move || index * 2)))
            .collect();
        while !tasks.is_empty() {
            let (index, task) = tasks.swap_remove(random.below(tasks.len()));
            assert_eq!(task.join(), index * 2);
        }
    });
}

pub(crate) fn a_handle_may_be_joined_by_another_task(fixture: &Fixture<'_>) {
    fixture.io().scope(|scope| {
        let first = scope.spawn(|| 20);
        let second = scope.spawn(move || first.join() + 1);
        assert_eq!(scope.spawn(move || second.join() * 2).join(), 42);
    });
}

/// An accept loop lives in one scope for months: what a finished task used is
/// used again.
pub(crate) fn a_long_scope_does_not_grow(fixture: &Fixture<'_>) {
    const ROUNDS: usize = 20_000;
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/statm").expect("procfs");
        let pages = status.split(' ').nth(1).expect("resident pages");
        pages.parse::<usize>().expect("a number") * 4096
    };
    fixture.io().scope(|scope| {
        let mut first = 0;
        for round in 0..ROUNDS {
            let task = scope.spawn(|| [0_u8; 1024]);
            if round % 2 == 0 {
                task.join();
            } else {
                drop(task);
            }
            if round % 16 == 0 {
                fixture.io().yield_now().works();
            }
            if round == ROUNDS / 4 {
                first = memory();
            }
        }
        fixture.pause();
        let grown = memory().saturating_sub(first);
        // 15,000 tasks of more than 1 KiB each would be 15 MiB.
        assert!(grown < 8 << 20, "it grew by {grown} bytes");
    });
}
