//! Jobs: where a worker finds them, and the fibers that run them.

#![expect(unsafe_code, reason = "makes fibers and ends them")]

use std::io;
use std::ptr;
use std::sync::atomic::Ordering;
use std::thread;

use crossbeam_deque::Steal;
use io_core::IoId;
use io_core::task::{self, Done, Job, TaskRecord};

use super::{
    Flow, IDLE_FIBERS_MAX, OWN_JOBS_PER_COMMON, POLL_INTERVAL_NANOS, SWITCHES_PER_POLL,
    SWITCHES_PER_READING, Worker, now_nanos,
};
use crate::cell::{Away, FiberCell, FiberKind, FiberRef, Order};
use crate::fiber::{Fiber, StackBounds, Suspender, Switch};
use crate::shared::{Outside, TAKES_NONE};

/// So many joined tasks in a row may run before older jobs of their worker; then a
/// joiner waits, until those have started.
const OVERTAKEN_MAX: u32 = 32;
/// After so many tasks that ran on their joiners' stacks the clock is read: small
/// ones take a tenth of a microsecond each, a reading 30 ns.
const JOINED_PER_READING: u32 = 32;

/// A worker leaves its jobs to one with fewer fibers in so many looks at them, of a few
/// turns each, before it starts one all the same.
const LEFT_MAX: u32 = 16;
/// So many others are looked at: each may cost a line of the cache.
const OTHERS_LOOKED_AT_MAX: usize = 4;

/// What a stack is labelled with while its task has no name: the report gives its
/// fiber's number.
const UNNAMED: &str = "";

impl Worker {
    /// While fibers are ready: one job of this worker or of the common queue, or once
    /// after a poll another worker's: as started ones stay where they are, those that
    /// have few of them should not wait for long. Returns whether there was one.
    pub(super) fn start_job_in_turn(&self) -> bool {
        if !self.takes_jobs() {
            return false;
        }
        // A look costs less than a try.
        let job = if self.has_own_job() {
            if self.leaves_jobs_to_others() {
                return false;
            }
            self.own_job()
        } else if self.has_polled.replace(false) && self.shared.has_jobs() {
            self.steal()
        } else {
            None
        };
        job.is_some_and(|job| self.start(job))
    }

    /// Whether another worker should rather start the next job, as it has fewer that it
    /// has started: these stay where they are. If it does not come, this one does not
    /// wait for long.
    fn leaves_jobs_to_others(&self) -> bool {
        if self.is_alone.get() {
            return false;
        }
        let own = self.busy_count.get();
        let workers = &self.shared.workers;
        let others = (1..workers.len().min(1 + OTHERS_LOOKED_AT_MAX))
            .map(|step| &workers[(self.index + step) % workers.len()]);
        // TAKES_NONE is the most.
        let least = others
            .map(|other| other.busy_count.load(Ordering::Relaxed))
            .min();
        let count = self.left_count.get();
        let leaves = least.is_some_and(|least| least < own.saturating_sub(1)) && count < LEFT_MAX;
        self.left_count.set(if leaves { count + 1 } else { 0 });
        if leaves && count == 0 {
            self.shared.announce_job();
        }
        leaves
    }

    fn set_busy_count(&self, count: usize) {
        self.busy_count.set(count);
        self.show_busy_count();
    }

    /// Tells the others how many jobs it has started, or that it takes none.
    pub(super) fn show_busy_count(&self) {
        let shown = match self.is_draining.get() {
            true => TAKES_NONE,
            false => self.busy_count.get(),
        };
        self.outside().busy_count.store(shown, Ordering::Relaxed);
    }

    /// Starts a job of anybody's; returns whether there was one.
    pub(super) fn start_any_job(&self) -> bool {
        if !self.takes_jobs() {
            return false;
        }
        match self.next_job() {
            Some(job) => self.start(job),
            None => false,
        }
    }

    fn next_job(&self) -> Option<Job> {
        self.own_job().or_else(|| self.steal())
    }

    /// Takes a job that this worker or another will run.
    pub(crate) fn push_job(&self, job: Job) {
        self.counters.spawns.add(1);
        self.note_job();
        if self.is_alone.get() {
            return self.push_own_job(job);
        }
        self.newest_task.set(ptr::from_ref(&**job.task()));
        let newest = &self.outside().newest;
        if let Err(job) = newest.put(job)
            && let Some(before) = newest.replace(job)
        {
            self.deque.push(before);
        }
    }

    /// While it is alone `Outside::newest` is empty.
    fn push_own_job(&self, job: Job) {
        if self.is_short.get() {
            // It takes none.
            return self.deque.push(job);
        }
        self.newest_task.set(ptr::from_ref(&**job.task()));
        if let Some(before) = self.own_newest.replace(Some(job)) {
            self.deque.push(before);
        }
    }

    /// The oldest job of this worker's own.
    fn pop_job(&self) -> Option<Job> {
        self.deque.pop().or_else(|| self.take_newest())
    }

    /// Its newest job, unless others have taken it.
    fn take_newest(&self) -> Option<Job> {
        self.own_newest
            .take()
            .or_else(|| self.outside().newest.take())
    }

    /// Leaves all jobs of this worker to the others.
    pub(super) fn hand_on_jobs(&self) {
        while let Some(job) = self.pop_job() {
            self.shared.injector.push(job);
        }
    }

    /// Runs the job of `task` on the running stack, on which somebody waits for
    /// its end, if it has not been started and is easily found. Returns whether it
    /// did: then the task is over.
    pub(crate) fn run_joined(&self, task: &TaskRecord) -> bool {
        // A task that would see its joiner unwind, or in `no_suspend`, waits.
        if self.is_no_suspend() || thread::panicking() || !self.has_room_inline() {
            return false;
        }
        if self.is_heads_for_test() {
            return false;
        }
        let Some(job) = self.take_joined(task) else {
            return false;
        };
        self.run_on_joiner(job);
        true
    }

    /// The job of `task` if it is this worker's newest or oldest one.
    fn take_joined(&self, task: &TaskRecord) -> Option<Job> {
        if ptr::eq(self.newest_task.get(), task) {
            if self.overtakes_too_often() {
                return None;
            }
            // The address may be that of an earlier task, whose job is long gone.
            return self.keep_if_of(task, self.take_newest()?);
        }
        if self.is_short.get() {
            return None;
        }
        self.keep_if_of(task, self.deque.pop()?)
    }

    /// A job that was taken, if it is that of `task`.
    fn keep_if_of(&self, task: &TaskRecord, job: Job) -> Option<Job> {
        if ptr::eq(&raw const **job.task(), task) {
            return Some(job);
        }
        // Not its own: it is for all, who may not have seen it meanwhile.
        self.shared.injector.push(job);
        self.shared.announce_job();
        None
    }

    /// Who takes the newest job goes before the older ones. A task that goes on
    /// spawning and joining would keep them waiting, and pile up more of them.
    fn overtakes_too_often(&self) -> bool {
        let count = match self.deque.is_empty() {
            true => 0,
            false => self.overtaken_count.get() + 1,
        };
        let is_too_often = count > OVERTAKEN_MAX;
        self.overtaken_count
            .set(if is_too_often { 0 } else { count });
        is_too_often
    }

    fn run_on_joiner(&self, job: Job) {
        let fiber = self.current_fiber().expect("a fiber joins");
        let cell = fiber.cell();
        // The report of an overflow names the task that runs, not the joiner.
        let is_named = cell.kind == FiberKind::Pooled && job.task().name().is_some();
        if is_named {
            let name = job.task().name().unwrap_or(UNNAMED);
            label(cell, name);
        }
        self.counters.joined_in_place.add(1);
        self.note_task(cell, Some(job.task()));
        let done = job.run_for_joiner(self.id());
        self.note_task(cell, None);
        if is_named {
            let id = self.id();
            task::with_current(id, |record| {
                label(cell, record.and_then(TaskRecord::name).unwrap_or(UNNAMED));
            });
        }
        self.shared.count_ended();
        done.publish();
        self.count_joined();
    }

    /// Tasks that run on their joiners' stacks count against the budget.
    fn count_joined(&self) {
        let count = self.joined_count.get() + 1;
        self.joined_count.set(count);
        if count >= JOINED_PER_READING {
            self.joined_count.set(0);
            // No units: what counts is the time alone.
            self.count_inline(0, Some(now_nanos()));
        }
    }

    /// Whether [`own_job`](Self::own_job) may find one.
    #[inline]
    fn has_own_job(&self) -> bool {
        !self.deque.is_empty()
            || self.has_own_newest()
            || !self.outside().newest.is_empty()
            || !self.shared.injector.is_empty()
    }

    /// Puts its own newest job where all see it: the worker takes none for a while.
    pub(super) fn show_own_newest(&self) {
        if let Some(job) = self.own_newest.take() {
            self.newest_task.set(ptr::null());
            self.deque.push(job);
        }
    }

    fn has_own_newest(&self) -> bool {
        let newest = self.own_newest.take();
        let has_one = newest.is_some();
        self.own_newest.set(newest);
        has_one
    }

    /// A job of this worker; in between one that no worker holds.
    fn own_job(&self) -> Option<Job> {
        let count = self.own_job_count.get() + 1;
        if count < OWN_JOBS_PER_COMMON
            && let Some(job) = self.pop_job()
        {
            self.own_job_count.set(count);
            return Some(job);
        }
        self.own_job_count.set(0);
        let shared = &self.shared;
        let common = retry(|| shared.injector.steal_batch_and_pop(&self.deque));
        self.pass_on(common.is_some());
        common.or_else(|| self.pop_job())
    }

    /// Takes jobs from another worker's queue, from its old end.
    fn steal(&self) -> Option<Job> {
        let shared = &self.shared;
        let count = shared.workers.len();
        let job = (1..count).find_map(|step| {
            let victim = &shared.workers[(self.index + step) % count];
            retry(|| victim.stealer.steal_batch_and_pop(&self.deque))
                .or_else(|| victim.newest.take())
        });
        self.counters.steals.add(u64::from(job.is_some()));
        self.pass_on(job.is_some());
        job
    }

    /// Whoever takes a job of others and sees more wakes the next worker: it may
    /// have been the only one that was woken for all of them (`wake.rs`).
    fn pass_on(&self, has_taken: bool) {
        if has_taken && self.shared.has_jobs() {
            self.shared.announce_job();
        }
    }

    /// Begins a job on a fiber, and comes back when that, or one that went on in its
    /// stead, parks. Returns false if there is no stack for it (then it is kept).
    pub(super) fn start(&self, job: Job) -> bool {
        let fiber = match self.take_idle() {
            Some(fiber) => fiber,
            None => match self.make_fiber() {
                Ok(fiber) => fiber,
                Err(_) => {
                    self.starve(job);
                    return false;
                }
            },
        };
        self.set_busy_count(self.busy_count.get() + 1);
        // Only the main fiber ends the loop, and it has parked.
        fiber.cell().order.set(Some(Order::Run(job)));
        let flow = self.resume(fiber);
        debug_assert!(flow == Flow::Continue);
        true
    }

    /// There is no stack. Another worker may have one; otherwise the job gets a
    /// thread of its own, since all fibers may be waiting for it; without one it
    /// waits until a stack is free.
    fn starve(&self, job: Job) {
        self.is_short.set(true);
        self.show_own_newest();
        let rest = if self.shared.begin_short() {
            Some(job)
        } else {
            self.shared.offload.run_alone(&self.shared, job).err()
        };
        if let Some(job) = rest {
            self.shared.injector.push(job);
            self.shared.announce_job();
        }
    }

    pub(super) fn make_fiber(&self) -> io::Result<FiberRef> {
        self.ready.admit()?;
        let stack = self.stacks.borrow_mut().take();
        let mut stack = stack.inspect_err(|_| self.ready.dismiss())?;
        let spare = self.spare_cells.borrow_mut().pop();
        let fiber = match spare {
            Some(fiber) => fiber,
            None => self.shared.make_cell(self.index, FiberKind::Pooled),
        };
        stack.set_label(fiber.cell().number as u64, UNNAMED);
        let cell = fiber.cell();
        cell.bounds.set(Some(stack.bounds()));
        let worker: *const Worker = self;
        let body = move |suspender: Suspender<'_, (), Away>, ()| {
            // SAFETY: *own thread*: the worker outlives its fibers.
            let worker = unsafe { &*worker };
            worker.run_jobs(fiber, &suspender);
        };
        // SAFETY: *fibers*: the body borrows the worker alone; the thread ends
        // after its fibers (`leave`); nesting is the contract of `EventLoop::new`;
        // `run_jobs` lends its suspender to nobody.
        let coroutine = unsafe { Fiber::new(stack, body) };
        // SAFETY: *owner*: the cell is new.
        unsafe { *cell.fiber.get() = Some(coroutine) };
        Ok(fiber)
    }

    /// The body of a fiber: one job after another.
    fn run_jobs(&self, fiber: FiberRef, suspender: &Suspender<'_, (), Away>) {
        let cell = fiber.cell();
        cell.suspender.set(Some(suspender.pointer()));
        let mut is_named = false;
        loop {
            let order = cell.order.take();
            match order.expect("an idle fiber is resumed with an order") {
                Order::Run(job) => {
                    let mut next = Some(job);
                    while let Some(job) = next.take() {
                        let name = job.task().name();
                        if is_named || name.is_some() {
                            is_named = name.is_some();
                            label(cell, name.unwrap_or(UNNAMED));
                        }
                        cell.task_at.set(ptr::from_ref(&**job.task()).addr());
                        self.note_task(cell, Some(job.task()));
                        let done = job.run(self.id());
                        self.note_task(cell, None);
                        next = self.go_on_after(done);
                    }
                    self.rest(fiber);
                }
                Order::Exit => return,
            }
        }
    }

    /// The running fiber has no job any more; returns when it has its next order.
    fn rest(&self, fiber: FiberRef) {
        self.set_busy_count(self.busy_count.get() - 1);
        let is_kept = self.idle.borrow().len() < IDLE_FIBERS_MAX;
        if is_kept {
            self.idle.borrow_mut().push(fiber);
            self.end_short();
            self.switch_from(fiber);
        } else {
            self.end_short();
            self.switch_to_loop(fiber, Away::IsTooMany);
        }
    }

    /// What the running fiber does when a job of it has run: another job, if the
    /// loop would start one now (two switches are saved), or nothing.
    fn go_on_after(&self, done: Done) -> Option<Job> {
        // Nothing of the task is on this stack any more.
        self.end_task(done);
        if !self.would_start_own_job() || self.has_run_on_too_long() {
            return None;
        }
        self.forget_unwinding();
        if let Some(fiber) = self.current.get() {
            self.note_turn_of(fiber);
        }
        self.own_job()
    }

    /// Whether the loop, if it got control now, would start a job of this worker.
    fn would_start_own_job(&self) -> bool {
        let has_job =
            !self.deque.is_empty() || self.has_own_newest() || !self.outside().newest.is_empty();
        has_job
            && self.ready.is_empty()
            && self.takes_jobs()
            && !self.is_poll_wanted.get()
            // The stress mode wants its switches.
            && self.shuffle.get().is_none()
    }

    /// The budget of jobs that fibers run one after another, that of the loop.
    fn has_run_on_too_long(&self) -> bool {
        let count = self.run_on_count.get() + 1;
        self.run_on_count.set(count);
        if !count.is_multiple_of(SWITCHES_PER_READING) {
            return false;
        }
        let is_long = count >= SWITCHES_PER_POLL
            || now_nanos().saturating_sub(self.last_poll_nanos.get()) >= POLL_INTERVAL_NANOS;
        if is_long {
            self.run_on_count.set(0);
            self.want_poll();
        }
        is_long
    }

    /// Whether the running fiber's stack has room for a task inline: more than
    /// half of it is free.
    pub(crate) fn has_room_inline(&self) -> bool {
        let Some(fiber) = self.current_fiber() else {
            return false;
        };
        let bounds = &fiber.cell().bounds;
        if bounds.get().is_none() {
            // The caller's stack, which takes a system call or more to find.
            bounds.set(StackBounds::of_current_thread().ok());
        }
        let has_room =
            |bounds: StackBounds| bounds.remaining_stack_bytes() > bounds.total_bytes() / 2;
        bounds.get().is_some_and(has_room)
    }

    pub(super) fn outside(&self) -> &Outside {
        &self.shared.workers[self.index]
    }

    pub(crate) fn id(&self) -> IoId {
        IoId::of(&*self.shared)
    }

    pub(super) fn take_idle(&self) -> Option<FiberRef> {
        self.idle.borrow_mut().pop()
    }

    /// Ends an idle fiber and takes its stack back.
    pub(super) fn retire(&self, fiber: FiberRef) {
        // SAFETY: *owner*, and the fiber does not run.
        let coroutine = unsafe { &*fiber.cell().fiber.get() };
        let coroutine = coroutine.as_ref().expect("an idle fiber is a coroutine");
        fiber.cell().order.set(Some(Order::Exit));
        match coroutine.resume(()) {
            Switch::Ended(stack) => {
                let stack = stack.expect("a pooled fiber has a stack");
                self.stacks.borrow_mut().give_back(stack);
            }
            Switch::Suspended(_) => unreachable!("an idle fiber ends when it is told to"),
        }
        // SAFETY: *owner*: it has ended, and nothing refers to it.
        unsafe { *fiber.cell().fiber.get() = None };
        self.ready.dismiss();
        fiber.cell().suspender.set(None);
        self.spare_cells.borrow_mut().push(fiber);
    }
}

/// Notes for the overflow report which task runs on the running fiber's stack. A
/// child that runs inline there is reported as its spawner.
fn label(cell: &FiberCell, name: &str) {
    let bounds = cell.bounds.get().expect("a pooled fiber has a stack");
    // SAFETY: the fiber's own stack, on which this runs.
    unsafe { bounds.set_label(cell.number as u64, name) };
}

/// Steals until the answer does not depend on a race.
pub(crate) fn retry(mut steal: impl FnMut() -> Steal<Job>) -> Option<Job> {
    loop {
        match steal() {
            Steal::Success(job) => return Some(job),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
}
