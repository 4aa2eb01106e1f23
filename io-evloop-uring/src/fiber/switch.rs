//! The switch: `Fiber` is resumed by a scheduler, its `Suspender` gives control back.
//!
//! Called by the scheduler only. May import `stack.rs` and the instructions for
//! this architecture; `coroutine.rs` stands in where there are none.
//!
//! ```text
//!   resumer's stack                    fiber's stack
//!   +-----------------+                +------------------------------+ <- base
//!   | ...             |                | body (until it is called)    |
//!   | frame of        |                | frame of run_body: the link -+--+
//!   |   resume()      |                | frames of body, and whatever |  |
//!   | saved registers |<--+            |   it calls                   |  |
//!   +-----------------+   |            | frame of suspend()           |  |
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
//!
//! *One way on*: a fiber that is not running has its context in its `Fiber`, one
//! that is has its resumer's in its link. Each is used once, by the `resume` or
//! `suspend` that replaces it.
//!
//! *Values*: a resume hands over an `In`, a suspension an `Out`, in the word of the
//! switch or, if that is too small, on the stack that is left, where it stays until the
//! other side has moved it, which is the first thing that it does.
#![expect(
    unsafe_code,
    reason = "runs bodies without 'static bounds, switches stacks"
)]

mod x86_64;

use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

use self::x86_64::{Context, Word, leave, switch};
use super::{Suspender, Switch, abort_with, stack::Stack};

/// A body of code with a stack of its own, resumed with `In`, suspended with `Out`.
///
/// The states are in the picture in `fiber.rs`. The handle is a few words and
/// may be moved while the fiber is suspended. It is not `Send`.
///
/// # Dropping
/// A fresh fiber's body is dropped, its stack is leaked: use
/// [`discard`](Self::discard). **Dropping a suspended fiber aborts the
/// process**: its frames may be borrowed by the kernel or by other tasks, so
/// they can be neither unwound nor freed.
pub(crate) struct Fiber<In, Out> {
    /// Where it goes on; `None` while it runs, and once the body has returned.
    context: Option<Context>,
    /// Moved out of when the fiber ends or is discarded.
    stack: ManuallyDrop<Stack>,
    values: PhantomData<fn(In) -> Out>,
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
            context: Some(context),
            stack: ManuallyDrop::new(stack),
            values: PhantomData,
        }
    }

    /// Drops the body of a fiber that was never resumed, and gives the stack back.
    /// A panic of the body's captures in their `Drop` ends the process.
    ///
    /// # Panics
    /// If the fiber was resumed before.
    pub(crate) fn discard(mut self) -> Stack {
        let context = self.context.filter(|&context| is_fresh(context));
        let context = context.expect("only a fiber that was never resumed can be discarded");
        self.context = None;
        drop_body(context);
        // SAFETY: once: a fresh fiber has one, and without a context it is nothing more.
        unsafe { ManuallyDrop::take(&mut self.stack) }
    }

    /// Where its lowest frame is while it is suspended, if that is known.
    #[inline]
    pub(crate) fn parked_at(&self) -> Option<usize> {
        self.context.map(Context::address)
    }

    /// Runs the fiber until it suspends itself or ends. May be called from any
    /// stack of the thread, also from another fiber. Allocates nothing.
    ///
    /// # Panics
    /// If the fiber has ended, or runs.
    #[inline]
    pub(crate) fn resume(&mut self, input: In) -> Switch<Out> {
        let context = self.context.take();
        let context = context.expect("an ended or a running fiber was resumed");
        // SAFETY: *one way on*, *pinned*; clause 1 of `new`; it takes an `In`.
        let (word, left) = unsafe { hand_over(context, input) };
        self.context = left;
        match left {
            // SAFETY: *values*: it is suspended.
            Some(_) => Switch::Suspended(unsafe { receive(word) }),
            // SAFETY: once: without a context it is nothing more.
            None => Switch::Ended(unsafe { ManuallyDrop::take(&mut self.stack) }),
        }
    }
}

impl<In, Out> Drop for Fiber<In, Out> {
    fn drop(&mut self) {
        match self.context {
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
unsafe extern "sysv64" fn run_body<In, Out, F>(word: Word, resumer: Context, body: NonNull<F>) -> !
where
    F: FnOnce(Suspender<'_, In, Out>, In),
{
    let link = Link::new(resumer);
    let run = AssertUnwindSafe(|| {
        // SAFETY: *values*: what the first `resume` hands over.
        let input = unsafe { receive(word) };
        // SAFETY: it was written when the fiber was made, and is moved once.
        let body = unsafe { body.read() };
        body(Suspender::new(&link), input);
    });
    if let Err(_payload) = panic::catch_unwind(run) {
        abort_with("a panic reached the root of a fiber");
    }
    // SAFETY: *one way on*; the body and all that it borrowed is gone.
    unsafe { leave(link.resumer.get()) }
}

/// Who resumed a fiber that runs. Lies at the root of its stack.
pub(super) struct Link<In, Out> {
    resumer: Cell<Context>,
    values: PhantomData<fn(Out) -> In>,
}

impl<In, Out> Link<In, Out> {
    fn new(resumer: Context) -> Link<In, Out> {
        Link {
            resumer: Cell::new(resumer),
            values: PhantomData,
        }
    }
}

/// Hands `out` to whoever resumed the fiber and waits for the next input.
///
/// # Safety
/// The fiber whose link it is runs, or waits for one that it resumed.
#[inline]
pub(super) unsafe fn suspend<In, Out>(link: &Link<In, Out>, out: Out) -> In {
    // SAFETY: *one way on*, *pinned*; it takes an `Out`.
    let (word, resumer) = unsafe { hand_over(link.resumer.get(), out) };
    let resumer = resumer.unwrap_or_else(|| unreachable!("whoever resumes waits"));
    link.resumer.set(resumer);
    // SAFETY: *values*: it was resumed.
    unsafe { receive(word) }
}

/// Whether a value goes through the switch in its word.
const fn fits_word<T>() -> bool {
    size_of::<T>() <= size_of::<Word>() && align_of::<T>() <= align_of::<Word>()
}

/// Switches to `to` and hands `value` over.
///
/// # Safety
/// As for [`switch`]: the other side takes a value of this type.
#[inline(always)]
unsafe fn hand_over<T>(to: Context, value: T) -> (Word, Option<Context>) {
    let mut value = ManuallyDrop::new(value);
    let word = if fits_word::<T>() {
        let mut word = Word::uninit();
        let place = word.as_mut_ptr().cast::<T>();
        // SAFETY: nobody uses it again, nor drops it.
        let value = unsafe { ManuallyDrop::take(&mut value) };
        // SAFETY: it fits.
        unsafe { place.write(value) };
        word
    } else {
        MaybeUninit::new((&raw mut value).cast())
    };
    // SAFETY: by contract. A value on this stack stays there until we are back.
    unsafe { switch(to, word) }
}

/// Moves what was handed over.
///
/// # Safety
/// The word is what the other side's [`hand_over`] of a value of this type gave, and
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
