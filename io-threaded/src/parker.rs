//! [`Parkers`]: where threads wait, so that others can end the wait. The chapters
//! that wait (`file`, `futex`, `time`) take a parker; `task.rs` interrupts one.
//!
//! A parker is a word, and what the three kinds of wait need. A thread of the
//! pool keeps one as long as it lives; any other thread borrows one for each
//! wait. Parkers are never freed before the executor, so who is late touches an
//! idle one or another's and does no harm:
//!
//! ```text
//!         begin(kind)                    end
//! IDLE ──────────────► PARKED     asleep on the word ──────────────► IDLE
//!                      POLLING    in the poller
//!                      CALLING    in a system call
//!   + WOKEN        set by a wake, under the lock of the futex word's bucket
//!   + INTERRUPTED  set by an interrupt, at any time
//! ```
//! 1. The waiter stores the kind, stores its place in the task's record, and
//!    begins the wait in the record (a read-modify-write of its cancel word).
//! 2. The requester leaves the request (a read-modify-write of the same word),
//!    sees that the task waits, reads the place, and sets INTERRUPTED.
//! 3. What it then does depends on the kind it found: wake the word, use the
//!    poller's waker, arm the timer that sends signals. Each of the three lasts
//!    until the waiter has seen it, so it may come before the waiter sleeps.
//! 4. An interrupt that is late sets INTERRUPTED where it is not due. Every wait
//!    asks the record what is due, and waits again if nothing is.

use std::cell::Cell;
use std::io;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use io_blocking::system::{self, FutexEnd};
use io_core::task::{self, TaskRef};
use io_core::{Clock, FutexAddress, Instant, Interest, IoId};

use crate::poller::{Poller, Waker};
use crate::signal::{self, HandlerShare, Timer};

const IDLE: u32 = 0;
const PARKED: u32 = 1;
const POLLING: u32 = 2;
const CALLING: u32 = 3;
const KIND: u32 = 3;
const WOKEN: u32 = 4;
const INTERRUPTED: u32 = 8;

/// Parkers of the first chunk; each further chunk has twice as many.
const FIRST_CHUNK: usize = 64;
/// Enough for more threads than a system can have (about 2^26).
const CHUNKS: usize = 20;

/// How often a call is signalled, at most, if the system has no timer to do it.
const SIGNALS_MAX: usize = 100;

/// So many parkers that no thread has keep their pollers, for the next threads
/// that borrow them.
const FREE_POLLERS_MAX: usize = 8;

/// All parkers of one executor.
#[derive(Debug)]
pub(crate) struct Parkers {
    chunks: [OnceLock<Box<[Parker]>>; CHUNKS],
    free: Mutex<Free>,
    /// Below the parkers, whose timers end before it is dropped. Made when the
    /// first timer is armed.
    handler: OnceLock<HandlerShare>,
}

#[derive(Debug, Default)]
struct Free {
    indices: Vec<usize>,
    next_index: usize,
}

/// Where one thread waits.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Parker {
    /// Its state, see the module's text. The waiter sleeps on it.
    word: AtomicU32,
    /// The system's number of the thread that has it. Written when a thread
    /// takes the parker, read by interrupts that found it CALLING: Relaxed, since
    /// the word orders the two.
    thread_number: AtomicI32,
    /// Used by the waiter only.
    poller: Mutex<Option<Poller>>,
    /// Used by interrupts; there when `poller` is.
    waker: Mutex<Option<Waker>>,
    /// Armed by the waiter or an interrupt, disarmed by the waiter.
    timer: Mutex<Option<Timer>>,
}

/// How a wait in the poller ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PollEnd {
    /// The descriptor is ready, or says so.
    Ready,
    /// Interrupted, out of time, or for no reason.
    Early,
}

thread_local! {
    /// The parker of this thread of a pool: which executor's (its address), and
    /// its index. The executor outlives the threads of its pool.
    static OWN: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn monotonic() -> Instant {
    system::now(Clock::Monotonic)
}

/// Chunk and offset of a parker.
fn position(index: usize) -> (usize, usize) {
    let shifted = index + FIRST_CHUNK;
    let power = shifted.ilog2();
    let chunk = (power - FIRST_CHUNK.ilog2()) as usize;
    (chunk, shifted - (1 << power))
}

impl Parkers {
    pub(crate) fn new() -> Parkers {
        Parkers {
            chunks: [const { OnceLock::new() }; CHUNKS],
            free: Mutex::default(),
            handler: OnceLock::new(),
        }
    }

    pub(crate) fn at(&self, index: usize) -> &Parker {
        let (chunk, offset) = position(index);
        let make = || {
            (0..FIRST_CHUNK << chunk)
                .map(|_| Parker::default())
                .collect()
        };
        &self.chunks[chunk].get_or_init(make)[offset]
    }

    /// The parker of the calling thread: its own, or one that it borrows.
    pub(crate) fn current(&self) -> CurrentParker<'_> {
        let (executor, index) = OWN.get();
        if executor == std::ptr::from_ref(self).addr() {
            return self.hold(index, false);
        }
        self.hold(self.take(), true)
    }

    /// Gives the calling thread, of the pool, a parker until the guard is dropped.
    pub(crate) fn adopt_thread(&self) -> OwnParker<'_> {
        signal::unblock();
        let parker = self.hold(self.take(), true);
        OWN.set((std::ptr::from_ref(self).addr(), parker.index));
        OwnParker { _parker: parker }
    }

    fn hold(&self, index: usize, is_borrowed: bool) -> CurrentParker<'_> {
        CurrentParker {
            parkers: self,
            parker: self.at(index),
            index,
            is_borrowed,
        }
    }

    fn take(&self) -> usize {
        let mut free = lock(&self.free);
        let index = free.indices.pop().unwrap_or_else(|| {
            free.next_index += 1;
            free.next_index - 1
        });
        drop(free);
        let parker = self.at(index);
        parker
            .thread_number
            .store(signal::thread_number(), Ordering::Relaxed);
        index
    }

    fn give_back(&self, index: usize) {
        let parker = self.at(index);
        // It is for one thread.
        drop(lock(&parker.timer).take());
        if lock(&self.free).indices.len() >= FREE_POLLERS_MAX {
            parker.drop_poller();
        }
        lock(&self.free).indices.push(index);
    }

    /// Ends the wait of a task if a request for it is due.
    pub(crate) fn interrupt(&self, task: &TaskRef) {
        if !task.is_interrupt_due() {
            return;
        }
        // Relaxed: stored before the wait began, ordered by the cancel word.
        let Some(index) = task.place().load(Ordering::Relaxed).checked_sub(1) else {
            return;
        };
        let parker = self.at(index);
        // Release: the request is seen by who sees the bit. Acquire: the waker.
        match parker.word.fetch_or(INTERRUPTED, Ordering::AcqRel) & KIND {
            PARKED => system::futex_wake(FutexAddress::of(&parker.word), 1),
            POLLING => {
                if let Some(waker) = lock(&parker.waker).as_ref() {
                    waker.wake();
                }
            }
            CALLING => {
                let mut timer = lock(&parker.timer);
                // The waiter leaves CALLING before it takes the lock to disarm,
                // and keeps its parker until it has.
                let is_calling = || parker.word.load(Ordering::Acquire) == CALLING | INTERRUPTED;
                if is_calling() && self.arm(parker, &mut timer, None).is_err() {
                    // The best that can be done without a timer.
                    for _ in 0..SIGNALS_MAX {
                        signal::send(parker.thread_number.load(Ordering::Relaxed));
                        system::yield_thread();
                        if !is_calling() {
                            break;
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// Arms the timer of a parker; makes it, and the handler, if need be.
    ///
    /// # Errors
    /// The system has no further timer.
    fn arm(
        &self,
        parker: &Parker,
        timer: &mut Option<Timer>,
        at: Option<Instant>,
    ) -> io::Result<()> {
        self.handler.get_or_init(HandlerShare::new);
        let timer = match timer {
            Some(timer) => timer,
            None => timer.insert(Timer::new(parker.thread_number.load(Ordering::Relaxed))?),
        };
        timer.repeat_from(at);
        Ok(())
    }
}

/// The parker of a thread of the pool, for as long as the thread lives.
pub(crate) struct OwnParker<'a> {
    _parker: CurrentParker<'a>,
}

impl Drop for OwnParker<'_> {
    fn drop(&mut self) {
        OWN.set((0, 0));
    }
}

/// The parker of the calling thread for one wait.
pub(crate) struct CurrentParker<'a> {
    parkers: &'a Parkers,
    parker: &'a Parker,
    index: usize,
    is_borrowed: bool,
}

impl Deref for CurrentParker<'_> {
    type Target = Parker;

    fn deref(&self) -> &Parker {
        self.parker
    }
}

impl Drop for CurrentParker<'_> {
    fn drop(&mut self) {
        if self.is_borrowed {
            self.parkers.give_back(self.index);
        }
    }
}

impl CurrentParker<'_> {
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// Announces a wait on the word (step 1), to be followed by
    /// `task::begin_wait`.
    pub(crate) fn begin_park(&self, id: IoId) {
        self.begin(id, PARKED);
    }

    fn begin(&self, id: IoId, kind: u32) {
        // Release: an interrupt that is late finds the thread's number with it.
        self.word.store(kind, Ordering::Release);
        task::with_current(id, |record| {
            if let Some(record) = record {
                record.place().store(self.index + 1, Ordering::Relaxed);
            }
        });
    }

    /// Sleeps on the word until it is woken or interrupted, or until `until`.
    pub(crate) fn park(&self, until: Option<Instant>) {
        while self.word.load(Ordering::Acquire) == PARKED {
            if system::futex_wait(&self.word, PARKED, until) == FutexEnd::TimedOut {
                return;
            }
        }
    }

    /// Announces a wait in the poller (step 1).
    ///
    /// # Errors
    /// There is no poller yet, and none can be had.
    pub(crate) fn begin_poll(&self, id: IoId) -> io::Result<()> {
        let mut poller = lock(&self.poller);
        if poller.is_none() {
            let (new, waker) = Poller::new()?;
            *poller = Some(new);
            *lock(&self.waker) = Some(waker);
        }
        self.begin(id, POLLING);
        Ok(())
    }

    /// Waits in the poller, which `begin_poll` made, until `until`.
    ///
    /// # Errors
    /// `EPERM` if the descriptor can not be waited for.
    pub(crate) fn poll(
        &self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        until: Option<Instant>,
    ) -> io::Result<PollEnd> {
        let mut poller = lock(&self.poller);
        let poller = poller.as_mut().expect("begin_poll has made it");
        let timeout = until.map(|until| until.saturating_duration_since(monotonic()));
        let is_ready = poller.wait(fd, interest, timeout)?;
        Ok(if is_ready {
            PollEnd::Ready
        } else {
            PollEnd::Early
        })
    }

    /// Announces a system call that signals may end (step 1).
    pub(crate) fn begin_call(&self, id: IoId) {
        self.begin(id, CALLING);
    }

    /// Makes the call, which ends with `EINTR` if it is interrupted or `until`
    /// has passed (or for no reason).
    pub(crate) fn call<T>(
        &self,
        until: Option<Instant>,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        if until.is_some() {
            let armed = self.parkers.arm(self.parker, &mut lock(&self.timer), until);
            // Without a timer the call is made all the same, and ends when it
            // ends: most calls do not wait at all.
            drop(armed);
        }
        let end = EndCall {
            parker: self.parker,
            is_armed: until.is_some(),
        };
        let call = || {
            // No signal comes after the end, so none meets a mask put back.
            let _end = end;
            system::interruptible(call)
        };
        if self.is_borrowed {
            // Not a thread of ours: the program may have blocked the signal.
            signal::unblocked(call)
        } else {
            call()
        }
    }
}

/// The end of a call: from here on no signal comes.
struct EndCall<'a> {
    parker: &'a Parker,
    is_armed: bool,
}

impl Drop for EndCall<'_> {
    fn drop(&mut self) {
        let before = self.parker.word.swap(IDLE, Ordering::AcqRel);
        if (self.is_armed || before & INTERRUPTED != 0)
            && let Some(timer) = lock(&self.parker.timer).as_ref()
        {
            timer.disarm();
        }
    }
}

impl Parker {
    /// Marks the waiter of a futex word as woken. Called under the lock of the
    /// word's bucket, while the waiter is queued; the wake itself comes later.
    pub(crate) fn mark_woken(&self) -> FutexAddress {
        // Release: pairs with the load in `park`.
        self.word.fetch_or(WOKEN, Ordering::Release);
        FutexAddress::of(&self.word)
    }

    fn drop_poller(&self) {
        drop(lock(&self.waker).take());
        drop(lock(&self.poller).take());
    }
}
