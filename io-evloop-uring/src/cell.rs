//! [`FiberCell`]: what the loop knows of one fiber, and [`Wait`]: what it waits in.
//! Used by the worker and by the chapters that wait.
//!
//! ```text
//!          start(job)
//!   idle ──────────────────────────────────────────► running
//!    ▲                                      resume,   ▲ │ park
//!    │                                      hand over │ ▼
//!    └── the job has ended    ready ◄─────────────── parked
//!                                a completion, a wake, a timer; at once
//! ```
//!
//! # Safety argument: cells
//! *alive*: cells belong to the loop's shared part and are freed with it, after
//! every worker has ended. The cell of a fiber that ended is used for another one
//! of the same worker.
//! *owner*: everything in a cell that changes is touched by the thread of that
//! worker only. Other threads hold cells as [`FiberRef`] and hand them back to
//! their worker's inbox.

#![expect(
    unsafe_code,
    reason = "cells are reached through pointers that threads hand around"
)]

use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

use io_core::parking::Waiter;
use io_core::task::{Job, StackContext};

use crate::fiber::{Fiber, StackBounds, SuspenderPointer};
use crate::prefetch::prefetch;
use crate::timers::TimerKey;

/// What an idle fiber is resumed for.
pub(crate) enum Order {
    /// A new job.
    Run(Job),
    /// End: the loop does not need it any more.
    Exit,
}

/// What a fiber that switches away says to the run loop: it goes through the switch
/// in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// Whoever makes it ready knows of it, or it is ready.
    Parks,
    /// It has no job any more, and enough others are idle.
    IsTooMany,
}

/// The coroutine of a fiber.
pub(crate) type Coroutine = Fiber<(), Away>;

/// What a parked fiber waits in, for those who end its wait early.
#[derive(Clone, Copy)]
pub(crate) enum Wait {
    /// It does not wait, or nobody can end it.
    None,
    /// Submissions; the wait is on the fiber's stack.
    Ring(NonNull<RingWait>),
    /// A futex word.
    Futex(*const Waiter<Parked>),
    /// A sleep.
    Sleep,
}

/// What a fiber waits for in its ring: one submission, or those of a batch. Lies
/// on the fiber's stack, apart from the task's result.
pub(crate) struct RingWait {
    pub(crate) fiber: FiberRef,
    /// The slots of its submissions, as long as they are waited for.
    pub(crate) slots: NonNull<[CompletionSlot]>,
    /// Completions that have not come.
    pub(crate) remaining: Cell<usize>,
    /// The fiber blocks its worker until they are there: do not make it ready.
    pub(crate) is_in_place: Cell<bool>,
    /// Its deadline; once it was canceled, when to cancel again.
    pub(crate) timer: Cell<Option<TimerKey>>,
}

impl RingWait {
    pub(crate) fn new(fiber: FiberRef, slots: &[CompletionSlot]) -> RingWait {
        RingWait {
            fiber,
            slots: NonNull::from(slots),
            remaining: Cell::new(slots.len()),
            is_in_place: Cell::new(false),
            timer: Cell::new(None),
        }
    }
}

/// Where the completion of one submission goes.
#[repr(align(8))]
pub(crate) struct CompletionSlot {
    /// Set before the submission is pushed.
    pub(crate) wait: Cell<*const RingWait>,
    pub(crate) result: Cell<i32>,
    pub(crate) is_done: Cell<bool>,
    /// We asked the kernel to end it, so `ECANCELED`, `EINTR` and `ERESTARTSYS`
    /// are our doing.
    pub(crate) is_cancel_sent: Cell<bool>,
}

impl CompletionSlot {
    pub(crate) fn new() -> CompletionSlot {
        CompletionSlot {
            wait: Cell::new(std::ptr::null()),
            result: Cell::new(0),
            is_done: Cell::new(false),
            is_cancel_sent: Cell::new(false),
        }
    }
}

/// Who waits in the parking lot.
#[derive(Clone, Copy)]
pub(crate) enum Parked {
    /// A fiber.
    Fiber(FiberRef),
    /// A thread that is no worker, asleep on a word of its own.
    Thread(*const AtomicU32),
}

// SAFETY: a thread's word is touched under the bucket's lock only, while the
// thread's waiter is queued, and it does not return before; afterwards it is an
// address. Fibers: see `FiberRef`.
unsafe impl Send for Parked {}

/// Which stack a fiber runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum FiberKind {
    /// One of the loop's.
    Pooled,
    /// The caller's of `EventLoop::run`.
    Main,
}

/// A hint for the cache, so any number near the truth does.
const CACHE_LINE_BYTES: usize = 64;
/// So many lines from where it stopped, a fiber that goes on returns through.
const FRAME_LINES: usize = 4;

/// What the loop knows of one fiber.
#[repr(C, align(64))]
pub(crate) struct FiberCell {
    // One line of the cache: what each switch needs.
    /// The coroutine; `None` once it has ended.
    pub(crate) fiber: UnsafeCell<Option<Coroutine>>,
    /// Its way to suspend itself, once it has run.
    pub(crate) suspender: Cell<Option<SuspenderPointer<(), Away>>>,
    /// The frames of its tasks while it does not run.
    pub(crate) context: Cell<StackContext>,
    /// Where the record of its task is, for the cache.
    pub(crate) task_at: Cell<usize>,
    /// How many `no_suspend` it is in.
    pub(crate) no_suspend_depth: Cell<u32>,

    pub(crate) kind: FiberKind,
    /// The index of the worker whose thread it is pinned to.
    pub(crate) worker: usize,
    /// Its number within the loop, for reports.
    pub(crate) number: usize,
    /// What it is to do next; set while it is idle, before it is resumed.
    pub(crate) order: Cell<Option<Order>>,
    pub(crate) wait: Cell<Wait>,
    pub(crate) bounds: Cell<Option<StackBounds>>,
    /// It is in the ready queue; noted by debug builds only.
    is_queued: Cell<bool>,
}

// The handles of the stand-ins for our switch are larger than four words.
const _: () = assert!(
    std::mem::offset_of!(FiberCell, kind) <= CACHE_LINE_BYTES
        || size_of::<Option<Coroutine>>() > 4 * size_of::<usize>()
);

// SAFETY: *owner*: but for `worker`, `kind` and `number`, which never change, only the
// thread of its worker touches a cell.
unsafe impl Send for FiberCell {}
// SAFETY: as above.
unsafe impl Sync for FiberCell {}

impl FiberCell {
    pub(crate) fn new(worker: usize, kind: FiberKind, number: usize) -> FiberCell {
        FiberCell {
            fiber: UnsafeCell::new(None),
            suspender: Cell::new(None),
            context: Cell::new(StackContext::EMPTY),
            task_at: Cell::new(0),
            no_suspend_depth: Cell::new(0),
            kind,
            worker,
            number,
            order: Cell::new(None),
            wait: Cell::new(Wait::None),
            bounds: Cell::new(None),
            is_queued: Cell::new(false),
        }
    }

    /// It comes into the ready queue, or leaves it: debug builds see to it that it is
    /// there once.
    #[inline]
    pub(crate) fn note_queued(&self, is_queued: bool) {
        if cfg!(debug_assertions) {
            let was_queued = self.is_queued.replace(is_queued);
            assert!(was_queued != is_queued, "it is queued once");
        }
    }
}

/// Names a fiber: a cell that is alive as long as its loop.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct FiberRef(NonNull<FiberCell>);

// SAFETY: *alive* and *owner*: it may be handed around; only its worker uses more
// than `worker`.
unsafe impl Send for FiberRef {}
// SAFETY: as above.
unsafe impl Sync for FiberRef {}

impl FiberRef {
    /// # Safety
    /// By *alive*: the cell belongs to the loop whose workers use the reference.
    pub(crate) unsafe fn new(cell: NonNull<FiberCell>) -> FiberRef {
        FiberRef(cell)
    }

    /// Runs `body` so that this fiber's waits block its worker.
    pub(crate) fn no_suspend(&self, body: &mut dyn FnMut()) {
        struct Leave<'a>(&'a Cell<u32>);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.set(self.0.get() - 1);
            }
        }
        let depth = &self.cell().no_suspend_depth;
        depth.set(depth.get() + 1);
        let _leave = Leave(depth);
        body();
    }

    pub(crate) fn cell(&self) -> &FiberCell {
        // SAFETY: *alive*.
        unsafe { self.0.as_ref() }
    }

    /// Has what a switch needs of its cell fetched into the cache: it is resumed soon.
    #[inline]
    pub(crate) fn prefetch_cell(self) {
        prefetch(self.0.addr().get());
    }

    /// Has its task's record fetched, and the frames that it returns to.
    ///
    /// # Safety
    /// Called on its worker; the fiber does not run.
    #[inline]
    pub(crate) unsafe fn prefetch_stack(self) {
        // SAFETY: *owner*; nobody changes it, as it does not run.
        let fiber = unsafe { &*self.cell().fiber.get() };
        let Some(parked_at) = fiber.as_ref().and_then(Coroutine::parked_at) else {
            return;
        };
        for line in 0..FRAME_LINES {
            prefetch(parked_at + line * CACHE_LINE_BYTES);
        }
        prefetch(self.cell().task_at.get());
    }

    /// The number by which a task's record names the fiber it waits on: even, and
    /// not 0. No address: every safe code can write to a record's place.
    pub(crate) fn place(self) -> usize {
        (self.cell().number + 1) * 2
    }
}
