//! Syncs of one open file by several fibers of a worker go together: one system
//! call is for all who had asked before it began.
//!
//! ```text
//!   first ──► leads: submits, waits ──────────► its answer is that of all covered
//!   others ─► wait ─► covered by the next one that begins
//! ```
//!
//! 1. Who finds no sync of the same handle and level under way *leads*: it
//!    submits one.
//! 2. Who comes while one is under way waits: that one may have begun before the
//!    last bytes were written.
//! 3. When a sync is over, the first of those who wait leads the next, which
//!    *covers* all others who wait when it is submitted.
//! 4. A leader that was canceled has synced nothing: who it covered waits again.
//!    Who waits and is canceled leaves.
//!
//! A file system would commit them together as well, but each of them is a kernel
//! thread's work, and they come a few at a time. A file system that reports an
//! error once for each open file tells it to one caller only; here all get it.
//!
//! A handle that was synced together before lets the fibers that are ready run
//! before it is synced again: most often they are about to write and sync too.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::Ordering;

use io_blocking::system;
use io_core::task;
use io_core::{Handle, Instant, Operation, Outcome, SyncLevel, is_canceled, is_deadline};

use super::submission::Submission;
use super::{SYNCED_TOGETHER, begin_wait, finish, monotonic};
use crate::cell::FiberRef;
use crate::fiber::abort_with;
use crate::worker::Worker;

/// The syncs of a worker that are under way, each with those who wait for the next.
#[derive(Default)]
pub(crate) struct Syncs(RefCell<HashMap<Key, VecDeque<Rc<Waiting>>>>);

/// What is synced: a handle, by its address, which all who sync it borrow.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    handle_address: usize,
    is_data_only: bool,
}

struct Waiting {
    fiber: FiberRef,
    turn: Cell<Turn>,
}

/// What becomes of one who waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Waits,
    /// It is to lead.
    Leads,
    /// It was covered: 0, or the error's code.
    Answered(i32),
    /// It was canceled.
    Left,
}

/// A sync of the fiber that runs on `worker`, which may be parked.
pub(super) fn sync_together(
    worker: &Worker,
    operation: &mut Operation<'_, '_>,
    submission: &Submission,
) -> io::Result<Outcome> {
    let Operation::Sync { handle, level } = &*operation else {
        unreachable!("the caller has looked");
    };
    let (handle, level): (&Handle, SyncLevel) = (handle, *level);
    let key = Key {
        handle_address: std::ptr::from_ref(handle).addr(),
        is_data_only: level == SyncLevel::Data,
    };
    match wait_for_turn(worker, key, handle)? {
        Turn::Answered(0) => return Ok(Outcome::Done),
        Turn::Answered(code) => return Err(system::errno(code)),
        Turn::Leads => {}
        Turn::Waits | Turn::Left => unreachable!("a wait ends with a turn"),
    }
    let expects_others = handle.word().load(Ordering::Relaxed) & SYNCED_TOGETHER != 0;
    if expects_others {
        worker.let_ready_run();
    }
    let covered = worker.syncs.take_waiting(key);
    if expects_others && covered.is_empty() {
        let word = handle.word();
        word.fetch_and(!SYNCED_TOGETHER, Ordering::Relaxed);
    }
    let run = AssertUnwindSafe(|| finish(worker, operation, submission));
    // Only a mistake of the loop's own panics there, and others wait for this one.
    let Ok(result) = panic::catch_unwind(run) else {
        abort_with("a panic left a sync that others wait for");
    };
    worker.syncs.end(worker, key, covered, &result);
    result
}

/// Until it is this fiber's turn to lead, or it was covered.
fn wait_for_turn(worker: &Worker, key: Key, handle: &Handle) -> io::Result<Turn> {
    let Some(waiting) = worker.syncs.join(worker, key) else {
        return Ok(Turn::Leads);
    };
    let word = handle.word();
    word.fetch_or(SYNCED_TOGETHER, Ordering::Relaxed);
    let turn = loop {
        let until = match begin_wait(worker) {
            Ok(until) => until,
            Err(answer) => break Err(answer),
        };
        worker.park_until_woken(until.map(Instant::as_nanos));
        task::end_wait(worker.id());
        match waiting.turn.get() {
            Turn::Waits => {}
            turn => break Ok(turn),
        }
        if let Some(Err(answer)) = task::interruption(worker.id(), monotonic) {
            break Err(answer);
        }
    };
    if turn.is_err() {
        waiting.turn.set(Turn::Left);
        worker.syncs.leave(key, &waiting);
    }
    turn
}

impl Syncs {
    /// Waits behind a sync that is under way; `None` if there is none, and the
    /// caller's is.
    fn join(&self, worker: &Worker, key: Key) -> Option<Rc<Waiting>> {
        let mut syncs = self.0.borrow_mut();
        let Some(behind) = syncs.get_mut(&key) else {
            syncs.insert(key, VecDeque::new());
            return None;
        };
        let fiber = worker.current_fiber();
        let waiting = Rc::new(Waiting {
            fiber: fiber.expect("operations are performed on fibers"),
            turn: Cell::new(Turn::Waits),
        });
        behind.push_back(Rc::clone(&waiting));
        Some(waiting)
    }

    fn leave(&self, key: Key, waiting: &Rc<Waiting>) {
        if let Some(behind) = self.0.borrow_mut().get_mut(&key) {
            behind.retain(|other| !Rc::ptr_eq(other, waiting));
        }
    }

    fn take_waiting(&self, key: Key) -> VecDeque<Rc<Waiting>> {
        let mut syncs = self.0.borrow_mut();
        let behind = syncs.get_mut(&key).expect("the caller leads");
        std::mem::take(behind)
    }

    /// A sync is over: tells those it covered, and who leads the next.
    fn end(
        &self,
        worker: &Worker,
        key: Key,
        mut covered: VecDeque<Rc<Waiting>>,
        result: &io::Result<Outcome>,
    ) {
        covered.retain(|waiting| waiting.turn.get() == Turn::Waits);
        let code = match result {
            Ok(_) => Some(0),
            // That was for the leader alone, and nothing was synced.
            Err(error) if is_canceled(error) || is_deadline(error) => None,
            Err(error) => Some(error.raw_os_error().unwrap_or(libc::EIO)),
        };
        let mut syncs = self.0.borrow_mut();
        let behind = syncs.get_mut(&key).expect("the caller leads");
        match code {
            Some(code) => {
                for waiting in covered {
                    waiting.give(worker, Turn::Answered(code));
                }
            }
            None => {
                covered.append(behind);
                *behind = covered;
            }
        }
        match behind.pop_front() {
            Some(next) => next.give(worker, Turn::Leads),
            None => drop(syncs.remove(&key)),
        }
    }
}

impl Waiting {
    fn give(&self, worker: &Worker, turn: Turn) {
        self.turn.set(turn);
        worker.wake_sleeping(self.fiber);
    }
}
