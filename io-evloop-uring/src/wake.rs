//! How workers of one loop fall asleep and are woken. The run loop sleeps and
//! reaps through a [`Sleeper`]; whoever makes work ready, on any thread, wakes
//! through the loop's [`SleepWake`]. Imports `ring` and `sync`.
//!
//! Two halves. [`Sleepers`] decides *who* is woken; it is a handful of atomics
//! and is what the loom models check (`loom_tests.rs`). `kernel.rs` *carries* the
//! wake: each sleeping worker waits in io_uring_enter(2), so a wake is whatever
//! makes a completion appear in its ring.
//!
//! # The protocol
//!
//! Each worker has a state word:
//!
//! ```text
//!                announce (owner)               notify (the waker whose
//!        AWAKE ------------------> SLEEPING ----- exchange succeeds) ----> NOTIFIED
//!          ^                          |                                       |
//!          |        awake (owner)     |              awake (owner)            |
//!          +--------------------------+---------------------------------------+
//! ```
//!
//! and the loop has a mask with one bit for each worker, written by that worker
//! alone, so that a waker finds a sleeper without reading every state. A worker
//! that takes no jobs (it drains, blocks in place for one fiber, or has no stack
//! left) sleeps *for its own only*: it leaves its bit alone, so that no wake for a
//! job is spent on it, and it does not search. Its SLEEPING is another value: a
//! waker may have read the bit of a sleep before.
//!
//! A worker that has run out of work
//!
//! 1. may *search* for a short time: spin and look into every queue. At most one
//!    worker of a loop searches;
//! 2. *arms* its waker, where that needs a submission. A futex wait reads the
//!    sequence number here, before step 3, so that a bump that belongs to this
//!    sleep always comes after the read;
//! 3. *announces*: state := SLEEPING, mask bit set (if it takes jobs), then a
//!    SeqCst fence;
//! 4. *re-checks* every queue that it could take work from, its own and others';
//! 5. sleeps in the kernel if there was nothing, with or without a time limit;
//! 6. is *awake*: mask bit cleared, state := AWAKE by a swap, then a SeqCst fence.
//!    Only now does it look for work.
//!
//! A waker
//!
//! 1. *publishes* the work (a push, with release or stronger);
//! 2. passes a SeqCst fence;
//! 3. for one worker (a fiber of it is ready): if its state is SLEEPING, exchanges
//!    SLEEPING for NOTIFIED. For anybody (a job was started): nothing if somebody
//!    searches, else the same for the workers in the mask until one exchange
//!    succeeds;
//! 4. sends the kernel wake if, and only if, its own exchange succeeded.
//!
//! # Why no wake is lost
//!
//! - *Publish against announce.* One of the two fences comes first. If the
//!   waker's, the re-check sees the work. If the sleeper's, the waker sees
//!   SLEEPING and the mask bit.
//! - *Somebody else was faster.* A waker that finds NOTIFIED or AWAKE sends
//!   nothing. If its fence comes before the one of step 6, the worker's next look
//!   sees the work; if after, it saw what step 6 wrote, the worker is awake, and
//!   it announces and re-checks before it sleeps again.
//! - *Wake against sleep.* The kernel wake is not a signal that must hit a
//!   sleeping thread: it leaves a completion in the ring, or a word or counter
//!   that differs, and the enter that comes later returns at once.
//! - *Published while somebody searched.* Ending a search passes a fence, and the
//!   searcher looks once more after it: in the re-check, or because it found
//!   something and *a worker that leaves work behind wakes the next*.
//! - *One wake, several jobs.* The same rule: a woken worker that takes a job and
//!   sees more, or has something else to do first, wakes the next one.
//!
//! Nobody wakes a worker that is awake, and each sleep is ended by one kernel
//! wake at most. A wake that comes late (the worker woke by itself, or found work
//! in step 4) makes a later sleep return at once; that is harmless, and counted
//! where a ring may not go away before it has arrived (`Sleeper::detach`).

#[cfg(not(loom))]
mod kernel;
#[cfg(all(test, loom))]
mod loom_tests;
mod sleepers;
#[cfg(not(loom))]
mod spin;
#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(not(loom))]
pub(crate) use kernel::{Sender, SleepWake, Sleeper, WakerKind, new_eventfd, write_eventfd};
pub(crate) use sleepers::{Reach, Search, Sleepers, WORKERS_MAX, WokenBy};
#[cfg(not(loom))]
pub(crate) use spin::SEARCH_MAX;
