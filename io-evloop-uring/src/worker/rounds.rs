//! The rounds of the run loop: which fiber is next, how many may hand over to each
//! other, and when jobs, the clock and a poll have their turn in between. Called by
//! `worker.rs` and by the files beside this one.

use io_blocking::system;

use super::ready::FETCHED_AT_ONCE;
use super::{
    Flow, POLL_INTERVAL_NANOS, QUICK_NANOS, READY_PER_JOB, READY_PER_LOOK, SWITCHES_PER_POLL,
    SWITCHES_PER_READING, SWITCHES_PER_TICK_READING, Worker, now_nanos, shuffle_step,
};
use crate::cell::FiberRef;

/// Threads that stand in for fibers have thread-locals of their own: what belongs to
/// a stack has to be exchanged on the loop's.
const IS_LOOP_ALWAYS_WANTED: bool = cfg!(fiber_threads);

// The loop looks around when a group has its turn.
const _: () = assert!(FETCHED_AT_ONCE.is_multiple_of(READY_PER_LOOK));
const _: () = assert!(READY_PER_LOOK.is_multiple_of(READY_PER_JOB));
// The remainder of a turn is a mask.
const _: () = assert!(READY_PER_LOOK.is_power_of_two() && READY_PER_JOB.is_power_of_two());

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
        // A power of two.
        if turn & (self.turns_per_look.get() - 1) == 0 && flow == Flow::Continue {
            self.look_around(turn);
        }
        flow
    }

    /// Before a fiber is resumed: how many may go on at each other's hand, so that
    /// nothing has its turn later. Returns the turn.
    #[inline]
    pub(super) fn begin_hand_overs(&self) -> u32 {
        let turn = self.turn.get();
        let is_loop_wanted = IS_LOOP_ALWAYS_WANTED
            || self.is_poll_wanted.get()
            // The stress mode takes them in another order.
            || self.shuffle.get().is_some()
            // Before each resume the loop sees whether it can forget these.
            || self.unwinding_count.get() > 0;
        let until_look = self.turns_per_look.get() - 1;
        self.hand_overs_left.set(match is_loop_wanted {
            true => 0,
            false => until_look - (turn & until_look),
        });
        turn
    }

    /// After the fiber that was resumed in that turn, and others in its stead.
    #[inline]
    pub(super) fn count_switches_since(&self, turn: u32) {
        let hand_overs = self.turn.get().wrapping_sub(turn);
        self.counters.switches.add(1 + u64::from(hand_overs));
    }

    /// The loop polls as soon as the running fiber stops.
    #[inline]
    pub(super) fn want_poll(&self) {
        self.is_poll_wanted.set(true);
        self.hand_overs_left.set(0);
    }

    /// There is a job of this worker's: fibers that are ready keep it waiting no longer
    /// than they should.
    #[inline]
    pub(super) fn note_job(&self) {
        self.turns_per_look.set(READY_PER_JOB);
        self.hand_overs_left.set(0);
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
        let has_found = self.start_job_in_turn();
        self.turns_per_look.set(match has_found {
            true => READY_PER_JOB,
            false => READY_PER_LOOK,
        });
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
            let main = self.main.get().expect("it was there before it was over");
            return self.resume(main);
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
    pub(super) fn next_turn(&self) -> u32 {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        turn
    }

    #[inline]
    pub(super) fn begin_budget(&self) {
        let turn = self.turn.get();
        self.polled_turn.set(turn - turn % SWITCHES_PER_READING);
    }

    /// At a poll: how often the clock is read until the next one.
    #[inline]
    pub(super) fn judge_pace(&self, now: u64) {
        let switches = self.turn.get().wrapping_sub(self.polled_turn.get());
        let took = now.saturating_sub(self.last_poll_nanos.get());
        let is_quick = switches >= SWITCHES_PER_POLL && took < QUICK_NANOS;
        self.is_quick.set(is_quick);
    }

    /// The budget: in switches, and in time.
    fn poll_in_turn(&self, turn: u32) {
        if !turn.is_multiple_of(SWITCHES_PER_READING) {
            return;
        }
        let switches = turn.wrapping_sub(self.polled_turn.get());
        let is_due = || now_nanos() >= self.last_poll_nanos.get() + POLL_INTERVAL_NANOS;
        if switches >= SWITCHES_PER_POLL || self.may_be_due(turn) && is_due() {
            self.poll();
        }
    }

    /// Whether the clock is to be read: while the fibers are quick only after a tick of
    /// the system, which is told for less.
    fn may_be_due(&self, turn: u32) -> bool {
        !self.is_quick.get()
            || turn.is_multiple_of(SWITCHES_PER_TICK_READING)
                && system::last_tick_nanos() > self.last_poll_nanos.get()
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
