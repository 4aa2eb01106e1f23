//! [`ReadyQueue`]: the fibers of one worker that can go on, in the order in which
//! they became ready. The worker's own; used by its run loop.
//!
//! ```text
//! first ─► cell ─► cell ─► cell ◄─ last      linked by `FiberCell::next`
//! ```
//! A fiber is ready once per park, so it is in the queue once, and one link in its
//! cell is enough. Whoever is resumed next but one has its cell fetched into the
//! cache, and whoever is next its stack: with many fibers each lies in a page of
//! its own, and the misses cost more than the switch.

use std::cell::Cell;

use crate::cell::FiberRef;

pub(super) struct ReadyQueue {
    first: Cell<Option<FiberRef>>,
    /// `None` if `first` is.
    last: Cell<Option<FiberRef>>,
}

impl ReadyQueue {
    pub(super) fn new() -> ReadyQueue {
        ReadyQueue {
            first: Cell::new(None),
            last: Cell::new(None),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.first.get().is_none()
    }

    #[inline]
    pub(super) fn push(&self, fiber: FiberRef) {
        debug_assert!(fiber.cell().next.get().is_none(), "it is queued once");
        match self.last.replace(Some(fiber)) {
            Some(last) => last.cell().next.set(Some(fiber)),
            None => self.first.set(Some(fiber)),
        }
    }

    #[inline]
    pub(super) fn pop(&self) -> Option<FiberRef> {
        let first = self.first.get()?;
        let next = first.cell().next.take();
        self.first.set(next);
        match next {
            Some(next) => {
                next.prefetch_stack();
                if let Some(later) = next.cell().next.get() {
                    later.prefetch_cell();
                }
            }
            None => self.last.set(None),
        }
        Some(first)
    }

    /// Takes any fiber, as the generator of the stress mode says.
    #[cold]
    pub(super) fn pop_random(&self, number: usize) -> Option<FiberRef> {
        let mut count = 0;
        let mut fiber = self.first.get();
        while let Some(counted) = fiber {
            count += 1;
            fiber = counted.cell().next.get();
        }
        // Those before it go to the end: their order is random as well.
        for _ in 0..number.checked_rem(count).unwrap_or(0) {
            let first = self.pop()?;
            self.push(first);
        }
        self.pop()
    }
}
