//! [`ReadyQueue`]: the fibers of one worker that can go on, in the order in which
//! they became ready. The worker's own; used by its run loop and its fibers.
//!
//! ```text
//!            first                          end
//!              ▼                             ▼
//!   ┌────┬─────┬─────┬─────┬─────┬─────┬─────┬────┐   a ring; its number of places
//!   │    │  A  │  B  │  C  │  D  │  E  │  F  │    │   is a power of two
//!   └────┴─────┴─────┴─────┴─────┴─────┴─────┴────┘
//! ```
//! A fiber is ready once per park, so it is in the queue once.
//!
//! With many fibers the stack of each lies in a page of its own that the processor
//! has to look up, which takes longer than all else of a switch. So those that are
//! soon resumed are fetched ahead, [`FETCHED_AT_ONCE`] at once: the look-ups of one
//! group run beside each other, where one at each switch would be waited for.

#![expect(
    unsafe_code,
    reason = "the ring is reached without a flag and a check of bounds"
)]

use std::cell::{Cell, UnsafeCell};
use std::io;

use crate::cell::FiberRef;

/// The number of places is a power of two; `None` outside the queue.
type Ring = Box<[Cell<Option<FiberRef>>]>;

/// So many fibers are fetched by one [`ReadyQueue::fetch_ahead`].
pub(super) const FETCHED_AT_ONCE: u32 = 8;
const GROUP: usize = FETCHED_AT_ONCE as usize;

const PLACES_MIN: usize = 64;

/// # Safety argument
/// *own thread*: only the worker's thread has it, and no call keeps a reference to
/// the ring while another of its calls runs.
pub(super) struct ReadyQueue {
    ring: UnsafeCell<Ring>,
    /// The low bits of a number that are a place: one less than there are places.
    mask: Cell<usize>,
    /// The number of fibers taken so far; its low bits are a place.
    first: Cell<usize>,
    /// The number of fibers queued so far.
    end: Cell<usize>,
    /// How many fibers there are that may be queued: for each is a place.
    admitted: Cell<usize>,
}

impl ReadyQueue {
    pub(super) fn new() -> ReadyQueue {
        ReadyQueue {
            ring: UnsafeCell::new((0..PLACES_MIN).map(|_| Cell::new(None)).collect()),
            mask: Cell::new(PLACES_MIN - 1),
            first: Cell::new(0),
            end: Cell::new(0),
            // The main fiber.
            admitted: Cell::new(1),
        }
    }

    /// There is one fiber more: keeps a place for it.
    ///
    /// # Errors
    /// There is no memory.
    pub(super) fn admit(&self) -> io::Result<()> {
        let admitted = self.admitted.get() + 1;
        if admitted > self.ring().len() {
            self.grow()?;
        }
        self.admitted.set(admitted);
        Ok(())
    }

    /// There is one fiber less.
    pub(super) fn dismiss(&self) {
        self.admitted.set(self.admitted.get() - 1);
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.get() == self.end.get()
    }

    #[inline]
    pub(super) fn push(&self, fiber: FiberRef) {
        let end = self.end.get();
        fiber.cell().note_queued(true);
        debug_assert!(self.place(end).get().is_none(), "there is a place for each");
        self.place(end).set(Some(fiber));
        self.end.set(end.wrapping_add(1));
    }

    /// The one that [`pop`](Self::pop) would take.
    #[inline]
    pub(super) fn first(&self) -> Option<FiberRef> {
        self.place(self.first.get()).get()
    }

    #[inline]
    pub(super) fn pop(&self) -> Option<FiberRef> {
        let first = self.first.get();
        let fiber = self.place(first).take()?;
        self.first.set(first.wrapping_add(1));
        fiber.cell().note_queued(false);
        Some(fiber)
    }

    /// Has the frames of the group of fibers after the next one fetched into the
    /// cache, and the cells of the group after that. To be called once a group, by
    /// the run loop.
    #[inline]
    pub(super) fn fetch_ahead(&self) {
        let first = self.first.get();
        if self.end.get().wrapping_sub(first) >= 3 * GROUP {
            self.fetch_groups(first);
        }
    }

    #[inline(never)]
    fn fetch_groups(&self, first: usize) {
        let fibers = |numbers: std::ops::Range<usize>| {
            numbers.filter_map(move |number| self.place(first.wrapping_add(number)).get())
        };
        fibers(GROUP..2 * GROUP).for_each(|fiber| {
            // SAFETY: *own thread*; what is queued does not run.
            unsafe { fiber.prefetch_stack() };
        });
        fibers(2 * GROUP..3 * GROUP).for_each(FiberRef::prefetch_cell);
    }

    /// Takes any fiber, as the generator of the stress mode says.
    #[cold]
    pub(super) fn pop_random(&self, number: usize) -> Option<FiberRef> {
        let count = self.end.get().wrapping_sub(self.first.get());
        // Those before it go to the end: their order is random as well.
        for _ in 0..number.checked_rem(count).unwrap_or(0) {
            let first = self.pop()?;
            self.push(first);
        }
        self.pop()
    }

    #[inline]
    fn ring(&self) -> &Ring {
        // SAFETY: *own thread*: only `grow` changes it, which keeps no reference.
        unsafe { &*self.ring.get() }
    }

    #[inline]
    fn place(&self, number: usize) -> &Cell<Option<FiberRef>> {
        let index = number & self.mask.get();
        debug_assert!(index < self.ring().len(), "the mask is the ring's");
        // SAFETY: the mask leaves no larger number: it changes with the ring.
        unsafe { self.ring().get_unchecked(index) }
    }

    /// Twice as many places.
    #[cold]
    fn grow(&self) -> io::Result<()> {
        let count = self.ring().len() * 2;
        let mut larger = Vec::new();
        larger.try_reserve_exact(count)?;
        larger.resize_with(count, || Cell::new(None));
        let mut number = self.first.get();
        while number != self.end.get() {
            larger[number & (count - 1)].set(self.place(number).get());
            number = number.wrapping_add(1);
        }
        // SAFETY: *own thread*.
        unsafe { *self.ring.get() = larger.into_boxed_slice() };
        self.mask.set(count - 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::ptr::NonNull;

    use super::{PLACES_MIN, ReadyQueue};
    use crate::cell::{FiberCell, FiberKind, FiberRef};

    fn cells(count: usize) -> Vec<FiberCell> {
        let numbers = 0..count;
        let cells = numbers.map(|number| FiberCell::new(0, FiberKind::Pooled, number));
        cells.collect()
    }

    fn refs(cells: &[FiberCell]) -> Vec<FiberRef> {
        let pointers = cells.iter().map(NonNull::from);
        // SAFETY: the cells outlive the queues of these tests.
        pointers
            .map(|cell| unsafe { FiberRef::new(cell) })
            .collect()
    }

    #[test]
    fn fibers_come_out_in_their_order_also_where_it_grows() {
        let cells = cells(PLACES_MIN * 4 + 1);
        let fibers = refs(&cells);
        let queue = ReadyQueue::new();
        let mut taken = Vec::new();
        // The queue begins anywhere in the ring when it grows.
        for fiber in &fibers[..PLACES_MIN] {
            queue.admit().unwrap();
            queue.push(*fiber);
        }
        for _ in 0..PLACES_MIN / 3 {
            taken.extend(queue.pop());
        }
        for fiber in &fibers[PLACES_MIN..] {
            queue.admit().unwrap();
            queue.push(*fiber);
            queue.fetch_ahead();
        }
        assert!(!queue.is_empty());
        taken.extend(std::iter::from_fn(|| queue.pop()));
        assert!(queue.is_empty());
        let numbers: Vec<usize> = taken.iter().map(|fiber| fiber.cell().number).collect();
        assert_eq!(numbers, Vec::from_iter(0..cells.len()));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "it is queued once")]
    fn no_fiber_is_queued_twice() {
        let cells = cells(1);
        let fibers = refs(&cells);
        let queue = ReadyQueue::new();
        queue.push(fibers[0]);
        queue.push(fibers[0]);
    }

    #[test]
    fn fibers_that_come_and_go_need_no_further_place() {
        let cells = cells(PLACES_MIN);
        let fibers = refs(&cells);
        let queue = ReadyQueue::new();
        for fiber in fibers.iter().cycle().take(PLACES_MIN * 100) {
            queue.admit().unwrap();
            queue.push(*fiber);
            assert!(queue.pop() == Some(*fiber));
            queue.dismiss();
        }
        assert_eq!(queue.ring().len(), PLACES_MIN);
    }
}
