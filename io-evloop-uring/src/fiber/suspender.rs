//! How a fiber gives control back: [`Suspender`], and the same as a plain pointer.
//!
//! Called by the scheduler only, and made by whichever switch was chosen. What a
//! suspender names, its `Link`, and how it suspends is that switch's.
#![expect(unsafe_code, reason = "suspends through raw pointers")]

use std::ptr::NonNull;

use super::Fiber;
use super::switching::{Link, go_to};

/// Where a fiber that stops hands control to.
pub(crate) enum To<'a, In, Out> {
    /// Whoever resumed it, or resumed the one that handed over to it: a suspension.
    Resumer(Out),
    /// Another fiber, which goes on in its stead; the resumer waits for that one.
    Fiber(&'a Fiber<In, Out>, In),
}

/// The body's way to suspend its own fiber.
pub(crate) struct Suspender<'fiber, In, Out> {
    link: &'fiber Link<In, Out>,
}

impl<'fiber, In, Out> Suspender<'fiber, In, Out> {
    /// For the body of the fiber whose link it is.
    #[inline]
    pub(super) fn new(link: &'fiber Link<In, Out>) -> Suspender<'fiber, In, Out> {
        Suspender { link }
    }

    /// The link of its fiber.
    #[cfg_attr(
        not(fiber_corosensei),
        expect(dead_code, reason = "our own switch needs it nowhere")
    )]
    pub(super) fn link(&self) -> &'fiber Link<In, Out> {
        self.link
    }

    /// Hands `out` to whoever resumed the fiber and waits for the next input.
    #[inline]
    pub(crate) fn suspend(&self, out: Out) -> In {
        // SAFETY: clause 4 of `Fiber::new`.
        unsafe { go_to(self.link, To::Resumer(out)) }
    }

    /// The same way as a plain pointer, for code deep in a call chain.
    #[inline]
    pub(crate) fn pointer(&self) -> SuspenderPointer<In, Out> {
        SuspenderPointer {
            link: NonNull::from(self.link),
        }
    }
}

/// A [`Suspender`] without its lifetime, to be kept where the running code finds it.
pub(crate) struct SuspenderPointer<In, Out> {
    link: NonNull<Link<In, Out>>,
}

impl<In, Out> Clone for SuspenderPointer<In, Out> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<In, Out> Copy for SuspenderPointer<In, Out> {}

impl<In, Out> SuspenderPointer<In, Out> {
    /// Suspends the fiber, as [`Suspender::suspend`] does.
    ///
    /// # Safety
    /// The caller runs on the fiber that the pointer came from: on its stack,
    /// called by its body directly or not, so the body has not returned and the
    /// fiber is neither suspended nor waiting for a fiber that it resumed.
    #[inline]
    pub(crate) unsafe fn suspend(self, out: Out) -> In {
        // SAFETY: by contract.
        unsafe { self.go_to(To::Resumer(out)) }
    }

    /// Stops the fiber until it has the next input.
    ///
    /// # Safety
    /// As for [`suspend`](Self::suspend). If it is stopped for another fiber, that is one
    /// of this thread which is suspended or stopped (not fresh), and which does not end
    /// before somebody has resumed it.
    #[inline(always)]
    pub(crate) unsafe fn go_to(self, to: To<'_, In, Out>) -> In {
        // SAFETY: the link lives as long as the body runs, and it does by contract.
        let link = unsafe { self.link.as_ref() };
        // SAFETY: by contract.
        unsafe { go_to(link, to) }
    }
}
