//! The kernel's part of a wake: what makes the io_uring_enter(2) of a sleeping
//! worker return. Called by the run loop (as a [`Sleeper`]) and by everybody who
//! makes work ready (through [`SleepWake`]). Imports `ring` and `sleepers`.
//!
//! | waker | the sleeper arms | a waker with a ring | a waker without |
//! |---|---|---|---|
//! | in-ring futex | FUTEX_WAIT on its sequence number | bumps it, FUTEX_WAKE | the same |
//! | message | nothing (and its eventfd) | MSG_RING on its own ring | the register call, else the eventfd |
//! | eventfd | a multishot poll of it | write(2) | write(2) |
//!
//! The futex word has 32 bits (the kernel has no wider futex), is shared (see
//! `ring/entry.rs`) and counts wakes, never lengths: equal values would repeat.
//!
//! An arm whose submission the kernel refuses is never taken for a wake and
//! forgotten: a futex that does not work makes its worker use the eventfd; while
//! that does not work either, sleeps are cut short and arming is tried again.
#![expect(
    unsafe_code,
    reason = "futex(2), eventfd(2), and entries that name them"
)]

use super::sleepers::{Reach, Sleepers, WokenBy};
use crate::ring::{
    Completion, Entry, Opcode, OpcodeSet, PollTimes, Ring, UserData, Wait, WakeArm,
    send_wake_message, wake_failed,
};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How a loop wakes its workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WakerKind {
    /// FUTEX_WAIT in the sleeper's ring (Linux 6.7).
    FutexInRing,
    /// A message from ring to ring (Linux 5.18; without a ring 6.13).
    MsgRing,
    /// An eventfd under a multishot poll (Linux 5.13).
    EventFd,
}

impl WakerKind {
    /// Every waker, the one that always works last.
    pub(crate) const ALL: [WakerKind; 3] = [
        WakerKind::FutexInRing,
        WakerKind::MsgRing,
        WakerKind::EventFd,
    ];

    /// This one if the kernel has what it needs, else the eventfd.
    pub(crate) fn or_fallback(self, supported: OpcodeSet) -> WakerKind {
        let is_there = match self {
            WakerKind::FutexInRing => {
                supported.contains(Opcode::FutexWait) && supported.contains(Opcode::FutexWake)
            }
            WakerKind::MsgRing => supported.contains(Opcode::MsgRing),
            WakerKind::EventFd => true,
        };
        if is_there { self } else { WakerKind::EventFd }
    }

    fn to_word(self) -> u8 {
        match self {
            WakerKind::FutexInRing => 0,
            WakerKind::MsgRing => 1,
            WakerKind::EventFd => 2,
        }
    }

    fn from_word(word: u8) -> WakerKind {
        WakerKind::ALL[usize::from(word)]
    }
}

/// Who sends a wake.
pub(crate) enum Sender<'ring> {
    /// A worker, by its own ring, at once.
    Ring(&'ring mut Ring),
    /// A worker that enters its ring soon: a wake that is a submission costs no
    /// system call of its own. Not before running code of a user.
    RingLater(&'ring mut Ring),
    /// A thread without a ring of this loop.
    Foreign,
}

impl Sender<'_> {
    /// The same sender, for one of several wakes.
    pub(crate) fn reborrow(&mut self) -> Sender<'_> {
        match self {
            Sender::Ring(ring) => Sender::Ring(ring),
            Sender::RingLater(ring) => Sender::RingLater(ring),
            Sender::Foreign => Sender::Foreign,
        }
    }
}

/// The sleep and wake of one loop, shared by its workers and by all who wake them.
pub(crate) struct SleepWake {
    sleepers: Sleepers,
    targets: Box<[WakeTarget]>,
    /// Set by whoever learns that this kernel has no register call for messages;
    /// read before the next try. Relaxed: a late reader tries once in vain.
    send_without_ring_is_refused: AtomicBool,
}

/// What is needed to reach one worker.
#[repr(align(128))]
struct WakeTarget {
    /// How to wake it. Written by the owner before it announces; read by a waker
    /// after its claim, which acquires it.
    kind: AtomicU8,
    /// The futex word: the number of wakes so far, wrapping. Written by wakers
    /// (release, before FUTEX_WAKE), read by the owner before it announces.
    sequence: AtomicU32,
    /// The owner's ring while it is attached, else -1. Written by the owner, read
    /// by a waker after its claim; the owner keeps the ring until the wake of
    /// every claim has arrived.
    ring_fd: AtomicI32,
    /// Made by the worker when it attaches first, and kept: a late write hits
    /// nobody else's descriptor.
    eventfd: OnceLock<OwnedFd>,
}

const NO_RING: RawFd = -1;

impl SleepWake {
    /// For `workers` workers (at most [`WORKERS_MAX`](super::WORKERS_MAX)), none
    /// of them attached.
    pub(crate) fn new(workers: usize, kind: WakerKind) -> SleepWake {
        let target = |_| WakeTarget {
            kind: AtomicU8::new(kind.to_word()),
            sequence: AtomicU32::new(0),
            ring_fd: AtomicI32::new(NO_RING),
            eventfd: OnceLock::new(),
        };
        SleepWake {
            sleepers: Sleepers::new(workers),
            targets: (0..workers).map(target).collect(),
            send_without_ring_is_refused: AtomicBool::new(false),
        }
    }

    /// As on a kernel before 6.13.
    #[cfg(test)]
    pub(super) fn refuse_sending_without_ring(&self) {
        self.send_without_ring_is_refused
            .store(true, Ordering::Relaxed);
    }

    /// How a worker is woken at the moment.
    #[cfg(test)]
    pub(super) fn kind_of(&self, worker: usize) -> WakerKind {
        WakerKind::from_word(self.targets[worker].kind.load(Ordering::Relaxed))
    }

    /// Who sleeps, for searches and statistics.
    pub(crate) fn sleepers(&self) -> &Sleepers {
        &self.sleepers
    }

    /// Makes the calling thread the one that sleeps as `worker`, in `ring`.
    ///
    /// # Errors
    ///
    /// Those of eventfd(2).
    ///
    /// # Panics
    ///
    /// If another thread sleeps as `worker` at the moment.
    pub(crate) fn attach(self: &Arc<Self>, worker: usize, ring: &Ring) -> io::Result<Sleeper> {
        let target = &self.targets[worker];
        if target.eventfd.get().is_none() {
            // Only the worker itself attaches, so nobody sets it in between.
            let eventfd = new_eventfd()?;
            target.eventfd.set(eventfd).expect("a worker is one thread");
        }
        // Release, and acquired by a claim through the state word.
        let before = target.ring_fd.swap(ring.fd(), Ordering::AcqRel);
        assert_eq!(before, NO_RING, "worker {worker} is attached already");
        Ok(Sleeper {
            shared: Arc::clone(self),
            worker,
            armed: None,
            arm_failed: false,
            messages_owed: 0,
            messages_received: 0,
            woken_by: WokenBy::Itself,
        })
    }

    /// After work for `worker` was published: wakes it if it sleeps. Returns
    /// whether it did.
    ///
    /// # Errors
    ///
    /// If the kernel refused every way to carry the wake.
    pub(crate) fn wake_worker(&self, worker: usize, sender: Sender<'_>) -> io::Result<bool> {
        let is_claimed = self.sleepers.notify(worker);
        if is_claimed {
            self.carry(worker, sender)?;
        }
        Ok(is_claimed)
    }

    /// After a change that concerns all (the end of the loop) was published:
    /// wakes every worker that sleeps.
    ///
    /// # Errors
    ///
    /// The first refusal; the others are woken all the same.
    pub(crate) fn wake_all(&self, mut sender: Sender<'_>) -> io::Result<()> {
        let mut result = Ok(());
        for worker in 0..self.sleepers.count() {
            let woken = self.wake_worker(worker, sender.reborrow());
            result = result.and(woken.map(drop));
        }
        result
    }

    /// Carries the wake of a claimed sleep. Whoever has claimed one has to call this.
    ///
    /// # Errors
    ///
    /// If the kernel refused every way to carry the wake.
    pub(crate) fn carry(&self, worker: usize, sender: Sender<'_>) -> io::Result<()> {
        let target = &self.targets[worker];
        match WakerKind::from_word(target.kind.load(Ordering::Relaxed)) {
            WakerKind::FutexInRing => target.bump_and_wake(worker, sender),
            WakerKind::MsgRing => self.send_message(worker, sender),
            WakerKind::EventFd => target.write_eventfd(),
        }
    }

    fn send_message(&self, worker: usize, sender: Sender<'_>) -> io::Result<()> {
        let target = &self.targets[worker];
        let ring_fd = target.ring_fd.load(Ordering::Relaxed);
        match sender {
            Sender::Ring(ring) => {
                push_message(ring, worker, ring_fd);
                // An error that lasts is met again by the sender's next enter,
                // with the message still queued.
                ring.submit()
            }
            Sender::RingLater(ring) => {
                push_message(ring, worker, ring_fd);
                Ok(())
            }
            Sender::Foreign => self.send_message_without_ring(target, ring_fd),
        }
    }

    fn send_message_without_ring(&self, target: &WakeTarget, ring_fd: RawFd) -> io::Result<()> {
        let is_refused = &self.send_without_ring_is_refused;
        if is_refused.load(Ordering::Relaxed) {
            return target.write_eventfd();
        }
        // SAFETY: a claimed worker keeps its ring until the wake has arrived.
        match unsafe { send_wake_message(ring_fd) } {
            Ok(()) => Ok(()),
            Err(error) => {
                // EINVAL: before 6.13. Others (memory, a full ring) may pass.
                if error.raw_os_error() == Some(libc::EINVAL) {
                    is_refused.store(true, Ordering::Relaxed);
                }
                target.write_eventfd()
            }
        }
    }
}

fn push_message(ring: &mut Ring, worker: usize, ring_fd: RawFd) {
    // SAFETY: a claimed worker keeps its ring until the wake has arrived.
    let message = unsafe { Entry::wake_message(worker_number(worker), ring_fd) };
    ring.push(message);
}

fn worker_number(worker: usize) -> u32 {
    u32::try_from(worker).expect("there are at most WORKERS_MAX")
}

impl WakeTarget {
    fn bump_and_wake(&self, worker: usize, sender: Sender<'_>) -> io::Result<()> {
        // Release: whoever sees the new number sees the published work.
        self.sequence.fetch_add(1, Ordering::Release);
        match sender {
            Sender::RingLater(ring) => {
                let word = &raw const self.sequence;
                ring.push(Entry::futex_wake(worker_number(worker), word));
                Ok(())
            }
            Sender::Ring(_) | Sender::Foreign => futex_wake(&self.sequence),
        }
    }

    fn write_eventfd(&self) -> io::Result<()> {
        let eventfd = self.eventfd.get().expect("who sleeps has attached");
        write_eventfd(eventfd.as_fd())
    }

    /// The number of writes since the last call.
    fn read_eventfd(&self) -> io::Result<u64> {
        let eventfd = self.eventfd.get().expect("who reads has attached");
        let mut count = 0_u64;
        loop {
            // SAFETY: the eight bytes of `count` are written.
            let read = unsafe {
                libc::read(
                    eventfd.as_raw_fd(),
                    (&raw mut count).cast(),
                    size_of::<u64>(),
                )
            };
            if read >= 0 {
                return Ok(count);
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN) => return Ok(0),
                _ => return Err(error),
            }
        }
    }
}

/// Adds one to an eventfd.
pub(crate) fn write_eventfd(eventfd: BorrowedFd<'_>) -> io::Result<()> {
    let one = 1_u64;
    loop {
        // SAFETY: the eight bytes of `one` are read.
        let written = unsafe {
            libc::write(
                eventfd.as_raw_fd(),
                (&raw const one).cast(),
                size_of::<u64>(),
            )
        };
        if written >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            // The counter is at its end: it is readable, so a poll fires.
            Some(libc::EAGAIN) => return Ok(()),
            _ => return Err(error),
        }
    }
}

/// A new eventfd, not readable yet.
pub(crate) fn new_eventfd() -> io::Result<OwnedFd> {
    // SAFETY: eventfd(2) takes no memory.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// FUTEX_WAKE of one waiter, shared like the wait.
fn futex_wake(word: &AtomicU32) -> io::Result<()> {
    // SAFETY: FUTEX_WAKE compares the address and does not use the memory.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
    if woken < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// A worker's own side: sleeps, and tells wakes from other completions.
///
/// Lives on the worker's thread beside its [`Ring`], and is given up by
/// [`detach`](Self::detach) before the ring is dropped.
pub(crate) struct Sleeper {
    shared: Arc<SleepWake>,
    worker: usize,
    /// The standing request in the ring, if there is one.
    armed: Option<WakeArm>,
    /// The last standing request ended with an error.
    arm_failed: bool,
    /// Sleeps that were claimed, and wakes that arrived as messages. They differ
    /// by what senders have claimed and not yet delivered.
    messages_owed: u64,
    messages_received: u64,
    /// What ended the last sleep.
    woken_by: WokenBy,
}

/// While no arm works, a sleep lasts this long at most.
const UNARMED_SLEEP_MAX: Duration = Duration::from_millis(10);

impl Sleeper {
    /// Steps 2 to 6 of the protocol: sleeps until a wake, a completion or the
    /// end of `wait`, unless `has_work` (the re-check) finds something. Gives
    /// completions that are no wakes to `sink` and returns how many.
    ///
    /// # Errors
    ///
    /// Those of [`Ring::submit_and_reap`].
    pub(crate) fn sleep(
        &mut self,
        ring: &mut Ring,
        (wait, reach): (Wait, Reach),
        mut has_work: impl FnMut() -> bool,
        sink: impl FnMut(&mut Ring, Completion),
    ) -> io::Result<usize> {
        let wait = self.arm(ring, wait);
        self.shared.sleepers.announce(self.worker, reach);
        let reaped = if has_work() {
            Ok(0)
        } else {
            self.submit_and_reap(ring, wait, sink)
        };
        self.count_wake();
        reaped
    }

    /// Submits and reaps without sleeping; the worker stays awake.
    ///
    /// # Errors
    ///
    /// As [`sleep`](Self::sleep).
    pub(crate) fn reap(
        &mut self,
        ring: &mut Ring,
        sink: impl FnMut(&mut Ring, Completion),
    ) -> io::Result<usize> {
        self.submit_and_reap(ring, Wait::None, sink)
    }

    /// Ends the worker's sleeping for good: waits for wakes that are under way
    /// and takes back what it has armed. Other completions go to `sink`.
    ///
    /// A message that is under way names the ring by number; if the ring were
    /// closed, the number could soon be a stranger's.
    ///
    /// # Errors
    ///
    /// As [`sleep`](Self::sleep); then wakes may still be under way.
    pub(crate) fn detach(
        mut self,
        ring: &mut Ring,
        mut sink: impl FnMut(&mut Ring, Completion),
    ) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let target = &shared.targets[self.worker];
        while target.kind.load(Ordering::Relaxed) == WakerKind::MsgRing.to_word() {
            self.messages_received += target.read_eventfd()?;
            if self.messages_received >= self.messages_owed {
                break;
            }
            let wait = self.arm(ring, Wait::One);
            self.submit_and_reap(ring, wait, &mut sink)?;
        }
        if let Some(arm) = self.armed {
            ring.cancel_arm(arm);
        }
        while self.armed.is_some() {
            self.submit_and_reap(ring, Wait::One, &mut sink)?;
        }
        target.ring_fd.store(NO_RING, Ordering::Release);
        Ok(())
    }

    /// What ended the last sleep.
    pub(crate) fn woken_by(&self) -> WokenBy {
        self.woken_by
    }

    /// The number of this worker.
    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    fn target(&self) -> &WakeTarget {
        &self.shared.targets[self.worker]
    }

    fn count_wake(&mut self) {
        self.woken_by = self.shared.sleepers.awake(self.worker);
        match self.woken_by {
            WokenBy::Waker => self.messages_owed += 1,
            WokenBy::Itself => {}
        }
    }

    /// Step 2. Returns how long the sleep may be.
    fn arm(&mut self, ring: &mut Ring, wait: Wait) -> Wait {
        if self.armed.is_some() {
            return wait;
        }
        if self.arm_failed {
            self.arm_failed = false;
            return at_most(wait, UNARMED_SLEEP_MAX);
        }
        let kind = WakerKind::from_word(self.target().kind.load(Ordering::Relaxed));
        let arm = match kind {
            WakerKind::FutexInRing => WakeArm::Futex,
            WakerKind::MsgRing | WakerKind::EventFd => WakeArm::EventFd,
        };
        let entry = self.arm_entry(arm);
        ring.push(entry);
        self.armed = Some(arm);
        wait
    }

    fn arm_entry(&self, arm: WakeArm) -> Entry {
        let user_data = UserData::WakeArm(arm);
        let target = self.target();
        match arm {
            WakeArm::Futex => {
                // Relaxed: a bump of this sleep comes after the announce, hence
                // after this read; an older one makes the wait end at once.
                let seen = target.sequence.load(Ordering::Relaxed);
                // SAFETY: kernel borrow; `shared` keeps the word until detach
                // has seen the end of the wait, or the ring's drop has.
                unsafe { Entry::futex_wait(user_data, &raw const target.sequence, seen) }
            }
            WakeArm::EventFd => {
                let eventfd = target.eventfd.get().expect("this worker has attached");
                let events = libc::POLLIN.unsigned_abs().into();
                // SAFETY: kernel borrow; `shared` keeps the descriptor, as above.
                unsafe { Entry::poll(user_data, eventfd.as_raw_fd(), events, PollTimes::Multishot) }
            }
        }
    }

    fn submit_and_reap(
        &mut self,
        ring: &mut Ring,
        wait: Wait,
        mut sink: impl FnMut(&mut Ring, Completion),
    ) -> io::Result<usize> {
        let mut given = 0;
        ring.submit_and_reap(wait, |ring, completion| match completion.user_data {
            UserData::WakeArm(arm) => self.on_arm(arm, &completion),
            UserData::WakeMessage => self.messages_received += 1,
            UserData::WakeSent(worker) => self.on_send_failed(worker),
            UserData::Operation(_)
            | UserData::Cancel(_)
            | UserData::Deadline(_)
            | UserData::Ignore => {
                given += 1;
                sink(ring, completion);
            }
        })?;
        Ok(given)
    }

    /// The counter of the eventfd is not reset: each write completes the poll
    /// again, and a poll that is armed anew on an old count ends one sleep early.
    pub(super) fn on_arm(&mut self, arm: WakeArm, completion: &Completion) {
        if completion.has_more() {
            return;
        }
        self.armed = None;
        let error = match completion.outcome() {
            Ok(_) => return,
            Err(error) => error,
        };
        match (arm, error.raw_os_error()) {
            // The word had changed; a signal; taken back by detach.
            (WakeArm::Futex, Some(libc::EAGAIN | libc::EINTR)) | (_, Some(libc::ECANCELED)) => {}
            (WakeArm::Futex, _) => {
                let eventfd = WakerKind::EventFd.to_word();
                self.target().kind.store(eventfd, Ordering::Relaxed);
            }
            (WakeArm::EventFd, _) => self.arm_failed = true,
        }
    }

    /// A wake that travelled as a submission did not arrive; the sleeper still
    /// waits for it, so it goes another way.
    fn on_send_failed(&mut self, worker: u32) {
        let worker = usize::try_from(worker).expect("it was packed from a usize");
        let target = &self.shared.targets[worker];
        let kind = WakerKind::from_word(target.kind.load(Ordering::Relaxed));
        let resent = match kind {
            WakerKind::FutexInRing => futex_wake(&target.sequence),
            WakerKind::MsgRing | WakerKind::EventFd => target.write_eventfd(),
        };
        if let Err(error) = resent {
            wake_failed(&error);
        }
    }
}

fn at_most(wait: Wait, limit: Duration) -> Wait {
    match wait {
        Wait::None => Wait::None,
        Wait::One => Wait::OneFor(limit),
        Wait::OneFor(duration) => Wait::OneFor(duration.min(limit)),
    }
}
