//! [`WaitLine`]: a state under a lock, and the line of those who wait for their
//! turn, oldest first. Used by what hands over directly: permits, the
//! readers-writer lock, queues, barriers. Checked by the models.
//!
//! ```text
//! lock ─► state, first ⇄ waiter ⇄ waiter ⇄ last       each on its owner's stack
//!
//!            giver, under the lock                  owner
//! WAITING ── off the line, answer in its note ──► GIVEN ── goes on with the note
//!    └────── owner, under the lock: off the line ──────── goes on without a turn
//! ```
//! 1. An owner looks at the state under the lock, and joins the line under it:
//!    what changes the state afterwards finds it there.
//! 2. A turn is given under the lock and by one party: whoever takes the waiter
//!    off the line. It can not be lost to a request or a deadline: the owner, when
//!    its wait is given up, looks under the lock who was first. If it was the
//!    giver, the owner has its turn, and the request stays pending.
//! 3. The store of GIVEN is the giver's last touch of the waiter. The wake after
//!    it, when the lock is free, follows no pointer.
//!
//! # Safety argument: lines
//! A waiter lies on the stack of `wait`, which does not return and does not
//! unwind before it is off the line. While it is on it, its place is touched
//! under the lock of the `WaitLine` it was queued on, and only that one's line
//! leads to it; afterwards by its owner alone, which the lock or GIVEN tells.

#![expect(
    unsafe_code,
    reason = "queues waiters that lie on the stacks of those who wait"
)]

use std::any::Any;
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::sync::PoisonError;

use crate::atomics::{AtomicU32, Mutex, MutexGuard, Ordering};
use crate::futex::FutexAddress;
use crate::sync::park::Park;

const WAITING: u32 = 0;
const GIVEN: u32 = 1;

/// How many turns are given under the lock before the first of them are woken.
const TURNS_MAX: usize = 16;

/// A state `S` under a lock, and the line of those who wait for it. `N` is the
/// note that each carries: what it wants, and then what it got.
pub(crate) struct WaitLine<S, N> {
    lock: Mutex<Lined<S, N>>,
}

/// What lies under the lock.
pub(crate) struct Lined<S, N> {
    state: S,
    first: *const Waiter<N>,
    last: *const Waiter<N>,
    length: usize,
}

// SAFETY: lines: the pointers are followed under the lock that this lies in;
// notes go from thread to thread.
unsafe impl<S: Send, N: Send> Send for Lined<S, N> {}

/// One wait, on the stack of its owner.
struct Waiter<N> {
    /// Its turn. Written once by the giver (Release, after the note), read by the
    /// owner (Acquire), who waits on it.
    turn: AtomicU32,
    place: UnsafeCell<Place<N>>,
}

struct Place<N> {
    previous: *const Waiter<N>,
    next: *const Waiter<N>,
    is_queued: bool,
    note: N,
}

impl<S, N> Lined<S, N> {
    pub(crate) const fn new(state: S) -> Lined<S, N> {
        Lined {
            state,
            first: ptr::null(),
            last: ptr::null(),
            length: 0,
        }
    }
}

impl<S, N> WaitLine<S, N> {
    pub(crate) const fn from_lock(lock: Mutex<Lined<S, N>>) -> WaitLine<S, N> {
        WaitLine { lock }
    }

    /// Takes the lock, a short one of the thread.
    pub(crate) fn lock(&self) -> Locked<'_, S, N> {
        Locked {
            line: self,
            lined: self.lock.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// The state of a [`WaitLine`], locked. Gives out `S`.
pub(crate) struct Locked<'a, S, N> {
    line: &'a WaitLine<S, N>,
    lined: MutexGuard<'a, Lined<S, N>>,
}

impl<S, N> Deref for Locked<'_, S, N> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.lined.state
    }
}

impl<S, N> DerefMut for Locked<'_, S, N> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.lined.state
    }
}

/// A wait that was given up: off the line, and the lock is held, so that the
/// state can be set right for those behind it.
pub(crate) struct Left<'a, S, N, E> {
    pub(crate) locked: Locked<'a, S, N>,
    pub(crate) note: N,
    pub(crate) cause: Cause<E>,
}

/// Why a wait was given up.
pub(crate) enum Cause<E> {
    Error(E),
    Panic(Box<dyn Any + Send>),
}

impl<E> Cause<E> {
    /// The error; a panic goes on.
    pub(crate) fn raise(self) -> E {
        match self {
            Cause::Error(error) => error,
            Cause::Panic(payload) => panic::resume_unwind(payload),
        }
    }
}

impl<'a, S, N> Locked<'a, S, N> {
    /// How many wait.
    pub(crate) fn length(&self) -> usize {
        self.lined.length
    }

    /// The note of who waits longest.
    pub(crate) fn first(&self) -> Option<&N> {
        let first = self.lined.first;
        // SAFETY: lines: queued, and the lock is held for as long as the borrow.
        (!first.is_null()).then(|| unsafe { &(*place_of(first)).note })
    }

    /// Gives its turn to who waits longest: takes it off the line and lets
    /// `answer` change its note. It goes on when it is woken; see [`Turns`].
    pub(crate) fn give_first<R>(
        &mut self,
        turns: &mut Turns<'_, impl Park>,
        answer: impl FnOnce(&mut N) -> R,
    ) -> Option<R> {
        let waiter = self.lined.first;
        if waiter.is_null() {
            return None;
        }
        // SAFETY: lines: queued, under the lock.
        unsafe { self.lined.unlink(waiter) };
        // SAFETY: lines: its owner touches it after GIVEN, which is stored below.
        let answer = answer(unsafe { &mut (*place_of(waiter)).note });
        // SAFETY: lines: the waiter is there until GIVEN is stored.
        let turn = unsafe { &(*waiter).turn };
        turns.push(FutexAddress::of(turn));
        turn.store(GIVEN, Ordering::Release);
        Some(answer)
    }

    /// Lets go of the lock, then wakes who was given a turn.
    pub(crate) fn free(self, mut turns: Turns<'_, impl Park>) {
        drop(self);
        turns.wake();
    }

    /// Joins the line with `note`, lets go of the lock and waits for its turn.
    /// Returns the note as the giver left it. If the wait panics although the
    /// turn was given, `give_back` gets it.
    ///
    /// # Errors
    /// The wait was given up, and no turn was given.
    pub(crate) fn wait<P: Park>(
        self,
        park: &P,
        note: N,
        give_back: impl FnOnce(N),
    ) -> Result<N, Left<'a, S, N, P::Error>> {
        let waiter = Waiter::new(note);
        let Locked { line, mut lined } = self;
        // SAFETY: lines: it is off the line again before this returns or unwinds.
        unsafe { lined.push(&raw const waiter) };
        drop(lined);
        let end = panic::catch_unwind(AssertUnwindSafe(|| waiter.wait_for_turn(park)));
        let cause = match end {
            Ok(Ok(())) => return Ok(waiter.into_note()),
            Ok(Err(error)) => Cause::Error(error),
            Err(payload) => Cause::Panic(payload),
        };
        let mut locked = line.lock();
        // SAFETY: lines: it is valid, and this is the lock of its line.
        let is_left = unsafe { locked.lined.unlink(&raw const waiter) };
        let note = waiter.into_note();
        if is_left {
            return Err(Left {
                locked,
                note,
                cause,
            });
        }
        drop(locked);
        match cause {
            Cause::Error(error) => {
                park.put_back(error);
                Ok(note)
            }
            Cause::Panic(payload) => {
                give_back(note);
                panic::resume_unwind(payload)
            }
        }
    }
}

impl<N> Waiter<N> {
    fn new(note: N) -> Waiter<N> {
        Waiter {
            turn: AtomicU32::new(WAITING),
            place: UnsafeCell::new(Place {
                previous: ptr::null(),
                next: ptr::null(),
                is_queued: false,
                note,
            }),
        }
    }

    fn wait_for_turn<P: Park>(&self, park: &P) -> Result<(), P::Error> {
        while self.turn.load(Ordering::Acquire) == WAITING {
            park.wait(&self.turn, WAITING)?;
        }
        Ok(())
    }

    fn into_note(self) -> N {
        self.place.into_inner().note
    }
}

fn place_of<N>(waiter: *const Waiter<N>) -> *mut Place<N> {
    // SAFETY: lines: valid, whoever calls this says why.
    UnsafeCell::raw_get(unsafe { &raw const (*waiter).place })
}

impl<S, N> Lined<S, N> {
    /// Puts `waiter` at the end of the line.
    ///
    /// # Safety
    /// It is valid and does not move until it is off the line.
    unsafe fn push(&mut self, waiter: *const Waiter<N>) {
        // SAFETY: lines: its owner calls this, it is on no line.
        let place = unsafe { &mut *place_of(waiter) };
        place.previous = self.last;
        place.is_queued = true;
        if self.last.is_null() {
            self.first = waiter;
        } else {
            // SAFETY: lines: queued, under the lock.
            unsafe { (*place_of(self.last)).next = waiter };
        }
        self.last = waiter;
        self.length += 1;
    }

    /// Takes `waiter` off the line; false if it is off it already.
    ///
    /// # Safety
    /// It is valid, and was put on this line.
    unsafe fn unlink(&mut self, waiter: *const Waiter<N>) -> bool {
        // SAFETY: lines: valid, under the lock.
        let place = unsafe { &mut *place_of(waiter) };
        if !place.is_queued {
            return false;
        }
        place.is_queued = false;
        let (previous, next) = (place.previous, place.next);
        if previous.is_null() {
            self.first = next;
        } else {
            // SAFETY: lines: queued, under the lock.
            unsafe { (*place_of(previous)).next = next };
        }
        if next.is_null() {
            self.last = previous;
        } else {
            // SAFETY: lines: queued, under the lock.
            unsafe { (*place_of(next)).previous = previous };
        }
        self.length -= 1;
        true
    }
}

/// Who was given a turn and has to be woken, best when the lock is free: they are
/// woken under it only if they become more than [`TURNS_MAX`].
pub(crate) struct Turns<'a, P: Park> {
    park: &'a P,
    addresses: [Option<FutexAddress>; TURNS_MAX],
    count: usize,
}

impl<'a, P: Park> Turns<'a, P> {
    pub(crate) fn new(park: &'a P) -> Turns<'a, P> {
        Turns {
            park,
            addresses: [None; TURNS_MAX],
            count: 0,
        }
    }

    /// Whether nobody has to be woken.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn push(&mut self, address: FutexAddress) {
        if self.count == TURNS_MAX {
            self.wake();
        }
        self.addresses[self.count] = Some(address);
        self.count += 1;
    }

    fn wake(&mut self) {
        for address in self.addresses[..self.count].iter().flatten() {
            self.park.wake(*address, 1);
        }
        self.count = 0;
    }
}
