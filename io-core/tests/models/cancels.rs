//! The cancel word: each request is delivered exactly once, a wait that has to
//! end is ended, and what is forwarded is received by one or put back.

use crate::atomics::{Mutex, Ordering};
use crate::cancel::{CancelWord, Forwarded, Requester, Rest, Taken};
use crate::completion::{Completion, Stored};
use crate::completions::write;
use crate::explore::{
    Arc, AtomicUsize, JoinHandle, Notify, UnsafeCell, every_order, orders_with_preemptions, spawn,
};
use crate::waits::Futex;

/// A task as far as its cancel word goes, with the logic that `block.rs` and
/// `scope.rs` put around it.
struct Task {
    cancel: CancelWord,
    completion: Completion,
    /// Ends its wait, as `Io::interrupt` does.
    wait: Arc<Notify>,
    ended: Futex,
    /// Its inline child, which is gone once it has ended.
    child: UnsafeCell<Option<Arc<Task>>>,
    forwarded: Mutex<Forwarded>,
    deliveries: AtomicUsize,
}

impl Task {
    fn new() -> Arc<Task> {
        Arc::new(Task {
            cancel: CancelWord::new(),
            completion: Completion::new(),
            wait: Arc::new(Notify::new()),
            ended: Futex::new(),
            child: UnsafeCell::new(None),
            forwarded: Mutex::new(Forwarded::NOTHING),
            deliveries: AtomicUsize::new(0),
        })
    }

    fn request(&self, by: Requester) {
        self.forward(by);
    }

    /// `TaskRef::request`. Returns whether it is one with the former request.
    fn forward(&self, by: Requester) -> bool {
        let requested = self.cancel.request(by);
        match requested.rest {
            Rest::Nothing => {}
            Rest::Interrupt => self.wait.notify(),
            Rest::Forward => {
                let mut forwarded = self.forwarded.lock().unwrap();
                if self.cancel.begin_forward() {
                    self.forward_inline(&mut forwarded);
                }
            }
        }
        requested.is_merged
    }

    fn forward_inline(&self, forwarded: &mut Forwarded) {
        if let Some(taken) = self.cancel.take() {
            let mut is_merged = false;
            self.child.with(|child| {
                let child = look(child).as_ref().expect("it has not ended");
                is_merged = child.forward(Requester::Spawner);
            });
            forwarded.add(taken, is_merged);
        }
    }

    /// A cancellation point that does not wait. Returns whether it was canceled.
    fn point(&self) -> bool {
        let is_canceled = self.cancel.deliver();
        if is_canceled {
            self.deliveries.fetch_add(1, Ordering::Relaxed);
        }
        is_canceled
    }

    /// A cancellation point that waits until it is canceled.
    fn wait_for_cancel(&self) {
        while !self.point() {
            if !self.cancel.begin_wait() {
                self.wait.wait();
                self.cancel.end_wait();
            }
        }
    }

    /// `Task::wait` of the scope chapter: joins `other` and forwards to it.
    fn join(&self, other: &Task) {
        let mut forwarded = Forwarded::NOTHING;
        while !other.completion.is_done() {
            if let Some(taken) = self.cancel.take() {
                forwarded.add(taken, other.forward(Requester::Joiner));
            }
            if let Some(expected) = other.completion.prepare_wait()
                && !self.cancel.begin_wait()
            {
                let word = other.completion.word();
                other.ended.wait(word, expected, &self.wait);
                self.cancel.end_wait();
            }
        }
        if !forwarded.is_nothing() {
            let is_received = !other.cancel.is_pending_from(Requester::Joiner);
            self.put_back(forwarded.unreceived(is_received));
        }
    }

    fn put_back(&self, unreceived: Option<Taken>) {
        if let Some(taken) = unreceived {
            self.cancel.put_back(taken);
        }
    }

    /// `Job::run` on the stack of its spawner `self`.
    fn run_inline(&self, child: &Arc<Task>, body: impl FnOnce(&Task)) {
        self.set_child(Some(Arc::clone(child)));
        if self.cancel.begin_inline() {
            let mut forwarded = self.forwarded.lock().unwrap();
            if self.cancel.begin_forward() {
                self.forward_inline(&mut forwarded);
            }
        }
        body(child);
        if self.cancel.end_inline() {
            let forwarded = std::mem::take(&mut *self.forwarded.lock().unwrap());
            let is_received = !child.cancel.is_pending_from(Requester::Spawner);
            self.put_back(forwarded.unreceived(is_received));
        }
        self.set_child(None);
    }

    fn set_child(&self, child: Option<Arc<Task>>) {
        self.child.with_mut(|place| drop(write(place, child)));
    }

    fn end(&self) {
        if self.completion.finish(Stored::Before).is_none() {
            let _left = self.completion.finish_waited(Stored::Before);
            self.ended.wake(usize::MAX);
        }
    }

    fn deliveries(&self) -> usize {
        self.deliveries.load(Ordering::Relaxed)
    }
}

#[expect(unsafe_code, reason = "loom's cells give out pointers")]
fn look<'a, T>(place: *const T) -> &'a T {
    // SAFETY: loom fails the model if another thread writes to it meanwhile.
    unsafe { &*place }
}

fn start(task: &Arc<Task>, body: impl FnOnce(&Task) + Send + 'static) -> JoinHandle<()> {
    let task = Arc::clone(task);
    spawn(move || body(&task))
}

#[test]
fn a_request_ends_a_wait_and_is_delivered_once() {
    every_order(|| {
        let task = Task::new();
        let runner = start(&task, Task::wait_for_cancel);
        task.request(Requester::Owner);
        runner.join().unwrap();
        assert_eq!(task.deliveries(), 1);
        assert!(!task.point(), "a second point is not canceled");
    });
}

#[test]
fn requests_are_delivered_once_each_or_as_one() {
    orders_with_preemptions(3, || {
        let task = Task::new();
        let first = start(&task, |task| task.request(Requester::Owner));
        let second = start(&task, |task| task.request(Requester::Joiner));
        task.wait_for_cancel();
        first.join().unwrap();
        second.join().unwrap();
        let is_pending = task.cancel.is_requested();
        let is_late = task.point();
        assert_eq!(is_pending, is_late);
        let expected = 1 + usize::from(is_late);
        assert_eq!(task.deliveries(), expected);
        assert!(!task.point());
    });
}

#[test]
fn an_interrupt_that_comes_late_finds_nothing_to_end() {
    every_order(|| {
        let task = Task::new();
        let requester = start(&task, |task| {
            let requested = task.cancel.request(Requester::Owner);
            if requested.rest == Rest::Interrupt && task.cancel.is_interrupt_due() {
                assert!(!task.completion.is_done(), "it is in its wait");
            }
        });
        // A wait that ends by itself, then a point.
        if !task.cancel.begin_wait() {
            task.cancel.end_wait();
        }
        task.point();
        requester.join().unwrap();
        let is_late = task.point();
        assert_eq!(task.deliveries(), 1, "late: {is_late}");
    });
}

#[test]
fn a_rearmed_request_is_delivered_again_and_no_other_is_lost() {
    every_order(|| {
        let task = Task::new();
        task.request(Requester::Joiner);
        let other = start(&task, |task| task.request(Requester::Owner));
        assert!(task.point());
        assert!(task.cancel.rearm());
        assert!(!task.cancel.rearm(), "it is put back once");
        assert!(task.cancel.is_pending_from(Requester::Joiner));
        assert!(task.point());
        assert!(!task.cancel.is_pending_from(Requester::Joiner));
        other.join().unwrap();
        // The other came before the first delivery, between the two, or is left.
        let is_late = task.point();
        assert_eq!(task.deliveries(), 2 + usize::from(is_late));
    });
}

#[test]
fn a_request_is_received_by_the_inline_child_or_put_back() {
    every_order(|| {
        let (parent, child) = (Task::new(), Task::new());
        let requester = start(&parent, |parent| parent.request(Requester::Owner));
        parent.run_inline(&child, |child| {
            child.point();
        });
        requester.join().unwrap();
        let is_left = parent.point();
        assert_eq!(child.deliveries() + usize::from(is_left), 1);
    });
}

#[test]
fn a_wait_of_an_inline_child_is_ended_by_its_spawners_request() {
    every_order(|| {
        let (parent, child) = (Task::new(), Task::new());
        let requester = start(&parent, |parent| parent.request(Requester::Owner));
        parent.run_inline(&child, Task::wait_for_cancel);
        requester.join().unwrap();
        assert_eq!((child.deliveries(), parent.point()), (1, false));
    });
}

#[test]
fn a_request_to_a_joiner_is_received_by_the_joined_task_or_put_back() {
    orders_with_preemptions(2, || {
        let (joiner, joined) = (Task::new(), Task::new());
        let requester = start(&joiner, |joiner| joiner.request(Requester::Owner));
        let runner = start(&joined, |joined| {
            joined.point();
            joined.end();
        });
        joiner.join(&joined);
        requester.join().unwrap();
        runner.join().unwrap();
        let is_left = joiner.point();
        assert_eq!(joined.deliveries() + usize::from(is_left), 1);
    });
}

#[test]
fn a_joined_task_that_waits_is_ended_by_its_joiners_request() {
    orders_with_preemptions(2, || {
        let (joiner, joined) = (Task::new(), Task::new());
        let requester = start(&joiner, |joiner| joiner.request(Requester::Owner));
        let runner = start(&joined, |joined| {
            joined.wait_for_cancel();
            joined.end();
        });
        joiner.join(&joined);
        requester.join().unwrap();
        runner.join().unwrap();
        assert_eq!((joined.deliveries(), joiner.point()), (1, false));
    });
}

#[test]
fn taking_what_is_pending_loses_no_request() {
    every_order(|| {
        let task = Task::new();
        task.request(Requester::Owner);
        let other = start(&task, |task| task.request(Requester::Joiner));
        let taken = task.cancel.take();
        assert!(taken.is_some());
        task.put_back(taken);
        other.join().unwrap();
        assert!(task.cancel.is_pending_from(Requester::Owner));
        assert!(task.cancel.is_pending_from(Requester::Joiner));
    });
}

#[test]
fn a_second_request_is_settled_apart_from_the_first() {
    // One thread: what counts is who is answered for what.
    every_order(|| {
        let (parent, child) = (Task::new(), Task::new());
        parent.request(Requester::Joiner);
        parent.run_inline(&child, |child| {
            assert!(child.point(), "the first is received");
            child.request(Requester::Owner);
        });
        assert!(!parent.cancel.is_requested(), "another's is not put back");

        let child = Task::new();
        parent.request(Requester::Joiner);
        parent.run_inline(&child, |child| {
            assert!(child.point());
            parent.request(Requester::ScopeEnd);
        });
        assert!(!parent.cancel.is_pending_from(Requester::Joiner));
        assert!(parent.cancel.is_pending_from(Requester::ScopeEnd));

        let child = Task::new();
        parent.request(Requester::Joiner);
        parent.run_inline(&child, |_child| {
            parent.request(Requester::Owner);
        });
        let pending = [Requester::Joiner, Requester::ScopeEnd, Requester::Owner];
        assert!(pending.iter().all(|by| parent.cancel.is_pending_from(*by)));
    });
}
