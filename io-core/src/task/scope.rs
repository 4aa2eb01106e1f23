//! [`Scope`] and [`Task`]: structured tasks, in the shape of
//! [`std::thread::scope`]. Programs use them; `block.rs` reports to the scope.
//!
//! # Safety argument: scopes
//! `scope` returns (or unwinds) only after every member has left, by the two
//! counters of `completion.rs`; it is a plain call that joins in plain code,
//! never in a destructor, and a scope can not be made in another way. So a
//! member's closure, its executor and the `ScopeState` on the scope's stack
//! outlive the member. If the wait itself panics the process aborts.

#![expect(
    unsafe_code,
    reason = "makes blocks that borrow from the scope's frame"
)]

use std::any::Any;
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::{self, ManuallyDrop};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::futex::{FutexAddress, FutexWord};
use crate::io::Io;
use crate::task::block::{self, AbortOnUnwind, Header, Job, Payload, Start, TaskRef};
use crate::task::cancel::{Forwarded, Requested, Requester};
use crate::task::completion::MemberCount;
use crate::task::record::{self, Spawned};
use crate::watch::{WaitKind, labelled};

/// How often the end of a scope looks again for the last member's last step,
/// which takes a few instructions, before it lets others run.
const LEAVE_SPINS_MAX: u32 = 128;

/// What members and the scope's end share; lies on the stack of `scope`.
pub(crate) struct ScopeState {
    pub(crate) count: MemberCount,
    members: Mutex<Members>,
    panics: Mutex<Panics>,
}

/// The members that have looked for a request and have not left. A member that
/// has not looked finds at its first look what was asked of all.
struct Members {
    first: *const Header,
    /// The scope was canceled: later members start with a request.
    is_canceled: bool,
    /// The task that waits for the scope's end forwarded a request: later members
    /// start with that.
    is_forwarded: bool,
    /// A member that has left received what was forwarded last.
    is_received: bool,
}

// SAFETY: the pointers lead to members that have not left, and are followed
// under the lock that this lies in; headers may be looked at from any thread.
unsafe impl Send for Members {}

/// A member's neighbours in its scope's list.
pub(crate) struct Links {
    previous: *const Header,
    next: *const Header,
}

impl Links {
    pub(crate) const NONE: Links = Links {
        previous: ptr::null(),
        next: ptr::null(),
    };
}

/// Where the links of a listed (or about to be listed) member lie.
fn links_of(header: *const Header) -> *mut Links {
    // SAFETY: *references*: a listed member has not left, so its block is alive.
    UnsafeCell::raw_get(unsafe { &raw const (*header).links })
}

#[derive(Default)]
struct Panics {
    first: Option<Payload>,
    count: usize,
}

impl ScopeState {
    fn new() -> ScopeState {
        ScopeState {
            count: MemberCount::new(record::thread_key()),
            members: Mutex::new(Members {
                first: ptr::null(),
                is_canceled: false,
                is_forwarded: false,
                is_received: false,
            }),
            panics: Mutex::default(),
        }
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wait_address(&self) -> FutexAddress {
        FutexAddress::of(self.count.word())
    }

    /// Keeps the first payload. A further one is given back, to be dropped where
    /// no lock is held: that may run code of the program.
    pub(crate) fn report_panic(&self, payload: Payload) -> Option<Payload> {
        let mut panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
        panics.count += 1;
        if panics.first.is_none() {
            panics.first = Some(payload);
            return None;
        }
        Some(payload)
    }

    /// Lists a member that is about to look for a request for the first time.
    ///
    /// # Safety
    /// `header` is that of a member that runs and is not listed.
    pub(crate) unsafe fn list_member(header: NonNull<Header>) {
        // SAFETY: the member's runner keeps its block alive.
        let task = unsafe { header.as_ref() };
        // SAFETY: a scope outlives its members.
        let scope = unsafe { task.scope().as_ref() };
        let mut members = scope.members();
        let header = header.as_ptr().cast_const();
        if !members.first.is_null() {
            // SAFETY: a listed member is alive, and its links are guarded by this lock.
            unsafe { (*links_of(members.first)).previous = header };
        }
        let links = Links {
            previous: ptr::null(),
            next: members.first,
        };
        // SAFETY: the new member is alive, and its links are guarded by this lock.
        unsafe { links_of(header).write(links) };
        members.first = header;
        // The member runs, so there is no wait to end.
        if members.is_canceled {
            let _requested = task.record.cancel.request(Requester::Owner);
        }
        if members.is_forwarded {
            let _requested = task.record.cancel.request(Requester::ScopeEnd);
        }
    }

    /// Removes a member that is listed and is leaving.
    pub(crate) fn remove_member(&self, task: &TaskRef) {
        let mut members = self.members();
        let links = task.header().links.get();
        // SAFETY: guarded by this lock.
        let Links { previous, next } = unsafe { mem::replace(&mut *links, Links::NONE) };
        if previous.is_null() {
            members.first = next;
        } else {
            // SAFETY: a listed member is alive, its links are guarded by this lock.
            unsafe { (*links_of(previous)).next = next };
        }
        if !next.is_null() {
            // SAFETY: a listed member is alive, its links are guarded by this lock.
            unsafe { (*links_of(next)).previous = previous };
        }
        members.is_received |=
            members.is_forwarded && !task.cancel.is_pending_from(Requester::ScopeEnd);
    }

    /// Leaves a request with every member, also those listed or added later.
    fn cancel_members(&self) {
        let mut members = self.members();
        members.is_canceled = true;
        members.request_all(Requester::Owner);
    }

    /// Hands a request of the task that waits for the scope's end to every member,
    /// also those listed or added later. Returns whether it is one with the former request
    /// that was handed on, because no member has received that one.
    fn forward_to_members(&self) -> bool {
        let mut members = self.members();
        members.is_forwarded = true;
        let is_received = mem::take(&mut members.is_received);
        members.request_all(Requester::ScopeEnd) && !is_received
    }

    /// Whether a member received what was forwarded last. Asked when all have left.
    fn is_forward_received(&self) -> bool {
        self.members().is_received
    }
}

impl Members {
    /// Leaves a request with every member. Returns whether all of them had one of
    /// this requester pending already.
    fn request_all(&self, by: Requester) -> bool {
        let mut is_merged = true;
        let mut member = self.first;
        while let Some(header) = NonNull::new(member.cast_mut()) {
            // SAFETY: a listed member has not left, so its block is alive.
            let task = unsafe { TaskRef::of(header) };
            // SAFETY: *scope*: it has not ended while a member is listed.
            is_merged &= unsafe { task.request(by) }.is_merged;
            // SAFETY: guarded by this lock.
            member = unsafe { (*task.header().links.get()).next };
        }
        is_merged
    }
}

/// A place for tasks that may borrow from outside it; made by
/// [`scope`](trait.Io.html#method.scope). No task outlives its scope.
pub struct Scope<'scope, 'env: 'scope> {
    io: &'env dyn Io,
    state: NonNull<ScopeState>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

// SAFETY: the state is Sync (locks and atomics) and lives as long as the scope.
unsafe impl Send for Scope<'_, '_> {}
// SAFETY: as above.
unsafe impl Sync for Scope<'_, '_> {}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// No further task can be had: the executor has none to give, or reached its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConcurrencyUnavailable;

impl fmt::Display for ConcurrencyUnavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the executor can run no further task concurrently")
    }
}

impl std::error::Error for ConcurrencyUnavailable {}

impl From<ConcurrencyUnavailable> for std::io::Error {
    fn from(error: ConcurrencyUnavailable) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::QuotaExceeded, error)
    }
}

impl<'scope, 'env> Scope<'scope, 'env> {
    fn state(&self) -> &ScopeState {
        // SAFETY: the state lies on the stack of `scope`, which outlives `'scope`.
        unsafe { self.state.as_ref() }
    }

    /// Starts a task. It may run to its end before this returns: if A can only
    /// finish while B runs, one of the two needs
    /// [`spawn_concurrent`](Scope::spawn_concurrent), and no lock that the child
    /// takes may be held across this call.
    ///
    /// # Cancellation
    /// While the child runs inside this call, a request is forwarded to it.
    ///
    /// ```
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// let numbers = [1_u64, 2, 3, 4];
    /// let (left, right) = numbers.split_at(2);
    /// let sum = io.scope(|scope| {
    ///     let left = scope.spawn(|| left.iter().sum::<u64>());
    ///     right.iter().sum::<u64>() + left.join()
    /// });
    /// assert_eq!(sum, 10);
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, body: F) -> Task<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.start(Spawned::here(None), body)
    }

    /// Starts a task that makes progress while its spawner waits for anything.
    ///
    /// # Errors
    /// The executor can not have a further task (now). The closure is dropped.
    ///
    /// ```
    /// use io_core::sync::Queue;
    ///
    /// # let threaded = io_threaded::Threaded::new();
    /// # let io: &dyn io_core::Io = &threaded;
    /// // Without room, so each side has to wait for the other.
    /// let queue = Queue::rendezvous();
    /// let received = io.scope(|scope| {
    ///     scope.spawn_concurrent(|| queue.put(io, "an item"))?;
    ///     queue.get(io)
    /// });
    /// assert_eq!(received?, Some("an item"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_concurrent<F, T>(
        &'scope self,
        body: F,
    ) -> Result<Task<'scope, T>, ConcurrencyUnavailable>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.start_concurrent(Spawned::here(None), body)
    }

    /// Leaves a request to cancel with every member, and with those added later;
    /// not with the body.
    pub fn cancel(&self) {
        self.state().cancel_members();
    }

    /// How many members have panicked without being joined so far. The first of
    /// their payloads is raised at the end of the scope.
    #[must_use]
    pub fn panic_count(&self) -> usize {
        self.state()
            .panics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count
    }

    /// The executor whose tasks these are.
    #[must_use]
    pub fn io(&self) -> &'env dyn Io {
        self.io
    }

    pub(super) fn start<F, T>(&'scope self, spawned: Spawned, body: F) -> Task<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (job, task) = self.make(spawned, body);
        if let Err(rejected) = self.io.start(job, Start::MayRunInline) {
            rejected.into_job().run(self.io.id()).publish();
        }
        task.anew(self.io)
    }

    pub(super) fn start_concurrent<F, T>(
        &'scope self,
        spawned: Spawned,
        body: F,
    ) -> Result<Task<'scope, T>, ConcurrencyUnavailable>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (job, task) = self.make(spawned, body);
        match self.io.start(job, Start::Concurrent) {
            Ok(()) => Ok(task),
            Err(rejected) => {
                drop(rejected);
                Err(ConcurrencyUnavailable)
            }
        }
    }

    fn make<F, T>(&'scope self, spawned: Spawned, body: F) -> (Job, Task<'scope, T>)
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: scopes (the header): the end waits for every member, and a
        // member is counted before its job is given to anybody.
        let (job, task) = unsafe { Job::new(body, spawned, self.io, self.state) };
        self.state().count.enter(record::thread_key());
        (
            job,
            Task {
                task,
                io: self.io,
                scope: PhantomData,
                result: PhantomData,
            },
        )
    }
}

impl ScopeState {
    /// Waits until every member has left. A forwarding point.
    fn join_members(&self, io: &dyn Io) {
        if !self.count.is_at_home(record::thread_key()) {
            moved_to_another_thread();
        }
        let mut forwarded = Forwarded::NOTHING;
        while let Some(expected) = self.count.prepare_wait() {
            if let Some(taken) = record::take_to_forward(io.id()) {
                forwarded.add(taken, self.forward_to_members());
            }
            let wait = || io.futex_wait(FutexWord::of(self.count.word()), expected, None);
            // An early return of any kind is a further look at the count.
            drop(labelled(io, WaitKind::ScopeEnd, || {
                record::forwarding(io.id(), wait)
            }));
        }
        let mut spins = 0;
        while !self.count.has_left() {
            spins += 1;
            if spins < LEAVE_SPINS_MAX {
                std::hint::spin_loop();
            } else {
                // Protected, so neither error can occur; if one does, look again.
                drop(record::protected(io.id(), || io.yield_now()));
            }
        }
        record::put_back(io.id(), forwarded.unreceived(self.is_forward_received()));
    }
}

/// Somebody else's coroutine began a scope on one thread and went on on another:
/// members may be counting on the first one, as this looks at their count.
#[cold]
fn moved_to_another_thread() -> ! {
    eprintln!(
        "a scope ended on another thread than it began: its stack was moved; the process \
         can not go on"
    );
    std::process::abort();
}

/// The handle of a task. Dropping it discards the result; the task goes on.
pub struct Task<'scope, T> {
    /// Dropped by the last of runner and handle, see `block.rs`.
    task: ManuallyDrop<TaskRef>,
    io: &'scope dyn Io,
    scope: PhantomData<&'scope ()>,
    result: PhantomData<UnsafeCell<T>>,
}

// SAFETY: a handle gives out the result by value, once.
unsafe impl<T: Send> Send for Task<'_, T> {}
// SAFETY: a shared handle gives out nothing of type `T`.
unsafe impl<T: Send> Sync for Task<'_, T> {}

impl<T> fmt::Debug for Task<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Task")
            .field("name", &self.name())
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}

impl<'scope, T> Task<'scope, T> {
    /// The same handle, made of what is in registers. A copy of what was stored in parts
    /// just before waits until these stores are through.
    #[inline(always)]
    fn anew(self, io: &'scope dyn Io) -> Task<'scope, T> {
        let mut this = ManuallyDrop::new(self);
        Task {
            // SAFETY: *references* of `block.rs`: it moves from the one to the other.
            task: ManuallyDrop::new(unsafe { ManuallyDrop::take(&mut this.task) }),
            io,
            scope: PhantomData,
            result: PhantomData,
        }
    }
}

impl<T> Task<'_, T> {
    /// Waits for the end of the task and returns its result.
    ///
    /// # Cancellation
    /// A forwarding point: a request goes on to the task; never Canceled.
    ///
    /// # Panics
    /// With the task's own panic; or if its executor dropped the task unrun.
    pub fn join(self) -> T {
        self.try_join()
            .unwrap_or_else(|payload| panic::resume_unwind(payload))
    }

    /// As [`join`](Task::join), with the task's panic as an error.
    ///
    /// # Errors
    /// The payload of the task's panic.
    pub fn try_join(self) -> Result<T, Box<dyn Any + Send>> {
        self.join_after(Forwarded::NOTHING)
    }

    fn join_after(self, forwarded: Forwarded) -> Result<T, Payload> {
        self.wait(forwarded);
        let mut this = ManuallyDrop::new(self);
        // SAFETY: *references* of `block.rs`: the task is over, so that the pair's is
        // the handle's, which is not dropped: it moves out once.
        let task = unsafe { ManuallyDrop::take(&mut this.task) };
        match task.dropped_payload() {
            Some(payload) => Err(payload),
            // SAFETY: *body*: done, not abandoned, and the handle takes it once.
            None => unsafe { block::take_result(&task) },
        }
    }

    /// Leaves a request to cancel, then joins.
    ///
    /// # Panics
    /// As [`join`](Task::join).
    pub fn cancel(self) -> T {
        self.request_cancel();
        self.join()
    }

    /// Leaves a request to cancel and does not wait.
    pub fn request_cancel(&self) {
        let _requested = self.request(Requester::Owner);
    }

    fn request(&self, by: Requester) -> Requested {
        // SAFETY: *scope*: the handle's lifetime is the scope's.
        unsafe { self.task.request(by) }
    }

    /// What the task is called, if it was given a name by [`Scope::task`].
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.task.name()
    }

    /// Whether the task is over: a join would not wait.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.task.is_done()
    }

    /// Hands a request that is pending for the current task on to this one.
    fn forward(&self, forwarded: &mut Forwarded) {
        if let Some(taken) = record::take_to_forward(self.io.id()) {
            forwarded.add(taken, self.request(Requester::Joiner).is_merged);
        }
    }

    fn wait(&self, mut forwarded: Forwarded) {
        if !self.task.is_done() {
            self.wait_for_end(&mut forwarded);
        }
        if !forwarded.is_nothing() {
            let is_received = !self.task.cancel.is_pending_from(Requester::Joiner);
            record::put_back(self.io.id(), forwarded.unreceived(is_received));
        }
    }

    fn wait_for_end(&self, forwarded: &mut Forwarded) {
        self.task.note_join();
        let id = self.io.id();
        let mut forward = |taken| forwarded.add(taken, self.request(Requester::Joiner).is_merged);
        while !self.task.is_done() {
            labelled(self.io, WaitKind::TaskEnd, || {
                record::forwarding_to(id, &mut forward, || self.io.wait_task(&self.task));
            });
        }
    }
}

impl<T> Drop for Task<'_, T> {
    fn drop(&mut self) {
        if self.task.completion.detach() {
            return;
        }
        if !self.task.completion.is_abandoned() {
            self.task.drop_result();
        }
        if self.task.completion.let_go() {
            // SAFETY: *references* of `block.rs`: the runner is done with the block.
            unsafe { ManuallyDrop::drop(&mut self.task) };
        }
    }
}

impl<'io> dyn Io + 'io {
    /// Runs `body` with a scope for tasks and waits for all of them. If the body
    /// panics its members are canceled and joined first; otherwise the panic of
    /// the first member that nobody joined is raised.
    ///
    /// # Cancellation
    /// Its end is a forwarding point: a request goes on to all members.
    ///
    /// # Panics
    /// With the body's panic, or a member's that nobody joined.
    ///
    /// ```
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// let mut words = ["fibers", "threads", "calls"];
    /// // Tasks may borrow what is outside the scope: they end before it does.
    /// io.scope(|scope| {
    ///     for word in &mut words {
    ///         scope.spawn(move || *word = &word[..1]);
    ///     }
    /// });
    /// assert_eq!(words, ["f", "t", "c"]);
    /// ```
    pub fn scope<'env, F, T>(&'env self, body: F) -> T
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        let state = ScopeState::new();
        let scope = Scope {
            io: self,
            state: NonNull::from(&state),
            scope: PhantomData,
            env: PhantomData,
        };
        let result = panic::catch_unwind(AssertUnwindSafe(|| body(&scope)));
        let abort = AbortOnUnwind;
        if result.is_err() {
            state.cancel_members();
        }
        state.join_members(self);
        abort.disarm();
        let panics = state
            .panics
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        match (result, panics.first) {
            (Ok(value), None) => value,
            (Ok(_), Some(payload)) => panic::resume_unwind(payload),
            (Err(payload), first) => {
                if let Some(first) = first {
                    block::discard(first);
                }
                panic::resume_unwind(payload)
            }
        }
    }

    /// Runs `body`, which blocks its thread or wants a large stack, where nothing
    /// else waits, and waits for its result as for a task. It has the name and the
    /// local values of the current task.
    ///
    /// # Cancellation
    /// A forwarding point: a request goes on to `body`.
    ///
    /// # Panics
    /// With the body's panic.
    ///
    /// ```
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn io_core::Io = &blocking;
    /// // Knows nothing of `io`, and would keep a worker from other tasks.
    /// let lines = io.offload(|| std::fs::read_to_string("/proc/self/limits"))?;
    /// assert!(lines.lines().count() > 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn offload<F, T>(&self, body: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        let spawned = Spawned::here(self.task_name());
        self.scope(|scope| {
            let (job, task) = scope.make(spawned, body);
            // What is pending now comes before the body's first point.
            let mut forwarded = Forwarded::NOTHING;
            task.forward(&mut forwarded);
            if let Err(rejected) = self.start(job, Start::Offload) {
                rejected.into_job().run(self.id()).publish();
            }
            task.join_after(forwarded)
                .unwrap_or_else(|payload| panic::resume_unwind(payload))
        })
    }
}
