//! [`Parkers`]: where threads wait, so that others can end the wait. The chapters
//! that wait (`file`, `futex`, `time`) take a parker; `lib.rs` interrupts one.
//!
//! A parker is a word (its picture is in `word.rs`), and what the three kinds of
//! wait need: asleep on the word, in a poller, or in a system call that signals
//! end. A thread of the pool keeps one as long as it lives; any other thread
//! borrows one for each wait. Parkers are never freed before the executor, so who
//! is late touches an idle one or another's and does no harm:
//!
//! 1. The waiter stores the kind, stores its place in the task's record, and
//!    begins the wait in the record (a read-modify-write of its cancel word).
//! 2. The requester leaves the request (a read-modify-write of the same word),
//!    sees that the task waits, reads the place, and sets INTERRUPTED.
//! 3. What it then does depends on the kind it found: wake the word, use the
//!    poller's waker, arm the timer that sends signals. Each of the three lasts
//!    until the waiter has seen it, so it may come before the waiter sleeps.
//! 4. An interrupt that is late sets INTERRUPTED where it is not due. Every wait
//!    asks the record what is due, and waits again if nothing is.

mod word;

use std::cell::Cell;
use std::io;
use std::ops::Deref;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use io_blocking::system::{self, FutexEnd};
use io_core::task::{self, TaskRef};
use io_core::{FutexAddress, FutexWord, Instant, Interest, IoId};

use crate::parker::word::{Kind, ParkerWord};
use crate::poller::{Poller, Waker};
use crate::signal::{self, HandlerShare, Timer};

/// Parkers of the first chunk; each further chunk has twice as many.
const FIRST_CHUNK: usize = 64;
/// Enough for more threads than a system can have (about 2^26).
const CHUNKS: usize = 20;
/// How many parkers the chunks hold.
const PARKERS_MAX: usize = FIRST_CHUNK * ((1 << CHUNKS) - 1);

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
    /// The waiter sleeps on it.
    word: ParkerWord,
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

    /// The parker with this index, if there ever was one: a record's place may be
    /// any number, since every safe code can write there.
    fn find(&self, index: usize) -> Option<&Parker> {
        let (chunk, offset) = position(index.min(PARKERS_MAX));
        self.chunks.get(chunk)?.get()?.get(offset)
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
        let place = task.place().load(Ordering::Relaxed);
        let Some(parker) = place.checked_sub(1).and_then(|index| self.find(index)) else {
            return;
        };
        match parker.word.interrupt() {
            Some(Kind::Parked) => parker.wake(),
            Some(Kind::Polling) => {
                if let Some(waker) = lock(&parker.waker).as_ref() {
                    waker.wake();
                }
            }
            Some(Kind::Calling) => self.interrupt_call(parker),
            None => {}
        }
    }

    fn interrupt_call(&self, parker: &Parker) {
        let mut timer = lock(&parker.timer);
        // The waiter ends its call before it takes the lock to disarm, and keeps
        // its parker until it has.
        if !parker.word.is_call_marked() || self.arm(parker, &mut timer, None).is_ok() {
            return;
        }
        // The best that can be done without a timer.
        for _ in 0..SIGNALS_MAX {
            signal::send(parker.thread_number.load(Ordering::Relaxed));
            system::yield_thread();
            if !parker.word.is_call_marked() {
                return;
            }
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
        self.begin(id, Kind::Parked);
    }

    fn begin(&self, id: IoId, kind: Kind) {
        self.word.begin(kind);
        task::with_current(id, |record| {
            if let Some(record) = record {
                record.place().store(self.index + 1, Ordering::Relaxed);
            }
        });
    }

    /// Sleeps on the word until it is woken or interrupted, or until `until`.
    pub(crate) fn park(&self, until: Option<Instant>) {
        while self.word.is_undisturbed() {
            let end =
                system::futex_wait(FutexWord::of(self.word.atomic()), ParkerWord::ASLEEP, until);
            if end == FutexEnd::TimedOut {
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
        self.begin(id, Kind::Polling);
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
        let is_ready = poller.wait(fd, interest, until)?;
        Ok(if is_ready {
            PollEnd::Ready
        } else {
            PollEnd::Early
        })
    }

    /// Announces a system call that signals may end (step 1). It is over when what
    /// this returns is.
    pub(crate) fn begin_call(&self, id: IoId) -> Calling<'_> {
        self.begin(id, Kind::Calling);
        Calling {
            current: self,
            is_armed: false,
        }
    }
}

/// A thread may get signals; until this is dropped.
pub(crate) struct Calling<'a> {
    current: &'a CurrentParker<'a>,
    is_armed: bool,
}

impl Calling<'_> {
    /// Makes the call, which ends with `EINTR` if it is interrupted or `until`
    /// has passed (or for no reason).
    pub(crate) fn call<T>(
        mut self,
        until: Option<Instant>,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let CurrentParker {
            parkers, parker, ..
        } = self.current;
        if until.is_some() {
            self.is_armed = parkers.arm(parker, &mut lock(&parker.timer), until).is_ok();
            // Without a timer the call is made all the same, and ends when it
            // ends: most calls do not wait at all.
        }
        let is_borrowed = self.current.is_borrowed;
        let call = || {
            // No signal comes after the end, so none meets a mask put back.
            let _calling = self;
            system::interruptible(call)
        };
        if is_borrowed {
            // Not a thread of ours: the program may have blocked the signal.
            signal::unblocked(call)
        } else {
            call()
        }
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        let is_marked = self.current.word.end_call();
        if (self.is_armed || is_marked)
            && let Some(timer) = lock(&self.current.timer).as_ref()
        {
            timer.disarm();
        }
    }
}

impl Parker {
    /// Marks the waiter of a futex word as woken. Called under the lock of the
    /// word's bucket, while the waiter is queued; the wake itself comes later.
    pub(crate) fn mark_woken(&self) -> FutexAddress {
        self.word.mark_woken();
        FutexAddress::of(self.word.atomic())
    }

    fn wake(&self) {
        system::futex_wake(FutexAddress::of(self.word.atomic()), 1);
    }

    fn drop_poller(&self) {
        drop(lock(&self.waker).take());
        drop(lock(&self.poller).take());
    }
}
