//! How a task ends: its result has one owner, its end is seen, and nothing of it
//! touches what its scope borrows after the scope's end.

use crate::atomics::Ordering;
use crate::completion::{Completion, MemberCount};
use crate::explore::{
    Arc, AtomicUsize, Notify, UnsafeCell, every_order, orders_with_preemptions, spawn, yield_now,
};
use crate::waits::Futex;

/// A block without its header: the word, a result, and its joiner's futex.
struct Block {
    completion: Completion,
    result: UnsafeCell<Option<u32>>,
    drops: AtomicUsize,
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

    fn publish(&self) {
        self.stack.with_mut(|_| ());
        if self.completion.finish() {
            self.futex.wake(usize::MAX);
        }
    }

    fn abandon(&self) {
        self.completion.abandon();
        self.publish();
    }

    fn drop_result(&self) {
        assert_eq!(self.take_result(), Some(7), "there is a result to drop");
        self.drops.fetch_add(1, Ordering::Relaxed);
    }

    fn take_result(&self) -> Option<u32> {
        let mut taken = None;
        self.result.with_mut(|result| taken = write(result, None));
        taken
    }

    fn detach(&self) {
        if self.completion.detach() {
            self.drop_result();
        }
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

#[test]
fn exactly_one_of_runner_and_handle_drops_an_unwanted_result() {
    every_order(|| {
        let block = Block::new();
        let runner = Arc::clone(&block);
        let runner = spawn(move || {
            runner.run();
            runner.publish();
        });
        block.detach();
        runner.join().unwrap();
        assert_eq!(block.drops.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_join_sees_the_end_and_the_result() {
    every_order(|| {
        let block = Block::new();
        let runner = Arc::clone(&block);
        let runner = spawn(move || {
            runner.run();
            runner.publish();
        });
        block.wait();
        assert!(!block.completion.is_abandoned());
        assert_eq!(block.take_result(), Some(7));
        runner.join().unwrap();
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
            spawn(move || publisher.publish());
        });
        block.wait();
        assert_eq!(block.take_result(), Some(7));
        runner.join().unwrap();
    });
}

#[test]
fn a_dropped_job_has_no_result_to_drop_and_ends_a_join() {
    every_order(|| {
        let block = Block::new();
        let owner = Arc::clone(&block);
        let owner = spawn(move || owner.abandon());
        block.detach();
        owner.join().unwrap();
        assert_eq!(block.drops.load(Ordering::Relaxed), 0);
    });
    every_order(|| {
        let block = Block::new();
        let owner = Arc::clone(&block);
        let owner = spawn(move || owner.abandon());
        block.wait();
        assert!(block.completion.is_abandoned());
        owner.join().unwrap();
    });
}

/// A scope: its counters, and what its members borrow until they have left.
struct Scope {
    count: MemberCount,
    borrowed: UnsafeCell<u32>,
    futex: Futex,
}

impl Scope {
    fn new() -> Arc<Scope> {
        Arc::new(Scope {
            count: MemberCount::new(),
            borrowed: UnsafeCell::new(0),
            futex: Futex::new(),
        })
    }

    fn use_borrowed(&self) {
        self.borrowed.with(|_| ());
    }

    /// What `Done` does, the wake of a joiner being a use of the executor.
    fn leave(&self) {
        self.use_borrowed();
        if self.count.leave_at_once() {
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
                scope.count.enter();
                let scope = Arc::clone(&scope);
                spawn(move || scope.leave())
            })
            .collect();
        scope.end();
        for member in members {
            member.join().unwrap();
        }
    });
}

#[test]
fn a_member_that_a_member_adds_is_waited_for() {
    orders_with_preemptions(2, || {
        let scope = Scope::new();
        scope.count.enter();
        let first = Arc::clone(&scope);
        let first = spawn(move || {
            first.count.enter();
            let second = Arc::clone(&first);
            let second = spawn(move || second.leave());
            first.leave();
            second
        });
        scope.end();
        first.join().unwrap().join().unwrap();
    });
}
