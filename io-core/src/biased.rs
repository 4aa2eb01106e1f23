//! [`BiasedMutex`]: a lock that costs one thread two plain stores, as long as no
//! other takes it. The buckets of `parking.rs` are behind it.
//!
//! An atomic exchange takes as long as twenty plain instructions, and a wait and the wake
//! that ends it make four, also where both are tasks of one worker. So a lock that
//! one thread has taken many times in a row becomes *biased* to it: that thread
//! says that it is inside by a store. Whoever else comes takes the bias away first, and
//! pays for both. (The idea is that of biased locks in Java, Dice 2001; the
//! one-sided fence is membarrier(2).)
//!
//! ```text
//!   the owner                         another thread, with `shared` locked
//!   1. is_owner_inside := true        1. owner := NOBODY
//!   2. light barrier                  2. process barrier
//!   3. owner is still this thread?    3. wait until !is_owner_inside
//!      yes: inside                       inside
//!      no:  is_owner_inside := false,
//!           locks `shared`
//! ```
//! # Safety argument: one inside
//! Who is inside has either `shared` and no owner is inside, or the bias. The process
//! barrier makes the owner pass a full barrier at some point between 1 and 3 of
//! the other thread. An owner that has done its step 3 by then has done its step 1 too, and
//! the other thread sees that (or that the owner has left since); one that has not finds
//! no bias. A bias is given only by a thread to itself, while it has `shared`, and of
//! one mutex always to the same thread: `is_owner_inside` has one writer, whose step 3 may
//! come late.
//! What was done inside is seen by the next: through `shared`, by the release of
//! `is_owner_inside` that the other thread acquires, or since it is the same thread.

#![expect(unsafe_code, reason = "a mutex: its value is behind an `UnsafeCell`")]

use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};

use crate::atomics::{
    AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError, light_barrier, this_thread,
};

/// After a bias was taken away, so many times more locks in a row are needed until it is
/// given again: threads that take turns pay seldom, and at last never.
const GROWTH: u16 = 4;

/// No thread has this number.
const NOBODY: usize = 0;

/// When and how the buckets of a lot are biased.
#[derive(Clone, Copy, Debug)]
pub struct Bias {
    barrier: ProcessBarrier,
    locks_in_a_row: u16,
}

impl Bias {
    /// A thread that has locked a bucket so many times in a row has it to itself, until
    /// another comes.
    #[must_use]
    pub const fn after(locks_in_a_row: u16, barrier: ProcessBarrier) -> Bias {
        Bias {
            barrier,
            locks_in_a_row,
        }
    }
}

/// A barrier for all threads of the process, which costs only who passes it.
#[derive(Clone, Copy, Debug)]
pub struct ProcessBarrier {
    pass: fn(),
    pause: fn(u32),
}

impl ProcessBarrier {
    /// `pause` lets other threads run for a moment; it is told how often it was called
    /// before in the same wait.
    ///
    /// # Safety
    /// When `pass` returns, the caller has passed a full memory barrier since the call, and
    /// so has every other thread of the process: all its memory accesses are in the
    /// order of its program around some point in between (membarrier(2),
    /// `MEMBARRIER_CMD_PRIVATE_EXPEDITED`). Neither function unwinds.
    #[must_use]
    pub const unsafe fn new(pass: fn(), pause: fn(u32)) -> ProcessBarrier {
        ProcessBarrier { pass, pause }
    }
}

/// A mutex that may be biased to a thread.
pub(crate) struct BiasedMutex<T> {
    /// The number of the thread that has the bias. Set by that thread and cleared by
    /// any other, both inside `shared`; read by all. Relaxed: see *one inside*.
    owner: AtomicUsize,
    /// Written by the one thread that ever has the bias; its release pairs with the
    /// acquire of who takes the bias away.
    is_owner_inside: AtomicBool,
    shared: Mutex<Streak>,
    value: UnsafeCell<T>,
}

// SAFETY: *one inside*: the value is used by one thread at a time.
unsafe impl<T: Send> Sync for BiasedMutex<T> {}

/// Who has locked it how often in a row.
struct Streak {
    thread: usize,
    count: u16,
    /// So many in a row are needed; the largest number: it is given no more.
    wanted: u16,
    /// The thread has had the bias: no other ever gets it.
    is_settled: bool,
}

impl<T> BiasedMutex<T> {
    pub(crate) fn new(value: T, bias: Option<&Bias>) -> BiasedMutex<T> {
        let wanted = bias.map_or(u16::MAX, |bias| bias.locks_in_a_row);
        BiasedMutex {
            owner: AtomicUsize::new(NOBODY),
            is_owner_inside: AtomicBool::new(false),
            shared: Mutex::new(Streak {
                thread: NOBODY,
                count: 0,
                wanted,
                is_settled: false,
            }),
            value: UnsafeCell::new(value),
        }
    }

    /// Locks it. `bias` is what it was made with.
    #[inline]
    pub(crate) fn lock(&self, bias: Option<&Bias>) -> BiasedGuard<'_, T> {
        let owner = self.owner.load(Ordering::Relaxed);
        if owner != NOBODY && owner == this_thread() {
            self.assert_outside();
            self.is_owner_inside.store(true, Ordering::Relaxed);
            light_barrier();
            if self.owner.load(Ordering::Relaxed) == owner {
                return BiasedGuard {
                    mutex: self,
                    shared: None,
                };
            }
            self.is_owner_inside.store(false, Ordering::Release);
        }
        self.lock_shared(bias)
    }

    /// As [`lock`](BiasedMutex::lock), for whoever only looks now and then: whose bias it
    /// takes away gets it back with the next lock.
    pub(crate) fn lock_to_look(&self, bias: Option<&Bias>) -> BiasedGuard<'_, T> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bias) = bias
            && self.owner.load(Ordering::Relaxed) != NOBODY
        {
            self.take_bias_away(bias.barrier);
        }
        BiasedGuard {
            mutex: self,
            shared: Some(shared),
        }
    }

    #[inline(never)]
    fn lock_shared(&self, bias: Option<&Bias>) -> BiasedGuard<'_, T> {
        let mut streak = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bias) = bias {
            self.note_lock(&mut streak, bias);
        }
        BiasedGuard {
            mutex: self,
            shared: Some(streak),
        }
    }

    /// Takes the bias away from another thread, or gives it to this one.
    fn note_lock(&self, streak: &mut Streak, bias: &Bias) {
        let thread = this_thread();
        if self.owner.load(Ordering::Relaxed) != NOBODY {
            self.take_bias_away(bias.barrier);
            streak.wanted = streak.wanted.saturating_mul(GROWTH);
            streak.count = 0;
        }
        if streak.thread != thread {
            streak.count = 0;
            if streak.is_settled {
                return;
            }
            streak.thread = thread;
        }
        streak.count = streak.count.saturating_add(1);
        if streak.count >= streak.wanted && streak.wanted < u16::MAX {
            streak.is_settled = true;
            self.owner.store(thread, Ordering::Relaxed);
        }
    }

    /// For the owner. Another mutex would let it wait for itself.
    #[inline]
    fn assert_outside(&self) {
        // Relaxed: this thread alone writes it.
        if self.is_owner_inside.load(Ordering::Relaxed) {
            locked_twice();
        }
    }

    #[cold]
    fn take_bias_away(&self, barrier: ProcessBarrier) {
        if self.owner.load(Ordering::Relaxed) == this_thread() {
            self.assert_outside();
        }
        self.owner.store(NOBODY, Ordering::Relaxed);
        (barrier.pass)();
        let mut count = 0;
        while self.is_owner_inside.load(Ordering::Acquire) {
            (barrier.pause)(count);
            count += 1;
        }
    }
}

/// By what runs under the lock.
#[cold]
fn locked_twice() -> ! {
    panic!("a bucket of a parking lot is locked by who is in it");
}

/// Whoever has it is inside.
pub(crate) struct BiasedGuard<'a, T> {
    mutex: &'a BiasedMutex<T>,
    /// `None`: inside by the bias. It is not Send, so neither is this: the bias
    /// belongs to a thread.
    shared: Option<MutexGuard<'a, Streak>>,
}

impl<T> Drop for BiasedGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.shared.is_none() {
            self.mutex.is_owner_inside.store(false, Ordering::Release);
        }
    }
}

impl<T> Deref for BiasedGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: *one inside*.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for BiasedGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: *one inside*.
        unsafe { &mut *self.mutex.value.get() }
    }
}
