//! [`ParkingLot`]: all waiters of all futex words of one executor, by address,
//! in user space. For backends: fibers and threads wait in the same lot, and
//! nobody sleeps in the kernel on the user's word. (The idea is WebKit's
//! `WTF::ParkingLot`, 2015.)
//!
//! ```text
//! bucket (by address)      lock ─► first ⇄ waiter ⇄ waiter ⇄ last      FIFO
//! ```
//! 1. A wait compares the word with `expected` under its bucket's lock and, if
//!    they are equal, queues its [`Waiter`].
//! 2. A wake changes nothing in the word: its caller stored before. It takes
//!    waiters of the address off the queue under the same lock, so a wait either
//!    sees the store or is found by the wake.
//! 3. Whoever takes a waiter off the queue (a wake, or the waiter itself by
//!    [`ParkingLot::remove`]) has to see to it that its owner goes on: exactly
//!    one of them does.
//!
//! # Safety argument: waiters
//! A queued waiter is valid and does not move until it has left the queue (the
//! contract of `enqueue`); it is touched under its bucket's lock only, and by its
//! owner while it is in no queue. A wake hands out a copy of the waiter's waker
//! and never touches the waiter after the lock is released.

#![expect(
    unsafe_code,
    reason = "queues waiters that lie on the stacks of those who wait"
)]

use std::cell::UnsafeCell;
use std::fmt;
use std::ptr;

use crate::atomics::Ordering;
use crate::biased::{BiasedGuard, BiasedMutex};
use crate::futex::{FutexAddress, FutexWord};

pub use crate::biased::{Bias, ProcessBarrier};

/// Buckets of one lot. More make neighbours in the table rarer; a bucket is one
/// cache line.
const BUCKETS: usize = 256;
/// How many waiters a wake takes off before it lets go of the lock and wakes them.
const WAKE_BATCH: usize = 32;

/// The waiters of one executor. `W` says how a waiter is woken.
pub struct ParkingLot<W> {
    buckets: Box<[Bucket<W>]>,
    bias: Option<Bias>,
}

#[repr(align(64))]
struct Bucket<W> {
    queue: BiasedMutex<Queue<W>>,
}

struct Queue<W> {
    first: *const Waiter<W>,
    last: *const Waiter<W>,
    /// How many were ever queued: tells a wake which waits began before it.
    ticket_count: u64,
}

// SAFETY: the pointers lead to queued waiters, which are touched under the lock
// this lies in, from any thread; their wakers are Send.
unsafe impl<W: Send> Send for Queue<W> {}

/// One wait on one word. It lies where its owner waits.
pub struct Waiter<W> {
    address: FutexAddress,
    waker: W,
    links: UnsafeCell<Links<W>>,
}

struct Links<W> {
    previous: *const Waiter<W>,
    next: *const Waiter<W>,
    is_queued: bool,
    /// The place in the order of all waits of its bucket.
    ticket: u64,
}

impl<W> Waiter<W> {
    /// A wait on `word` that is not queued yet.
    pub fn new(word: FutexWord<'_>, waker: W) -> Waiter<W> {
        let links = Links {
            previous: ptr::null(),
            next: ptr::null(),
            is_queued: false,
            ticket: 0,
        };
        Waiter {
            address: word.address(),
            waker,
            links: UnsafeCell::new(links),
        }
    }
}

impl<W> Waiter<W> {
    /// The word that it waits on.
    pub fn address(&self) -> FutexAddress {
        self.address
    }
}

impl<W> fmt::Debug for Waiter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Waiter")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl<W> fmt::Debug for ParkingLot<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ParkingLot").finish_non_exhaustive()
    }
}

impl<W: Copy + Send> Default for ParkingLot<W> {
    fn default() -> ParkingLot<W> {
        ParkingLot::new()
    }
}

impl<W: Copy + Send> ParkingLot<W> {
    /// An empty lot.
    #[must_use]
    pub fn new() -> ParkingLot<W> {
        ParkingLot::with(None)
    }

    /// An empty lot whose buckets are biased to threads that use them alone: these lock
    /// without an atomic exchange, and who comes next pays a [`ProcessBarrier`].
    #[must_use]
    pub fn biased(bias: Bias) -> ParkingLot<W> {
        ParkingLot::with(Some(bias))
    }

    fn with(bias: Option<Bias>) -> ParkingLot<W> {
        let empty = || {
            let queue = Queue {
                first: ptr::null(),
                last: ptr::null(),
                ticket_count: 0,
            };
            Bucket {
                queue: BiasedMutex::new(queue, bias.as_ref()),
            }
        };
        ParkingLot {
            buckets: (0..BUCKETS).map(|_| empty()).collect(),
            bias,
        }
    }

    #[inline]
    fn queue(&self, address: FutexAddress) -> BiasedGuard<'_, Queue<W>> {
        // Fibonacci hashing; words are 4-byte aligned, the top bits are mixed best.
        let hash = (address.as_usize() as u64 >> 2).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let index = usize::try_from(hash >> 56).expect("eight bits fit");
        self.buckets[index % BUCKETS].queue.lock(self.bias.as_ref())
    }

    /// Queues `waiter` if `word` is `expected`; returns whether it did.
    ///
    /// # Safety
    /// `waiter` was made for `word`, is in no queue, and stays valid and unmoved
    /// until it has left the queue: until a wake gave out its waker, or
    /// [`remove`](ParkingLot::remove) returned.
    pub unsafe fn enqueue(
        &self,
        waiter: *const Waiter<W>,
        word: FutexWord<'_>,
        expected: u32,
    ) -> bool {
        let address = word.address();
        let mut queue = self.queue(address);
        // Pairs with the store of whoever wakes: by the lock, see step 2.
        if word.load(Ordering::Acquire) != expected {
            return false;
        }
        // SAFETY: waiters: the caller's contract, under the lock.
        let links = unsafe { &mut *links_of(waiter) };
        *links = Links {
            previous: queue.last,
            next: ptr::null(),
            is_queued: true,
            ticket: queue.ticket_count,
        };
        queue.ticket_count += 1;
        if queue.last.is_null() {
            queue.first = waiter;
        } else {
            // SAFETY: waiters: a queued one, under the lock.
            unsafe { (*links_of(queue.last)).next = waiter };
        }
        queue.last = waiter;
        true
    }

    /// Takes `waiter` off the queue; returns whether it was still on it. If not,
    /// a wake has taken it and gives out (or gave out) its waker.
    ///
    /// # Safety
    /// `waiter` is valid and was queued in no other lot.
    pub unsafe fn remove(&self, waiter: *const Waiter<W>) -> bool {
        // SAFETY: valid by the caller's contract; the address never changes.
        let address = unsafe { &*waiter }.address();
        let mut queue = self.queue(address);
        queue.unlink(waiter)
    }

    /// Takes at most `count` waiters of `address` off the queue, the oldest first.
    /// `taken` is called under the lock, while the waiter is sure to be valid;
    /// what it returns goes to `wake` after the lock was released. Returns how
    /// many were taken. Neither closure may panic: a waiter that was taken is woken
    /// by nobody else. `taken` must not use the lot.
    ///
    /// Only waits that began before it are taken, so it comes to an end even if
    /// those that it wakes wait again at once.
    pub fn wake<R>(
        &self,
        address: FutexAddress,
        count: u32,
        mut taken: impl FnMut(W) -> R,
        mut wake: impl FnMut(R),
    ) -> u32 {
        if count == 0 {
            return 0;
        }
        // Most wakes find one waiter: collecting a batch costs more than such a wake.
        let mut queue = self.queue(address);
        let ticket_end = queue.ticket_count;
        let Some(first) = queue.take_first(address).map(&mut taken) else {
            return 0;
        };
        let is_over = count == 1 || queue.first.is_null();
        drop(queue);
        wake(first);
        if is_over {
            return 1;
        }
        1 + self.wake_batches(address, count - 1, ticket_end, taken, wake)
    }

    /// Goes on with a wake: waits with a ticket from `ticket_end` on began after it.
    #[cold]
    fn wake_batches<R>(
        &self,
        address: FutexAddress,
        count: u32,
        ticket_end: u64,
        mut taken: impl FnMut(W) -> R,
        mut wake: impl FnMut(R),
    ) -> u32 {
        let mut total = 0;
        loop {
            let mut batch: [Option<R>; WAKE_BATCH] = [const { None }; WAKE_BATCH];
            let mut filled = 0;
            let mut queue = self.queue(address);
            let mut next = queue.first;
            while !next.is_null() && filled < WAKE_BATCH && total < count {
                let waiter = next;
                // SAFETY: waiters: a queued one, under the lock.
                let links = unsafe { &*links_of(waiter) };
                next = links.next;
                if links.ticket >= ticket_end {
                    break;
                }
                // SAFETY: as above; its owner does not write to these fields either.
                let queued = unsafe { &*waiter };
                if queued.address == address {
                    queue.unlink(waiter);
                    batch[filled] = Some(taken(queued.waker));
                    filled += 1;
                    total += 1;
                }
            }
            drop(queue);
            batch.into_iter().flatten().for_each(&mut wake);
            if filled < WAKE_BATCH {
                return total;
            }
        }
    }

    /// How many waits are queued: for reports and tests, of no use for decisions.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = |bucket: &Bucket<W>| {
            let queue = bucket.queue.lock_to_look(self.bias.as_ref());
            let mut count = 0;
            let mut next = queue.first;
            while !next.is_null() {
                count += 1;
                // SAFETY: waiters: a queued one, under the lock.
                next = unsafe { (*links_of(next)).next };
            }
            count
        };
        self.buckets.iter().map(count).sum()
    }

    /// Whether no wait is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn links_of<W>(waiter: *const Waiter<W>) -> *mut Links<W> {
    // SAFETY: waiters: valid, whoever calls this says why.
    UnsafeCell::raw_get(unsafe { &raw const (*waiter).links })
}

impl<W: Copy> Queue<W> {
    /// Takes the oldest waiter of `address` off the queue: its waker.
    fn take_first(&mut self, address: FutexAddress) -> Option<W> {
        let mut next = self.first;
        while !next.is_null() {
            let waiter = next;
            // SAFETY: waiters: a queued one, under the lock; its owner does not
            // write to these fields.
            let queued = unsafe { &*waiter };
            if queued.address == address {
                self.unlink(waiter);
                return Some(queued.waker);
            }
            // SAFETY: waiters: a queued one, under the lock.
            next = unsafe { (*links_of(waiter)).next };
        }
        None
    }
}

impl<W> Queue<W> {
    /// Takes `waiter`, which belongs to this queue, off it if it is on it.
    fn unlink(&mut self, waiter: *const Waiter<W>) -> bool {
        // SAFETY: waiters: valid, under the lock.
        let links = unsafe { &mut *links_of(waiter) };
        if !links.is_queued {
            return false;
        }
        links.is_queued = false;
        let (previous, next) = (links.previous, links.next);
        if previous.is_null() {
            self.first = next;
        } else {
            // SAFETY: waiters: a queued one, under the lock.
            unsafe { (*links_of(previous)).next = next };
        }
        if next.is_null() {
            self.last = previous;
        } else {
            // SAFETY: waiters: a queued one, under the lock.
            unsafe { (*links_of(next)).previous = previous };
        }
        true
    }
}
