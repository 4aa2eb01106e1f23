//! The stand-in for `switch.rs` under `--cfg fiber_threads`: each fiber is an
//! OS thread, and exactly one of a resumer and its fiber runs at a time. For
//! checkers that cannot follow a stack switch (the thread sanitizer, helgrind).
//!
//! Called by the scheduler only, under the same names and contracts as
//! `switch.rs`. May import `stack.rs`, `thread_word.rs` and std.
//!
//! ```text
//!   resumer                     Turn                      fiber's thread
//!   resume(input) ---------> Fiber(input) ------------> runs the body
//!     waits                                                |
//!   Suspended(out) <-------- Resumer(out) <------------ suspend(out), waits
//!   resumes `next` <-------- Next(next, input) <------- goes to `next`, waits
//!   Ended(stack) <---------- Ended <------------------- the body returned
//!   discard() -------------> Discard -----------------> drops the body
//! ```
//!
//! What differs from real fibers: thread-locals other than the *thread word*
//! are each fiber's own, `remaining_stack_bytes` is 0 (the body runs on the
//! thread's stack, the `Stack` is only kept), and overflow is reported by std.
//!
//! # Safety argument
//!
//! *Hand-off*: whatever the body and its resumers share is touched by one
//! thread at a time, and each hand-off goes through the mutex, which orders
//! all that came before it. So moving values that are not `Send` across is as
//! if they stayed on one thread, thread-locals apart.
#![expect(
    unsafe_code,
    reason = "moves bodies that are not Send to a thread that stands in for a fiber"
)]

use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    panic::{self, AssertUnwindSafe},
    ptr::NonNull,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{Builder, JoinHandle},
};

use super::{
    Suspender, SuspenderPointer, Switch, To, abort_with,
    stack::Stack,
    thread_word::{set_thread_word, thread_word},
};

/// Room for the sanitizers' own frames beside the body's.
const THREAD_STACK_BYTES_MIN: usize = 1024 * 1024;

/// A body of code on a thread of its own that runs only between `resume` and
/// `suspend`. Dropping a suspended one aborts the process, as for real fibers.
pub(crate) struct Fiber<In, Out> {
    baton: Arc<Baton<In, Out>>,
    /// `None` once the body has returned, and for a caller's.
    parts: RefCell<Option<(JoinHandle<()>, Stack)>>,
    /// It stands for the thread that made it.
    is_caller: bool,
    is_started: Cell<bool>,
    not_send: PhantomData<*mut ()>,
}

/// Whose turn it is, and what is handed over.
enum Turn<In, Out> {
    /// Nothing is handed over: the fiber is fresh, or somebody runs.
    Nobody,
    /// The fiber's, with the resumer's thread word.
    Fiber(In, *const ()),
    /// The resumer's.
    Resumer(Out),
    /// The resumer's, who is to resume another fiber with that input.
    Next(NonNull<Fiber<In, Out>>, In),
    /// The resumer's; the body has returned.
    Ended,
    /// The fiber's: it never ran, and drops its body.
    Discard,
}

pub(super) struct Baton<In, Out> {
    turn: Mutex<Turn<In, Out>>,
    changed: Condvar,
}

impl<In, Out> Baton<In, Out> {
    fn hand_over(&self, turn: Turn<In, Out>) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
        self.changed.notify_all();
    }

    /// Waits until `pick` gets something out of the turn.
    fn wait<T>(&self, pick: impl Fn(Turn<In, Out>) -> Result<T, Turn<In, Out>>) -> T {
        let mut turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match pick(std::mem::replace(&mut *turn, Turn::Nobody)) {
                Ok(picked) => return picked,
                Err(other) => *turn = other,
            }
            turn = self
                .changed
                .wait(turn)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next input, or `None` if the body shall be dropped.
    fn wait_as_fiber(&self) -> Option<In> {
        self.wait(|turn| match turn {
            Turn::Fiber(input, word) => {
                set_thread_word(word);
                Ok(Some(input))
            }
            Turn::Discard => Ok(None),
            other => Err(other),
        })
    }
}

/// Carries a value across a hand-off.
struct HandedOver<T>(T);

// SAFETY: *hand-off*.
unsafe impl<T> Send for HandedOver<T> {}

impl<T> HandedOver<T> {
    fn into_value(self) -> T {
        self.0
    }
}

impl<In, Out> Fiber<In, Out> {
    /// Makes a fiber that runs `body` when it is first resumed.
    ///
    /// # Safety
    /// As for the fiber of `switch.rs`.
    ///
    /// # Panics
    /// If no thread can be started.
    pub(crate) unsafe fn new<F>(stack: Stack, body: F) -> Fiber<In, Out>
    where
        F: FnOnce(Suspender<'_, In, Out>, In),
    {
        let baton = Arc::new(Baton {
            turn: Mutex::new(Turn::Nobody),
            changed: Condvar::new(),
        });
        let handed_over = HandedOver((body, Arc::clone(&baton)));
        let main = move || {
            let (body, baton) = handed_over.into_value();
            let Some(input) = baton.wait_as_fiber() else {
                return;
            };
            let run = AssertUnwindSafe(|| body(Suspender::new(&baton), input));
            if let Err(_payload) = panic::catch_unwind(run) {
                abort_with("a panic reached the root of a fiber");
            }
            baton.hand_over(Turn::Ended);
        };
        let builder = Builder::new()
            .name("fiber stand-in".to_owned())
            .stack_size(stack.bounds().total_bytes().max(THREAD_STACK_BYTES_MIN));
        // SAFETY: what `main` borrows is what `body` borrows, which by contract
        // is valid until the fiber has ended.
        let thread = unsafe { builder.spawn_unchecked(main) }
            .expect("a checker's run can start a thread for each fiber");
        Fiber {
            baton,
            parts: RefCell::new(Some((thread, stack))),
            is_caller: false,
            is_started: Cell::new(false),
            not_send: PhantomData,
        }
    }

    /// Drops the body of a fiber that was never resumed, and gives the stack back.
    ///
    /// # Panics
    /// If the fiber was resumed before.
    pub(crate) fn discard(self) -> Stack {
        assert!(
            self.parts.borrow().is_some() && !self.is_started.get(),
            "only a fiber that was never resumed can be discarded"
        );
        self.baton.hand_over(Turn::Discard);
        self.join_thread()
    }

    /// Where its lowest frame is while it is suspended: not known here.
    #[inline]
    pub(crate) fn parked_at(&self) -> Option<usize> {
        None
    }

    /// Runs the fiber until it, or one that goes on in its stead, suspends itself, or
    /// until it ends.
    ///
    /// # Panics
    /// If the fiber has ended. It must not run.
    pub(crate) fn resume(&self, input: In) -> Switch<Out> {
        let (mut next, mut input) = (NonNull::from(self), input);
        loop {
            // SAFETY: it is this one, or one that is there by the contract of `go_to`.
            let fiber = unsafe { next.as_ref() };
            match fiber.run(input) {
                Turn::Resumer(out) => return Switch::Suspended(out),
                Turn::Next(other, given) => (next, input) = (other, given),
                _ if fiber.is_caller => return Switch::Ended(None),
                _ => return Switch::Ended(Some(fiber.join_thread())),
            }
        }
    }

    /// Lets the thread run until it is the resumer's turn again.
    fn run(&self, input: In) -> Turn<In, Out> {
        assert!(
            self.is_caller || self.parts.borrow().is_some(),
            "an ended fiber was resumed"
        );
        self.is_started.set(true);
        self.baton.hand_over(Turn::Fiber(input, thread_word()));
        self.baton.wait(|turn| match turn {
            Turn::Resumer(_) | Turn::Next(..) | Turn::Ended => Ok(turn),
            other => Err(other),
        })
    }

    /// Waits for the thread, which is about to end.
    fn join_thread(&self) -> Stack {
        let parts = self.parts.take();
        let (thread, stack) = parts.expect("the callers have looked");
        if thread.join().is_err() {
            abort_with("a panic while the body of a fiber was dropped");
        }
        stack
    }
}

impl<Out> Fiber<(), Out> {
    /// The thread that this is called on, which runs: see the second picture in `fiber.rs`.
    pub(crate) fn of_caller() -> Fiber<(), Out> {
        Fiber {
            baton: Arc::new(Baton {
                turn: Mutex::new(Turn::Nobody),
                changed: Condvar::new(),
            }),
            parts: RefCell::new(None),
            is_caller: true,
            is_started: Cell::new(true),
            not_send: PhantomData,
        }
    }

    /// The way of a caller's fiber to suspend itself.
    pub(crate) fn suspender(&self) -> SuspenderPointer<(), Out> {
        Suspender::new(&self.baton).pointer()
    }

    /// Runs `scheduler` until it resumes this fiber.
    ///
    /// # Safety
    /// As for that of `switch.rs`.
    pub(crate) unsafe fn begin(&self, scheduler: &Fiber<(), ()>) {
        scheduler.is_started.set(true);
        scheduler.baton.hand_over(Turn::Fiber((), thread_word()));
        self.baton
            .wait_as_fiber()
            .expect("a caller's fiber is not discarded");
    }

    /// The scheduler says who it is, before it resumes this fiber, of a caller.
    pub(crate) fn is_resumed_by(&self, _scheduler: &Suspender<'_, (), ()>) {
        // The two meet at this fiber's baton.
    }

    /// The resume that it goes on from answers that it has ended. Returns the stack of
    /// the scheduler once its body has returned.
    ///
    /// # Safety
    /// As for that of `switch.rs`.
    pub(crate) unsafe fn end(&self, scheduler: &Fiber<(), ()>) -> Stack {
        self.baton.hand_over(Turn::Ended);
        scheduler.baton.wait(|turn| match turn {
            Turn::Ended => Ok(()),
            other => Err(other),
        });
        scheduler.join_thread()
    }
}

impl<In, Out> Drop for Fiber<In, Out> {
    fn drop(&mut self) {
        if self.parts.borrow().is_none() {
            return;
        }
        if self.is_started.get() {
            abort_with("a suspended fiber was dropped");
        }
        self.baton.hand_over(Turn::Discard);
        // The stack is leaked, as by real fibers.
        let _stack = self.join_thread();
    }
}

/// What a fiber and its resumer share.
pub(super) type Link<In, Out> = Baton<In, Out>;

/// Leaves the fiber and waits for the next input.
///
/// # Safety
/// As for that of `switch.rs`.
pub(super) unsafe fn go_to<In, Out>(link: &Link<In, Out>, to: To<'_, In, Out>) -> In {
    link.hand_over(match to {
        To::Resumer(out) => Turn::Resumer(out),
        To::Fiber(next, input) => Turn::Next(NonNull::from(next), input),
    });
    link.wait_as_fiber()
        .expect("a started fiber is not discarded")
}
