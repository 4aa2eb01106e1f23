//! How a task ends: the completion word of one task, and the two counters of
//! its scope. Pure state machines without pointers, checked by loom models
//! (`tests/models.rs`). Used by `block.rs` and `scope.rs` only.
//!
//! ```text
//! completion word:   RESULT   the closure's result is stored, its captures are gone
//!                    DONE     the task is over: nothing of it runs any more
//!                    WAITED   somebody waits for DONE and wants a wake
//!                    DETACHED the handle is gone: nobody will take the result
//!                    ABANDONED the job was dropped unrun: there is no result
//!
//! runner:  run, store result, set RESULT ──► (backend: off the stack) ──► set DONE, wake if WAITED
//! handle:  set WAITED, wait for DONE, take result      or      set DETACHED
//! ```
//! Whoever of runner (setting RESULT) and handle (setting DETACHED) comes second
//! drops the result: exactly one does, on a stack that may wait. A
//! handle that finds RESULT drops the result first and sets DETACHED then. Where
//! the handle waits below on the runner's stack, RESULT is set with DONE; a handle
//! that goes all the same (its executor runs a task for a joiner that is not there)
//! leaves the result to the runner, which drops it as it sets DONE. If that handle has
//! joined on the runner's own thread, nobody else writes to the word: then DONE is a
//! store, where an exchange would take a third of the time of a small task.
//!
//! Whoever of runner (setting DONE) and handle (setting DETACHED, or having waited)
//! comes second owns the block from there on; the other one does not touch it again.
//!
//! The scope's counters, in the order of a leaving task:
//! 1. the completion word, the joiner's wake.
//! 2. if the scope does not wait yet, or others run too: `running -= 1`, and that is
//!    all. Nobody has to be woken, so this is the task's last touch of anything
//!    borrowed. On the scope's own thread, before the scope waits, this counts in
//!    `own`, which nobody else touches and which the scope adds when it waits.
//! 3. `leaving += 1`: from here on the task may touch the executor.
//! 4. `running -= 1`; the last one wakes the scope.
//! 5. `leaving -= 1`: the last touch.
//!
//! The scope ends when `running` and then `leaving` were seen zero. Step 3 comes
//! before step 4 in the task, so who sees `running` zero (Acquire) sees every
//! `leaving` that is still to be undone.

use std::sync::atomic::AtomicUsize;

use crate::atomics::{AtomicU32, Ordering};

const RESULT: u32 = 1;
const DONE: u32 = 2;
const WAITED: u32 = 4;
const DETACHED: u32 = 8;
const ABANDONED: u32 = 16;

/// The completion word of one task. Its runner and its handle write it.
#[derive(Debug)]
pub(crate) struct Completion(AtomicU32);

impl Completion {
    pub(crate) fn new() -> Completion {
        Completion(AtomicU32::new(0))
    }

    /// Runner: the result is stored. Returns whether the runner has to drop it.
    pub(crate) fn store_result(&self) -> bool {
        // Release: the result's bytes are published with the bit. Acquire: pairs
        // with `detach`, whose task may have written to what the result borrows.
        self.0.fetch_or(RESULT, Ordering::AcqRel) & DETACHED != 0
    }

    /// Runner: the job was dropped unrun, there is no result.
    pub(crate) fn abandon(&self) {
        self.0.fetch_or(RESULT | ABANDONED, Ordering::AcqRel);
    }

    /// Runner: whether nobody will take the result. Acquire: as `store_result`.
    pub(crate) fn is_detached(&self) -> bool {
        self.0.load(Ordering::Acquire) & DETACHED != 0
    }

    /// Runner: the task is over, unless somebody wants a wake: then `None`, and
    /// [`finish_waited`](Completion::finish_waited) has to be called.
    pub(crate) fn finish(&self, stored: Stored) -> Option<Left> {
        // What it most often is. The exchange says what it really was.
        let mut before = match stored {
            Stored::Before => RESULT,
            Stored::AtEnd => 0,
        };
        loop {
            if before & WAITED != 0 {
                return None;
            }
            let finished = self.0.compare_exchange_weak(
                before,
                before | stored.bits(),
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            match finished {
                Ok(_) => return Some(Left::of(before)),
                Err(now) => before = now,
            }
        }
    }

    /// As [`finish`](Completion::finish) with [`Stored::AtEnd`], on the thread of the
    /// handle, whose join has not returned: nobody else writes to the word, so that it
    /// takes no exchange.
    pub(crate) fn finish_for_joiner(&self) -> Option<Left> {
        // Relaxed: what there is was written on this thread. Release: as `finish`.
        let before = self.0.load(Ordering::Relaxed);
        if before & WAITED != 0 {
            return None;
        }
        self.0
            .store(before | Stored::AtEnd.bits(), Ordering::Release);
        Some(Left::of(before))
    }

    /// Runner: the task is over, and somebody wants a wake. The word may be gone
    /// after this: the runner needs a reference of its own for the wake.
    pub(crate) fn finish_waited(&self, stored: Stored) -> Left {
        Left::of(self.0.fetch_or(stored.bits(), Ordering::AcqRel))
    }

    /// Handle: nobody will take the result. False if there is one already: then
    /// the handle has to drop it and to [`let_go`](Completion::let_go); otherwise
    /// result and block are the runner's.
    pub(crate) fn detach(&self) -> bool {
        let mut before = self.0.load(Ordering::Acquire);
        while before & RESULT == 0 {
            // Release: pairs with `store_result`. Acquire: what is there already
            // was stored before.
            let detached = self.0.compare_exchange_weak(
                before,
                before | DETACHED,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            match detached {
                Ok(_) => return true,
                Err(now) => before = now,
            }
        }
        false
    }

    /// Handle, when it has dropped the result: returns whether the block is its own,
    /// which is the runner's if that has not finished.
    pub(crate) fn let_go(&self) -> bool {
        self.is_done() || self.0.fetch_or(DETACHED, Ordering::AcqRel) & DONE != 0
    }

    /// Handle: announces a wait. `None` if the task is over, otherwise the value
    /// to wait on.
    pub(crate) fn prepare_wait(&self) -> Option<u32> {
        let before = self.0.fetch_or(WAITED, Ordering::AcqRel);
        (before & DONE == 0).then_some(before | WAITED)
    }

    /// Whether the task is over. Acquire: its result may be taken afterwards.
    pub(crate) fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) & DONE != 0
    }

    /// Whether the job was dropped unrun.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire) & ABANDONED != 0
    }

    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.0
    }
}

/// When the runner has said that there is a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// By [`Completion::store_result`], or it was abandoned.
    Before,
    /// It says so by finishing: its handle waits meanwhile.
    AtEnd,
}

impl Stored {
    fn bits(self) -> u32 {
        match self {
            Stored::Before => DONE,
            Stored::AtEnd => DONE | RESULT,
        }
    }
}

/// What is left to a runner that has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the block may be the runner's"]
pub(crate) enum Left {
    /// Nothing: the block is the handle's.
    Nothing,
    /// The block, whose result was dropped.
    Block,
    /// The block and a result in it, which nobody wants.
    BlockAndResult,
}

impl Left {
    fn of(before: u32) -> Left {
        match before & (DETACHED | RESULT) {
            DETACHED => Left::BlockAndResult,
            both if both & DETACHED != 0 => Left::Block,
            _ => Left::Nothing,
        }
    }
}

/// A thread's number.
pub(crate) type ThreadKey = usize;

/// The bit of `running` that says that the scope waits for zero.
const SCOPE_WAITS: u32 = 1;
/// One member in `running`, above that bit.
const MEMBER: u32 = 2;

/// How many members may be counted in each way at once: as far below what the
/// numbers hold as there can ever be threads between the check and its
/// consequence. They would need 64 GiB.
const MEMBERS_MAX: u32 = 1 << 28;

/// What `own` may hold, above or below zero. If members come on the scope's thread
/// and leave on others it grows with each of them, however few there are at once.
const OWN_MAX: u32 = if cfg!(any(test, loom)) { 2 } else { 1 << 27 };

/// The two counters of a scope. Members write both; the scope's end reads them.
///
/// Until the scope waits, the thread on whose stack it lies counts its own steps
/// apart, without locked instructions: most members come and go there.
#[derive(Debug)]
pub(crate) struct MemberCount {
    /// A number of members, with a sign, and the bit. What `own` holds is added when
    /// the scope begins to wait; before, it may be below zero.
    running: AtomicU32,
    leaving: AtomicU32,
    /// The thread of the scope. An atomic only since a member may still hold a
    /// reference to all of this when the scope frees it.
    owner: AtomicUsize,
    own: Own,
}

/// What the scope's thread counts until the scope waits, on a cache line that other
/// threads do not touch. Relaxed, and no read-modify-writes: it is that thread's own.
#[derive(Debug)]
#[repr(align(64))]
struct Own {
    /// Members that came less those that left, with a sign.
    count: AtomicU32,
    /// 1 once `count` was added to `running`, where all count from then on.
    is_added: AtomicU32,
}

impl MemberCount {
    /// Of a scope whose end runs on the thread `owner`.
    pub(crate) fn new(owner: ThreadKey) -> MemberCount {
        MemberCount {
            running: AtomicU32::new(0),
            leaving: AtomicU32::new(0),
            owner: AtomicUsize::new(owner),
            own: Own {
                count: AtomicU32::new(0),
                is_added: AtomicU32::new(0),
            },
        }
    }

    fn is_own(&self, thread: ThreadKey) -> bool {
        self.owner.load(Ordering::Relaxed) == thread
            && self.own.is_added.load(Ordering::Relaxed) == 0
    }

    /// A member is about to be started, by the thread `thread`. Only the body and
    /// running members do this, so the count can not be zero for good meanwhile.
    /// Relaxed: the member itself is handed over by stronger means.
    pub(crate) fn enter(&self, thread: ThreadKey) {
        if self.is_own(thread) {
            self.count_own(1);
        } else {
            check_members(self.running.fetch_add(MEMBER, Ordering::Relaxed));
        }
    }

    /// The scope's thread, before the scope waits: one member more, or less.
    #[inline]
    fn count_own(&self, step: i32) {
        let own = self.own.count.load(Ordering::Relaxed).cast_signed() + step;
        if own.unsigned_abs() > OWN_MAX {
            return self.settle(own);
        }
        self.own.count.store(own.cast_unsigned(), Ordering::Relaxed);
    }

    /// What adds up in `own` goes to `running` at times, or either would leave its
    /// range. Relaxed: a step in the chain of read-modify-writes, which publishes
    /// nothing.
    #[cold]
    fn settle(&self, own: i32) {
        self.own.count.store(0, Ordering::Relaxed);
        let added = own.cast_unsigned().wrapping_mul(MEMBER);
        check_members(self.running.fetch_add(added, Ordering::Relaxed));
    }

    /// Step 2, on the thread `thread`. False if the scope waits for this member
    /// alone: then the other steps have to be taken. Release: what the task did with
    /// the executor happens before the scope's end, which sees zero by a later
    /// member's step, in the same chain of read-modify-writes.
    pub(crate) fn leave_at_once(&self, thread: ThreadKey) -> bool {
        if self.is_own(thread) {
            self.count_own(-1);
            return true;
        }
        let mut before = self.running.load(Ordering::Relaxed);
        while before != SCOPE_WAITS | MEMBER {
            let left = self.running.compare_exchange_weak(
                before,
                before.wrapping_sub(MEMBER),
                Ordering::Release,
                Ordering::Relaxed,
            );
            match left {
                Ok(_) => return true,
                Err(now) => before = now,
            }
        }
        false
    }

    /// Step 3. Relaxed: ordered before step 4 by that step's Release.
    pub(crate) fn begin_leave(&self) {
        self.leaving.fetch_add(1, Ordering::Relaxed);
    }

    /// Step 4. Returns whether the scope wants a wake.
    pub(crate) fn leave(&self) -> bool {
        self.running.fetch_sub(MEMBER, Ordering::AcqRel) == SCOPE_WAITS | MEMBER
    }

    /// Step 5. Release: what the task did with the executor happens before the
    /// scope's end.
    pub(crate) fn end_leave(&self) {
        self.leaving.fetch_sub(1, Ordering::Release);
    }

    /// Scope, on its thread: announces its wait. `None` if no member runs,
    /// otherwise the value of the word to wait on.
    pub(crate) fn prepare_wait(&self) -> Option<u32> {
        let now = if self.own.is_added.load(Ordering::Relaxed) == 1 {
            self.running.load(Ordering::Acquire)
        } else {
            self.own.is_added.store(1, Ordering::Relaxed);
            let own = self.own.count.load(Ordering::Relaxed);
            let added = own.wrapping_mul(MEMBER) | SCOPE_WAITS;
            let before = self.running.fetch_add(added, Ordering::AcqRel);
            before.wrapping_add(added)
        };
        (members(now) != 0).then_some(now)
    }

    /// Scope: whether the thread `thread` is the one on which
    /// it began. On another one the count can not be known.
    pub(crate) fn is_at_home(&self, thread: ThreadKey) -> bool {
        self.owner.load(Ordering::Relaxed) == thread
    }

    /// Scope, after no member runs: whether the last one has let go.
    pub(crate) fn has_left(&self) -> bool {
        self.leaving.load(Ordering::Acquire) == 0
    }

    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.running
    }
}

/// The members in a value of `running`, with a sign.
fn members(running: u32) -> u32 {
    (running.cast_signed() >> 1).cast_unsigned()
}

/// The process ends if there are too many in a value of `running`.
fn check_members(running: u32) {
    if members(running).cast_signed() >= MEMBERS_MAX.cast_signed() {
        too_many_members();
    }
}

#[cold]
fn too_many_members() -> ! {
    // Unwinding would leave a member behind that nobody counted.
    eprintln!("a scope holds at most {MEMBERS_MAX} tasks; the process can not go on");
    std::process::abort();
}
