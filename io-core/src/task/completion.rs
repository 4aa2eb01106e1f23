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
//! drops the result: exactly one does, and always on a stack that may wait.
//!
//! The scope's counters, in the order of a leaving task:
//! 1. the completion word, the joiner's wake.
//! 2. if the scope does not wait yet: `running -= 1`, and that is all. Nobody has
//!    to be woken, so this is the task's last touch of anything borrowed.
//! 3. `leaving += 1`: from here on the task may touch the executor.
//! 4. `running -= 1`; the last one wakes the scope.
//! 5. `leaving -= 1`: the last touch.
//!
//! The scope ends when `running` and then `leaving` were seen zero. Step 3 comes
//! before step 4 in the task, so who sees `running` zero (Acquire) sees every
//! `leaving` that is still to be undone.

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

    /// Runner: the task is over. Returns whether somebody wants a wake.
    pub(crate) fn finish(&self) -> bool {
        self.0.fetch_or(DONE, Ordering::AcqRel) & WAITED != 0
    }

    /// Handle: nobody will take the result. Returns whether the handle has to
    /// drop it (there is one and it was not abandoned).
    pub(crate) fn detach(&self) -> bool {
        self.0.fetch_or(DETACHED, Ordering::AcqRel) & (RESULT | ABANDONED) == RESULT
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

/// The bit of `running` that says that the scope waits for zero.
const SCOPE_WAITS: u32 = 1 << 31;

/// How many members a scope may have at once: as far below its flag as there can
/// ever be threads between the check and its consequence. They would need 256 GiB.
const MEMBERS_MAX: u32 = 1 << 30;

/// The two counters of a scope. Members write both; the scope's end reads them.
#[derive(Debug)]
pub(crate) struct MemberCount {
    running: AtomicU32,
    leaving: AtomicU32,
}

impl MemberCount {
    pub(crate) fn new() -> MemberCount {
        MemberCount {
            running: AtomicU32::new(0),
            leaving: AtomicU32::new(0),
        }
    }

    /// A member is about to be started. Only the body and running members do
    /// this, so the count can not be zero for good meanwhile. Relaxed: the member
    /// itself is handed over by stronger means.
    pub(crate) fn enter(&self) {
        let before = self.running.fetch_add(1, Ordering::Relaxed);
        if before & !SCOPE_WAITS >= MEMBERS_MAX {
            // Unwinding would leave a member behind that nobody counted.
            eprintln!("a scope holds at most {MEMBERS_MAX} tasks; the process can not go on");
            std::process::abort();
        }
    }

    /// Step 2. False if the scope waits: then the other steps have to be taken.
    /// Release: what the task did with the executor happens before the scope's end.
    pub(crate) fn leave_at_once(&self) -> bool {
        let mut before = self.running.load(Ordering::Relaxed);
        while before & SCOPE_WAITS == 0 {
            let left = self.running.compare_exchange_weak(
                before,
                before - 1,
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
        self.running.fetch_sub(1, Ordering::AcqRel) == SCOPE_WAITS | 1
    }

    /// Step 5. Release: what the task did with the executor happens before the
    /// scope's end.
    pub(crate) fn end_leave(&self) {
        self.leaving.fetch_sub(1, Ordering::Release);
    }

    /// Scope: announces its wait. `None` if no member runs, otherwise the value
    /// of the word to wait on.
    pub(crate) fn prepare_wait(&self) -> Option<u32> {
        let before = self.running.fetch_or(SCOPE_WAITS, Ordering::AcqRel);
        (before & !SCOPE_WAITS != 0).then_some(before | SCOPE_WAITS)
    }

    /// Scope, after no member runs: whether the last one has let go.
    pub(crate) fn has_left(&self) -> bool {
        self.leaving.load(Ordering::Acquire) == 0
    }

    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.running
    }
}
