//! One io_uring per worker thread: made by it, used by it alone. The run loop
//! pushes entries and reaps completions here; `wake.rs` arms its wakers here.
//! This is the only file that names the io-uring crate; what lives under `ring/`
//! reaches it through here. Imports nothing of the backend.
//!
//! What a caller may rely on:
//!
//! - **A pushed entry is in flight**, whatever any later call answers. It waits
//!   in the submission queue or, when that is full, in an overflow queue behind
//!   it; both keep the order of the pushes. Its memory belongs to the kernel
//!   until its terminal completion has been given to a sink.
//! - The overflow queue has no bound of its own: whoever pushes parks until the
//!   completion comes, so it holds at most one pair for each parked fiber, and a
//!   constant number for the worker.
//! - **One enter submits and reaps.** With deferred task work, completions only
//!   appear in an enter that asks for events, so every enter of
//!   [`submit_and_reap`](Ring::submit_and_reap) asks.
//! - `EINTR` and `ETIME` end a wait early; `EAGAIN`, `EBUSY` and `ENOMEM` mean
//!   "later" and lose nothing, unless the kernel says nothing else for a long time.
//!   When the completion queue is full the kernel keeps the rest and hands it over
//!   with the following enters. Every other error is returned, and returned again
//!   as long as it lasts; [`ring_failed`] is for that.
//! - Dropping a ring cancels what is in flight and **waits for it**: closing the
//!   descriptor alone would let the kernel go on writing into freed memory.
#![expect(
    unsafe_code,
    reason = "the kernel's calls and the queues that are shared with it"
)]

mod entry;
mod failure;
mod faults;
mod setup;
mod start_error;
#[cfg(test)]
mod tests;
mod user_data;

pub(crate) use entry::{Entry, LinkDuration, Opcode, OpcodeSet, PollTimes, Position, SyncReach};
pub(crate) use failure::{ring_failed, wake_failed};
pub(crate) use faults::EnterFaults;
pub(crate) use setup::{
    ENTRIES_DEFAULT, ENTRIES_MAX, ENTRIES_MIN, KernelWorkers, RingOptions, Rung, WorkerBound,
};
pub use start_error::{StartError, os_code};
pub(crate) use user_data::{SlotAddress, UserData, WakeArm};

use entry::Link;
use io_uring::{Builder, EnterFlags, IoUring, Probe, cqueue, opcode, squeue, types};
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};
use std::{io, ptr, thread};

/// A worker's io_uring.
///
/// `!Send` and `!Sync`: the kernel binds it to the thread that made it.
pub(crate) struct Ring {
    uring: IoUring,
    enter_by: EnterBy,
    rung: Rung,
    worker_bound: WorkerBound,
    supported: OpcodeSet,
    overflow: VecDeque<Entry>,
    in_flight: usize,
    counters: RingCounters,
    /// Set while the kernel refuses every enter.
    refusals: Option<Refusals>,
    refused_time_max: Duration,
    /// For tests.
    faults: Option<EnterFaults>,
    bound_to_thread: PhantomData<*mut ()>,
}

/// How io_uring_enter(2) names this ring.
#[derive(Clone, Copy, Debug)]
enum EnterBy {
    /// Its index in the thread's table of registered rings (Linux 5.18): no
    /// look-up of the descriptor, no reference taken.
    Index(RawFd),
    Fd(RawFd),
}

/// How long [`Ring::submit_and_reap`] waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Not at all.
    None,
    /// Until there is a completion, or a signal.
    One,
    /// The same, for this long at most.
    OneFor(Duration),
}

/// The kernel's answer to one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Completion {
    /// What the entry carried.
    pub(crate) user_data: UserData,
    /// The operation's result, or the negated errno.
    pub(crate) result: i32,
    flags: u32,
}

impl Completion {
    /// One that no kernel sent.
    #[cfg(test)]
    pub(crate) fn for_test(user_data: UserData, result: i32) -> Completion {
        Completion {
            user_data,
            result,
            flags: 0,
        }
    }

    /// Whether the same entry will complete again; without it, this is the
    /// terminal completion.
    pub(crate) fn has_more(&self) -> bool {
        cqueue::more(self.flags)
    }

    /// The result as `io::Result`: a negative one is the error of that code.
    pub(crate) fn outcome(&self) -> io::Result<u32> {
        u32::try_from(self.result).map_err(|_| io::Error::from_raw_os_error(-self.result))
    }
}

/// What a ring has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RingCounters {
    /// Calls of io_uring_enter(2).
    pub(crate) enters: u64,
    /// Entries that the kernel took.
    pub(crate) submitted: u64,
    /// Completions given to a sink.
    pub(crate) completed: u64,
    /// Enters after which the completion queue could not hold everything.
    pub(crate) cq_overflows: u64,
    /// Pushes that found the submission queue full.
    pub(crate) sq_full: u64,
    /// Entries that had to wait in the overflow queue.
    pub(crate) overflowed: u64,
    /// Enters that the kernel refused for now (`EAGAIN`, `EBUSY`, `ENOMEM`).
    pub(crate) refused: u64,
    /// Completions with a `user_data` that nobody packed; always 0.
    pub(crate) unknown: u64,
}

/// How an enter ended, errors that last apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entered {
    /// It did what was asked, or its wait ended early.
    Done,
    /// Not now: reap, and try again.
    Refused,
}

/// Enters in a row that the kernel refused for now.
#[derive(Clone, Copy, Debug)]
struct Refusals {
    since: Instant,
    count: u32,
}

/// A kernel that refuses so few enters in a row may have been asked seldom.
const REFUSALS_MIN: u32 = 100;

/// After a refused enter, completions are awaited this long before the caller
/// goes round: what they free is what the kernel lacked.
const REFUSED_WAIT: Duration = Duration::from_millis(1);

/// While a ring is drained, what is in flight is canceled again after this time:
/// an operation can be between two places where a cancel would find it.
const DRAIN_CANCEL_INTERVAL: Duration = Duration::from_millis(100);

impl Ring {
    /// Makes a ring for the calling thread.
    ///
    /// # Errors
    ///
    /// [`StartError`]: what the kernel said, the likely cause and the way out.
    ///
    /// # Panics
    ///
    /// If `options.entries` is not within [`ENTRIES_MIN`] and [`ENTRIES_MAX`].
    pub(crate) fn new(options: &RingOptions) -> Result<Ring, StartError> {
        let bounds = ENTRIES_MIN..=ENTRIES_MAX;
        assert!(
            bounds.contains(&options.entries),
            "ring entries out of {bounds:?}"
        );
        Ring::build(options, setup::make).map_err(StartError::explain)
    }

    fn build(
        options: &RingOptions,
        make: impl FnMut(Rung, u32) -> io::Result<IoUring>,
    ) -> io::Result<Ring> {
        let found = setup::climb_down(options.entries, make)?;
        let uring = found.ring;
        let supported = setup::probe(&uring, options.forced_missing)?;
        let worker_bound = setup::bound_kernel_workers(&uring, options.kernel_workers)?;
        let enter_by = match register_ring_fd(uring.as_raw_fd()) {
            Ok(index) => EnterBy::Index(index),
            // Before 5.18, or more than 16 rings on this thread: only slower.
            Err(_) => EnterBy::Fd(uring.as_raw_fd()),
        };
        Ok(Ring {
            uring,
            enter_by,
            rung: found.rung,
            worker_bound,
            supported,
            overflow: VecDeque::new(),
            in_flight: 0,
            counters: RingCounters::default(),
            refusals: None,
            refused_time_max: options.refused_time_max,
            faults: options.enter_faults,
            bound_to_thread: PhantomData,
        })
    }

    /// Whether this kernel has the operation (and no test denies it).
    pub(crate) fn supports(&self, opcode: Opcode) -> bool {
        self.supported.contains(opcode)
    }

    /// Everything this kernel has of what the event loop could use.
    pub(crate) fn supported(&self) -> OpcodeSet {
        self.supported
    }

    /// The set-up that the kernel accepted.
    pub(crate) fn rung(&self) -> Rung {
        self.rung
    }

    /// Whether the number of kernel workers is bounded.
    pub(crate) fn worker_bound(&self) -> WorkerBound {
        self.worker_bound
    }

    /// Changes how many kernel workers there may be for work that ends by itself.
    ///
    /// # Errors
    ///
    /// Those of io_uring_register(2).
    pub(crate) fn bound_kernel_workers(&mut self, bounded_max: u32) -> io::Result<()> {
        // 0 leaves the other bound as it is.
        let mut both = [bounded_max.max(1), 0];
        self.uring.submitter().register_iowq_max_workers(&mut both)
    }

    /// Submissions that fit without a system call.
    pub(crate) fn entries(&self) -> u32 {
        self.uring.params().sq_entries()
    }

    /// Completions that fit without the kernel keeping some back.
    pub(crate) fn completion_entries(&self) -> u32 {
        self.uring.params().cq_entries()
    }

    /// Entries that were pushed and whose terminal completion has not been given
    /// to a sink (wake messages excepted: they answer only when they fail).
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// What this ring has done so far.
    pub(crate) fn counters(&self) -> RingCounters {
        self.counters
    }

    /// The descriptor, for those who send messages to this ring.
    pub(crate) fn fd(&self) -> RawFd {
        self.uring.as_raw_fd()
    }

    /// Takes an entry for the next enter. From here on it is in flight.
    ///
    /// When the submission queue is full, what is in it is submitted first. An
    /// error of that is not lost: the next enter meets it again.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.make_room(1);
        self.count_pushed(&entry);
        if !self.overflow.is_empty() || self.sq_room() < 1 {
            self.counters.overflowed += 1;
            self.overflow.push_back(entry);
            return;
        }
        self.push_sqe(&entry);
    }

    /// Takes two entries of which the second ([`Entry::link_timeout`]) belongs to
    /// the first. They reach the kernel in one enter.
    pub(crate) fn push_linked(&mut self, first: Entry, second: Entry) {
        self.make_room(2);
        let first = first.linked_with_next();
        self.count_pushed(&first);
        self.count_pushed(&second);
        if !self.overflow.is_empty() || self.sq_room() < 2 {
            self.counters.overflowed += 2;
            self.overflow.push_back(first);
            self.overflow.push_back(second);
            return;
        }
        self.push_sqe(&first);
        self.push_sqe(&second);
    }

    /// Hands what was pushed to the kernel without looking at completions, for
    /// what must not wait until the worker next looks (a wake, a cancel).
    ///
    /// # Errors
    ///
    /// Those of io_uring_enter(2) that last. Nothing that was pushed is lost.
    pub(crate) fn submit(&mut self) -> io::Result<()> {
        while self.fill() > 0 {
            let before = self.sq_len();
            let entered = self.enter(EnterFlags::empty(), 0, None)?;
            if entered == Entered::Refused || self.sq_len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Submits what was pushed, waits as told unless completions are there
    /// already, and gives completions to `sink`. Returns how many it gave.
    ///
    /// One call gives at most as many as the completion queue holds; there may
    /// be more. It may return 0 early: after a signal, or when the kernel could
    /// not take everything. The sink may push, and must not call this method.
    ///
    /// # Errors
    ///
    /// Those of io_uring_enter(2) that last. Nothing that was pushed is lost.
    pub(crate) fn submit_and_reap(
        &mut self,
        wait: Wait,
        mut sink: impl FnMut(&mut Ring, Completion),
    ) -> io::Result<usize> {
        // With more than the queue holds, all but the last part goes first: a
        // wait with entries held back could wait for one of those.
        if self.fill() > 0 && !self.overflow.is_empty() {
            self.submit()?;
        }
        let is_ready = !self.overflow.is_empty() || !self.uring.completion().is_empty();
        let may_pause = wait != Wait::None;
        let wait = if is_ready { Wait::None } else { wait };
        let mut entered = Entered::Done;
        if wait != Wait::None || self.has_business() {
            let (min_complete, timeout) = match wait {
                Wait::None => (0, None),
                Wait::One => (1, None),
                Wait::OneFor(timeout) => (1, Some(timeout)),
            };
            entered = self.enter(EnterFlags::GETEVENTS, min_complete, timeout)?;
        }
        let reaped = self.drain_queue(&mut sink);
        if reaped == 0 && entered == Entered::Refused && may_pause {
            return self.pause(wait, &mut sink);
        }
        Ok(reaped)
    }

    /// After a refused enter: waits a little for completions, and if the kernel
    /// refuses that too, for the kernel.
    fn pause(
        &mut self,
        wait: Wait,
        sink: &mut impl FnMut(&mut Ring, Completion),
    ) -> io::Result<usize> {
        let limit = match wait {
            Wait::OneFor(limit) => limit.min(REFUSED_WAIT),
            Wait::None | Wait::One => REFUSED_WAIT,
        };
        let entered = self.enter_submitting(0, EnterFlags::GETEVENTS, 1, Some(limit))?;
        let reaped = self.drain_queue(sink);
        if reaped == 0 && entered == Entered::Refused {
            thread::sleep(limit);
        }
        Ok(reaped)
    }

    /// Ends everything in flight: cancels, and gives completions to `sink` until
    /// the last terminal one.
    ///
    /// Waits as long as the kernel needs; a write to a device cannot be called
    /// back.
    ///
    /// # Errors
    ///
    /// Those of io_uring_enter(2) that last; then the kernel may still hold what
    /// is in flight.
    pub(crate) fn drain(&mut self, mut sink: impl FnMut(&mut Ring, Completion)) -> io::Result<()> {
        while self.in_flight > 0 {
            // Not one for each refused enter.
            if !self.has_unsubmitted() || self.refusals.is_none() {
                self.push(Entry::cancel_everything());
            }
            let mut reaped = 1;
            while self.in_flight > 0 && reaped > 0 {
                reaped = self.submit_and_reap(Wait::OneFor(DRAIN_CANCEL_INTERVAL), &mut sink)?;
            }
        }
        self.submit()
    }

    /// Asks for the end of one of the worker's standing requests.
    pub(crate) fn cancel_arm(&mut self, arm: WakeArm) {
        self.push(Entry::cancel_user_data(UserData::WakeArm(arm)));
    }

    /// Whether something was pushed that the kernel has not been given.
    pub(crate) fn has_unsubmitted(&mut self) -> bool {
        !self.overflow.is_empty() || self.sq_len() > 0
    }

    /// Whether an enter without a wait could do anything.
    fn has_business(&mut self) -> bool {
        if self.in_flight > 0 {
            return true;
        }
        let sq = self.uring.submission();
        !sq.is_empty() || sq.cq_overflow() || sq.taskrun()
    }

    fn make_room(&mut self, count: usize) {
        if self.overflow.is_empty() && self.sq_room() >= count {
            return;
        }
        self.counters.sq_full += 1;
        // The error is not lost: it lasts, so the next enter returns it.
        drop(self.submit());
    }

    fn count_pushed(&mut self, entry: &Entry) {
        if entry.user_data.is_awaited() {
            self.in_flight += 1;
        }
    }

    fn push_sqe(&mut self, entry: &Entry) {
        // SAFETY: kernel borrow, promised to the entry's constructor by whoever
        // made it.
        let pushed = unsafe { self.uring.submission().push(&entry.sqe) };
        pushed.expect("the caller has seen that there is room");
    }

    fn sq_len(&mut self) -> usize {
        self.uring.submission().len()
    }

    fn sq_room(&mut self) -> usize {
        let sq = self.uring.submission();
        sq.capacity() - sq.len()
    }

    /// Moves overflowed entries into the submission queue, pairs together, and
    /// returns how many entries are in it then.
    fn fill(&mut self) -> usize {
        while let Some(front) = self.overflow.front() {
            let needed = match front.link {
                Link::Alone => 1,
                Link::WithNext => 2,
            };
            if self.sq_room() < needed {
                break;
            }
            for _ in 0..needed {
                let entry = self.overflow.pop_front();
                self.push_sqe(&entry.expect("a pair is queued whole"));
            }
        }
        self.sq_len()
    }

    fn enter(
        &mut self,
        flags: EnterFlags,
        min_complete: u32,
        timeout: Option<Duration>,
    ) -> io::Result<Entered> {
        let len = u32::try_from(self.sq_len()).expect("a queue has at most 2^15 entries");
        self.enter_submitting(len, flags, min_complete, timeout)
    }

    fn enter_submitting(
        &mut self,
        submit_count: u32,
        flags: EnterFlags,
        min_complete: u32,
        timeout: Option<Duration>,
    ) -> io::Result<Entered> {
        let before = self.sq_len();
        let limit = timeout.map(types::Timespec::from);
        let args = match &limit {
            Some(limit) => types::SubmitArgs::new().timespec(limit),
            None => types::SubmitArgs::new(),
        };
        let fault = self.faults.as_mut().and_then(EnterFaults::step);
        let result = match fault {
            Some(errno) => Err(io::Error::from_raw_os_error(errno)),
            None => enter_call(self.enter_by, submit_count, min_complete, flags, &args),
        };
        self.counters.enters += 1;
        self.counters.submitted += (before - self.sq_len()) as u64;
        if self.uring.submission().cq_overflow() {
            self.counters.cq_overflows += 1;
        }
        if self.uring.completion().overflow() != 0 {
            // The kernel keeps what does not fit, unless it has no memory: then
            // somebody waits for a completion that is gone.
            return Err(io::Error::from_raw_os_error(libc::EBADR));
        }
        let Err(error) = result else {
            self.refusals = None;
            return Ok(Entered::Done);
        };
        match error.raw_os_error() {
            Some(libc::EINTR | libc::ETIME) => {
                self.refusals = None;
                Ok(Entered::Done)
            }
            Some(libc::EAGAIN | libc::EBUSY | libc::ENOMEM) => self.count_refusal(error),
            _ => Err(error),
        }
    }

    /// # Errors
    ///
    /// `error`, if the kernel has refused everything for too long.
    #[cold]
    fn count_refusal(&mut self, error: io::Error) -> io::Result<Entered> {
        self.counters.refused += 1;
        let refusals = self.refusals.get_or_insert_with(|| Refusals {
            since: Instant::now(),
            count: 0,
        });
        refusals.count = refusals.count.saturating_add(1);
        let lasts =
            refusals.count > REFUSALS_MIN && refusals.since.elapsed() > self.refused_time_max;
        if lasts {
            Err(error)
        } else {
            Ok(Entered::Refused)
        }
    }

    /// From here on some enters fail.
    #[cfg(test)]
    pub(crate) fn fail_enters_for_test(&mut self, faults: EnterFaults) {
        self.faults = Some(faults);
    }

    /// From here on the kernel knows no ring by this one's number.
    #[cfg(test)]
    pub(crate) fn close_for_test(&mut self) {
        match self.enter_by {
            EnterBy::Index(index) => {
                unregister_ring_fd(self.uring.as_raw_fd(), index).expect("it is registered");
            }
            EnterBy::Fd(_) => self.enter_by = EnterBy::Fd(-1),
        }
    }

    fn drain_queue(&mut self, sink: &mut impl FnMut(&mut Ring, Completion)) -> usize {
        let reaped_max = self.completion_entries();
        let mut reaped = 0;
        for _ in 0..reaped_max {
            let Some(cqe) = self.uring.completion().next() else {
                break;
            };
            let Some(user_data) = UserData::unpack(cqe.user_data()) else {
                debug_assert!(false, "user_data {:#x}", cqe.user_data());
                self.counters.unknown += 1;
                continue;
            };
            let completion = Completion {
                user_data,
                result: cqe.result(),
                flags: cqe.flags(),
            };
            if user_data.is_awaited() && !completion.has_more() {
                self.in_flight -= 1;
            }
            self.counters.completed += 1;
            reaped += 1;
            sink(self, completion);
        }
        reaped
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        if let Err(error) = self.drain(|_, _| ()) {
            failure::drain_failed(self.fd(), &error);
        }
        if let EnterBy::Index(index) = self.enter_by {
            // A registration that stays keeps the ring alive until the thread
            // ends; nothing else depends on it.
            let unregistered = unregister_ring_fd(self.uring.as_raw_fd(), index);
            debug_assert!(unregistered.is_ok(), "{unregistered:?}");
        }
    }
}

fn enter_call(
    enter_by: EnterBy,
    submit_count: u32,
    min_complete: u32,
    flags: EnterFlags,
    args: &types::SubmitArgs<'_, '_>,
) -> io::Result<()> {
    let (fd, flags) = match enter_by {
        EnterBy::Index(index) => (index, flags | EnterFlags::REGISTERED_RING),
        EnterBy::Fd(fd) => (fd, flags),
    };
    let flags = flags | EnterFlags::EXT_ARG;
    // SAFETY: `args` is the structure that EXT_ARG announces and outlives the
    // call; what the submitted entries name is held by kernel borrow.
    let result = unsafe {
        libc::syscall(
            libc::SYS_io_uring_enter,
            fd,
            submit_count,
            min_complete,
            flags.bits(),
            ptr::from_ref(args),
            size_of_val(args),
        )
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// The kernel's `io_uring_rsrc_update`, as the two ring-fd registrations use it.
#[repr(C)]
struct RingFdUpdate {
    offset: u32,
    reserved: u32,
    data: u64,
}

const IORING_REGISTER_SEND_MSG_RING: libc::c_uint = 31;
const IORING_REGISTER_RING_FDS: libc::c_uint = 20;
const IORING_UNREGISTER_RING_FDS: libc::c_uint = 21;
/// Lets the kernel choose the index.
const ANY_INDEX: u32 = u32::MAX;

/// Posts a [`UserData::WakeMessage`] into the ring `ring_fd` from a thread that
/// has no ring (Linux 6.13; `EINVAL` before).
///
/// # Errors
///
/// Those of io_uring_register(2).
///
/// # Safety
///
/// `ring_fd` names a ring of this event loop, as for [`Entry::wake_message`].
pub(crate) unsafe fn send_wake_message(ring_fd: RawFd) -> io::Result<()> {
    let mut sqe = entry::wake_message_sqe(ring_fd);
    let argument = ptr::from_mut(&mut sqe).cast();
    // SAFETY: this code takes one submission, and names no ring of its own.
    unsafe { register_call(-1, IORING_REGISTER_SEND_MSG_RING, argument) }
}

/// Puts the ring into the calling thread's table. The crate would remember the
/// index in a `Submitter`, which borrows the ring and so cannot be kept beside it.
fn register_ring_fd(fd: RawFd) -> io::Result<RawFd> {
    let data = u64::try_from(fd).map_err(io::Error::other)?;
    let mut update = RingFdUpdate {
        offset: ANY_INDEX,
        reserved: 0,
        data,
    };
    let argument = ptr::from_mut(&mut update).cast();
    // SAFETY: this code takes one update and writes the index into it.
    unsafe { register_call(fd, IORING_REGISTER_RING_FDS, argument) }?;
    RawFd::try_from(update.offset).map_err(io::Error::other)
}

fn unregister_ring_fd(fd: RawFd, index: RawFd) -> io::Result<()> {
    let offset = u32::try_from(index).map_err(io::Error::other)?;
    let mut update = RingFdUpdate {
        offset,
        reserved: 0,
        data: 0,
    };
    let argument = ptr::from_mut(&mut update).cast();
    // SAFETY: this code takes one update.
    unsafe { register_call(fd, IORING_UNREGISTER_RING_FDS, argument) }
}

/// # Safety
///
/// `argument` is the one structure that `code` reads and writes.
unsafe fn register_call(
    fd: RawFd,
    code: libc::c_uint,
    argument: *mut libc::c_void,
) -> io::Result<()> {
    // SAFETY: the caller's promise; the call keeps nothing.
    let result = unsafe { libc::syscall(libc::SYS_io_uring_register, fd, code, argument, 1) };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}
