//! How a task ends: its result has one owner, its end is seen, and nothing of it
//! touches what its scope borrows after the scope's end.

use crate::atomics::Ordering;
use crate::completion::{Completion, Left, MemberCount, Stored, ThreadKey};
use crate::explore::{
    Arc, AtomicUsize, Notify, UnsafeCell, every_order, orders_with_preemptions, spawn, yield_now,
};
use crate::waits::Futex;

/// A block without its header: the word, a result, and its joiner's futex, which
/// a runner that wakes keeps by a reference of its own.
struct Block {
    completion: Completion,
    result: UnsafeCell<Option<u32>>,
    drops: AtomicUsize,
    /// Looked at where the block is used, written to where it is freed.
    memory: UnsafeCell<()>,
    frees: AtomicUsize,
    /// What the task's stack is used for until the task is over.
    stack: UnsafeCell<()>,
    futex: Futex,
}

impl Block {
    fn new() -> Arc<Block> {
        Arc::new(Block {
            completion: Completion::new(),
            result: UnsafeCell::new(None),
            drops: AtomicUsize::new(0),
            memory: UnsafeCell::new(()),
            frees: AtomicUsize::new(0),
            stack: UnsafeCell::new(()),
            futex: Futex::new(),
        })
    }

    fn run(&self) {
        self.result.with_mut(|result| write(result, Some(7)));
        if self.completion.store_result() {
            self.drop_result();
        }
    }

    /// As `Job::run_for_joiner`.
    fn run_for_joiner(&self) -> Stored {
        if self.completion.is_detached() {
            self.run();
            return Stored::Before;
        }
        self.result.with_mut(|result| write(result, Some(7)));
        Stored::AtEnd
    }

    fn publish(&self, stored: Stored) {
        self.stack.with_mut(|_| ());
        self.memory.with(|_| ());
        let left = self.completion.finish(stored).unwrap_or_else(|| {
            let left = self.completion.finish_waited(stored);
            self.futex.wake(usize::MAX);
            left
        });
        match left {
            Left::Nothing => {}
            Left::Block => self.free(),
            Left::BlockAndResult => {
                self.drop_result();
                self.free();
            }
        }
    }

    fn abandon(&self) {
        self.completion.abandon();
        self.publish(Stored::Before);
    }

    fn free(&self) {
        self.memory.with_mut(|_| ());
        self.frees.fetch_add(1, Ordering::Relaxed);
    }

    fn drop_result(&self) {
        self.memory.with(|_| ());
        assert_eq!(self.take_result(), Some(7), "there is a result to drop");
        self.drops.fetch_add(1, Ordering::Relaxed);
    }

    fn take_result(&self) -> Option<u32> {
        let mut taken = None;
        self.result.with_mut(|result| taken = write(result, None));
        taken
    }

    /// Drops the handle.
    fn detach(&self) {
        self.memory.with(|_| ());
        if self.completion.detach() {
            return;
        }
        if !self.completion.is_abandoned() {
            self.drop_result();
        }
        if self.completion.let_go() {
            self.free();
        }
    }

    /// Joins.
    fn join(&self) -> Option<u32> {
        self.wait();
        let result = match self.completion.is_abandoned() {
            true => None,
            false => self.take_result(),
        };
        self.free();
        result
    }

    /// Once all threads have ended.
    fn assert_freed(&self) {
        assert_eq!(self.frees.load(Ordering::Relaxed), 1, "freed once");
    }

    fn wait(&self) {
        let waker = Arc::new(Notify::new());
        while let Some(expected) = self.completion.prepare_wait() {
            self.futex.wait(self.completion.word(), expected, &waker);
        }
        assert!(self.completion.is_done());
        self.stack.with_mut(|_| ());
    }
}

#[expect(unsafe_code, reason = "loom's cells give out pointers")]
pub(crate) fn write<T>(place: *mut T, value: T) -> T {
    // SAFETY: loom fails the model if another thread uses the cell meanwhile.
    unsafe { place.replace(value) }
}

/// Runs `runner` on a thread beside `handle`, which ends the handle, in every order.
/// Afterwards the result was dropped so many times, and the block freed once.
fn beside(runner: fn(&Block), handle: fn(&Block), drops: usize) {
    every_order(move || {
        let block = Block::new();
        let runs = Arc::clone(&block);
        let thread = spawn(move || runner(&runs));
        handle(&block);
        thread.join().unwrap();
        assert_eq!(block.drops.load(Ordering::Relaxed), drops);
        block.assert_freed();
    });
}

fn run(block: &Block) {
    block.run();
    block.publish(Stored::Before);
}

fn run_for_joiner(block: &Block) {
    let stored = block.run_for_joiner();
    block.publish(stored);
}

fn join(block: &Block) {
    assert_eq!(block.join(), Some(7));
}

#[test]
fn exactly_one_of_runner_and_handle_drops_an_unwanted_result() {
    beside(run, Block::detach, 1);
}

#[test]
fn a_handle_that_is_dropped_while_its_task_runs_below_it_leaves_nothing_behind() {
    beside(run_for_joiner, Block::detach, 1);
}

#[test]
fn a_join_sees_the_end_and_the_result() {
    beside(run, join, 0);
}

#[test]
fn a_join_sees_a_result_that_is_stored_with_the_end() {
    beside(run_for_joiner, join, 0);
}

#[test]
fn who_waits_by_a_reference_is_woken_although_the_handle_is_gone() {
    every_order(|| {
        let block = Block::new();
        block.detach();
        let runs = Arc::clone(&block);
        let thread = spawn(move || run(&runs));
        block.wait();
        thread.join().unwrap();
        block.assert_freed();
    });
}

#[test]
fn who_asks_by_a_reference_sees_the_end_that_the_joiners_thread_stores() {
    every_order(|| {
        let block = Block::new();
        let asks = Arc::clone(&block);
        let thread = spawn(move || {
            if asks.completion.is_done() {
                asks.stack.with_mut(|_| ());
            }
        });
        assert_eq!(block.run_for_joiner(), Stored::AtEnd);
        block.stack.with_mut(|_| ());
        let left = block.completion.finish_for_joiner();
        assert_eq!(left, Some(Left::Nothing));
        assert!(block.completion.is_done());
        assert_eq!(block.take_result(), Some(7));
        thread.join().unwrap();
    });
}

#[test]
fn who_wants_a_wake_gets_one_from_the_joiners_thread_too() {
    every_order(|| {
        let block = Block::new();
        assert!(block.completion.prepare_wait().is_some());
        assert_eq!(block.run_for_joiner(), Stored::AtEnd);
        assert_eq!(block.completion.finish_for_joiner(), None);
        let left = block.completion.finish_waited(Stored::AtEnd);
        assert_eq!(left, Left::Nothing);
    });
}

#[test]
fn an_end_that_another_thread_publishes_is_seen_with_the_result() {
    orders_with_preemptions(2, || {
        let block = Block::new();
        let runner = Arc::clone(&block);
        let runner = spawn(move || {
            runner.run();
            let publisher = Arc::clone(&runner);
            spawn(move || publisher.publish(Stored::Before))
        });
        assert_eq!(block.join(), Some(7));
        runner.join().unwrap().join().unwrap();
        block.assert_freed();
    });
}

#[test]
fn a_dropped_job_has_no_result_to_drop_and_ends_a_join() {
    beside(Block::abandon, Block::detach, 0);
    let join_dropped = |block: &Block| {
        assert_eq!(block.join(), None);
        assert!(block.completion.is_abandoned());
    };
    beside(Block::abandon, join_dropped, 0);
}

/// The thread of the scope, and that of all others.
const OWNER: ThreadKey = 1;
const OTHER: ThreadKey = 2;

/// A scope: its counters, and what its members borrow until they have left.
struct Scope {
    count: MemberCount,
    borrowed: UnsafeCell<u32>,
    futex: Futex,
}

impl Scope {
    fn new() -> Arc<Scope> {
        Arc::new(Scope {
            count: MemberCount::new(OWNER),
            borrowed: UnsafeCell::new(0),
            futex: Futex::new(),
        })
    }

    fn use_borrowed(&self) {
        self.borrowed.with(|_| ());
    }

    /// What `Done` does, the wake of a joiner being a use of the executor.
    fn leave(&self, thread: ThreadKey) {
        self.use_borrowed();
        if self.count.leave_at_once(thread) {
            return;
        }
        self.count.begin_leave();
        if self.count.leave() {
            self.use_borrowed();
            self.futex.wake(usize::MAX);
        }
        self.use_borrowed();
        self.count.end_leave();
    }

    fn end(&self) {
        let waker = Arc::new(Notify::new());
        assert!(self.count.is_at_home(OWNER));
        while let Some(expected) = self.count.prepare_wait() {
            self.futex.wait(self.count.word(), expected, &waker);
        }
        while !self.count.has_left() {
            yield_now();
        }
        self.borrowed.with_mut(|_| ());
    }
}

#[test]
fn nothing_touches_what_a_scope_borrows_after_its_end() {
    orders_with_preemptions(2, || {
        let scope = Scope::new();
        let members: Vec<_> = (0..2)
            .map(|_| {
                scope.count.enter(OWNER);
                let scope = Arc::clone(&scope);
                spawn(move || scope.leave(OTHER))
            })
            .collect();
        scope.end();
        for member in members {
            member.join().unwrap();
        }
    });
}

#[test]
fn members_that_leave_on_the_scopes_thread_are_counted_once() {
    orders_with_preemptions(2, || {
        let scope = Scope::new();
        scope.count.enter(OWNER);
        scope.count.enter(OWNER);
        let other = Arc::clone(&scope);
        let other = spawn(move || other.leave(OTHER));
        scope.leave(OWNER);
        scope.end();
        other.join().unwrap();
    });
}

#[test]
fn what_adds_up_on_the_scopes_thread_is_settled_beside_members_that_leave() {
    orders_with_preemptions(2, || {
        let scope = Scope::new();
        scope.count.enter(OWNER);
        scope.count.enter(OWNER);
        let other = Arc::clone(&scope);
        let first = spawn(move || other.leave(OTHER));
        // Two are as many as are kept apart here.
        scope.count.enter(OWNER);
        let other = Arc::clone(&scope);
        let others = spawn(move || {
            other.leave(OTHER);
            other.leave(OTHER);
        });
        scope.end();
        first.join().unwrap();
        others.join().unwrap();
    });
}

#[test]
fn members_that_come_here_and_leave_there_add_up_nowhere() {
    const COUNT: u32 = 20;
    for (comes, leaves) in [(OWNER, OTHER), (OTHER, OWNER), (OWNER, OWNER)] {
        every_order(move || {
            let count = MemberCount::new(OWNER);
            for _ in 0..COUNT {
                count.enter(comes);
                assert!(count.leave_at_once(leaves));
                let twice = count.word().load(Ordering::Relaxed).cast_signed();
                assert!(twice.unsigned_abs() < COUNT, "{twice}");
            }
            count.enter(comes);
            assert!(count.prepare_wait().is_some());
            assert!(!count.leave_at_once(leaves), "it is the last one");
            count.begin_leave();
            assert!(count.leave());
            count.end_leave();
            assert!(count.prepare_wait().is_none() && count.has_left());
        });
    }
}

#[test]
fn a_member_that_a_member_adds_is_waited_for() {
    orders_with_preemptions(2, || {
        let scope = Scope::new();
        scope.count.enter(OWNER);
        let first = Arc::clone(&scope);
        let first = spawn(move || {
            first.count.enter(OTHER);
            let second = Arc::clone(&first);
            let second = spawn(move || second.leave(OTHER));
            first.leave(OTHER);
            second
        });
        scope.end();
        first.join().unwrap().join().unwrap();
    });
}

#[test]
fn a_member_that_another_thread_adds_may_leave_on_the_scopes() {
    orders_with_preemptions(2, || {
        let scope = Scope::new();
        scope.count.enter(OWNER);
        let first = Arc::clone(&scope);
        let first = spawn(move || {
            first.count.enter(OTHER);
            first.leave(OTHER);
        });
        first.join().unwrap();
        scope.leave(OWNER);
        scope.end();
    });
}
