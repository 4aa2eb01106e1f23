//! The stand-in for `switch.rs` on corosensei: for the architectures for which we
//! have no switch of our own, and for the address sanitizer, to which corosensei
//! announces each switch.
//!
//! Called by the scheduler only, under the same names and contracts as
//! `switch.rs`. May import `stack.rs` and corosensei; the only file that names
//! corosensei's coroutine. corosensei is built without its feature `unwind`, so it
//! has no code that unwinds a parked coroutine; if another crate of a program turns
//! the feature on, `Fiber` still never lets it.
//!
//! ```text
//!   resumer's stack                    fiber's stack
//!   +-----------------+                +------------------------------+ <- base
//!   | ...             |                | address of the entry         |
//!   | frame of        |                | parent link -----------------+--+
//!   |   resume()      |                | body (until it is called)    |  |
//!   | saved registers |<--+            | frame of the entry           |  |
//!   +-----------------+   |            | frames of body, and whatever |  |
//!                         |            |   it calls                   |  |
//!                         |            | frame of suspend()           |  |
//!                         |            | saved registers              |  |
//!                         |            +------------------------------+  |
//!                         |                 ^ held by `Fiber` while      |
//!                         |                   it is suspended            |
//!                         +----------------------------------------------+
//!                           written anew by each resume: a fiber may be
//!                           resumed from any stack of its thread
//! ```
//!
//! # Safety argument
//!
//! *Pinned*: a `Fiber` is not `Send`, so a started fiber stays on its thread;
//! to the compiler a suspension is a call of unknown code on the same thread.
//!
//! *Never freed early*: the frames of a suspended fiber may be borrowed by the
//! kernel and by other tasks. A `Fiber` is never dropped while suspended (that
//! aborts), never unwound, and its stack is handed out only when the body has
//! returned. A forgotten `Fiber` keeps its stack for ever.
#![expect(unsafe_code, reason = "creates coroutines without 'static bounds")]

use std::cell::{Cell, UnsafeCell};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::{Suspender, SuspenderPointer, Switch, To, abort_with, stack::Stack};

/// A body of code with a stack of its own, resumed with `In`, suspended with `Out`.
///
/// The states are in the picture in `fiber.rs`. The handle is a few words. It is not
/// `Send`.
///
/// # Dropping
/// A fresh fiber's body is dropped, its stack is leaked: use
/// [`discard`](Self::discard). **Dropping a suspended fiber aborts the
/// process**: its frames may be borrowed by the kernel or by other tasks, so
/// they can be neither unwound nor freed.
pub(crate) struct Fiber<In, Out> {
    /// `None` once the body has returned, and for a caller's. Referred to by its resumer
    /// while it runs.
    coroutine: UnsafeCell<Option<CoroutineOf<In, Out>>>,
    /// A caller's, which is no coroutine.
    caller: Option<Link<In, Out>>,
}

type CoroutineOf<In, Out> = Coroutine<In, Left<In, Out>, (), Stack>;

/// What a fiber leaves that stops.
pub(super) enum Left<In, Out> {
    /// For its resumer.
    Suspends(Out),
    /// For another fiber, which the resumer resumes in its stead.
    HandsOver(NonNull<Fiber<In, Out>>, In),
}

impl<In, Out> Fiber<In, Out> {
    /// Makes a fiber that runs `body` on `stack` when it is first resumed; the
    /// first input is the body's second argument. Nothing is allocated: the
    /// body lies on the stack.
    ///
    /// The body should catch its panics and hand them out by value. One that
    /// reaches the root of the fiber ends the process with a message, because
    /// nothing can unwind through the switch.
    ///
    /// # Safety
    /// 1. All that `body`, `In` and `Out` borrow stays valid until the fiber has
    ///    ended, or for ever if it never does.
    /// 2. The body does not rely on calls nesting on its thread across a
    ///    suspension (the contract of the event loop's constructor).
    /// 3. The thread does not end (run its thread-local destructors) while the
    ///    fiber is suspended.
    /// 4. The body's suspender is used while the fiber runs only: by the body, or by
    ///    fibers that the body has resumed.
    /// 5. The handle is not moved from the first `resume` on until the body has
    ///    returned.
    #[inline]
    pub(crate) unsafe fn new<F>(stack: Stack, body: F) -> Fiber<In, Out>
    where
        F: FnOnce(Suspender<'_, In, Out>, In),
    {
        const {
            assert!(
                size_of::<F>() <= 512,
                "the body lies in the top page: box large captures"
            );
            assert!(align_of::<F>() <= 16);
        };
        let entry = move |yielder: &YielderOf<In, Out>, input: In| {
            let link = Link::Coroutine(NonNull::from(yielder));
            let run = AssertUnwindSafe(|| body(Suspender::new(&link), input));
            if let Err(_payload) = panic::catch_unwind(run) {
                abort_with("a panic reached the root of a fiber");
            }
        };
        // SAFETY: what `entry` borrows is what `body` borrows, clause 1.
        let coroutine = unsafe { Coroutine::with_stack_unchecked(stack, entry) };
        Fiber {
            coroutine: UnsafeCell::new(Some(coroutine)),
            caller: None,
        }
    }

    /// Drops the body of a fiber that was never resumed, and gives the stack back.
    /// A panic of the body's captures in their `Drop` ends the process.
    ///
    /// # Panics
    /// If the fiber was resumed before.
    pub(crate) fn discard(mut self) -> Stack {
        let coroutine = self.coroutine.get_mut();
        let fresh = coroutine.take_if(|coroutine| !coroutine.started());
        let mut coroutine = fresh.expect("only a fiber that was never resumed can be discarded");
        // corosensei would drop the captures again after a panic.
        let drop_body = AssertUnwindSafe(|| coroutine.force_unwind());
        if let Err(_payload) = panic::catch_unwind(drop_body) {
            abort_with("a panic while the body of a fiber was dropped");
        }
        coroutine.into_stack()
    }

    /// Where its lowest frame is while it is suspended: not known here.
    #[inline]
    pub(crate) fn parked_at(&self) -> Option<usize> {
        None
    }

    /// Runs the fiber until it, or one that goes on in its stead, suspends itself, or
    /// until it ends. May be called from any stack of the thread, also from another
    /// fiber. Allocates nothing.
    ///
    /// # Panics
    /// If the fiber has ended. It must not run.
    #[inline]
    pub(crate) fn resume(&self, input: In) -> Switch<Out> {
        let (mut fiber, mut input) = (NonNull::from(self), input);
        loop {
            // SAFETY: it is this one, or one that is there by the contract of `go_to`.
            let handle = unsafe { fiber.as_ref() };
            match handle.run(input) {
                Ok(Left::Suspends(out)) => return Switch::Suspended(out),
                Ok(Left::HandsOver(next, given)) => (fiber, input) = (next, given),
                Err(stack) => return Switch::Ended(stack),
            }
        }
    }

    /// Runs it until it stops, or has ended and its stack is free.
    fn run(&self, input: In) -> Result<Left<In, Out>, Option<Stack>> {
        if let Some(Link::Caller(exchange)) = &self.caller {
            return exchange.run_caller(input).ok_or(None);
        }
        // SAFETY: it does not run, so nobody else refers to it.
        let handle = unsafe { &mut *self.coroutine.get() };
        let coroutine = handle.as_mut().expect("an ended fiber was resumed");
        match coroutine.resume(input) {
            CoroutineResult::Yield(left) => Ok(left),
            CoroutineResult::Return(()) => {
                let coroutine = handle.take().expect("looked at above");
                Err(Some(coroutine.into_stack()))
            }
        }
    }
}

impl<Out> Fiber<(), Out> {
    /// The stack that this is called on, which runs: see the second picture in `fiber.rs`.
    pub(crate) fn of_caller() -> Fiber<(), Out> {
        Fiber {
            coroutine: UnsafeCell::new(None),
            caller: Some(Link::Caller(Exchange {
                scheduler: Cell::new(None),
                to_caller: Cell::new(None),
                left: Cell::new(None),
                input: Cell::new(None),
            })),
        }
    }

    /// The way of a caller's fiber to suspend itself.
    pub(crate) fn suspender(&self) -> SuspenderPointer<(), Out> {
        let link = self.caller.as_ref();
        Suspender::new(link.expect("it is of a caller")).pointer()
    }

    /// Runs `scheduler` until it resumes this fiber.
    ///
    /// # Safety
    /// As for that of `switch.rs`.
    pub(crate) unsafe fn begin(&self, scheduler: &Fiber<(), ()>) {
        let exchange = self.exchange();
        exchange.scheduler.set(Some(NonNull::from(scheduler)));
        exchange.run_scheduler();
    }

    /// The scheduler says who it is, before it resumes this fiber, of a caller.
    pub(crate) fn is_resumed_by(&self, scheduler: &Suspender<'_, (), ()>) {
        let Link::Coroutine(yielder) = scheduler.link() else {
            unreachable!("a scheduler has a stack of its own");
        };
        self.exchange().to_caller.set(Some(*yielder));
    }

    /// The resume that it goes on from answers that it has ended. Returns the stack of
    /// the scheduler once its body has returned.
    ///
    /// # Safety
    /// As for that of `switch.rs`.
    pub(crate) unsafe fn end(&self, scheduler: &Fiber<(), ()>) -> Stack {
        match scheduler.run(()) {
            Err(Some(stack)) => stack,
            _ => unreachable!("the scheduler returns when the caller's fiber has ended"),
        }
    }

    fn exchange(&self) -> &Exchange<(), Out> {
        match &self.caller {
            Some(Link::Caller(exchange)) => exchange,
            _ => unreachable!("it is of a caller"),
        }
    }
}

impl<In, Out> Drop for Fiber<In, Out> {
    fn drop(&mut self) {
        let coroutine = self.coroutine.get_mut();
        if coroutine.as_ref().is_some_and(Coroutine::started) {
            abort_with("a suspended fiber was dropped");
        }
    }
}

type YielderOf<In, Out> = Yielder<In, Left<In, Out>>;

/// How a fiber stops.
pub(super) enum Link<In, Out> {
    /// By the parent link at the base of its stack.
    Coroutine(NonNull<YielderOf<In, Out>>),
    /// A caller's, who resumes its scheduler.
    Caller(Exchange<In, Out>),
}

/// What a caller's fiber and its scheduler, a coroutine beside it, tell each other.
pub(super) struct Exchange<In, Out> {
    scheduler: Cell<Option<NonNull<Fiber<(), ()>>>>,
    /// The scheduler's way to the caller.
    to_caller: Cell<Option<NonNull<YielderOf<(), ()>>>>,
    /// Of the caller, when it stops; nothing when it ends.
    left: Cell<Option<Left<In, Out>>>,
    /// For the caller, when it goes on.
    input: Cell<Option<In>>,
}

impl<In, Out> Exchange<In, Out> {
    /// On the scheduler: the caller goes on until it stops, or has ended.
    fn run_caller(&self, input: In) -> Option<Left<In, Out>> {
        self.input.set(Some(input));
        let yielder = self.to_caller.get().expect("`is_resumed_by` said so");
        // SAFETY: this runs on that coroutine, whose base it lies at.
        unsafe { yielder.as_ref() }.suspend(Left::Suspends(()));
        self.left.take()
    }

    /// On the caller: it has stopped; returns when it goes on.
    fn run_scheduler(&self) -> In {
        let scheduler = self.scheduler.get().expect("`begin` said so");
        // SAFETY: it is where it was until it has ended.
        match unsafe { scheduler.as_ref() }.run(()) {
            Ok(Left::Suspends(())) => self.input.take().expect("it was written before"),
            _ => unreachable!("a scheduler only resumes the caller's fiber"),
        }
    }
}

/// Leaves the fiber and waits for the next input.
///
/// # Safety
/// As for that of `switch.rs`.
#[inline]
pub(super) unsafe fn go_to<In, Out>(link: &Link<In, Out>, to: To<'_, In, Out>) -> In {
    let left = match to {
        To::Resumer(out) => Left::Suspends(out),
        To::Fiber(next, input) => Left::HandsOver(NonNull::from(next), input),
    };
    match link {
        // SAFETY: the fiber runs, so the base of its stack is in use.
        Link::Coroutine(yielder) => unsafe { yielder.as_ref() }.suspend(left),
        Link::Caller(exchange) => {
            exchange.left.set(Some(left));
            exchange.run_scheduler()
        }
    }
}
