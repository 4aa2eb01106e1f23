//! Jobs: where a worker finds them, and the fibers that run them.

#![expect(unsafe_code, reason = "makes fibers and ends them")]

use std::io;

use crossbeam_deque::Steal;
use io_core::IoId;
use io_core::task::Job;

use super::{Flow, Worker};
use crate::cell::{FiberCell, FiberKind, FiberRef, Park, Resume};
use crate::fiber::{Fiber, Suspender, Switch};

impl Worker {
    pub(super) fn start_own_job(&self) {
        if let Some(job) = self.deque.pop() {
            self.start(job);
        }
    }

    /// Starts a job of anybody's; returns whether there was one.
    pub(super) fn start_any_job(&self) -> bool {
        if let Some(job) = self.starved.take() {
            return self.start(job);
        }
        if self.is_draining.get() {
            return false;
        }
        match self.deque.pop().or_else(|| self.steal()) {
            Some(job) => self.start(job),
            None => false,
        }
    }

    /// Takes jobs from the common queue, or from another worker's. If more are
    /// left, the next sleeper is woken for them.
    pub(super) fn steal(&self) -> Option<Job> {
        let shared = &self.shared;
        let count = shared.workers.len();
        let victims = (1..count).map(|step| &shared.workers[(self.index + step) % count].stealer);
        let mut job = retry(|| shared.injector.steal_batch_and_pop(&self.deque));
        for victim in victims {
            if job.is_some() {
                break;
            }
            job = retry(|| victim.steal_batch_and_pop(&self.deque));
        }
        if job.is_some() && !self.deque.is_empty() {
            shared.announce_job();
        }
        job
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

    /// There is no stack: the offload pool has threads, otherwise the job waits
    /// for a fiber of this worker to end.
    pub(super) fn starve(&self, job: Job) {
        match self.shared.offload.run(&self.shared, job) {
            Ok(()) => self.shared.count_ended(),
            Err(job) => self.starved.set(Some(job)),
        }
    }

    pub(super) fn make_fiber(&self) -> io::Result<FiberRef> {
        let mut stack = self.stacks.borrow_mut().take()?;
        let fiber = self.shared.make_cell(self.index, FiberKind::Pooled);
        stack.set_label(fiber.place() as u64, "task");
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
        loop {
            match next {
                Resume::Run(job) => {
                    let done = job.run(self.id());
                    next = suspender.suspend(Park::Finished(done));
                }
                Resume::Exit => return,
                Resume::Continue => unreachable!("an idle fiber waits for nothing"),
            }
        }
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
    }
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
