//! The rounds of the run loop: which fiber is next, and when jobs, the clock and a
//! poll have their turn in between. Called by `worker.rs` and `worker/caller.rs`.

use super::ready::FETCHED_AT_ONCE;
use super::{
    Flow, POLL_INTERVAL_NANOS, READY_PER_JOB, SWITCHES_PER_POLL, SWITCHES_PER_READING, Worker,
    now_nanos, shuffle_step,
};
use crate::cell::FiberRef;

// The loop looks around when a group has its turn.
const _: () = assert!(FETCHED_AT_ONCE.is_multiple_of(READY_PER_JOB));

impl Worker {
    /// The run loop of a thread.
    pub(super) fn run_loop(&self) {
        while self.round() == Flow::Continue {}
    }

    #[inline]
    fn round(&self) -> Flow {
        if self.is_poll_wanted.get() {
            self.poll_as_wanted();
        }
        let Some(fiber) = self.next_ready() else {
            return self.round_without_ready();
        };
        let flow = self.resume_here(fiber);
        let turn = self.next_turn();
        if turn.is_multiple_of(READY_PER_JOB) && flow == Flow::Continue {
            self.look_around(turn);
        }
        flow
    }

    #[cold]
    fn poll_as_wanted(&self) {
        self.is_poll_wanted.set(false);
        self.poll();
    }

    /// While fibers are ready: what else has its turn.
    #[inline(never)]
    fn look_around(&self, turn: u32) {
        if turn.is_multiple_of(FETCHED_AT_ONCE) {
            self.ready.fetch_ahead();
        }
        self.start_job_in_turn(turn);
        self.poll_in_turn(turn);
    }

    #[inline(never)]
    fn round_without_ready(&self) -> Flow {
        if self.start_any_job() {
            let turn = self.next_turn();
            self.poll_in_turn(turn);
            return Flow::Continue;
        }
        if self.is_main_over.get() && self.busy_count.get() == 0 && !self.has_to_take_jobs() {
            return self.resume_main();
        }
        if self.main.get().is_none() && self.shared.is_stopping() && self.busy_count.get() == 0 {
            return Flow::Exit;
        }
        if self.submitted_count.get() > 0 {
            // The enter in which it sleeps submits and reaps too.
            self.take_messages();
            self.begin_budget();
        } else {
            self.poll();
        }
        // Before it sleeps it looks for work of others once more.
        let may_sleep = || self.submitted_count.get() > 0 || !self.can_take_work();
        if self.ready.is_empty() && may_sleep() {
            self.idle();
        } else {
            // The submissions must not wait for long all the same.
            self.is_poll_wanted.set(self.submitted_count.get() > 0);
        }
        Flow::Continue
    }

    #[inline]
    fn next_turn(&self) -> u32 {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        turn
    }

    #[inline]
    pub(super) fn begin_budget(&self) {
        let turn = self.turn.get();
        self.polled_turn.set(turn - turn % SWITCHES_PER_READING);
    }

    /// The budget: in switches, and in time.
    fn poll_in_turn(&self, turn: u32) {
        if !turn.is_multiple_of(SWITCHES_PER_READING) {
            return;
        }
        let switches = turn.wrapping_sub(self.polled_turn.get());
        if switches >= SWITCHES_PER_POLL
            || now_nanos().saturating_sub(self.last_poll_nanos.get()) >= POLL_INTERVAL_NANOS
        {
            self.poll();
        }
    }

    fn next_ready(&self) -> Option<FiberRef> {
        match self.shuffle.get() {
            None => self.ready.pop(),
            Some(seed) => {
                let next = shuffle_step(seed);
                self.shuffle.set(Some(next));
                let number = usize::try_from(next >> 33).unwrap_or(0);
                self.ready.pop_random(number)
            }
        }
    }
}
