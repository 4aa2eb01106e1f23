//! The switch: `Fiber` is resumed by a scheduler, its `Suspender` gives control back.
//!
//! Called by the scheduler only. May import `stack.rs` and the instructions for
//! this architecture; `coroutine.rs` stands in where there are none.
//!
//! ```text
//!   resumer's stack                    fiber's stack
//!   +-----------------+                +------------------------------+ <- base
//!   | ...             |                | body (until it is called)    |
//!   | frame of        |                | frame of run_body            |
//!   |   resume()      |                | frames of body, and whatever |
//!   | saved registers |<--+            |   it calls                   |
//!   +-----------------+   |            | frame of suspend()           |
//!                         |            | saved registers              |
//!   `Fiber`: the link     |            +------------------------------+
//!   +-----------------+   |                 ^
//!   | own ------------+---|-----------------+  while it is suspended
//!   | resumer --------+---+  while it runs: written anew whenever it goes on, so a
//!   +-----------------+      fiber may be resumed from any stack of its thread
//! ```
//! A fiber may also hand over: the next one goes on in its stead, and has its resumer
//! from then on.
//!
//! ```text
//!   resume() of one ──► one ──go_to()──► another ──suspend()──► resume() answers
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
//!
//! *One way on*: the context of a fiber that does not run is in its link, and that of
//! the resumer in the link of the one fiber that runs for it. Each is taken out when it
//! is switched to, so it is used once.
//!
//! *Values*: a resume hands over an `In`, as does a fiber that hands over; a suspension
//! hands over an `Out`. They go in the word of the switch or, if that is too small, on
//! the stack that is left, where they stay until the other side has moved them, which is
//! the first thing that it does.
#![expect(
    unsafe_code,
    reason = "runs bodies without 'static bounds, switches stacks"
)]

mod x86_64;

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};

use self::x86_64::{Context, Word, leave, switch};
use super::{Suspender, SuspenderPointer, Switch, To, abort_with, stack::Stack};

/// A body of code with a stack of its own, resumed with `In`, suspended with `Out`.
///
/// The states are in the picture in `fiber.rs`. The handle is a few words, and stays
/// where it is from the first `resume` on. It is not `Send`.
///
/// # Dropping
/// A fresh fiber's body is dropped, its stack is leaked: use
/// [`discard`](Self::discard). **Dropping a suspended fiber aborts the
/// process**: its frames may be borrowed by the kernel or by other tasks, so
/// they can be neither unwound nor freed.
pub(crate) struct Fiber<In, Out> {
    link: Link<In, Out>,
    /// `None` once the fiber has ended or was discarded, and for a caller's. A fiber that
    /// is dropped leaks it.
    stack: Cell<Option<Stack>>,
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
        };
        // SAFETY: whoever has the stack owns the memory below its base, which is a
        // multiple of 64 (*slot ownership* of `stack.rs`).
        let context = unsafe { Context::fresh(stack.base_ptr(), run_body::<In, Out, F>, body) };
        Fiber {
            link: Link::new(Some(context)),
            stack: Cell::new(Some(stack)),
        }
    }

    /// Drops the body of a fiber that was never resumed, and gives the stack back.
    /// A panic of the body's captures in their `Drop` ends the process.
    ///
    /// # Panics
    /// If the fiber was resumed before.
    pub(crate) fn discard(self) -> Stack {
        let own = self.link.own.get().filter(|&context| is_fresh(context));
        let own = own.expect("only a fiber that was never resumed can be discarded");
        self.link.own.set(None);
        drop_body(own);
        self.take_stack()
    }

    /// For a fiber that has no context any more.
    fn take_stack(&self) -> Stack {
        let stack = self.stack.take();
        stack.expect("a fiber has its stack until it ends")
    }

    /// Where its lowest frame is while it is suspended, if that is known.
    #[inline]
    pub(crate) fn parked_at(&self) -> Option<usize> {
        self.link.own.get().map(Context::address)
    }

    /// Runs the fiber until it, or one that goes on in its stead, suspends itself, or
    /// until it ends. May be called from any stack of the thread, also from another
    /// fiber. Allocates nothing.
    ///
    /// # Panics
    /// If the fiber has ended, or runs.
    #[inline]
    pub(crate) fn resume(&self, input: In) -> Switch<Out> {
        let own = self.link.own.take();
        let own = own.expect("a fiber that has ended, or runs, was resumed");
        let mut input = ManuallyDrop::new(input);
        let word = word_of(&mut *input);
        // SAFETY: *one way on*, *pinned*; clauses 1 and 5 of `new`; it takes an `In`.
        let word = unsafe { switch(&self.link.resumer, own, &self.link, word) };
        match self.link.own.get() {
            // SAFETY: *values*: who has come back has suspended itself, as this fiber
            // has not ended, and others that went on in its stead do not (`go_to`).
            Some(_) => Switch::Suspended(unsafe { receive(word) }),
            None => Switch::Ended(self.stack.take()),
        }
    }
}

impl<Out> Fiber<(), Out> {
    /// The stack that this is called on, which runs: see the second picture in `fiber.rs`.
    pub(crate) fn of_caller() -> Fiber<(), Out> {
        Fiber {
            link: Link::new(None),
            stack: Cell::new(None),
        }
    }

    /// The way of a caller's fiber to suspend itself.
    pub(crate) fn suspender(&self) -> SuspenderPointer<(), Out> {
        Suspender::new(&self.link).pointer()
    }

    /// Runs `scheduler` until it resumes this fiber.
    ///
    /// # Safety
    /// This fiber is `of_caller`, and the caller calls this, once. The scheduler is fresh; its
    /// body says [`is_resumed_by`](Self::is_resumed_by) and resumes this fiber first, never uses its
    /// suspender otherwise, and returns when this fiber has ended, not before. Neither
    /// handle moves until then.
    pub(crate) unsafe fn begin(&self, scheduler: &Fiber<(), ()>) {
        let fresh = scheduler.link.own.take();
        let fresh = fresh.expect("a scheduler begins once");
        // SAFETY: *one way on*: this stack is left as if it had suspended itself;
        // clause 1 of `new` for the scheduler; both sides hand over nothing.
        let _nothing = unsafe { switch(&self.link.own, fresh, &scheduler.link, Word::uninit()) };
    }

    /// The scheduler says who it is, before it resumes this fiber, of a caller.
    pub(crate) fn is_resumed_by(&self, _scheduler: &Suspender<'_, (), ()>) {
        // Each resume writes it down anew.
    }

    /// The resume that it goes on from answers that it has ended. Returns the stack of
    /// the scheduler once its body has returned.
    ///
    /// # Safety
    /// This fiber has begun with that scheduler and runs: it was resumed by it, not at
    /// the hand of another fiber.
    pub(crate) unsafe fn end(&self, scheduler: &Fiber<(), ()>) -> Stack {
        let (caller, context) = (&scheduler.link.resumer, self.link.take_resumer());
        // SAFETY: *one way on*: the scheduler's `resume` sees that this fiber has no
        // context, and takes nothing; its own end goes on here and hands over nothing.
        let _nothing = unsafe { switch(caller, context, &self.link, Word::uninit()) };
        scheduler.take_stack()
    }
}

impl<In, Out> Drop for Fiber<In, Out> {
    fn drop(&mut self) {
        match self.link.own.get() {
            Some(context) if is_fresh(context) => drop_body(context),
            Some(_) => abort_with("a suspended fiber was dropped"),
            None => {}
        }
    }
}

/// Whether it was never resumed, if it is the context of a `Fiber`.
fn is_fresh(context: Context) -> bool {
    // SAFETY: *one way on*: the fiber does not run.
    unsafe { context.is_fresh() }
}

/// Drops the body of a fresh fiber that is resumed no more.
fn drop_body(context: Context) {
    // SAFETY: it is fresh, and the callers forget the context.
    let drop_body = AssertUnwindSafe(|| unsafe { context.drop_argument() });
    if let Err(_payload) = panic::catch_unwind(drop_body) {
        abort_with("a panic while the body of a fiber was dropped");
    }
}

/// The root of each fiber.
///
/// # Safety
/// Called by the first switch to a fiber that was made for these types.
unsafe extern "sysv64" fn run_body<In, Out, F>(
    word: Word,
    link: &Link<In, Out>,
    body: NonNull<F>,
) -> !
where
    F: FnOnce(Suspender<'_, In, Out>, In),
{
    let run = AssertUnwindSafe(|| {
        // SAFETY: *values*: what the first `resume` hands over.
        let input = unsafe { receive(word) };
        // SAFETY: it was written when the fiber was made, and is moved once.
        let body = unsafe { body.read() };
        body(Suspender::new(link), input);
    });
    if let Err(_payload) = panic::catch_unwind(run) {
        abort_with("a panic reached the root of a fiber");
    }
    // SAFETY: *one way on*; the body and all that it borrowed is gone.
    unsafe { leave(link.take_resumer()) }
}

/// What the switches of a fiber need of it. Lies in its handle.
pub(super) struct Link<In, Out> {
    /// Where the fiber goes on; `None` while it runs, and once its body has returned.
    own: Cell<Option<Context>>,
    /// Where the fiber's resumer goes on, while the fiber runs.
    resumer: Cell<Option<Context>>,
    inputs: BothWays<In>,
    outputs: BothWays<Out>,
}

/// Values that a handle gives and a suspender takes, or the other way round.
type BothWays<T> = PhantomData<fn(T) -> T>;

impl<In, Out> Link<In, Out> {
    #[inline]
    fn new(own: Option<Context>) -> Link<In, Out> {
        Link {
            own: Cell::new(own),
            resumer: Cell::new(None),
            inputs: PhantomData,
            outputs: PhantomData,
        }
    }

    #[inline]
    fn take_resumer(&self) -> Context {
        let resumer = self.resumer.take();
        resumer.unwrap_or_else(|| abort_with("a fiber stopped that nobody had resumed"))
    }
}

/// Leaves the fiber and waits for the next input.
///
/// # Safety
/// The fiber whose link it is runs, or waits for one that it resumed. If it is left for
/// another fiber: that is one of this thread which has been left too, and once it goes
/// on it is left again, or waits, until somebody has resumed it: it does not end before.
#[inline(always)]
pub(super) unsafe fn go_to<In, Out>(link: &Link<In, Out>, to: To<'_, In, Out>) -> In {
    let mut to = ManuallyDrop::new(to);
    // One switch for both, so that fibers that stop in the same way go on in the same place.
    let (context, owner, word) = match &mut *to {
        To::Resumer(out) => (link.take_resumer(), link, word_of(out)),
        To::Fiber(next, input) => {
            let context = next.link.own.take();
            let context =
                context.unwrap_or_else(|| abort_with("a fiber handed over to one that runs"));
            next.link.resumer.set(Some(link.take_resumer()));
            (context, &next.link, word_of(input))
        }
    };
    // SAFETY: *one way on*, *pinned*; the resumer takes an `Out`, a fiber an `In`.
    let word = unsafe { switch(&link.own, context, owner, word) };
    // SAFETY: *values*: it goes on.
    unsafe { receive(word) }
}

/// Whether a value goes through the switch in its word.
const fn fits_word<T>() -> bool {
    size_of::<T>() <= size_of::<Word>() && align_of::<T>() <= align_of::<Word>()
}

/// What the switch hands over for `value`, which nobody uses or drops any more, and
/// which stays where it is until the other side goes on.
#[inline(always)]
fn word_of<T>(value: &mut T) -> Word {
    if !fits_word::<T>() {
        return Word::new(ptr::from_mut(value).cast());
    }
    let mut word = Word::uninit();
    let place = word.as_mut_ptr().cast::<T>();
    // SAFETY: it fits; the other side's is the only copy that counts.
    unsafe { place.copy_from_nonoverlapping(value, 1) };
    word
}

/// Moves what was handed over.
///
/// # Safety
/// The word is what the other side has of [`word_of`] for a value of this type, and
/// this is the first thing that this side does.
#[inline(always)]
unsafe fn receive<T>(word: Word) -> T {
    if fits_word::<T>() {
        // SAFETY: it holds one.
        unsafe { word.as_ptr().cast::<T>().read() }
    } else {
        // SAFETY: it names one.
        let value = unsafe { word.assume_init() }.cast::<T>();
        // SAFETY: it lies on the other stack, which waits, and is moved once.
        unsafe { value.read() }
    }
}
