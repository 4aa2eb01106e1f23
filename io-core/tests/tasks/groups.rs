//! Groups: tasks in the order in which they end, races, all of many.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use io_core::sync::Event;
use io_core::task::{self, Job, Rejected, Start, TaskGroup};
use io_core::{Io, forward_io, is_canceled, is_deadline};

use super::{on_concurrent_executors, on_every_executor};

const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_group_gives_its_tasks_in_the_order_of_their_ends() {
    on_concurrent_executors(|io| {
        let events: Vec<_> = (0..3).map(|_| Event::new()).collect();
        io.scope(|scope| {
            let mut group = TaskGroup::new(scope);
            for event in &events {
                group.spawn_concurrent(move || event.wait(io)).unwrap();
            }
            for index in [1, 2, 0] {
                events[index].set(io);
                let (ended, result) = group.wait_next().unwrap().unwrap();
                assert_eq!((ended, result.is_ok()), (index, true));
            }
            assert!(group.is_empty());
            assert!(group.wait_next().unwrap().is_none());
        });
    });
}

#[test]
fn a_group_knows_ends_of_any_kind() {
    on_every_executor(|io| {
        io.scope(|scope| {
            let mut group = TaskGroup::new(scope);
            assert!(group.wait_next().unwrap().is_none());
            let refused = group.spawn_concurrent(|| 1).is_err();
            group.spawn(|| 2);
            group.spawn(|| panic::resume_unwind(Box::new("a task")));
            let mut results = Vec::new();
            while let Some((_, result)) = group.try_wait_next().unwrap() {
                results.push(result.ok());
            }
            results.sort_unstable();
            let all = if refused {
                vec![None, Some(2)]
            } else {
                vec![None, Some(1), Some(2)]
            };
            assert_eq!(results, all);
        });
    });
}

#[test]
fn a_wait_for_a_group_is_a_point_and_its_tasks_go_on() {
    on_concurrent_executors(|io| {
        let event = Event::new();
        io.scope(|scope| {
            let mut group = TaskGroup::new(scope);
            group.spawn_concurrent(|| event.wait(io)).unwrap();
            let next = io.with_timeout(Duration::from_millis(5), || group.wait_next());
            assert!(is_deadline(&next.unwrap_err()));
            event.set(io);
            assert!(group.wait_next().unwrap().unwrap().1.is_ok());
        });
        io.scope(|scope| {
            let waiting = scope.spawn_concurrent(|| {
                io.scope(|below| {
                    let mut group = TaskGroup::new(below);
                    group.spawn_concurrent(|| io.sleep(LONG)).unwrap();
                    let next = group.wait_next();
                    group.cancel();
                    let member = group.wait_next().unwrap().unwrap().1;
                    (next.map(drop), member)
                })
            });
            let (next, member) = waiting.unwrap().cancel();
            assert!(is_canceled(&next.unwrap_err()), "the group's waiter");
            assert!(is_canceled(&member.unwrap_err()), "then its member");
        });
    });
}

#[test]
fn a_race_has_one_winner_and_cancels_the_others() {
    on_concurrent_executors(|io| {
        let canceled = AtomicUsize::new(0);
        let winner = task::race(
            io,
            (0..4).map(|index| {
                let canceled = &canceled;
                move || {
                    let pause = if index == 2 { Duration::ZERO } else { LONG };
                    let result = io.sleep(pause);
                    canceled.fetch_add(usize::from(result.is_err()), Ordering::SeqCst);
                    index
                }
            }),
        );
        assert_eq!(winner.unwrap(), Some(2));
        assert_eq!(canceled.load(Ordering::SeqCst), 3);
    });
}

#[test]
fn a_race_of_nobody_has_no_winner() {
    on_every_executor(|io| {
        let nobody: [fn() -> u32; 0] = [];
        assert_eq!(task::race(io, nobody).unwrap(), None);
        let one: [fn() -> u32; 1] = [|| 7];
        assert_eq!(task::race(io, one).unwrap(), Some(7));
    });
}

#[test]
fn join_all_gives_results_in_order_and_raises_a_panic_at_the_end() {
    on_every_executor(|io| {
        let results = task::join_all(io, (0..50).map(|index| move || index * 2));
        assert_eq!(results, (0..50).map(|index| index * 2).collect::<Vec<_>>());
        let ended = AtomicUsize::new(0);
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
            task::join_all(
                io,
                (0..5).map(|index| {
                    let ended = &ended;
                    move || {
                        ended.fetch_add(1, Ordering::SeqCst);
                        if index == 1 {
                            panic::resume_unwind(Box::new("one"));
                        }
                    }
                }),
            )
        }));
        assert!(outcome.is_err());
        assert_eq!(ended.load(Ordering::SeqCst), 5);
    });
}

/// A wrapper that refuses the first task.
struct RefusesOnce<'a> {
    below: &'a dyn Io,
    has_refused: AtomicBool,
}

impl Io for RefusesOnce<'_> {
    forward_io!(self => self.below; except start);

    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        if self.has_refused.swap(true, Ordering::Relaxed) {
            self.below.start(job, how)
        } else {
            Err(Rejected::new(job))
        }
    }
}

#[test]
fn a_refused_task_is_no_end_of_the_next_one() {
    on_concurrent_executors(|below| {
        let refuses = RefusesOnce {
            below,
            has_refused: AtomicBool::new(false),
        };
        let io: &dyn Io = &refuses;
        io.scope(|scope| {
            let mut group = TaskGroup::new(scope);
            group.spawn_concurrent(|| Ok(())).unwrap_err();
            // Only a group that waits for the wrong task lets this end by itself.
            let slow = || io.sleep(Duration::from_secs(20));
            group.spawn_concurrent(slow).unwrap();
            group.spawn_concurrent(|| Ok(())).unwrap();
            let (first, _) = group.wait_next().unwrap().unwrap();
            group.cancel();
            assert_eq!(first, 1);
        });
    });
}
