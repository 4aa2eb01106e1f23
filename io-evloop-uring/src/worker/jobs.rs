//! Jobs: where a worker finds them, and the fibers that run them.

#![expect(unsafe_code, reason = "makes fibers and ends them")]

use std::io;

use crossbeam_deque::Steal;
use io_core::IoId;
use io_core::task::Job;

use super::{Flow, OWN_JOBS_PER_COMMON, SWITCHES_PER_POLL, Worker};
use crate::cell::{FiberCell, FiberKind, FiberRef, Park, Resume};
use crate::fiber::{Fiber, StackBounds, Suspender, Switch};

/// What a stack is labelled with while its task has no name: the report gives its
/// fiber's number.
const UNNAMED: &str = "";

impl Worker {
    /// While fibers are ready: one job of this worker or of the common queue, and
    /// from time to time another worker's.
    pub(super) fn start_job_in_turn(&self, switches: u32) {
        if !self.takes_jobs() {
            return;
        }
        let job = if switches.is_multiple_of(SWITCHES_PER_POLL) {
            self.next_job()
        } else {
            self.own_job()
        };
        if let Some(job) = job {
            self.start(job);
        }
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

    /// A job of this worker; in between one that no worker holds.
    fn own_job(&self) -> Option<Job> {
        let count = self.own_job_count.get() + 1;
        if count < OWN_JOBS_PER_COMMON
            && let Some(job) = self.deque.pop()
        {
            self.own_job_count.set(count);
            return Some(job);
        }
        self.own_job_count.set(0);
        let shared = &self.shared;
        let common = retry(|| shared.injector.steal_batch_and_pop(&self.deque));
        self.pass_on(common.is_some());
        common.or_else(|| self.deque.pop())
    }

    /// Takes jobs from another worker's queue, from its old end.
    fn steal(&self) -> Option<Job> {
        let shared = &self.shared;
        let count = shared.workers.len();
        let job = (1..count).find_map(|step| {
            let victim = &shared.workers[(self.index + step) % count].stealer;
            retry(|| victim.steal_batch_and_pop(&self.deque))
        });
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

    /// Runs a job on a fiber until that parks. Returns false if there is no
    /// stack for it (then it is kept).
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
        self.busy_count.set(self.busy_count.get() + 1);
        // Only the main fiber ends the loop, and it has parked.
        let flow = self.resume(fiber, Resume::Run(job));
        debug_assert!(flow == Flow::Continue);
        true
    }

    /// There is no stack. Another worker may have one; otherwise the job gets a
    /// thread of its own, since all fibers may be waiting for it; without one it
    /// waits until a stack is free.
    fn starve(&self, job: Job) {
        self.is_short.set(true);
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
        let mut stack = self.stacks.borrow_mut().take()?;
        let spare = self.spare_cells.borrow_mut().pop();
        let fiber = match spare {
            Some(fiber) => fiber,
            None => self.shared.make_cell(self.index, FiberKind::Pooled),
        };
        stack.set_label(fiber.cell().number as u64, UNNAMED);
        let cell = fiber.cell();
        cell.bounds.set(Some(stack.bounds()));
        let worker: *const Worker = self;
        let body = move |suspender: Suspender<'_, Resume, Park>, first: Resume| {
            // SAFETY: *own thread*: the worker outlives its fibers.
            let worker = unsafe { &*worker };
            worker.run_jobs(fiber.cell(), &suspender, first);
        };
        // SAFETY: *fibers*: the body borrows the worker alone; the thread ends
        // after its fibers (`leave`); nesting is the contract of `EventLoop::new`.
        let coroutine = unsafe { Fiber::new(stack, body) };
        // SAFETY: *owner*: the cell is new.
        unsafe { *cell.fiber.get() = Some(coroutine) };
        Ok(fiber)
    }

    /// The body of a fiber: one job after another.
    pub(super) fn run_jobs(
        &self,
        cell: &FiberCell,
        suspender: &Suspender<'_, Resume, Park>,
        first: Resume,
    ) {
        cell.suspender.set(Some(suspender.pointer()));
        let mut next = first;
        let mut is_named = false;
        loop {
            match next {
                Resume::Run(job) => {
                    let name = job.task().name();
                    if is_named || name.is_some() {
                        is_named = name.is_some();
                        label(cell, name.unwrap_or(UNNAMED));
                    }
                    let done = job.run(self.id());
                    next = suspender.suspend(Park::Finished(done));
                }
                Resume::Exit => return,
                Resume::Continue => unreachable!("an idle fiber waits for nothing"),
            }
        }
    }

    /// Whether the running fiber's stack has room for a task inline: more than
    /// half of it is free.
    pub(crate) fn has_room_inline(&self) -> bool {
        let Some(fiber) = self.current_fiber() else {
            return false;
        };
        let bounds = match fiber.cell().kind {
            FiberKind::Pooled => fiber.cell().bounds.get(),
            // Only at the limit of tasks, so its cost is no matter.
            FiberKind::Main => StackBounds::of_current_thread().ok(),
        };
        bounds.is_some_and(|bounds| bounds.remaining_stack_bytes() > bounds.total_bytes() / 2)
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
        let coroutine = unsafe { &mut *fiber.cell().fiber.get() };
        let mut coroutine = coroutine.take().expect("an idle fiber is a coroutine");
        match coroutine.resume(Resume::Exit) {
            Switch::Ended(stack) => self.stacks.borrow_mut().give_back(stack),
            Switch::Suspended(_) => unreachable!("an idle fiber ends when it is told to"),
        }
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
