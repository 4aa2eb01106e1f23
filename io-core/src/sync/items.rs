//! [`Items`]: what is in a queue, and who waits at it: those who want to get from
//! an empty one or those who want to put into a full one, oldest first. A state
//! machine without executor, checked by the models. Used by `queue.rs`.
//!
//! ```text
//! note of a getter:   None ──► Some(item): it has it     None: closed and empty
//! note of a putter:   Some(item) ──► None: it was taken  Some(item): closed
//! ```
//! 1. Getters wait only while the buffer is empty and no putter waits; putters
//!    only while it is full and no getter waits. So all on the line are of one
//!    kind, which the first note tells.
//! 2. An item goes from hand to hand: a put gives it to the first getter, a get
//!    takes the oldest from the buffer and lets the first putter fill the place.
//!    So nobody who comes later gets in between.
//! 3. Closing gives everybody on the line a turn and leaves the notes as they are.

use std::collections::VecDeque;

use crate::sync::line::{Locked, Turns, WaitLine};
use crate::sync::park::Park;

/// The state under the lock of the line.
pub(crate) struct Stored<T> {
    buffer: VecDeque<T>,
    is_closed: bool,
}

impl<T> Stored<T> {
    pub(crate) const fn new(buffer: VecDeque<T>) -> Stored<T> {
        Stored {
            buffer,
            is_closed: false,
        }
    }
}

/// Why an item was not put; it comes back.
#[derive(Debug)]
pub(crate) enum Refused<T, E> {
    Closed(T),
    Full(T),
    GivenUp(T, E),
}

/// Why there is no item now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Closed,
    Empty,
}

type LockedItems<'a, T> = Locked<'a, Stored<T>, Option<T>>;

/// A buffer of at most `capacity` items and the line at it.
pub(crate) struct Items<T> {
    line: WaitLine<Stored<T>, Option<T>>,
    capacity: usize,
}

impl<T> Items<T> {
    pub(crate) const fn from_line(
        line: WaitLine<Stored<T>, Option<T>>,
        capacity: usize,
    ) -> Items<T> {
        Items { line, capacity }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(crate) fn length(&self) -> usize {
        self.line.lock().buffer.len()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.line.lock().is_closed
    }

    /// Puts `item` if it does not have to wait.
    pub(crate) fn try_put<E>(&self, park: &impl Park, item: T) -> Result<(), Refused<T, E>> {
        self.put_now(park, item)
            .map(drop)
            .map_err(|refused| refused.1)
    }

    /// Puts `item`, or gives it back with the lock held.
    #[inline]
    fn put_now<E>(
        &self,
        park: &impl Park,
        item: T,
    ) -> Result<(), (LockedItems<'_, T>, Refused<T, E>)> {
        let mut locked = self.line.lock();
        if locked.is_closed {
            return Err((locked, Refused::Closed(item)));
        }
        if let Some(None) = locked.first() {
            let mut turns = Turns::new(park);
            locked.give_first(&mut turns, |note| *note = Some(item));
            locked.free(turns);
            return Ok(());
        }
        if locked.buffer.len() >= self.capacity {
            return Err((locked, Refused::Full(item)));
        }
        locked.buffer.push_back(item);
        Ok(())
    }

    /// Puts `item`, and waits while there is no room.
    ///
    /// # Errors
    /// Closed, or that of the wait: the item was not put.
    #[inline]
    pub(crate) fn put<P: Park>(&self, park: &P, item: T) -> Result<(), Refused<T, P::Error>> {
        match self.put_now(park, item) {
            Ok(()) => Ok(()),
            Err((locked, Refused::Full(item))) => wait_to_put(locked, park, item),
            Err((_, refused)) => Err(refused),
        }
    }

    /// Puts the items from the front of `items` until there are none, and waits
    /// while there is no room.
    ///
    /// # Errors
    /// As of `put`: the item that was not put.
    pub(crate) fn put_many<P: Park>(
        &self,
        park: &P,
        items: &mut VecDeque<T>,
    ) -> Result<(), Refused<T, P::Error>> {
        while let Some(item) = items.pop_front() {
            let mut locked = self.line.lock();
            if locked.is_closed {
                return Err(Refused::Closed(item));
            }
            let mut turns = Turns::new(park);
            let mut next = Some(item);
            while next.is_some() && matches!(locked.first(), Some(None)) {
                locked.give_first(&mut turns, |note| *note = next.take());
                next = items.pop_front();
            }
            while locked.buffer.len() < self.capacity
                && let Some(item) = next.take()
            {
                locked.buffer.push_back(item);
                next = items.pop_front();
            }
            match next {
                None => locked.free(turns),
                Some(item) if turns.is_empty() => wait_to_put(locked, park, item)?,
                Some(item) => {
                    // Wake them first, then look again.
                    locked.free(turns);
                    items.push_front(item);
                }
            }
        }
        Ok(())
    }

    /// Gets the oldest item if it does not have to wait.
    pub(crate) fn try_get(&self, park: &impl Park) -> Result<T, Missing> {
        self.take_now(park).map_err(|locked| {
            if locked.is_closed {
                Missing::Closed
            } else {
                Missing::Empty
            }
        })
    }

    #[inline]
    fn take_now(&self, park: &impl Park) -> Result<T, LockedItems<'_, T>> {
        let mut locked = self.line.lock();
        if locked.length() == 0 {
            return locked.buffer.pop_front().ok_or(locked);
        }
        let mut turns = Turns::new(park);
        match self.take_first(&mut locked, &mut turns) {
            Some(item) => {
                locked.free(turns);
                Ok(item)
            }
            None => Err(locked),
        }
    }

    /// Takes the oldest item, and lets the first putter fill its place.
    fn take_first(
        &self,
        locked: &mut LockedItems<'_, T>,
        turns: &mut Turns<'_, impl Park>,
    ) -> Option<T> {
        let oldest = locked.buffer.pop_front();
        let from_line = match locked.first() {
            Some(Some(_)) => locked.give_first(turns, Option::take).flatten(),
            Some(None) | None => None,
        };
        match (oldest, from_line) {
            (Some(oldest), Some(newest)) => {
                locked.buffer.push_back(newest);
                Some(oldest)
            }
            (oldest, from_line) => oldest.or(from_line),
        }
    }

    /// Gets the oldest item, and waits while there is none; `None` if there will
    /// be none: closed and empty.
    ///
    /// # Errors
    /// That of the wait: no item was taken.
    #[inline]
    pub(crate) fn get<P: Park>(&self, park: &P) -> Result<Option<T>, P::Error> {
        match self.take_now(park) {
            Ok(item) => Ok(Some(item)),
            Err(locked) if locked.is_closed => Ok(None),
            Err(locked) => self.wait_to_get(locked, park),
        }
    }

    /// Gets what is there, at most `count`, and waits while there is nothing.
    /// Returns how many; none if there will be none.
    ///
    /// # Errors
    /// As of `get`.
    pub(crate) fn get_many<P: Park>(
        &self,
        park: &P,
        into: &mut Vec<T>,
        count: usize,
    ) -> Result<usize, P::Error> {
        let got = self.take_many(park, into, count);
        if got > 0 || count == 0 {
            return Ok(got);
        }
        let Some(item) = self.get(park)? else {
            return Ok(0);
        };
        into.push(item);
        Ok(1 + self.take_many(park, into, count - 1))
    }

    /// Gets what is there, at most `count`.
    pub(crate) fn take_many(&self, park: &impl Park, into: &mut Vec<T>, count: usize) -> usize {
        let mut turns = Turns::new(park);
        let mut locked = self.line.lock();
        let mut got = 0;
        while got < count
            && let Some(item) = self.take_first(&mut locked, &mut turns)
        {
            into.push(item);
            got += 1;
        }
        locked.free(turns);
        got
    }

    fn wait_to_get<P: Park>(
        &self,
        locked: LockedItems<'_, T>,
        park: &P,
    ) -> Result<Option<T>, P::Error> {
        let give_back = |note: Option<T>| {
            if let Some(item) = note {
                self.put_first(park, item);
            }
        };
        locked.wait(park, None, give_back).map_err(|left| {
            drop(left.locked);
            left.cause.raise()
        })
    }

    /// Puts back an item whose getter panicked: it is the next one, even if that
    /// makes one too many.
    fn put_first(&self, park: &impl Park, item: T) {
        let mut turns = Turns::new(park);
        let mut locked = self.line.lock();
        if let Some(None) = locked.first() {
            locked.give_first(&mut turns, |note| *note = Some(item));
        } else {
            locked.buffer.push_front(item);
        }
        locked.free(turns);
    }

    /// From here on nothing can be put; everybody on the line goes on.
    pub(crate) fn close(&self, park: &impl Park) {
        let mut turns = Turns::new(park);
        let mut locked = self.line.lock();
        locked.is_closed = true;
        while locked.give_first(&mut turns, |_| ()).is_some() {}
        locked.free(turns);
    }
}

fn wait_to_put<P: Park, T>(
    locked: LockedItems<'_, T>,
    park: &P,
    item: T,
) -> Result<(), Refused<T, P::Error>> {
    match locked.wait(park, Some(item), drop) {
        Ok(None) => Ok(()),
        Ok(Some(item)) => Err(Refused::Closed(item)),
        Err(left) => {
            drop(left.locked);
            let item = left.note.expect("nobody took it, so it is there");
            Err(Refused::GivenUp(item, left.cause.raise()))
        }
    }
}
