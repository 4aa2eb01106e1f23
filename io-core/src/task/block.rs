//! The block of one task (record, closure, then result) and its owners: [`Job`]
//! (runs it), [`Done`] (ends it), [`TaskRef`] (points at its record) and, in
//! `scope.rs`, the handle. Closures are erased here, once, so that backends need
//! no unsafe code.
//!
//! ```text
//! block:  Header { record, vtable, references, scope, io, links, inherited }
//!         | closure ──► result (one place, a union)
//! Job ── run ──► Done ── publish (or drop) ──► the task is over
//!  └──── drop ──────────────────────────────► over too, as "dropped"
//! ```
//!
//! # Safety argument: blocks
//! - *references*: each `TaskRef` counts as one, and the runner (`Job`, then `Done`)
//!   and the handle as one together, which belongs to whoever of the two is the last
//!   by `completion.rs`. The last reference frees the block, so a pointer held by
//!   any of them is valid.
//! - *body*: the union holds the closure until `run` or the drop of the `Job`
//!   takes it, which happens once since both consume the only `Job`. It holds
//!   the result from before RESULT is set until whoever the completion word
//!   names takes or drops it (see `completion.rs`). What the task inherited is
//!   taken with the closure, so that values of the program are dropped as a part
//!   of the task and not with its block.
//! - *scope*: `scope` and `io` borrow from the scope's frame. They are touched
//!   only before the last step of `Done`'s publishing (see `completion.rs`), and
//!   the scope does not end before that step.
//! - *inline*: an inline child is noted in its spawner's record from its first look
//!   for a request until its runner has called `end_inline`. Who forwards to it
//!   holds the record's lock, and has seen by `begin_forward` that it has not ended;
//!   the runner then waits for that lock before it lets go of the child. The child
//!   names its spawner's record only while it runs: that one's frame lies below.
//! - *erasure*: closure and result may borrow from `'scope`. Both are gone
//!   before `running` is counted down, and the scope outlives that.

#![expect(
    unsafe_code,
    reason = "erases closures; the safety argument is in the header"
)]

use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::ops::Deref;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering, fence};

use crate::io::{Io, IoId};
use crate::task::cancel::{Forwarded, Requested, Requester, Rest};
use crate::task::completion::{Left, Stored};
use crate::task::local::Bindings;
use crate::task::memory::{self, BlockLayout};
use crate::task::record::{self, Spawned, TaskRecord};
use crate::task::scope::{Links, ScopeState};

pub(crate) type Payload = Box<dyn Any + Send>;

/// More references than this to one task end the process; as far below the wrap
/// of the counter as there can ever be threads between its check and its abort.
const REFERENCES_MAX: u32 = u32::MAX / 2;

/// What the handle of a task whose job was dropped says when it is joined.
const DROPPED_MESSAGE: &str = "the task's job was dropped by its executor before it ran";

/// The part of a block that does not depend on the closure.
#[repr(C)]
pub(crate) struct Header {
    pub(crate) record: TaskRecord,
    vtable: &'static VTable,
    /// Owners of the block. Increments are Relaxed (an owner exists), the
    /// decrement is Release and the last one fences Acquire, as in `Arc`.
    references: AtomicU32,
    scope: NonNull<ScopeState>,
    io: NonNull<dyn Io>,
    /// Guarded by the scope's member lock.
    pub(crate) links: UnsafeCell<Links>,
    /// By *body*: taken by the one who takes the closure.
    inherited: UnsafeCell<ManuallyDrop<Bindings>>,
}

struct VTable {
    layout: BlockLayout,
    /// Bytes from the header to the body.
    body_offset: usize,
    run: unsafe fn(NonNull<Header>),
    drop_closure: unsafe fn(NonNull<Header>),
    drop_result: unsafe fn(NonNull<Header>) -> Option<Payload>,
}

#[repr(C)]
struct Block<F, T> {
    header: Header,
    body: UnsafeCell<Body<F, T>>,
}

// C layout: both fields start at offset 0, so that a handle that does not know
// the closure's type finds the result.
#[repr(C)]
union Body<F, T> {
    closure: ManuallyDrop<F>,
    result: ManuallyDrop<std::thread::Result<T>>,
}

impl<F: FnOnce() -> T, T> Block<F, T> {
    const VTABLE: VTable = VTable {
        layout: BlockLayout::of::<Block<F, T>>(),
        body_offset: mem::offset_of!(Block<F, T>, body),
        run: Self::run,
        drop_closure: Self::drop_closure,
        drop_result: drop_result::<F, T>,
    };

    /// # Safety
    /// By *body*: called once, with the closure still in place.
    unsafe fn run(header: NonNull<Header>) {
        let body = body_of::<F, T>(header);
        // SAFETY: *body*: the closure is in place and is taken by this alone.
        let closure = unsafe { body.cast::<F>().read() };
        let result = panic::catch_unwind(AssertUnwindSafe(closure));
        // SAFETY: *body*: the closure is gone, nobody reads before RESULT is set.
        unsafe { body.cast::<std::thread::Result<T>>().write(result) };
    }

    /// # Safety
    /// By *body*: called once, with the closure still in place.
    unsafe fn drop_closure(header: NonNull<Header>) {
        let body = body_of::<F, T>(header);
        // SAFETY: *body*: the closure is in place and is dropped by this alone.
        unsafe { body.cast::<F>().drop_in_place() };
    }
}

fn body_of<F, T>(header: NonNull<Header>) -> *mut Body<F, T> {
    let block = header.cast::<Block<F, T>>().as_ptr();
    // SAFETY: *references*: the header is the start of a live block of this type.
    unsafe { UnsafeCell::raw_get(&raw const (*block).body) }
}

/// Drops a result; gives back the payload if it was (or its drop is) a panic.
///
/// # Safety
/// By *body*: the result is in place, and the caller is the one to drop it.
unsafe fn drop_result<F, T>(header: NonNull<Header>) -> Option<Payload> {
    let body = body_of::<F, T>(header);
    // SAFETY: *body*: the result is in place and is taken by this alone.
    let result = unsafe { body.cast::<std::thread::Result<T>>().read() };
    match result {
        Ok(value) => panic::catch_unwind(AssertUnwindSafe(|| drop(value))).err(),
        Err(payload) => Some(payload),
    }
}

/// Drops the payload of a panic that nobody will see. If that panics, what it
/// panics with is leaked: whatever drops it could panic again.
pub(crate) fn discard(payload: Payload) {
    let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
    let _leaked = ManuallyDrop::new(dropped);
}

/// Takes the result of a block, for a handle that knows its type.
///
/// # Safety
/// By *body*: the task is done, was not abandoned, and its result is not taken.
/// `T` is the type that the block was made with.
pub(crate) unsafe fn take_result<T>(task: &TaskRef) -> std::thread::Result<T> {
    let offset = task.header().vtable.body_offset;
    // SAFETY: the offset lies within the block, which `task` keeps alive.
    let result = unsafe { task.header.cast::<u8>().add(offset) };
    // SAFETY: *body*: the result is in place and is taken by this alone.
    unsafe { result.cast::<std::thread::Result<T>>().read() }
}

/// A counted reference to a task's record, for those who have to reach a task
/// from elsewhere: a message that asks its worker to end its wait, a list.
pub struct TaskRef {
    header: NonNull<Header>,
}

// SAFETY: what a reference gives out is `&TaskRecord`, which is Sync; freeing the
// block touches no closure and no result (both are gone by then, see *body*).
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    pub(crate) fn header(&self) -> &Header {
        // SAFETY: *references*: this reference keeps the block alive.
        unsafe { self.header.as_ref() }
    }

    /// A further reference to a block that somebody else keeps alive.
    ///
    /// # Safety
    /// By *references*: the block is alive during the call.
    pub(crate) unsafe fn of(header: NonNull<Header>) -> TaskRef {
        // SAFETY: the caller's contract.
        let references = unsafe { &header.as_ref().references };
        if references.fetch_add(1, Ordering::Relaxed) > REFERENCES_MAX {
            // A count that wraps would free what is in use (as in `Arc`: whoever
            // gets here leaks references without end).
            process::abort();
        }
        TaskRef { header }
    }

    /// Leaves a request to cancel, and does what has to be done for the task to
    /// see it.
    ///
    /// # Safety
    /// By *scope*: the task's scope has not ended.
    pub(crate) unsafe fn request(&self, by: Requester) -> Requested {
        let requested = self.cancel.request(by);
        match requested.rest {
            Rest::Nothing => {}
            Rest::Interrupt => {
                // SAFETY: *scope*: the caller's contract.
                let io = unsafe { self.header().io.as_ref() };
                io.interrupt(self);
            }
            Rest::Forward => {
                let mut forwarded = self.lock_forwarded();
                if self.cancel.begin_forward() {
                    // SAFETY: *inline*: as long as the lock is held.
                    unsafe { forward_inline(self, &mut forwarded) };
                }
            }
        }
        requested
    }
}

/// Hands a pending request of `parent` to its inline child.
///
/// # Safety
/// By *inline*: the child has not ended.
unsafe fn forward_inline(parent: &TaskRecord, forwarded: &mut Forwarded) {
    if let Some(taken) = parent.take_to_forward() {
        let child = NonNull::new(parent.inline_child.load(Ordering::Relaxed));
        let child = child.expect("a task that runs a child inline has noted it");
        // SAFETY: *references*: the child's runner holds one until it has ended.
        let child = unsafe { TaskRef::of(child) };
        // SAFETY: *scope*: the child's scope ends after the child.
        let requested = unsafe { child.request(Requester::Spawner) };
        forwarded.add(taken, requested.is_merged);
    }
}

impl Deref for TaskRef {
    type Target = TaskRecord;

    fn deref(&self) -> &TaskRecord {
        &self.header().record
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> TaskRef {
        // SAFETY: *references*: this reference keeps the block alive.
        unsafe { TaskRef::of(self.header) }
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        let header = self.header();
        // Who holds the only reference is the only one who could make another.
        // Acquire: pairs with the Release of those who gave theirs up.
        if header.references.load(Ordering::Acquire) != 1 {
            if header.references.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        let layout = header.vtable.layout;
        // SAFETY: the last reference: nobody looks at the header again.
        unsafe { ptr::drop_in_place(self.header.as_ptr()) };
        // SAFETY: the block came from `take` with this layout.
        unsafe { memory::give_back(self.header.cast(), layout) };
    }
}

impl fmt::Debug for TaskRef {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header().record.fmt(formatter)
    }
}

/// A task that has not been started: a closure with its place for the result,
/// erased. A backend gets it by [`Io::start`](crate::Io::start) and calls
/// [`run`](Job::run) exactly once, on any thread.
///
/// Dropping a job unrun drops its closure; its `join` then panics and says so.
#[derive(Debug)]
#[must_use = "a dropped job never runs"]
pub struct Job {
    /// Dropped by the last of runner and handle.
    task: ManuallyDrop<TaskRef>,
}

impl Job {
    /// Makes a block. Returns its job and what its handle keeps: one reference
    /// together.
    ///
    /// # Safety
    /// By *erasure* and *scope*: the scope's end waits for the task, and neither
    /// `closure`, `io` nor `scope` is gone before.
    pub(crate) unsafe fn new<F, T>(
        closure: F,
        spawned: Spawned,
        io: &dyn Io,
        scope: NonNull<ScopeState>,
    ) -> (Job, ManuallyDrop<TaskRef>)
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let block = memory::take(const { BlockLayout::of::<Block<F, T>>() }).cast::<Block<F, T>>();
        let (deadline, inherited) = record::inherited(io.id());
        let header = Header {
            record: TaskRecord::of_task(deadline, spawned),
            vtable: &Block::<F, T>::VTABLE,
            references: AtomicU32::new(1),
            scope,
            io: erase(io),
            links: UnsafeCell::new(Links::NONE),
            inherited: UnsafeCell::new(ManuallyDrop::new(inherited)),
        };
        let body = UnsafeCell::new(Body {
            closure: ManuallyDrop::new(closure),
        });
        // SAFETY: the memory is fresh and has the block's layout.
        unsafe { block.write(Block { header, body }) };
        let header: NonNull<Header> = block.cast();
        // SAFETY: it was written just now.
        unsafe { header.as_ref() }.record.set_unlisted(header);
        let handle = ManuallyDrop::new(TaskRef { header });
        // SAFETY: the reference is counted, as the pair's.
        (unsafe { Job::from_header(header) }, handle)
    }

    /// Runs the task on this thread, as a task of executor `io`, and catches its
    /// panic. The task is over when the [`Done`] is published or dropped.
    #[must_use = "the task is over when this is published"]
    pub fn run(self, io: IoId) -> Done {
        self.run_below(io, Outer::Seen)
    }

    /// As [`run`](Job::run), on the stack of a task that waits for this one. That
    /// task's frames, and those of other executors below it, are not the job's: it
    /// sees none of them, as on a stack of its own.
    ///
    /// Until its end is published nobody else may begin a wait for the task
    /// ([`TaskRecord::prepare_wait`]) on another thread: it may not be woken.
    #[must_use = "the task is over when this is published"]
    pub fn run_for_joiner(self, io: IoId) -> Done {
        self.run_below(io, Outer::Hidden)
    }

    fn run_below(self, io: IoId, outer: Outer) -> Done {
        let task = self.into_task();
        let inline = InlineRun::begin(io, &task);
        // SAFETY: *body*: this consumed the only job.
        let inherited = unsafe { task.take_inherited() };
        // SAFETY: *body*: as above.
        let run = || unsafe { task.run_body(io, inherited, &outer) };
        let stored = match outer {
            Outer::Seen => run(),
            Outer::Hidden => record::above_a_wall(io, run),
        };
        drop(inline);
        Done { task, stored }
    }

    /// The task's record, for a backend that keeps lists.
    #[must_use]
    pub fn task(&self) -> &TaskRef {
        &self.task
    }

    /// The block, whose reference is no longer counted as this job's.
    pub(super) fn into_header(self) -> NonNull<Header> {
        ManuallyDrop::new(self).task.header
    }

    /// # Safety
    /// [`into_header`](Job::into_header) gave it, and this is called once for it.
    pub(super) unsafe fn from_header(header: NonNull<Header>) -> Job {
        Job {
            task: ManuallyDrop::new(TaskRef { header }),
        }
    }

    fn into_task(self) -> ManuallyDrop<TaskRef> {
        let header = self.into_header();
        ManuallyDrop::new(TaskRef { header })
    }
}

/// What a job that runs on another task's stack sees of the frames below it.
enum Outer {
    /// All: it is a call of that task.
    Seen,
    /// Nothing.
    Hidden,
}

impl Drop for Job {
    fn drop(&mut self) {
        let header = self.task.header;
        let vtable = self.task.header().vtable;
        // SAFETY: *body*: the job was not run, so the closure is in place.
        let drop_closure = || unsafe { (vtable.drop_closure)(header) };
        let panic = panic::catch_unwind(AssertUnwindSafe(drop_closure)).err();
        self.task.completion.abandon();
        if let Some(payload) = panic {
            self.task.report_panic(payload);
        }
        // SAFETY: *body*: the job was not run.
        let inherited = unsafe { self.task.take_inherited() };
        self.task.drop_inherited(inherited);
        drop(Done {
            task: ManuallyDrop::new(TaskRef { header }),
            stored: Stored::Before,
        });
    }
}

impl Header {
    pub(super) fn scope(&self) -> NonNull<ScopeState> {
        self.scope
    }
}

impl TaskRef {
    /// Drops the result on behalf of a handle that does not want it, and reports
    /// a panic to the scope.
    pub(crate) fn drop_result(&self) {
        // SAFETY: *body*: the completion word made this caller the one to drop it.
        let panic = unsafe { (self.header().vtable.drop_result)(self.header) };
        if let Some(payload) = panic {
            self.report_panic(payload);
        }
    }

    /// Runs the closure of a job as this task.
    ///
    /// # Safety
    /// By *body*: the caller has consumed the job, and has taken what it inherited.
    unsafe fn run_body(&self, io: IoId, inherited: Bindings, outer: &Outer) -> Stored {
        let stored = record::enter(io, self, &inherited, || {
            // SAFETY: *body*: the caller's contract: the closure is in place.
            unsafe { (self.header().vtable.run)(self.header) };
            // The handle waits for the end, so that it need not hear of the result
            // before.
            if matches!(outer, Outer::Hidden) && !self.completion.is_detached() {
                return Stored::AtEnd;
            }
            // A result that nobody wants is dropped as part of the task: that may
            // run code of the program.
            if self.completion.store_result() {
                self.drop_result();
            }
            Stored::Before
        });
        if !inherited.is_empty() {
            record::enter(io, self, &Bindings::NONE, || self.drop_inherited(inherited));
        }
        stored
    }

    /// Takes the values that the task inherited out of its block.
    ///
    /// # Safety
    /// By *body*: called by the one who takes the closure.
    unsafe fn take_inherited(&self) -> Bindings {
        // SAFETY: *body*: nobody else looks at it, now or later.
        ManuallyDrop::into_inner(unsafe { self.header().inherited.get().read() })
    }

    /// Drops values that the task inherited, which may be the last that is left of
    /// them, and reports a panic of that to the scope.
    fn drop_inherited(&self, inherited: Bindings) {
        let panic = panic::catch_unwind(AssertUnwindSafe(|| drop(inherited))).err();
        if let Some(payload) = panic {
            self.report_panic(payload);
        }
    }

    fn report_panic(&self, payload: Payload) {
        // SAFETY: *scope*: the task has not left its scope: neither a runner
        // before `Done` nor a handle, whose lifetime is the scope's.
        let scope = unsafe { self.header().scope.as_ref() };
        if let Some(further) = scope.report_panic(payload) {
            discard(further);
        }
    }

    /// What a handle raises instead of a result if the job was dropped.
    pub(crate) fn dropped_payload(&self) -> Option<Payload> {
        let is_dropped = self.completion.is_abandoned();
        is_dropped.then(|| dropped_message(self.name()))
    }
}

#[cold]
fn dropped_message(name: Option<&str>) -> Payload {
    match name {
        None => Box::new(DROPPED_MESSAGE),
        Some(name) => Box::new(format!(
            "the job of task '{name}' was dropped by its executor before it ran"
        )),
    }
}

/// From here on requests of `spawner` go on to the task of `child`.
///
/// # Safety
/// By *inline*: it is called by that task, which runs on the stack of `spawner`.
pub(super) unsafe fn begin_forwarding(spawner: &TaskRecord, child: NonNull<Header>) {
    spawner.list();
    // Relaxed: `begin_inline` publishes it.
    spawner
        .inline_child
        .store(child.as_ptr(), Ordering::Relaxed);
    if spawner.cancel.begin_inline() {
        let mut forwarded = spawner.lock_forwarded();
        if spawner.cancel.begin_forward() {
            // SAFETY: *inline*: it runs.
            unsafe { forward_inline(spawner, &mut forwarded) };
        }
    }
}

/// A child that runs on the stack of a task of the same executor: that task's
/// requests are forwarded to it as long as it runs, once it has looked for one. Most
/// never look, and cost their spawner nothing; it keeps what is pending.
struct InlineRun<'a> {
    io: IoId,
    child: &'a TaskRef,
    is_nested: bool,
}

impl<'a> InlineRun<'a> {
    fn begin(io: IoId, child: &'a TaskRef) -> InlineRun<'a> {
        let is_nested = record::with_current(io, |parent| {
            // A protected spawner forwards nothing.
            let parent = parent.filter(|parent| parent.delivery() != record::Delivery::Protect);
            child.set_stands_on(parent);
            parent.is_some()
        });
        InlineRun {
            io,
            child,
            is_nested,
        }
    }
}

impl Drop for InlineRun<'_> {
    fn drop(&mut self) {
        if !self.is_nested {
            return;
        }
        self.child.set_stands_on(None);
        if self.child.is_listed() {
            self.end_forwarding();
        }
    }
}

impl InlineRun<'_> {
    #[cold]
    fn end_forwarding(&self) {
        record::with_current(self.io, |parent| {
            let parent = parent.expect("the spawner is current again once its child has run");
            let is_forwarded = parent.cancel.end_inline();
            // Somebody has forwarded, or is about to be done with it.
            let forwarded = is_forwarded.then(|| mem::take(&mut *parent.lock_forwarded()));
            // Nobody follows it without the bit; it names nothing any more all the same.
            parent
                .inline_child
                .store(ptr::null_mut(), Ordering::Relaxed);
            let Some(forwarded) = forwarded else {
                return;
            };
            let is_received = !self.child.cancel.is_pending_from(Requester::Spawner);
            if let Some(taken) = forwarded.unreceived(is_received) {
                parent.cancel.put_back(taken);
            }
        });
    }
}

/// A task whose closure has run. The task is over when this is published, which
/// a backend does as soon as nothing of it is left on the stack.
#[derive(Debug)]
#[must_use = "the task is over when this is published"]
pub struct Done {
    /// Dropped by the last of runner and handle.
    task: ManuallyDrop<TaskRef>,
    stored: Stored,
}

impl Done {
    /// Ends the task: its joiner and its scope go on. The same as dropping it.
    pub fn publish(self) {
        drop(self);
    }

    #[cold]
    fn finish_waited(&self, io: &dyn Io) -> Left {
        // The handle may free the block as soon as it sees the end.
        let kept = TaskRef::clone(&self.task);
        let left = kept.completion.finish_waited(self.stored);
        io.wake_task(&kept);
        left
    }
}

impl Drop for Done {
    /// The steps are those of `completion.rs`.
    fn drop(&mut self) {
        // Read now: the block may be gone with the first step.
        let (scope, io) = (self.task.header().scope, self.task.header().io);
        // SAFETY: *scope*: before the last step.
        let scope = unsafe { scope.as_ref() };
        // SAFETY: *scope*: before the last step.
        let io = unsafe { io.as_ref() };
        let abort = AbortOnUnwind;
        if self.task.is_listed() {
            scope.remove_member(&self.task);
        }
        // The handle waits for the end of the very stack that this is on; and if its
        // executor has lied, it has gone on this thread, and before.
        let finished = match self.stored {
            Stored::AtEnd if self.task.is_joined_here() => self.task.completion.finish_for_joiner(),
            stored => self.task.completion.finish(stored),
        };
        match finished.unwrap_or_else(|| self.finish_waited(io)) {
            Left::Nothing => {}
            // SAFETY: *references*: the handle is gone, the pair's is this one's.
            Left::Block => unsafe { ManuallyDrop::drop(&mut self.task) },
            Left::BlockAndResult => {
                self.task.drop_result();
                // SAFETY: as above.
                unsafe { ManuallyDrop::drop(&mut self.task) };
            }
        }
        if !scope.count.leave_at_once(record::thread_key()) {
            scope.count.begin_leave();
            if scope.count.leave() {
                io.futex_wake(scope.wait_address(), u32::MAX);
            }
            scope.count.end_leave();
        }
        abort.disarm();
    }
}

/// Ends the process if it is dropped: unwinding past here would free memory that
/// others still use.
pub(crate) struct AbortOnUnwind;

impl AbortOnUnwind {
    pub(crate) fn disarm(self) {
        let _disarmed = ManuallyDrop::new(self);
    }
}

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        eprintln!("a backend panicked where the contract forbids it; the process can not go on");
        process::abort();
    }
}

/// Forgets the lifetime of an executor reference. Using it is unsafe again.
fn erase(io: &dyn Io) -> NonNull<dyn Io> {
    let pointer: NonNull<dyn Io + '_> = NonNull::from(io);
    // SAFETY: the two types differ in the lifetime bound alone.
    unsafe { mem::transmute::<NonNull<dyn Io + '_>, NonNull<dyn Io + 'static>>(pointer) }
}

/// A job that its executor could not start as asked. Gives the job back.
#[derive(Debug)]
pub struct Rejected {
    job: Job,
}

impl Rejected {
    /// Refuses `job`.
    pub fn new(job: Job) -> Rejected {
        Rejected { job }
    }

    /// The job.
    pub fn into_job(self) -> Job {
        self.job
    }
}

/// What a job needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// Nothing: it may run before [`Io::start`](crate::Io::start) returns.
    MayRunInline,
    /// It must make progress while its spawner waits for anything.
    Concurrent,
    /// It blocks its thread or wants a large stack: an operating-system thread
    /// on which nothing else waits.
    Offload,
}
