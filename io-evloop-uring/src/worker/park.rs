//! What the chapters do on a fiber: submit, sleep, wait, yield, and stop until
//! it is over.

#![expect(unsafe_code, reason = "suspends the running fiber")]

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::Ordering;
use std::time::Duration;

use io_core::parking::Waiter;
use io_core::{FutexWord, OperationKind, task};

use super::{
    INLINE_UNITS_MAX, OWN_JOBS_PER_COMMON, POLL_INTERVAL_NANOS, Worker, now_nanos, shuffle_step,
};
use crate::cell::{Away, CompletionSlot, Coroutine, FiberRef, Parked, RingWait, Wait as FiberWait};
use crate::fiber::{To, abort_with};
use crate::offload::Request;
use crate::ring::{Entry, SlotAddress};
use crate::waits::PoolWaits;
use crate::wake::Reach;

/// Ends the process when it is dropped: a fiber that has said where it waits has given
/// what lies on its stack away, so it must not unwind before it has stopped.
struct NoWayBack;

impl NoWayBack {
    /// The fiber goes on.
    #[inline]
    fn end(self) {
        let _never_dropped = ManuallyDrop::new(self);
    }
}

impl Drop for NoWayBack {
    fn drop(&mut self) {
        abort_with("a panic between a fiber's wait and its switch");
    }
}

/// The place of one open that waits; see [`Worker::keep_kernel_worker`].
pub(crate) struct KernelWorkerPlace<'a>(&'a Worker);

impl Drop for KernelWorkerPlace<'_> {
    fn drop(&mut self) {
        let count = self.0.waiting_open_count.get() - 1;
        self.0.waiting_open_count.set(count);
        let base = self.0.shared.options.ring.kernel_workers.bounded_max;
        if count == 0 && self.0.kernel_workers_max.get() > base {
            self.0.bound_kernel_workers(base);
        }
    }
}

impl Worker {
    /// The fiber that runs, or `None` while the run loop itself does.
    pub(crate) fn current_fiber(&self) -> Option<FiberRef> {
        self.current.get()
    }

    /// Says where the running fiber waits, as `announce` does, and parks if that
    /// returns true: until somebody makes it ready. Nobody makes it go on before it has
    /// stopped, as only this thread's run loop and its fibers do.
    #[inline(always)]
    fn announce_and_park(&self, announce: impl FnOnce() -> bool) {
        let no_way_back = NoWayBack;
        if announce() {
            self.park();
        }
        no_way_back.end();
    }

    /// Stops the running fiber until somebody makes it ready, who knows of it already.
    #[inline]
    pub(super) fn park(&self) {
        let fiber = self.current.get().expect("a fiber parks itself");
        if std::thread::panicking() {
            self.switch_from_unwinding(fiber);
        } else {
            self.switch_from(fiber);
        }
    }

    /// Lets the other fibers that are ready run first.
    #[inline]
    pub(super) fn park_ready(&self) {
        let fiber = self.current.get().expect("a fiber parks itself");
        self.announce_and_park(|| {
            self.push_ready(fiber);
            true
        });
    }

    /// The thread unwinds: this fiber does, or one that has parked while it did.
    #[cold]
    fn switch_from_unwinding(&self, fiber: FiberRef) {
        self.unwinding_count.set(self.unwinding_count.get() + 1);
        let period = self.unwinding_period.get();
        self.switch_to_loop(fiber, Away::Parks);
        if self.unwinding_period.get() == period {
            self.unwinding_count.set(self.unwinding_count.get() - 1);
        }
    }

    /// Before a fiber goes on: if the thread does not unwind, no fiber of it does,
    /// and those that are counted have only parked beside one that did.
    #[inline]
    pub(super) fn forget_unwinding(&self) {
        if self.unwinding_count.get() > 0 && !std::thread::panicking() {
            self.unwinding_count.set(0);
            self.unwinding_period.set(self.unwinding_period.get() + 1);
        }
    }

    /// Leaves the running fiber, which has parked: straight for the next one that is
    /// ready, or else for the run loop.
    #[inline(always)]
    pub(super) fn switch_from(&self, fiber: FiberRef) {
        let suspender = fiber.cell().suspender.get();
        let suspender = suspender.expect("it has run");
        let to = match self.next_at_once() {
            None => To::Resumer(Away::Parks),
            // It has become ready while it parked.
            Some((next, _)) if next == fiber => {
                self.note_turn_of(fiber);
                return self.begin_turn_of(next);
            }
            Some((next, coroutine)) => {
                self.begin_turn_of(next);
                self.switch_context(fiber, next);
                To::Fiber(coroutine, ())
            }
        };
        // SAFETY: *own thread*: `current` said that this runs on that fiber. The next
        // one has parked, and ends only when the loop resumes it for that.
        unsafe { suspender.go_to(to) };
    }

    /// The fiber that the run loop would resume now, if nothing else has its turn
    /// before, and the loop is not needed to reach it.
    #[inline(always)]
    fn next_at_once(&self) -> Option<(FiberRef, &Coroutine)> {
        if self.hand_overs_left.get() == 0 {
            return None;
        }
        let next = self.ready.first()?;
        // SAFETY: *owner*; nobody changes it as long as the fiber is parked.
        let coroutine = unsafe { &*next.cell().fiber.get() };
        let coroutine = coroutine.as_ref().expect("it has not ended");
        Some((next, coroutine))
    }

    #[inline(always)]
    fn begin_turn_of(&self, next: FiberRef) {
        let first = self.ready.pop();
        debug_assert!(first == Some(next), "it is the first");
        self.next_turn();
        self.hand_overs_left.set(self.hand_overs_left.get() - 1);
    }

    /// Leaves the running fiber for the run loop.
    pub(super) fn switch_to_loop(&self, fiber: FiberRef, away: Away) {
        let suspender = fiber.cell().suspender.get();
        let suspender = suspender.expect("it has run");
        // SAFETY: *own thread*: `current` says that this runs on that fiber.
        unsafe { suspender.suspend(away) };
    }

    /// Pushes the submission that `entry` makes and parks until it completes, at
    /// most until `until_nanos`, when it is canceled. Blocks the worker instead
    /// where the fiber must not switch. Returns the result, and whether we asked
    /// the kernel to end it.
    pub(crate) fn submit_and_park(
        &self,
        until_nanos: Option<u64>,
        entry: impl FnOnce(SlotAddress) -> Entry,
    ) -> (i32, bool) {
        let slot = CompletionSlot::new();
        let entry = entry(SlotAddress::of(&raw const slot));
        self.wait_for_slots(slice::from_ref(&slot), until_nanos, || {
            self.ring.borrow_mut().push(entry);
        });
        (slot.result.get(), slot.is_cancel_sent.get())
    }

    /// The same for several: `entries` belong to `slots`, one each, and are
    /// submitted together. The results are in the slots.
    pub(crate) fn submit_all_and_park(
        &self,
        until_nanos: Option<u64>,
        slots: &[CompletionSlot],
        entries: &mut Vec<Entry>,
    ) {
        assert_eq!(slots.len(), entries.len(), "one slot for each submission");
        if slots.is_empty() {
            return;
        }
        self.wait_for_slots(slots, until_nanos, || {
            let mut ring = self.ring.borrow_mut();
            entries.drain(..).for_each(|entry| ring.push(entry));
        });
    }

    /// Waits until every slot is done. `submit` pushes the submissions.
    fn wait_for_slots(
        &self,
        slots: &[CompletionSlot],
        until_nanos: Option<u64>,
        submit: impl FnOnce(),
    ) {
        let fiber = self.current.get().expect("a fiber submits");
        let wait = RingWait::new(fiber, slots);
        for slot in slots {
            slot.wait.set(&raw const wait);
        }
        self.submitted_count
            .set(self.submitted_count.get() + slots.len());
        fiber.cell().wait.set(FiberWait::Ring(NonNull::from(&wait)));
        let timer = until_nanos.map(|nanos| self.timers.borrow_mut().arm(nanos, fiber));
        wait.timer.set(timer);
        wait.is_in_place.set(self.must_block());
        self.announce_and_park(|| {
            submit();
            if wait.is_in_place.get() {
                self.block_until(|| wait.remaining.get() == 0);
            }
            !wait.is_in_place.get()
        });
        assert_eq!(wait.remaining.get(), 0, "only completions end a submission");
        if let Some(timer) = wait.timer.get() {
            self.timers.borrow_mut().disarm(timer);
        }
        fiber.cell().wait.set(FiberWait::None);
    }

    /// Hands `request`, of the running fiber, to the pool and parks until its answer is
    /// there.
    pub(crate) fn park_for_pool(&self, request: NonNull<Request>) {
        self.counters.offloads.add(1);
        self.announce_and_park(|| {
            // SAFETY: requests: the fiber parks for it next.
            let handed = unsafe { self.shared.offload.perform(&self.shared, request) };
            if handed.is_err() {
                // No thread can be had: it is performed here, late rather than not.
                self.waits.forget();
                // SAFETY: requests: the pool has not taken it, and its fiber waits.
                unsafe { Request::perform(request, &PoolWaits::new()) };
            }
            handed.is_ok()
        });
    }

    /// Parks until a timer at `until_nanos` or an interrupt.
    pub(crate) fn park_until(&self, until_nanos: u64) {
        let fiber = self.current.get().expect("a fiber sleeps");
        fiber.cell().wait.set(FiberWait::Sleep);
        let timer = self.timers.borrow_mut().arm(until_nanos, fiber);
        if self.must_block() {
            self.block_until(|| matches!(fiber.cell().wait.get(), FiberWait::None));
            // Nobody else may take it for ready.
        } else {
            self.park();
        }
        self.timers.borrow_mut().disarm(timer);
        fiber.cell().wait.set(FiberWait::None);
    }

    /// Parks until another fiber of this worker wakes it, a timer at `until_nanos`
    /// or an interrupt. Not where the fiber must not switch.
    pub(crate) fn park_until_woken(&self, until_nanos: Option<u64>) {
        if let Some(until_nanos) = until_nanos {
            return self.park_until(until_nanos);
        }
        let fiber = self.current.get().expect("a fiber sleeps");
        fiber.cell().wait.set(FiberWait::Sleep);
        self.park();
    }

    /// Lets those fibers run first that are ready, if there are any.
    pub(crate) fn let_ready_run(&self) {
        if !self.ready.is_empty() && !self.must_block() {
            self.park_ready();
        }
    }

    /// Parks in the lot if `word` is `expected`. Returns whether the wait was
    /// ended early, by a timer or an interrupt: then no wake was consumed.
    pub(crate) fn park_on_word(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        until_nanos: Option<u64>,
    ) -> bool {
        let fiber = self.current.get().expect("a fiber waits");
        let waiter = Waiter::new(word, Parked::Fiber(fiber));
        fiber.cell().wait.set(FiberWait::Futex(&raw const waiter));
        let timer = until_nanos.map(|nanos| self.timers.borrow_mut().arm(nanos, fiber));
        let waiter = &raw const waiter;
        // SAFETY: *fibers*: the waiter is on the stack of the fiber, which goes on only
        // when somebody has taken it off the queue.
        self.announce_and_park(|| unsafe { self.shared.lot.enqueue(waiter, word, expected) });
        if let Some(timer) = timer {
            self.timers.borrow_mut().disarm(timer);
        }
        matches!(fiber.cell().wait.replace(FiberWait::None), FiberWait::None)
    }

    /// Lets the other fibers of this worker run. False if this is no fiber.
    #[inline]
    pub(crate) fn yield_current(&self) -> bool {
        let Some(fiber) = self.current.get() else {
            return false;
        };
        // Not `must_block` and then `park`, which ask the same of the thread.
        if std::thread::panicking() {
            self.yield_unwinding();
        } else if fiber.cell().no_suspend_depth.get() == 0 {
            let no_way_back = NoWayBack;
            self.push_ready(fiber);
            self.switch_from(fiber);
            no_way_back.end();
        }
        true
    }

    #[cold]
    fn yield_unwinding(&self) {
        if !self.must_block() {
            self.park_ready();
        }
    }

    /// Notes in the current task's record on which fiber it is about to wait.
    pub(crate) fn note_place(&self) {
        let fiber = self.current.get().expect("a fiber is about to wait");
        task::with_current(self.id(), |record| {
            if let Some(record) = record {
                record.place().store(fiber.place(), Ordering::Relaxed);
            }
        });
    }

    /// A call that did not park counts against the budget too: after too many,
    /// or too much time, the fiber lets others run.
    pub(crate) fn count_inline(&self, units: usize, ended_nanos: Option<u64>) {
        self.counters.inline_operations.add(u64::from(units > 0));
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let count = self.inline_count.get().saturating_add(units);
        self.inline_count.set(count);
        let is_long = ended_nanos.is_some_and(|ended| {
            ended.saturating_sub(self.last_poll_nanos.get()) >= POLL_INTERVAL_NANOS
        });
        if count >= INLINE_UNITS_MAX || is_long {
            self.inline_count.set(0);
            self.poll_and_go_on();
        }
    }

    /// Apart from its caller, which would have to save every register for the switch.
    #[cold]
    fn poll_and_go_on(&self) {
        if self.current.get().is_some() && !self.must_block() {
            // Its own jobs had their turn, if it ran those that it joined.
            self.own_job_count.set(OWN_JOBS_PER_COMMON);
            self.want_poll();
            self.park_ready();
        }
    }

    /// Whether the running fiber must not let others run: in `no_suspend`, or
    /// while its thread unwinds, as a sibling would see that. If one has parked
    /// while it unwinds (it waits for a task), siblings do see it, and blocking
    /// would only keep those from running that it waits for.
    pub(crate) fn must_block(&self) -> bool {
        self.is_no_suspend() || std::thread::panicking() && self.unwinding_count.get() == 0
    }

    pub(crate) fn is_no_suspend(&self) -> bool {
        self.current
            .get()
            .is_some_and(|fiber| fiber.cell().no_suspend_depth.get() > 0)
    }

    /// Reaps in place until `is_done`; other fibers only become ready.
    pub(super) fn block_until(&self, is_done: impl Fn() -> bool) {
        let _blocked = self.note_blocked();
        self.show_own_newest();
        while !is_done() {
            let wait = self.wait_for_timer();
            let mut ring = self.ring.borrow_mut();
            let mut sleeper = self.sleeper.borrow_mut();
            let sleeper = sleeper.as_mut().expect("attached while the worker runs");
            let inbox = &self.shared.workers[self.index].inbox;
            let has_work = || is_done() || !inbox.is_empty();
            // Other fibers wait: a wake for a job would be lost here.
            let wait = (wait, Reach::OwnOnly);
            let reaped = sleeper.sleep(&mut ring, wait, has_work, |_, completion| {
                self.complete(completion);
            });
            self.check(&ring, reaped);
            drop(ring);
            self.waits.forget();
            self.take_messages();
            self.last_poll_nanos.set(now_nanos());
            self.is_quick.set(false);
            self.fire_timers();
        }
    }

    /// For tests: how much longer a direct call of `kind` takes.
    pub(crate) fn delay_of(&self, kind: OperationKind) -> Duration {
        match self.shared.options.slow_kind {
            Some((slow, delay)) if slow == kind => delay,
            Some(_) | None => Duration::ZERO,
        }
    }

    /// For tests: takes that longer.
    pub(crate) fn delay_for_test(&self, kind: OperationKind) {
        let delay = self.delay_of(kind);
        if !delay.is_zero() {
            std::thread::sleep(delay);
        }
    }

    /// A kernel worker is going to wait for somebody else, perhaps for ever: as
    /// long as the answer lives, there is one more of them.
    pub(crate) fn keep_kernel_worker(&self) -> KernelWorkerPlace<'_> {
        let count = self.waiting_open_count.get() + 1;
        self.waiting_open_count.set(count);
        // Half of those there are anyway is left to the others.
        let base = self.shared.options.ring.kernel_workers.bounded_max;
        let wanted = base / 2 + count;
        if wanted > self.kernel_workers_max.get() {
            self.bound_kernel_workers(wanted.next_power_of_two());
        }
        KernelWorkerPlace(self)
    }

    fn bound_kernel_workers(&self, bounded_max: u32) {
        // If the kernel refuses, opens beyond the bound wait for each other.
        if self
            .ring
            .borrow_mut()
            .bound_kernel_workers(bounded_max)
            .is_ok()
        {
            self.kernel_workers_max.set(bounded_max);
        }
    }

    /// The stress mode: true half of the times.
    pub(super) fn is_heads_for_test(&self) -> bool {
        self.shuffle.get().is_some_and(|seed| {
            self.shuffle.set(Some(shuffle_step(seed)));
            // A high bit: the low ones of this generator alternate.
            seed >> 40 & 1 == 1
        })
    }

    /// The stress mode: other fibers run before every call.
    #[inline]
    pub(crate) fn switch_for_test(&self) {
        if self.shuffle.get().is_some() {
            self.switch_if_it_may();
        }
    }

    #[cold]
    fn switch_if_it_may(&self) {
        if self.current.get().is_some() && !self.must_block() {
            self.park_ready();
        }
    }
}
