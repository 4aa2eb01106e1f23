//! The worker's side of the watch: it says when it rests, which fiber it runs (in
//! debug builds) and, when it is asked, what its fibers wait for. `worker.rs` and
//! the chapters beside it call it.

#![expect(unsafe_code, reason = "looks at the contexts of parked fibers")]

use std::sync::atomic::{AtomicBool, Ordering};

use io_blocking::watch::Watch;
use io_core::task::{StackContext, TaskRecord, TaskRef};
use io_core::watch::{TaskPlace, WaitingTask};

use super::Worker;
use crate::cell::{FiberCell, FiberKind, FiberRef, Wait as FiberWait};
use crate::options::STALLS_ARE_SEEN;
use crate::ring::Wait;

/// A worker that sleeps until somebody wakes it, until this is dropped.
pub(super) struct Resting<'a>(&'a Watch);

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        self.0.go_on();
    }
}

/// A fiber blocks the worker in place, until this is dropped.
pub(super) struct Blocked<'a>(&'a AtomicBool);

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Worker {
    /// The thread becomes this worker.
    pub(super) fn begin_watched(&self) {
        self.shared.start_watch();
        if let Some(watch) = &self.shared.watch {
            watch.forget_thread();
            watch.go_on();
        }
        let running = &self.shared.workers[self.index].running;
        running.is_there.store(true, Ordering::Relaxed);
    }

    pub(super) fn end_watched(&self) {
        let running = &self.shared.workers[self.index].running;
        if running.is_there.swap(false, Ordering::Relaxed)
            && let Some(watch) = &self.shared.watch
        {
            watch.rest();
        }
    }

    /// The worker is about to sleep: if nothing of its own ends that, it rests.
    pub(super) fn begin_rest(&self, wait: Wait) -> Option<Resting<'_>> {
        let watch = self.shared.watch.as_ref()?;
        let is_for_ever = matches!(wait, Wait::One) && self.submitted_count.get() == 0;
        is_for_ever.then(|| {
            watch.rest();
            Resting(watch)
        })
    }

    /// What the fibers of this worker wait for; `None` if one of them goes on, or
    /// waits for something that ends by itself.
    pub(super) fn describe_waits(&self) -> Option<Vec<WaitingTask>> {
        let has_own = self.current.get().is_some()
            || self.submitted_count.get() > 0
            || !self.ready.is_empty()
            || self.timers.borrow().next_nanos().is_some();
        if has_own {
            return None;
        }
        let mut waiting = Vec::new();
        let mut is_stuck = true;
        self.shared.for_each_cell(self.index, |cell| {
            is_stuck &= self.describe_fiber(cell, &mut waiting);
        });
        is_stuck.then_some(waiting)
    }

    /// False if the fiber waits for something that ends by itself.
    fn describe_fiber(&self, cell: &FiberCell, waiting: &mut Vec<WaitingTask>) -> bool {
        let place = self.place_of(cell);
        let address = match cell.wait.get() {
            // SAFETY: *fibers*: the fiber is parked in this wait.
            FiberWait::Futex(waiter) => Some(unsafe { &*waiter }.address()),
            FiberWait::None | FiberWait::Ring(_) | FiberWait::Sleep => None,
        };
        let context = cell.context.replace(StackContext::EMPTY);
        let mut tasks = 0;
        let describe = |record: &TaskRecord| {
            tasks += 1;
            match address {
                Some(address) if tasks == 1 => {
                    waiting.push(WaitingTask::on_word(Some(record), place, address));
                }
                Some(_) | None => waiting.push(WaitingTask::on_own_stack(Some(record), place)),
            }
        };
        // SAFETY: the fiber is parked, so its stack is as it was left.
        unsafe { context.for_each_task(self.id(), describe) };
        cell.context.set(context);
        match address {
            // A main fiber without a record.
            Some(address) if tasks == 0 => {
                waiting.push(WaitingTask::on_word(None, place, address));
                true
            }
            Some(_) => true,
            // It has no task, or it is the main one that waits for all others.
            None => tasks == 0,
        }
    }

    fn place_of(&self, cell: &FiberCell) -> TaskPlace {
        match cell.kind {
            FiberKind::Pooled => TaskPlace::Fiber {
                number: cell.number,
                worker: self.index,
            },
            FiberKind::Main => TaskPlace::MainFiber,
        }
    }

    /// The worker goes to a fiber or comes back.
    #[inline]
    pub(super) fn note_running(&self, fiber: Option<FiberRef>) {
        if STALLS_ARE_SEEN && self.sees_stalls() {
            let running = &self.shared.workers[self.index].running;
            match fiber {
                Some(fiber) => {
                    running.enter(fiber.cell());
                    if let Some(watch) = &self.shared.watch {
                        watch.wake_looks();
                    }
                }
                None => running.leave(),
            }
        }
    }

    /// The worker goes from a fiber to this one, or from one task of it to another.
    #[inline]
    pub(super) fn note_turn_of(&self, fiber: FiberRef) {
        self.note_running(None);
        self.note_running(Some(fiber));
    }

    /// A fiber begins a task or has ended one.
    #[inline]
    pub(super) fn note_task(&self, cell: &FiberCell, task: Option<&TaskRef>) {
        if STALLS_ARE_SEEN && self.sees_stalls() {
            let running = &self.shared.workers[self.index].running;
            match task {
                Some(task) => running.begin_task(cell.number, task.clone()),
                None => running.end_task(cell.number),
            }
        }
    }

    /// The running fiber blocks the worker.
    pub(super) fn note_blocked(&self) -> Blocked<'_> {
        let is_blocked = &self.shared.workers[self.index].running.is_blocked;
        is_blocked.store(true, Ordering::Relaxed);
        Blocked(is_blocked)
    }

    fn sees_stalls(&self) -> bool {
        self.shared.options.watch.stall_time.is_some()
    }
}
