//! [`Worker`]: one thread's side of the loop: its ring, its fibers and the run
//! loop that switches between them. Chapters call it from fibers, `shared.rs`
//! from elsewhere.
//!
//! ```text
//!  thread worker                        caller of run (worker 0)
//!  ┌────────────────┐                   ┌────────────┐   parks    ┌────────────────┐
//!  │ run loop       │                   │ main fiber │ ─────────► │ run loop       │
//!  │ (the thread's  │                   │ (caller's  │ ◄───────── │ (a stack of    │
//!  │  own stack)    │                   │  stack)    │  is ready  │  its own)      │
//!  └──┬─────────▲───┘                   └────────────┘            └──┬─────────▲───┘
//!     ▼ resume  │ park(reason)                                       ▼         │
//!  fibers                                                         fibers
//! ```
//! One round of the loop: messages, due timers and completions if their turn has
//! come (the budget), then ready fibers in FIFO order, with unstarted jobs in
//! between, then jobs of others, then sleep (`wake.rs`). A fiber that parks goes
//! straight to the next one that is ready (`worker/park.rs`), as often as nothing
//! else has its turn: half of the switches are saved.
//!
//! A fiber says where it waits *before* it switches away: a waker or the kernel may
//! answer at once, but nobody resumes it meanwhile, as that takes this thread.
//!
//! # Safety argument: worker
//! *own thread*: a `Worker` is used on the thread that made it only; the
//! thread's word points to it as long as it runs. Fibers are pinned to that thread and end
//! before the worker does, so a reference to the worker stays valid across a
//! park. No borrow of a `RefCell` of the worker lives across a switch.
//! *fibers*: what a fiber's body borrows is the worker; see `fiber/switch.rs`
//! for the contract. Only a fiber that is parked is resumed: it is ready exactly
//! once per park, since whoever makes it ready has taken it out of what it waited
//! in (a queue, the timers, its completion). One that became ready while it was
//! about to park is taken from the ready queue by itself, or by the loop later.

#![expect(
    unsafe_code,
    reason = "resumes fibers and reads completion slots on their stacks"
)]

mod caller;
mod jobs;
mod park;
mod ready;
mod rounds;
mod watched;

pub(crate) use jobs::retry;

use std::cell::{Cell, RefCell, UnsafeCell};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use io_core::Clock;
use io_core::task::{self, Done, Job, StackContext, TaskRecord};

use crate::cell::{Away, CompletionSlot, FiberRef, RingWait, Wait as FiberWait};
use crate::fiber::{Fiber, StackPool, Switch, abort_with, set_thread_word, thread_word};
use crate::file::Syncs;
use crate::metrics::Counters;
use crate::ring::{
    Completion, Entry, Ring, RingCounters, SlotAddress, UserData, Wait, ring_failed,
};
use crate::route::NameCalls;
use crate::shared::{Kept, Message, Report, Shared, TAKES_NONE};
use crate::timers::Timers;
use crate::waits::Waits;
use crate::wake::{Reach, SEARCH_MAX, Sleeper, WokenBy};
use ready::ReadyQueue;

/// After so many switches the loop looks at completions, timers and messages,
/// even if fibers are ready.
const SWITCHES_PER_POLL: u32 = 64;
/// ... and after so much time, read every `SWITCHES_PER_READING` switches.
const POLL_INTERVAL_NANOS: u64 = 100_000;
const SWITCHES_PER_READING: u32 = 8;
/// If the last `SWITCHES_PER_POLL` switches took less than this, the clock is only read
/// when the system has had a tick (every few milliseconds): a reading takes as long as three such
/// switches, a look at the tick a sixth of that.
const QUICK_NANOS: u64 = POLL_INTERVAL_NANOS / 8;
const SWITCHES_PER_TICK_READING: u32 = 16;
/// After so many calls that did not park, a fiber lets others run: at one to two
/// microseconds each, some 100 us.
const INLINE_UNITS_MAX: u32 = 64;
/// While fibers are ready, one job is started after so many of them.
const READY_PER_JOB: u32 = 4;
/// If there is none, the loop looks for one after so many fibers.
const READY_PER_LOOK: u32 = 8;
/// After so many jobs of its own, a worker looks at those that no worker holds,
/// or jobs that start jobs could keep them waiting for ever.
const OWN_JOBS_PER_COMMON: u32 = 32;
/// Idle fibers kept with their stacks, above which their stacks go back to the pool.
const IDLE_FIBERS_MAX: usize = 1024;
/// A worker that found no stack for a job tries again after this time, or when a
/// fiber of it ends.
const SHORT_SLEEP_MAX: Duration = Duration::from_millis(1);
/// A submission that was canceled and goes on is canceled again after this time:
/// it can be between two places where the kernel would find it.
const CANCEL_AGAIN_NANOS: u64 = 100_000_000;

/// Whether the run loop goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continue,
    Exit,
}

/// One thread's side of the loop.
pub(crate) struct Worker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) index: usize,
    pub(crate) ring: RefCell<Ring>,
    pub(crate) counters: Arc<Counters>,
    /// What of the ring's own counts is in `counters`.
    ring_counters: Cell<RingCounters>,
    sleeper: RefCell<Option<Sleeper>>,
    pub(crate) timers: RefCell<Timers<FiberRef>>,
    stacks: RefCell<StackPool>,
    deque: crossbeam_deque::Worker<Job>,
    /// The task of the job that was put into `own_newest` or `Outside::newest` last,
    /// which others may have taken since: an address to compare, never followed.
    newest_task: Cell<*const TaskRecord>,
    /// Its newest job while it is alone: nobody could take it from here, and it costs no
    /// atomic exchange. Empty otherwise.
    own_newest: Cell<Option<Job>>,
    ready: ReadyQueue,
    /// Fibers whose job has ended, parked at their root, newest last.
    idle: RefCell<Vec<FiberRef>>,
    /// Cells of fibers that have ended.
    spare_cells: RefCell<Vec<FiberRef>>,
    /// The main fiber's, if there ever was one.
    main_cell: Cell<Option<FiberRef>>,
    /// It found no stack for a job: it takes none until a fiber ends or a while
    /// has passed.
    is_short: Cell<bool>,
    /// Jobs started since it looked at the common queue.
    own_job_count: Cell<u32>,
    /// Tasks that ran on their joiners' stacks since the clock was read.
    joined_count: Cell<u32>,
    /// Tasks in a row that were joined and ran before older jobs.
    overtaken_count: Cell<u32>,
    /// Ready fibers resumed and jobs started in their absence: what else has its
    /// turn, jobs, the clock, a poll.
    turn: Cell<u32>,
    /// The last poll's, down to one of `SWITCHES_PER_READING`.
    polled_turn: Cell<u32>,
    /// `READY_PER_JOB` or `READY_PER_LOOK`.
    turns_per_look: Cell<u32>,
    /// How many fibers may still hand over to each other before the loop has its turn.
    hand_overs_left: Cell<u32>,
    /// Jobs that fibers ran one after another since that was last too many.
    run_on_count: Cell<u32>,
    /// The fiber that runs; `None` while the run loop does.
    current: Cell<Option<FiberRef>>,
    /// Fibers with a job.
    busy_count: Cell<usize>,
    /// How often in a row it has left a job to others.
    left_count: Cell<u32>,
    /// Fibers that parked while the thread unwinds, since it last did not.
    unwinding_count: Cell<usize>,
    /// Counts the times that these were forgotten.
    unwinding_period: Cell<u64>,
    /// Submissions of fibers whose completion has not come.
    submitted_count: Cell<usize>,
    /// Worker 0: the body of `run` has ended, its end waits for the fibers.
    is_main_over: Cell<bool>,
    /// ... and others take the jobs.
    is_draining: Cell<bool>,
    /// Worker 0: nobody else takes jobs, or will before it drains.
    is_alone: Cell<bool>,
    main: Cell<Option<FiberRef>>,
    /// Worker 0: the coroutine that the run loop is on.
    scheduler: UnsafeCell<Option<Fiber<(), ()>>>,
    /// Random order of ready fibers, for tests.
    shuffle: Cell<Option<u64>>,
    last_poll_nanos: Cell<u64>,
    /// Since it looked at other workers' jobs while fibers were ready.
    has_polled: Cell<bool>,
    /// The last `SWITCHES_PER_POLL` switches were quick.
    is_quick: Cell<bool>,
    pub(crate) waits: Waits,
    pub(crate) name_calls: NameCalls,
    pub(crate) syncs: Syncs,
    /// Calls since the last poll that did not park, see `count_inline`.
    inline_count: Cell<u32>,
    is_poll_wanted: Cell<bool>,
    /// Opens that the kernel's workers perform, and how many workers it may have.
    waiting_open_count: Cell<u32>,
    kernel_workers_max: Cell<u32>,
}

/// Runs `body` with this thread's worker if it is one of `shared`'s.
pub(crate) fn with_current<R>(shared: &Shared, body: impl FnOnce(&Worker) -> R) -> Option<R> {
    let worker = thread_word().cast::<Worker>();
    if worker.is_null() {
        return None;
    }
    // SAFETY: *own thread*: the pointer is reset before the worker goes.
    let worker = unsafe { &*worker };
    ptr::eq(Arc::as_ptr(&worker.shared), shared).then(|| body(worker))
}

/// Whether this thread is a worker of any event loop.
pub(crate) fn is_worker_thread() -> bool {
    !thread_word().is_null()
}

/// A worker thread, from its start to its end.
pub(crate) fn run_thread(shared: &Arc<Shared>, index: usize) {
    match Worker::new(Arc::clone(shared), index) {
        Ok(worker) => {
            worker.enter();
            shared.places.report(index, Report::Runs);
            let run = AssertUnwindSafe(|| {
                worker.run_loop();
                worker.end_fibers();
            });
            // A mistake of the loop's own must not unwind past fibers that are
            // parked, whose memory the kernel may write to.
            if let Err(_payload) = panic::catch_unwind(run) {
                abort_with("a panic left the run loop of a worker");
            }
            worker.leave();
        }
        // The loop goes on with fewer workers.
        Err(_) => shared.places.report(index, Report::GivesUp),
    }
}

impl Worker {
    /// Makes the calling thread's side of worker `index`.
    ///
    /// # Errors
    /// The ring or the eventfd is refused.
    pub(crate) fn new(shared: Arc<Shared>, index: usize) -> io::Result<Worker> {
        let ring = Ring::new(&shared.options.ring)?;
        let stacks = StackPool::new(shared.options.stack.clone())?;
        crate::fiber::ensure_alternate_stack()?;
        // Last of what can fail: it has to be undone by `leave`.
        let sleeper = shared.wake.attach(index, &ring)?;
        let kept = shared.take_kept(index);
        Ok(Worker {
            index,
            ring_counters: Cell::new(ring.counters()),
            ring: RefCell::new(ring),
            counters: Arc::clone(&shared.workers[index].counters),
            sleeper: RefCell::new(Some(sleeper)),
            timers: RefCell::default(),
            stacks: RefCell::new(stacks),
            deque: kept.deque,
            newest_task: Cell::new(ptr::null()),
            own_newest: Cell::new(None),
            spare_cells: RefCell::new(kept.spare_cells),
            main_cell: Cell::new(kept.main),
            is_short: Cell::new(false),
            own_job_count: Cell::new(0),
            joined_count: Cell::new(0),
            overtaken_count: Cell::new(0),
            turn: Cell::new(0),
            polled_turn: Cell::new(0),
            turns_per_look: Cell::new(READY_PER_JOB),
            hand_overs_left: Cell::new(0),
            run_on_count: Cell::new(0),
            ready: ReadyQueue::new(),
            idle: RefCell::default(),
            current: Cell::new(None),
            busy_count: Cell::new(0),
            left_count: Cell::new(0),
            unwinding_count: Cell::new(0),
            unwinding_period: Cell::new(0),
            submitted_count: Cell::new(0),
            is_main_over: Cell::new(false),
            is_draining: Cell::new(false),
            is_alone: Cell::new(false),
            main: Cell::new(None),
            scheduler: UnsafeCell::new(None),
            shuffle: Cell::new(shared.options.switch_seed),
            last_poll_nanos: Cell::new(0),
            has_polled: Cell::new(false),
            is_quick: Cell::new(false),
            waits: Waits::new(),
            name_calls: NameCalls::default(),
            syncs: Syncs::default(),
            inline_count: Cell::new(0),
            is_poll_wanted: Cell::new(false),
            waiting_open_count: Cell::new(0),
            kernel_workers_max: Cell::new(shared.options.ring.kernel_workers.bounded_max),
            shared,
        })
    }

    pub(crate) fn enter(&self) {
        assert!(!is_worker_thread(), "a thread is one worker");
        set_thread_word(ptr::from_ref(self).cast());
        self.show_busy_count();
        self.begin_watched();
    }

    /// Ends its idle fibers, which borrow the worker where it is: before `leave`.
    pub(crate) fn end_fibers(&self) {
        while let Some(fiber) = self.take_idle() {
            self.retire(fiber);
        }
    }

    /// Ends the worker: its place in the loop, its ring.
    pub(crate) fn leave(self) {
        // The call has moved it: nobody finds it by the word any more.
        set_thread_word(ptr::null());
        debug_assert!(self.idle.borrow().is_empty(), "`end_fibers` ended them");
        debug_assert!(self.own_newest.take().is_none(), "it was handed on");
        self.end_watched();
        self.outside()
            .busy_count
            .store(TAKES_NONE, Ordering::Relaxed);
        let sleeper = self.sleeper.take().expect("it was attached");
        let mut ring = self.ring.borrow_mut();
        let detached = sleeper.detach(&mut ring, |_, completion| self.complete(completion));
        self.check(&ring, detached);
        drop(ring);
        self.end_short();
        let kept = Kept {
            deque: self.deque,
            spare_cells: self.spare_cells.into_inner(),
            main: self.main_cell.into_inner(),
        };
        self.shared.put_back(self.index, kept);
    }

    // ---- called by others on this thread -----------------------------------

    /// Makes a fiber of this worker go on.
    #[inline]
    pub(crate) fn push_ready(&self, fiber: FiberRef) {
        self.ready.push(fiber);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.get()
    }

    /// Whether a new job concerns this worker alone: there is nobody to wake.
    pub(crate) fn is_alone(&self) -> bool {
        self.is_alone.get()
    }

    /// Whether other fibers than the running one have something to do, as far as is
    /// easily told: the main fiber most often only waits for the others.
    pub(crate) fn has_others(&self) -> bool {
        let is_main = self.current.get() == self.main.get();
        self.busy_count.get() > usize::from(!is_main)
    }

    /// Whether this worker starts jobs at the moment.
    fn takes_jobs(&self) -> bool {
        !self.is_draining.get() && !self.is_short.get()
    }

    /// Ends the wait of `task` if it is in one on a fiber of this worker.
    pub(crate) fn interrupt(&self, task: &TaskRecord) {
        if !task.is_interrupt_due() {
            return;
        }
        let place = task.place().load(Ordering::Relaxed);
        let fiber = self.shared.fiber_at(place);
        if let Some(fiber) = fiber.filter(|fiber| fiber.cell().worker == self.index) {
            self.end_wait(fiber);
        }
    }

    /// Ends what a fiber of this worker waits in: it goes on and finds out why.
    fn end_wait(&self, fiber: FiberRef) {
        let cell = fiber.cell();
        match cell.wait.get() {
            FiberWait::None => {}
            FiberWait::Ring(wait) => self.cancel(wait),
            FiberWait::Futex(waiter) => {
                // SAFETY: *fibers*: the fiber is parked in this wait, or about to
                // go on from it, so the waiter on its stack is valid.
                if unsafe { self.shared.lot.remove(waiter) } {
                    cell.wait.set(FiberWait::None);
                    self.push_ready(fiber);
                }
            }
            FiberWait::Sleep => self.wake_sleeping(fiber),
        }
    }

    /// A fiber of this worker that sleeps, if it does, goes on.
    pub(crate) fn wake_sleeping(&self, fiber: FiberRef) {
        let wait = &fiber.cell().wait;
        if matches!(wait.get(), FiberWait::Sleep) {
            wait.set(FiberWait::None);
            // A fiber that blocks its worker in place looks by itself.
            if self.current.get() != Some(fiber) {
                self.push_ready(fiber);
            }
        }
    }

    /// Asks the kernel to end what a fiber has submitted. Each cancel stands
    /// behind its submission in the queue, and before any later one of the same
    /// address, so it can hit no other.
    fn cancel(&self, wait: NonNull<RingWait>) {
        // SAFETY: *fibers*: the wait's fiber is parked (or blocks) in it.
        let wait = unsafe { wait.as_ref() };
        if wait.remaining.get() == 0 {
            return;
        }
        // SAFETY: *fibers*: the slots are as alive as the wait.
        for slot in unsafe { wait.slots.as_ref() } {
            if !slot.is_done.get() {
                slot.is_cancel_sent.set(true);
                let address = SlotAddress::of(ptr::from_ref(slot));
                self.ring.borrow_mut().push(Entry::cancel(address));
            }
        }
        let again = now_nanos().saturating_add(CANCEL_AGAIN_NANOS);
        let mut timers = self.timers.borrow_mut();
        let timer = timers.arm(again, wait.fiber);
        if let Some(before) = wait.timer.replace(Some(timer)) {
            timers.disarm(before);
        }
    }

    /// A completion has come: its fiber is ready, if it is the last it waits for.
    fn complete(&self, completion: Completion) {
        let UserData::Operation(address) = completion.user_data else {
            // A cancel's own answer says nothing: its operation's completion does.
            return;
        };
        let slot = ptr::with_exposed_provenance::<CompletionSlot>(address.get());
        // SAFETY: *fibers*: the slot is on the stack of a fiber that parked (or
        // blocks) until this very completion.
        let slot = unsafe { &*slot };
        slot.result.set(completion.result);
        slot.is_done.set(true);
        self.submitted_count.set(self.submitted_count.get() - 1);
        // SAFETY: as above; it was set before the submission was pushed.
        let wait = unsafe { &*slot.wait.get() };
        wait.remaining.set(wait.remaining.get() - 1);
        if wait.remaining.get() == 0 && !wait.is_in_place.get() {
            self.push_ready(wait.fiber);
        }
    }

    // ---- the run loop ------------------------------------------------------

    /// Messages, completions, due timers; never waits.
    fn poll(&self) {
        self.take_messages();
        let mut ring = self.ring.borrow_mut();
        if self.submitted_count.get() > 0 || ring.has_unsubmitted() {
            let mut sleeper = self.sleeper.borrow_mut();
            let sleeper = sleeper.as_mut().expect("attached while the worker runs");
            let reaped = sleeper.reap(&mut ring, |_, completion| self.complete(completion));
            self.check(&ring, reaped);
        }
        drop(ring);
        let now = now_nanos();
        self.judge_pace(now);
        self.has_polled.set(true);
        self.last_poll_nanos.set(now);
        self.begin_budget();
        self.inline_count.set(0);
        self.fire_timers();
    }

    /// Ends the process if the ring has failed for good; otherwise notes what it
    /// has done.
    fn check<T>(&self, ring: &Ring, answer: io::Result<T>) {
        if let Err(error) = answer {
            ring_failed(self.index, ring.fd(), &error);
        }
        let (now, before) = (ring.counters(), self.ring_counters.get());
        self.counters.enters.add(now.enters - before.enters);
        let submitted = now.submitted - before.submitted;
        self.counters.submissions.add(submitted);
        self.ring_counters.set(now);
    }

    /// Right after `last_poll_nanos` was read.
    fn fire_timers(&self) {
        let now = self.last_poll_nanos.get();
        loop {
            let due = self.timers.borrow_mut().take_due(now);
            match due {
                Some(fiber) => self.end_wait(fiber),
                None => return,
            }
        }
    }

    fn take_messages(&self) {
        let inbox = &self.shared.workers[self.index].inbox;
        while let Some(message) = inbox.pop() {
            match message {
                Message::Ready(fiber) => self.push_ready(fiber),
                Message::Interrupt(task) => self.interrupt(&task),
                Message::Describe(gathering) => gathering.answer(self.describe_waits()),
            }
        }
    }

    /// Spins, then sleeps, until there may be something to do.
    fn idle(&self) {
        if self.stacks.borrow_mut().trim() > 0 {
            self.is_poll_wanted.set(true);
            return;
        }
        let takes_jobs = self.takes_jobs();
        // Completions only show in an enter: who waits for one does not spin.
        if takes_jobs && self.submitted_count.get() == 0 {
            let sleepers = self.shared.wake.sleepers();
            if sleepers.search(SEARCH_MAX, || self.can_take_work()) {
                self.pass_on_if_busy();
                return;
            }
        }
        let reach = if takes_jobs {
            Reach::ForJobs
        } else {
            Reach::OwnOnly
        };
        let wait = self.wait_for_timer();
        let resting = self.begin_rest(wait);
        let mut ring = self.ring.borrow_mut();
        let mut sleeper = self.sleeper.borrow_mut();
        let sleeper = sleeper.as_mut().expect("attached while the worker runs");
        let has_work = || self.can_take_work();
        self.counters.sleeps.add(1);
        let enters = ring.counters().enters;
        let began = now_nanos();
        let slept = sleeper.sleep(&mut ring, (wait, reach), has_work, |_, completion| {
            self.complete(completion);
        });
        self.check(&ring, slept);
        // If it found work it has not entered, and completions wait.
        let has_entered = ring.counters().enters != enters && !ring.has_unsubmitted();
        self.is_poll_wanted.set(!has_entered);
        drop(ring);
        drop(resting);
        self.end_short();
        let ended = now_nanos();
        self.counters.asleep_nanos.add(ended.saturating_sub(began));
        self.waits.note_slept(began, ended);
        self.last_poll_nanos.set(ended);
        self.is_quick.set(false);
        self.inline_count.set(0);
        self.fire_timers();
        if reach == Reach::ForJobs && sleeper.woken_by() == WokenBy::Waker {
            self.pass_on_if_busy();
        }
    }

    /// This worker was woken for a job, or searched, so that new jobs woke nobody.
    /// If it has something else to do first, the next sleeper gets the wake.
    fn pass_on_if_busy(&self) {
        let inbox = &self.shared.workers[self.index].inbox;
        let is_busy = !self.ready.is_empty() || !inbox.is_empty();
        if is_busy && self.shared.has_jobs() {
            self.shared.announce_job();
        }
    }

    /// How long a sleep may be.
    fn wait_for_timer(&self) -> Wait {
        let timer = self.timers.borrow().next_nanos();
        let rest = timer.map(|nanos| Duration::from_nanos(nanos.saturating_sub(now_nanos())));
        match (rest, self.is_short.get()) {
            (None, false) => Wait::One,
            (None, true) => Wait::OneFor(SHORT_SLEEP_MAX),
            (Some(rest), false) => Wait::OneFor(rest),
            (Some(rest), true) => Wait::OneFor(rest.min(SHORT_SLEEP_MAX)),
        }
    }

    /// Whether there is something that others have left for this worker.
    fn can_take_work(&self) -> bool {
        let shared = &self.shared;
        !shared.workers[self.index].inbox.is_empty()
            || shared.is_stopping()
            || self.takes_jobs() && shared.has_jobs()
    }

    // ---- switches ----------------------------------------------------------

    /// Runs a fiber until it parks, or one to which it handed over.
    #[inline(never)]
    fn resume(&self, fiber: FiberRef) -> Flow {
        self.resume_here(fiber)
    }

    /// The same in the caller's frame: the switch saves every register, so a call
    /// around it would do so once more.
    #[inline(always)]
    fn resume_here(&self, fiber: FiberRef) -> Flow {
        // SAFETY: *owner*, and *fibers*: it is parked.
        let coroutine = unsafe { &*fiber.cell().fiber.get() };
        let coroutine = coroutine.as_ref().expect("it has not ended");
        self.switch_context_in(fiber);
        let turn = self.begin_hand_overs();
        let switch = coroutine.resume(());
        let last = self.switch_context_out();
        self.count_switches_since(turn);
        match switch {
            Switch::Suspended(Away::Parks) => {}
            Switch::Suspended(Away::IsTooMany) => self.retire(last),
            // The main fiber's: `run` is done with the run loop.
            Switch::Ended(None) => return Flow::Exit,
            Switch::Ended(Some(_)) => unreachable!("a fiber ends when it is retired"),
        }
        Flow::Continue
    }

    #[inline]
    fn switch_context_in(&self, fiber: FiberRef) {
        self.forget_unwinding();
        self.current.set(Some(fiber));
        self.note_running(Some(fiber));
        let context = fiber.cell().context.replace(StackContext::EMPTY);
        // SAFETY: it was returned when this fiber was left; the run loop has no frames.
        let _own = unsafe { task::swap_stack_context(context) };
    }

    /// Returns the fiber that has run last.
    #[inline]
    fn switch_context_out(&self) -> FiberRef {
        let last = self.current.take().expect("a fiber has run");
        // SAFETY: the run loop has no frames.
        let context = unsafe { task::swap_stack_context(StackContext::EMPTY) };
        last.cell().context.set(context);
        self.note_running(None);
        last
    }

    /// Before `next` goes on in the stead of `fiber`, which runs.
    #[inline(always)]
    fn switch_context(&self, fiber: FiberRef, next: FiberRef) {
        self.current.set(Some(next));
        self.note_turn_of(next);
        let context = next.cell().context.replace(StackContext::EMPTY);
        // SAFETY: it was returned when that fiber was left; nothing that has frames runs
        // in between.
        let own = unsafe { task::swap_stack_context(context) };
        fiber.cell().context.set(own);
    }

    /// A task is over, of which nothing is left on the stack.
    fn end_task(&self, done: Done) {
        self.shared.count_ended();
        done.publish();
    }

    /// There may be a stack again.
    fn end_short(&self) {
        if self.is_short.replace(false) {
            self.shared.end_short();
        }
    }
}

fn now_nanos() -> u64 {
    io_blocking::system::now(Clock::Monotonic).as_nanos()
}

/// The next number of the order of ready fibers (a linear congruential
/// generator: any order does, as long as the seed gives it again).
fn shuffle_step(seed: u64) -> u64 {
    seed.wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407)
}
