//! [`TaskRecord`]: what the contract keeps of a task: how it ends, its cancel
//! and deadline state, its name. Backends ask it at every wait; the front changes
//! it. And which record is current on this stack, with the task's local values
//! (`Frame`), which io-core keeps itself.
//!
//! What a backend does at a wait:
//!
//! ```text
//! match task::begin_wait(id, now)? {        Canceled or TimedOut: do not start
//!     WaitEntry::Ready => return early,     forwarding: io-core wants to look
//!     WaitEntry::Wait { until } => { ... }  wait, at most until `until`
//! }
//! ... the wait ends by its result, by `interrupt`, or by `until` ...
//! task::end_wait(id);
//! no result? match task::interruption(id, now) { Some(answer) => answer, None => wait again }
//! ```
//!
//! # Safety argument: frames
//! A frame lies on the stack of the call that made it and is linked into its
//! stack's chain for exactly that call, in LIFO order (the guard unlinks it, also
//! when unwinding, and ends the process if another one is the innermost: other
//! libraries have coroutines too, which end in any order). A fiber backend gives every stack a chain of its own by
//! `swap_stack_context`, whose contract keeps chains and stacks together. So a
//! pointer reached from the chain of the running stack points to a live frame
//! deeper on that stack.

#![expect(
    unsafe_code,
    reason = "frames are reached through pointers to outer stack frames"
)]

use std::cell::Cell;
use std::io;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{canceled, deadline_passed};
use crate::futex::{FutexAddress, FutexWord};
use crate::io::IoId;
use crate::task::block::{self, Header};
use crate::task::cancel::{CancelWord, Forwarded, Taken};
use crate::task::completion::{Completion, ThreadKey};
use crate::task::local::Bindings;
use crate::task::name::TaskName;
use crate::task::scope::ScopeState;
use crate::time::{Clock, Instant};
use crate::watch::WaitKind;

/// No deadline, as nanoseconds of the monotonic clock.
const NEVER: u64 = u64::MAX;

/// How the task's waits treat requests and deadlines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Delivery {
    /// Both are delivered.
    Deliver = 0,
    /// Requests wait; deadlines apply as far as they were set since.
    Protect = 1,
    /// A request ends the wait, so that it can be forwarded; no deadline applies.
    Forward = 2,
}

/// What the contract keeps of a task. Only io-core makes one.
///
/// Its word for the end of the task and its cancel state may be touched by any
/// thread; the rest belongs to the task itself.
#[derive(Debug)]
// In this order, so that one line of the cache has all that a cancellation point looks
// at: blocks that are kept for reuse begin with a record and a line.
#[repr(C)]
pub struct TaskRecord {
    pub(crate) cancel: CancelWord,
    /// [`Delivery`]. Written by the task itself; read by it, and by who forwards to
    /// its inline child, while that runs and the task does not. Relaxed: the cancel
    /// word orders the two.
    delivery: AtomicU8,
    /// [`WaitKind`]: what the task waits for, as far as it said so. Written by the
    /// task itself, read where its executor reports that it waits: Relaxed, the
    /// executor orders the two by what it does to stop the task.
    wait_kind: AtomicU8,
    /// The deadline in force, nanoseconds of the monotonic clock. Written and read
    /// by the task itself only, hence Relaxed.
    deadline_nanos: AtomicU64,
    /// The task's own block as long as the task is in no list of its scope, which
    /// it is from the first time on that it looks for a request: many never do.
    /// Written by whoever runs the task and read by whoever ends it, Relaxed: the
    /// one has handed it to the other.
    unlisted: AtomicPtr<Header>,
    /// Where the task waits, in the backend's own terms. Written by the backend
    /// before `begin_wait`, read by its `interrupt`: Relaxed there would do, as
    /// both sides order it by the cancel word.
    place: AtomicUsize,
    /// The task on whose stack this one runs, as long as it does, if that one's
    /// requests go on to it. Written and read by who runs the task: Relaxed.
    stands_on: AtomicPtr<TaskRecord>,
    /// The child that runs on the task's stack and has looked for a request.
    /// Written by that before `begin_inline`, read by those who have seen that it
    /// has not ended (`begin_forward`): Relaxed, the cancel word orders the two.
    pub(crate) inline_child: AtomicPtr<Header>,
    pub(crate) completion: Completion,
    /// Requests that were handed to that child. Those who do hold the lock.
    forwarded: Mutex<Forwarded>,
    /// The thread on which the handle joins, 0 before. Written by that, and compared by
    /// a runner with its own thread: Relaxed.
    joiner: AtomicUsize,
    name: Option<TaskName>,
    /// `None` for a thread that is no task.
    spawned_at: Option<&'static Location<'static>>,
}

/// The deadline that a task inherits.
#[derive(Clone, Copy)]
pub(crate) struct DeadlineNanos(u64);

/// What a spawn says of its task.
pub(crate) struct Spawned {
    pub(crate) name: Option<TaskName>,
    pub(crate) at: &'static Location<'static>,
}

impl Spawned {
    /// By whoever called what is `track_caller` here.
    #[track_caller]
    pub(crate) fn here(name: Option<TaskName>) -> Spawned {
        Spawned {
            name,
            at: Location::caller(),
        }
    }
}

/// How a wait begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitEntry {
    /// Wait, but not beyond `until` (monotonic clock).
    Wait {
        /// The deadline in force.
        until: Option<Instant>,
    },
    /// A request is there to be forwarded: do not wait, return as if woken.
    Ready,
}

impl TaskRecord {
    /// Of a task that is spawned now.
    #[inline]
    pub(crate) fn of_task(deadline: DeadlineNanos, spawned: Spawned) -> TaskRecord {
        TaskRecord::new(deadline.0, Some(spawned))
    }

    #[inline]
    fn new(deadline_nanos: u64, spawned: Option<Spawned>) -> TaskRecord {
        let (name, spawned_at) = match spawned {
            Some(Spawned { name, at }) => (name, Some(at)),
            None => (None, None),
        };
        TaskRecord {
            completion: Completion::new(),
            cancel: CancelWord::new(),
            delivery: AtomicU8::new(Delivery::Deliver as u8),
            deadline_nanos: AtomicU64::new(deadline_nanos),
            place: AtomicUsize::new(0),
            unlisted: AtomicPtr::new(ptr::null_mut()),
            stands_on: AtomicPtr::new(ptr::null_mut()),
            inline_child: AtomicPtr::new(ptr::null_mut()),
            forwarded: Mutex::new(Forwarded::NOTHING),
            joiner: AtomicUsize::new(0),
            name,
            spawned_at,
            wait_kind: AtomicU8::new(WaitKind::Word as u8),
        }
    }

    /// Notes that this is the record of a member that its scope does not list yet.
    pub(crate) fn set_unlisted(&self, header: NonNull<Header>) {
        self.unlisted.store(header.as_ptr(), Ordering::Relaxed);
    }

    /// Whether its scope lists it.
    pub(crate) fn is_listed(&self) -> bool {
        self.unlisted.load(Ordering::Relaxed).is_null()
    }

    /// Handle: notes that it joins, on this thread.
    pub(crate) fn note_join(&self) {
        self.joiner.store(thread_key(), Ordering::Relaxed);
    }

    /// Whether the handle joins, or has joined, on this thread.
    pub(crate) fn is_joined_here(&self) -> bool {
        self.joiner.load(Ordering::Relaxed) == thread_key()
    }

    /// Notes on whose stack the task runs, or that it does so no more.
    pub(crate) fn set_stands_on(&self, spawner: Option<&TaskRecord>) {
        let spawner = spawner.map_or(ptr::null(), ptr::from_ref);
        self.stands_on.store(spawner.cast_mut(), Ordering::Relaxed);
    }

    /// Task: makes sure that its scope lists it, so that what was, or will be,
    /// asked of all members reaches it; and what is asked of the task on whose stack
    /// it runs.
    #[inline]
    pub(crate) fn list(&self) {
        if let Some(header) = NonNull::new(self.unlisted.load(Ordering::Relaxed)) {
            self.list_member(header);
        }
    }

    #[cold]
    fn list_member(&self, header: NonNull<Header>) {
        self.unlisted.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: *scope* of `block.rs`: the task that runs has not left its scope.
        unsafe { ScopeState::list_member(header) };
        // SAFETY: *inline* of `block.rs`: this runs on the stack of that task, which
        // waits for this one's end.
        if let Some(spawner) = unsafe { self.stands_on.load(Ordering::Relaxed).as_ref() } {
            // SAFETY: *inline*: the task runs, on the stack of `spawner`.
            unsafe { block::begin_forwarding(spawner, header) };
        }
    }

    pub(crate) fn lock_forwarded(&self) -> MutexGuard<'_, Forwarded> {
        self.forwarded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the task is called, if it was given a name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn task_name(&self) -> Option<&TaskName> {
        self.name.as_ref()
    }

    /// Where the task was spawned; `None` for a thread that is no task.
    #[must_use]
    pub fn spawned_at(&self) -> Option<&'static Location<'static>> {
        self.spawned_at
    }

    /// What the task waits for, if it waits on a word and labels are
    /// [wanted](crate::watch::LabelsWanted).
    #[must_use]
    pub fn wait_kind(&self) -> WaitKind {
        WaitKind::from_number(self.wait_kind.load(Ordering::Relaxed))
    }

    /// Runs `body`, a wait for `kind`.
    pub(crate) fn waiting_for<R>(&self, kind: WaitKind, body: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a AtomicU8, u8);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.store(self.1, Ordering::Relaxed);
            }
        }
        let before = self.wait_kind.swap(kind as u8, Ordering::Relaxed);
        let _restore = Restore(&self.wait_kind, before);
        body()
    }

    /// Whether the task is over.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.completion.is_done()
    }

    /// Announces a wait for the end of the task: the word to wait on and the
    /// value it has while there is something to wait for; `None` if the task is over.
    #[must_use]
    pub fn prepare_wait(&self) -> Option<(FutexWord<'_>, u32)> {
        let expected = self.completion.prepare_wait()?;
        Some((FutexWord::of(self.completion.word()), expected))
    }

    /// The address that a waiter for its end waits on.
    #[must_use]
    pub fn wait_address(&self) -> FutexAddress {
        FutexAddress::of(self.completion.word())
    }

    /// A word for the backend: where the task waits. Set it before
    /// [`begin_wait`]; it is there when [`Io::interrupt`](crate::Io::interrupt) asks.
    #[must_use]
    pub fn place(&self) -> &AtomicUsize {
        &self.place
    }

    /// Whether a request is pending and the task is in a wait that it has to
    /// end: an interrupt that comes late must not end another wait.
    #[must_use]
    pub fn is_interrupt_due(&self) -> bool {
        self.cancel.is_interrupt_due()
    }

    pub(crate) fn delivery(&self) -> Delivery {
        match self.delivery.load(Ordering::Relaxed) {
            0 => Delivery::Deliver,
            1 => Delivery::Protect,
            _ => Delivery::Forward,
        }
    }

    pub(crate) fn deadline_nanos(&self) -> u64 {
        self.deadline_nanos.load(Ordering::Relaxed)
    }

    fn deadline_in_force(&self) -> Option<Instant> {
        let nanos = self.deadline_nanos();
        let applies = nanos != NEVER && self.delivery() != Delivery::Forward;
        applies.then(|| Instant::from_nanos(Clock::Monotonic, nanos))
    }

    /// Runs `body` with another delivery and deadline, and restores both.
    pub(crate) fn with_state<R>(
        &self,
        delivery: Delivery,
        deadline_nanos: u64,
        body: impl FnOnce() -> R,
    ) -> R {
        let _restore = Restore {
            record: self,
            delivery: self.delivery.load(Ordering::Relaxed),
            deadline_nanos: self.deadline_nanos.load(Ordering::Relaxed),
        };
        // Not by swaps, which would be locked instructions.
        self.delivery.store(delivery as u8, Ordering::Relaxed);
        self.deadline_nanos.store(deadline_nanos, Ordering::Relaxed);
        body()
    }

    #[inline]
    fn forwarding<R>(&self, body: impl FnOnce() -> R) -> R {
        match self.delivery() {
            Delivery::Deliver => self.with_state(Delivery::Forward, self.deadline_nanos(), body),
            // A protected waiter forwards nothing, and no deadline applies either way.
            delivery => self.with_state(delivery, NEVER, body),
        }
    }

    /// Takes what is pending if it may be handed on.
    #[inline]
    pub(crate) fn take_to_forward(&self) -> Option<Taken> {
        self.list();
        if self.delivery() == Delivery::Protect {
            return None;
        }
        self.cancel.take()
    }

    /// Whether there is nothing to deliver, whatever the delivery: most tasks, most
    /// of the time.
    #[inline]
    fn is_at_rest(&self) -> bool {
        self.is_listed() && !self.cancel.is_requested() && self.deadline_nanos() == NEVER
    }

    /// A cancellation point that does not wait.
    #[inline]
    fn point(&self, now: impl FnOnce() -> Instant) -> io::Result<()> {
        if self.is_at_rest() {
            return Ok(());
        }
        self.list();
        match self.delivery() {
            Delivery::Forward => return Ok(()),
            Delivery::Deliver if self.cancel.deliver() => return Err(canceled()),
            Delivery::Deliver | Delivery::Protect => {}
        }
        match self.deadline_in_force() {
            Some(deadline) if now() >= deadline => Err(deadline_passed()),
            _ => Ok(()),
        }
    }

    fn begin_wait(&self, now: impl FnOnce() -> Instant) -> io::Result<WaitEntry> {
        self.point(now)?;
        let until = self.deadline_in_force();
        match self.delivery() {
            Delivery::Protect => {}
            Delivery::Forward if self.cancel.begin_wait() => return Ok(WaitEntry::Ready),
            Delivery::Deliver if self.cancel.begin_wait() => {
                self.cancel.deliver();
                return Err(canceled());
            }
            Delivery::Forward | Delivery::Deliver => {}
        }
        Ok(WaitEntry::Wait { until })
    }

    fn interruption(&self, now: impl FnOnce() -> Instant) -> Option<io::Result<()>> {
        if self.delivery() == Delivery::Forward {
            return self.cancel.is_requested().then_some(Ok(()));
        }
        self.point(now).err().map(Err)
    }
}

struct Restore<'a> {
    record: &'a TaskRecord,
    delivery: u8,
    deadline_nanos: u64,
}

impl Drop for Restore<'_> {
    fn drop(&mut self) {
        self.record.delivery.store(self.delivery, Ordering::Relaxed);
        self.record
            .deadline_nanos
            .store(self.deadline_nanos, Ordering::Relaxed);
    }
}

/// A cancellation point that does not wait: for backends, at the start of what
/// can not be interrupted.
///
/// # Errors
/// Canceled if a request is pending (it is delivered by this), or the deadline
/// in force has passed.
#[inline]
pub fn point(io: IoId, now: impl FnOnce() -> Instant) -> io::Result<()> {
    with_current(io, |record| {
        record.map_or(Ok(()), |record| record.point(now))
    })
}

/// The deadline in force for the current task, for waits that only a time-out ends.
#[inline]
#[must_use]
pub fn deadline(io: IoId) -> Option<Instant> {
    with_current(io, |record| record.and_then(TaskRecord::deadline_in_force))
}

/// Begins a wait of the current task that [`Io::interrupt`](crate::Io::interrupt)
/// may end. See the module's text.
///
/// # Errors
/// Canceled or deadline passed: the wait has not begun.
#[inline]
pub fn begin_wait(io: IoId, now: impl FnOnce() -> Instant) -> io::Result<WaitEntry> {
    with_current(io, |record| {
        record.map_or(Ok(WaitEntry::Wait { until: None }), |record| {
            record.begin_wait(now)
        })
    })
}

/// Ends the wait that [`begin_wait`] began.
#[inline]
pub fn end_wait(io: IoId) {
    with_current(io, |record| {
        if let Some(record) = record {
            record.cancel.end_wait();
        }
    });
}

/// What a wait answers that ended without its own result: `None` if nothing is
/// due (wait again), `Some(Ok)` to return as if woken.
#[inline]
pub fn interruption(io: IoId, now: impl FnOnce() -> Instant) -> Option<io::Result<()>> {
    with_current(io, |record| {
        record.and_then(|record| record.interruption(now))
    })
}

// ---- the current record ----------------------------------------------------

/// One level of the running stack: a task of one executor, or a part of it in
/// which it has bound other values.
struct Frame {
    io: IoId,
    /// Null for a wall: who looks for a frame does not look past it.
    record: *const TaskRecord,
    bindings: *const Bindings,
    outer: *const Frame,
}

thread_local! {
    /// The innermost frame of the running stack.
    static TOP: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

/// A number of the running thread, which no other one has at the same time.
#[inline]
pub(crate) fn thread_key() -> ThreadKey {
    TOP.with(|top| ptr::from_ref(top).addr())
}

/// The chain of frames of a stack that does not run. Starts out empty.
#[derive(Debug)]
pub struct StackContext(*const ());

impl StackContext {
    /// The context of a stack on which nothing has run.
    pub const EMPTY: StackContext = StackContext(ptr::null());
}

impl StackContext {
    /// Calls `body` with the record of every task of `io` on this stack, the
    /// innermost first: for reports of what parked fibers wait for.
    ///
    /// # Safety
    /// The stack does not run, and no frame of it is gone since its context was
    /// returned by [`swap_stack_context`].
    pub unsafe fn for_each_task(&self, io: IoId, mut body: impl FnMut(&TaskRecord)) {
        let mut frame: *const Frame = self.0.cast();
        let mut last: *const TaskRecord = ptr::null();
        while !frame.is_null() {
            // SAFETY: frames: the caller's contract keeps the chain with its stack.
            let here = unsafe { &*frame };
            // A task that has bound values has a frame for each time.
            let is_task = !here.record.is_null();
            if is_task && here.io == io && !ptr::eq(here.record, last) {
                last = here.record;
                // SAFETY: the frame's maker keeps the record as long as the frame.
                body(unsafe { &*here.record });
            }
            frame = here.outer;
        }
    }
}

/// Exchanges the context of the running stack: a fiber backend calls it at each
/// switch, putting in the context of the stack that runs next.
///
/// # Safety
/// `next` is what this function returned when the stack that runs next was last
/// left on this thread, or [`StackContext::EMPTY`] if it has not run yet; no
/// frame of a stack is gone while its context is kept.
#[inline]
pub unsafe fn swap_stack_context(next: StackContext) -> StackContext {
    StackContext(TOP.replace(next.0.cast()).cast())
}

/// Runs `body` with the record of the current task of executor `io`, or with
/// `None` if this stack runs none: then there is nothing to deliver.
#[inline]
pub fn with_current<R>(io: IoId, body: impl FnOnce(Option<&TaskRecord>) -> R) -> R {
    with_frame(io, |frame| {
        // SAFETY: the frame's maker keeps the record for the call that the frame
        // belongs to, which is still running.
        body(frame.map(|frame| unsafe { &*frame.record }))
    })
}

/// Runs `body` with the record of the task that runs on this thread, of whatever
/// executor.
pub(crate) fn with_innermost<R>(body: impl FnOnce(Option<&TaskRecord>) -> R) -> R {
    let frame = TOP.get();
    if frame.is_null() {
        return body(None);
    }
    // SAFETY: frames: it is the first of the running stack's chain.
    let frame = unsafe { &*frame };
    // SAFETY: the frame's maker keeps the record, if there is one, as long as the
    // frame.
    body(unsafe { frame.record.as_ref() })
}

#[inline]
fn with_frame<R>(io: IoId, body: impl FnOnce(Option<&Frame>) -> R) -> R {
    let mut frame = TOP.get();
    while !frame.is_null() {
        // SAFETY: frames: it was reached from the running stack's chain.
        let here = unsafe { &*frame };
        if here.record.is_null() {
            break;
        }
        if here.io == io {
            return body(Some(here));
        }
        frame = here.outer;
    }
    body(None)
}

/// Takes a pending request of the current task of `io` in order to forward it.
pub(crate) fn take_to_forward(io: IoId) -> Option<Taken> {
    with_current(io, |own| own.and_then(TaskRecord::take_to_forward))
}

/// Makes what nobody received pending again for the current task of `io`.
pub(crate) fn put_back(io: IoId, unreceived: Option<Taken>) {
    with_current(io, |own| {
        if let (Some(own), Some(taken)) = (own, unreceived) {
            own.cancel.put_back(taken);
        }
    });
}

/// Sets the innermost frame of the running stack back when it is dropped.
struct Leave {
    /// What is innermost then: everything that was entered since has been left.
    own: *const Frame,
    outer: *const Frame,
}

impl Drop for Leave {
    fn drop(&mut self) {
        if TOP.replace(self.outer) != self.own {
            left_out_of_order();
        }
    }
}

/// Somebody else's coroutines took turns on one thread, and one was put aside in
/// the middle of a call: the chain leads to frames of it that may be gone.
#[cold]
fn left_out_of_order() -> ! {
    eprintln!(
        "a task, or a call with a deadline, protection or a local value, ended before \
         one that began inside it: a coroutine was suspended in there; the process can not go on"
    );
    std::process::abort();
}

/// Runs `body` so that it sees none of the frames below: a frame without a record
/// stands before them. Reports look past it.
pub(crate) fn above_a_wall<R>(io: IoId, body: impl FnOnce() -> R) -> R {
    let wall = Frame {
        io,
        record: ptr::null(),
        bindings: ptr::null(),
        outer: TOP.get(),
    };
    let _leave = Leave {
        own: &raw const wall,
        outer: wall.outer,
    };
    TOP.set(&raw const wall);
    body()
}

/// Runs `body` with `record` as the current one of executor `io`, and `bindings`
/// as the task's local values.
#[inline]
pub(crate) fn enter<R>(
    io: IoId,
    record: &TaskRecord,
    bindings: &Bindings,
    body: impl FnOnce() -> R,
) -> R {
    let frame = Frame {
        io,
        record,
        bindings,
        outer: TOP.get(),
    };
    let _leave = Leave {
        own: &raw const frame,
        outer: frame.outer,
    };
    TOP.set(&raw const frame);
    body()
}

/// Runs `body` with the current record of `io`; a thread that runs no task of it
/// gets one for as long as `body` runs. Deadlines and protection work on it;
/// nobody can send it a request.
pub(crate) fn with_record<R>(io: IoId, body: impl FnOnce(&TaskRecord) -> R) -> R {
    let is_task = with_current(io, |record| record.is_some());
    if is_task {
        with_current(io, |record| {
            body(record.expect("it was there a moment ago"))
        })
    } else {
        let record = TaskRecord::new(NEVER, None);
        enter(io, &record, &Bindings::NONE, || body(&record))
    }
}

/// Runs `body` with the local values of the current task of `io`.
pub(crate) fn with_bindings<R>(io: IoId, body: impl FnOnce(&Bindings) -> R) -> R {
    with_frame(io, |frame| {
        // SAFETY: the frame's maker keeps them for the call that the frame
        // belongs to, which is still running.
        body(frame.map_or(&Bindings::NONE, |frame| unsafe { &*frame.bindings }))
    })
}

/// Runs `body` with other local values of the current task of `io`.
pub(crate) fn bound<R>(io: IoId, bindings: &Bindings, body: impl FnOnce() -> R) -> R {
    with_record(io, |record| enter(io, record, bindings, body))
}

/// What a task inherits that is spawned now: its deadline, for
/// [`TaskRecord::of_task`], and its local values.
#[inline]
pub(crate) fn inherited(io: IoId) -> (DeadlineNanos, Bindings) {
    with_frame(io, |frame| {
        let Some(frame) = frame else {
            return (DeadlineNanos(NEVER), Bindings::NONE);
        };
        // SAFETY: the frame's maker keeps it for the call that the frame belongs
        // to, which is still running.
        let spawner = unsafe { &*frame.record };
        // SAFETY: as above.
        let bindings = unsafe { &*frame.bindings };
        (DeadlineNanos(spawner.deadline_nanos()), bindings.clone())
    })
}

/// Runs `body`, a wait that forwards requests and to which no deadline applies.
pub(crate) fn forwarding<R>(io: IoId, body: impl FnOnce() -> R) -> R {
    with_current(io, |record| match record {
        Some(record) => record.forwarding(body),
        None => body(),
    })
}

/// As [`forwarding`]; before, what is pending is taken and handed to `forward`.
#[inline]
pub(crate) fn forwarding_to<R>(
    io: IoId,
    forward: impl FnOnce(Taken),
    body: impl FnOnce() -> R,
) -> R {
    with_current(io, |record| {
        let Some(record) = record else {
            return body();
        };
        if let Some(taken) = record.take_to_forward() {
            forward(taken);
        }
        record.forwarding(body)
    })
}

/// Runs `body` so that neither requests nor deadlines set outside it are delivered.
pub(crate) fn protected<R>(io: IoId, body: impl FnOnce() -> R) -> R {
    with_record(io, |record| {
        record.with_state(Delivery::Protect, NEVER, body)
    })
}

/// Runs `body` under an additional deadline, nanoseconds of the monotonic clock.
pub(crate) fn bounded<R>(io: IoId, deadline_nanos: u64, body: impl FnOnce() -> R) -> R {
    with_record(io, |record| {
        let nanos = record.deadline_nanos().min(deadline_nanos);
        record.with_state(record.delivery(), nanos, body)
    })
}
