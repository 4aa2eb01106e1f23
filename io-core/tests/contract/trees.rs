//! Random trees of tasks: scopes in tasks in scopes, with joins, dropped and
//! forgotten handles, cancels and panics. Every closure runs once, everything
//! that it owned is dropped once, nothing is left waiting.

use std::mem;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_core::Io;
use io_core::sync::Mutex;
use io_core::task::Scope;

use crate::backend::{Jobs, Tiny};
use crate::watchdog::Watchdog;

const SEEDS: u64 = 60;
const DEPTH_MAX: u32 = 4;

#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    dropped: AtomicUsize,
    forgotten: AtomicUsize,
    spawned: AtomicUsize,
    run: AtomicUsize,
}

fn add(counter: &AtomicUsize) {
    counter.fetch_add(1, Ordering::SeqCst);
}

/// Something that a task owns.
struct Thing<'a>(&'a Counts);

impl<'a> Thing<'a> {
    fn new(counts: &'a Counts) -> Thing<'a> {
        add(&counts.made);
        Thing(counts)
    }
}

impl Drop for Thing<'_> {
    fn drop(&mut self) {
        add(&self.0.dropped);
    }
}

/// A generator of its own for each task, so that a seed says it all.
#[derive(Clone, Copy)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

struct Tree<'a> {
    io: &'a dyn Io,
    counts: &'a Counts,
    shared: &'a Mutex<u64>,
    handles: Handles,
}

/// What may become of handles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handles {
    /// They are joined or dropped.
    Dropped,
    /// Some are forgotten.
    Forgotten,
}

impl<'a> Tree<'a> {
    fn node(&self, mut dice: Dice, depth: u32) -> Thing<'a> {
        let owned = Thing::new(self.counts);
        match dice.roll(6) {
            0 => drop(self.io.sleep(Duration::from_micros(dice.roll(300)))),
            1 => drop(self.io.yield_now()),
            2 => {
                if let Ok(mut shared) = self.shared.lock(self.io) {
                    *shared += 1;
                }
            }
            3 => self
                .io
                .protect(|| *self.shared.lock_uncancelable(self.io) += 1),
            4 => drop(self.io.checkpoint().map_err(|_| self.io.rearm())),
            _ => {}
        }
        if depth < DEPTH_MAX {
            self.scope(dice, depth);
        }
        if dice.roll(8) == 0 {
            drop(owned);
            panic::resume_unwind(Box::new("a node"));
        }
        owned
    }

    /// A scope whose panics, the body's or a member's, end here.
    fn scope(&self, dice: Dice, depth: u32) {
        // Whatever is raised here was raised on purpose.
        drop(panic::catch_unwind(AssertUnwindSafe(|| {
            self.io.scope(|scope| self.members(scope, dice, depth));
        })));
    }

    fn members<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, mut dice: Dice, depth: u32) {
        let mut kept = Vec::new();
        for index in 0..dice.roll(4) {
            let below = Dice(dice.0 ^ (index << 40));
            let capture = Thing::new(self.counts);
            add(&self.counts.spawned);
            let body = move || {
                add(&self.counts.run);
                let _capture = capture;
                self.node(below, depth + 1)
            };
            let task = if dice.roll(2) == 0 {
                scope.spawn(body)
            } else {
                let Ok(task) = scope.spawn_concurrent(body) else {
                    add(&self.counts.run);
                    continue;
                };
                task
            };
            match dice.roll(6) {
                0 => drop(task),
                1 => drop(task.try_join()),
                2 => {
                    task.request_cancel();
                    kept.push(task);
                }
                3 if self.handles == Handles::Forgotten => {
                    // Its result is leaked if it has one.
                    add(&self.counts.forgotten);
                    mem::forget(task);
                }
                _ => kept.push(task),
            }
        }
        if dice.roll(5) == 0 {
            scope.cancel();
        }
        if dice.roll(8) == 0 {
            panic::resume_unwind(Box::new("a body"));
        }
        for task in kept {
            drop(task.try_join());
        }
    }
}

#[test]
fn random_trees_of_tasks_run_once_and_leave_nothing() {
    let _watchdog = Watchdog::new("random_trees_of_tasks_run_once_and_leave_nothing");
    grow_trees(Handles::Dropped);
}

#[test]
fn forgotten_handles_in_random_trees_leak_at_most_their_results() {
    let _watchdog = Watchdog::new("forgotten_handles_in_random_trees_leak_at_most_their_results");
    grow_trees(Handles::Forgotten);
}

fn grow_trees(handles: Handles) {
    for jobs in [Jobs::Inline, Jobs::Threads, Jobs::Either] {
        for seed in 0..SEEDS {
            let tiny = Tiny::new(jobs);
            let counts = Counts::default();
            let shared = Mutex::new(0);
            let tree = Tree {
                io: &tiny,
                counts: &counts,
                shared: &shared,
                handles,
            };
            tree.scope(Dice(seed * 77 + 1), 0);
            let count = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
            let what = format!("{jobs:?}, seed {seed}");
            assert_eq!(count(&counts.run), count(&counts.spawned), "{what}");
            let left = count(&counts.made) - count(&counts.dropped);
            assert!(left <= count(&counts.forgotten), "{what}: {left} left");
            assert_eq!(tiny.wait_count(), 0, "{what}");
        }
    }
}
