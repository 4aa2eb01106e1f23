//! Worker 0: the caller of `EventLoop::run`, whose own stack is the main fiber.

#![expect(
    unsafe_code,
    reason = "makes the coroutine of the run loop and ends it"
)]

use std::io;

use super::{Flow, Worker};
use crate::cell::{Away, Coroutine, FiberKind};
use crate::fiber::{Fiber, Suspender};

impl Worker {
    /// Makes the calling thread's stack the main fiber, and the run loop a
    /// coroutine beside it.
    ///
    /// # Errors
    /// There is no stack for the run loop.
    pub(crate) fn begin_main(&self) -> io::Result<()> {
        let stack = self.stacks.borrow_mut().take()?;
        let worker: *const Worker = self;
        let body = move |suspender: Suspender<'_, (), ()>, ()| {
            // SAFETY: *own thread*: the worker outlives the run loop.
            let worker = unsafe { &*worker };
            worker.main_coroutine().is_resumed_by(&suspender);
            worker.run_loop_beside_main();
        };
        // SAFETY: *fibers*: as in `make_fiber`; `end_main` ends it.
        let scheduler = unsafe { Fiber::new(stack, body) };
        // SAFETY: *own thread*: nothing refers to it yet.
        unsafe { *self.scheduler.get() = Some(scheduler) };
        let main = match self.main_cell.get() {
            Some(main) => main,
            None => self.shared.make_cell(self.index, FiberKind::Main),
        };
        let cell = main.cell();
        // SAFETY: *owner*: nobody refers to it.
        unsafe { *cell.fiber.get() = Some(Fiber::of_caller()) };
        // Another thread may have been the caller last.
        cell.bounds.set(None);
        self.main_cell.set(Some(main));
        self.main.set(Some(main));
        cell.suspender.set(Some(self.main_coroutine().suspender()));
        self.current.set(Some(main));
        self.note_running(Some(main));
        self.is_alone.set(self.shared.places.is_caller_alone());
        Ok(())
    }

    /// Lets the run loop begin, which goes on with the main fiber at once.
    pub(crate) fn begin_run_loop(&self) {
        // SAFETY: this is the main fiber's stack; for the scheduler see
        // `run_loop_beside_main`; both handles are where they are until `end_main`.
        unsafe { self.main_coroutine().begin(self.scheduler()) };
    }

    fn run_loop_beside_main(&self) {
        self.switch_context_out();
        let main = self.main.get().expect("`begin_main` made it");
        if self.resume(main) == Flow::Continue {
            self.run_loop();
        }
    }

    fn main_coroutine(&self) -> &Coroutine {
        let main = self.main.get().expect("`begin_main` made it");
        // SAFETY: *owner*: only `begin_main` and `end_main` write to it.
        let coroutine = unsafe { &*main.cell().fiber.get() };
        coroutine.as_ref().expect("`begin_main` made it")
    }

    fn scheduler(&self) -> &Fiber<(), ()> {
        // SAFETY: *own thread*: only `begin_main` and `end_main` write to it.
        let scheduler = unsafe { &*self.scheduler.get() };
        scheduler.as_ref().expect("`begin_main` made it")
    }

    /// The body of `run` is over: no further jobs, and wait for what was started.
    /// The steps are those of `shared/places.rs`; if nobody else can take jobs,
    /// this worker goes on doing so.
    pub(crate) fn drain_main(&self) {
        self.is_main_over.set(true);
        self.is_alone.set(false);
        loop {
            self.is_draining.set(true);
            self.show_busy_count();
            self.hand_on_jobs();
            self.shared.places.begin_drain();
            if !self.shared.injector.is_empty() {
                if self.shared.ensure_taker() {
                    self.shared.announce_job();
                } else {
                    self.take_jobs_again();
                }
            }
            if self.busy_count.get() > 0 || self.has_to_take_jobs() {
                // `round_without_ready` looks after it.
                self.park();
            }
            if self.is_draining.get() {
                return;
            }
        }
    }

    /// Nobody else takes jobs: this worker does again, and drains later.
    pub(crate) fn take_jobs_again(&self) {
        if self.is_draining.replace(false) {
            self.show_busy_count();
            self.shared.places.end_drain();
        }
    }

    /// Whether the end of `run` has to wait for jobs that only this worker takes.
    pub(super) fn has_to_take_jobs(&self) -> bool {
        !self.is_draining.get() && self.shared.has_jobs()
    }

    /// Ends the run loop's coroutine. The caller's stack has its frames again.
    pub(crate) fn end_main(&self) {
        let main = self.main.get().expect("`begin_main` made it");
        // Another fiber may have handed over to it: only whom the loop itself has resumed
        // may end.
        self.push_ready(main);
        self.switch_to_loop(main, Away::Parks);
        // SAFETY: this is the main fiber's stack, and the loop has resumed it last.
        let stack = unsafe { self.main_coroutine().end(self.scheduler()) };
        self.stacks.borrow_mut().give_back(stack);
        // SAFETY: *own thread*: it has ended, and nothing refers to it.
        unsafe { *self.scheduler.get() = None };
        // SAFETY: *owner*: as above.
        unsafe { *main.cell().fiber.get() = None };
        main.cell().suspender.set(None);
        self.main.set(None);
        // The run loop took them over with the last word of the main fiber.
        self.switch_context_in(main);
        self.current.set(None);
        self.note_running(None);
    }
}
