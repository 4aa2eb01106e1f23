//! [`Queue`]: items from many tasks to many tasks. Its state machine is in
//! `items.rs`.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;

use crate::atomics::Mutex;
use crate::io::Io;
use crate::sync::items::{Items, Missing, Refused, Stored};
use crate::sync::line::{Lined, WaitLine};
use crate::sync::waiting::{Cancelable, Uncancelable};
use crate::watch::WaitKind;

/// A queue for any number of tasks that put and any number that get, with room
/// for a number of items; a put waits while it is full. With no room at all
/// ([`rendezvous`](Queue::rendezvous)) a put waits until its item was taken.
///
/// Items come out in the order in which they went in, and who waits longest is
/// served first. After [`close`](Queue::close) nothing can be put, and gets
/// return what is left and then `None`.
///
/// ```
/// use io_core::sync::Queue;
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
///
/// let queue = Queue::bounded(4);
/// let sum = std::thread::scope(|scope| {
///     scope.spawn(|| {
///         for number in 1..=100 {
///             queue.put(io, number).expect("nobody closes it, nobody cancels");
///         }
///         queue.close(io);
///     });
///     let mut sum = 0;
///     while let Some(number) = queue.get(io)? {
///         sum += number;
///     }
///     std::io::Result::Ok(sum)
/// })?;
/// assert_eq!(sum, 5050);
/// # std::io::Result::Ok(())
/// ```
pub struct Queue<T> {
    items: Items<T>,
}

impl<T> Queue<T> {
    /// A queue with room for `capacity` items.
    #[must_use]
    pub fn bounded(capacity: usize) -> Queue<T> {
        Queue::with_buffer(VecDeque::with_capacity(capacity), capacity)
    }

    /// A queue without room: each item goes from a put to a get.
    #[must_use]
    pub const fn rendezvous() -> Queue<T> {
        Queue::with_buffer(VecDeque::new(), 0)
    }

    const fn with_buffer(buffer: VecDeque<T>, capacity: usize) -> Queue<T> {
        let lock = Mutex::new(Lined::new(Stored::new(buffer)));
        Queue {
            items: Items::from_line(WaitLine::from_lock(lock), capacity),
        }
    }

    /// Puts `item`, and waits while there is no room.
    ///
    /// # Cancellation
    /// A point if it has to wait. If it answers an error the item was not put and
    /// is in the error; an item that was taken is never in an error.
    ///
    /// # Errors
    /// The queue is closed; canceled; the deadline in force has passed.
    #[inline]
    pub fn put(&self, io: &dyn Io, item: T) -> Result<(), PutError<T>> {
        self.items
            .put(&Cancelable(io, WaitKind::Room), item)
            .map_err(PutError::new)
    }

    /// As [`put`](Queue::put), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    ///
    /// # Errors
    /// The item, if the queue is closed.
    pub fn put_uncancelable(&self, io: &dyn Io, item: T) -> Result<(), T> {
        self.items
            .put(&Uncancelable(io, WaitKind::Room), item)
            .map_err(Refused::into_item)
    }

    /// Puts `item` if there is room or somebody waits for it. Never waits; no
    /// cancellation point.
    ///
    /// # Errors
    /// The item, if it was not put.
    pub fn try_put(&self, io: &dyn Io, item: T) -> Result<(), TryPutError<T>> {
        let answer = self
            .items
            .try_put::<()>(&Cancelable(io, WaitKind::Room), item);
        answer.map_err(|refused| match refused {
            Refused::Full(item) => TryPutError::Full(item),
            Refused::Closed(item) | Refused::GivenUp(item, ()) => TryPutError::Closed(item),
        })
    }

    /// Puts all of `items`, the first one first, and waits while there is no
    /// room. Each item is taken out of `items` as it is put; between two of them
    /// others may put theirs.
    ///
    /// # Cancellation
    /// A point whenever it has to wait. If it answers an error, what is left in
    /// `items` was not put.
    ///
    /// # Errors
    /// The queue is closed ([`io::ErrorKind::BrokenPipe`]); canceled; the deadline
    /// in force has passed.
    pub fn put_many(&self, io: &dyn Io, items: &mut VecDeque<T>) -> io::Result<()> {
        self.items
            .put_many(&Cancelable(io, WaitKind::Room), items)
            .map_err(|refused| {
                let PutError { item, error } = PutError::new(refused);
                items.push_front(item);
                error
            })
    }

    /// Gets the oldest item, and waits while there is none. `None`: the queue is
    /// closed and empty.
    ///
    /// # Cancellation
    /// A point if it has to wait. If it answers an error it has taken nothing: an
    /// item that came meanwhile is returned, and the request stays pending.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    #[inline]
    pub fn get(&self, io: &dyn Io) -> io::Result<Option<T>> {
        self.items.get(&Cancelable(io, WaitKind::Item))
    }

    /// As [`get`](Queue::get), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    pub fn get_uncancelable(&self, io: &dyn Io) -> Option<T> {
        let Ok(item) = self.items.get(&Uncancelable(io, WaitKind::Item));
        item
    }

    /// Gets the oldest item if there is one. Never waits; no cancellation point.
    ///
    /// # Errors
    /// There is none now, or there will be none.
    pub fn try_get(&self, io: &dyn Io) -> Result<T, TryGetError> {
        let answer = self.items.try_get(&Cancelable(io, WaitKind::Item));
        answer.map_err(|missing| match missing {
            Missing::Empty => TryGetError::Empty,
            Missing::Closed => TryGetError::Closed,
        })
    }

    /// Gets what is there, at most `count` items, into the end of `into`, and
    /// waits while there is nothing. Returns how many; 0: closed and empty.
    ///
    /// # Cancellation
    /// As [`get`](Queue::get).
    ///
    /// # Errors
    /// As [`get`](Queue::get).
    ///
    /// # Panics
    /// If `count` is 0.
    pub fn get_many(&self, io: &dyn Io, into: &mut Vec<T>, count: usize) -> io::Result<usize> {
        assert!(count > 0, "a get of no items can not tell the end");
        self.items
            .get_many(&Cancelable(io, WaitKind::Item), into, count)
    }

    /// Gets all that is there now, also what waits to be put, into the end of
    /// `into`. Returns how many. Never waits; no cancellation point.
    pub fn drain(&self, io: &dyn Io, into: &mut Vec<T>) -> usize {
        self.items
            .take_many(&Cancelable(io, WaitKind::Item), into, usize::MAX)
    }

    /// Closes the queue: puts fail from here on, those that wait too, and gets
    /// return what is left. Closing again does nothing. Never waits; no
    /// cancellation point.
    pub fn close(&self, io: &dyn Io) {
        self.items.close(&Cancelable(io, WaitKind::Item));
    }

    /// Whether it was closed; items may be left.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.items.is_closed()
    }

    /// How many items it has room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.items.capacity()
    }

    /// How many items are in it: for reports, others may change it meanwhile.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.length()
    }

    /// Whether no item is in it: for reports, as [`len`](Queue::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Queue")
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// An item that was not put, or a value that was not set, and why. `?` makes it an [`io::Error`].
pub struct PutError<T> {
    /// What was to be put.
    pub item: T,
    /// Canceled, deadline passed, or [`io::ErrorKind::BrokenPipe`]: closed.
    pub error: io::Error,
}

impl<T> PutError<T> {
    fn new(refused: Refused<T, io::Error>) -> PutError<T> {
        let (item, error) = match refused {
            Refused::GivenUp(item, error) => (item, error),
            Refused::Closed(item) | Refused::Full(item) => {
                (item, io::Error::from(io::ErrorKind::BrokenPipe))
            }
        };
        PutError { item, error }
    }

    /// Whether the reason is that it is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.error.kind() == io::ErrorKind::BrokenPipe
    }
}

impl<T, E> Refused<T, E> {
    fn into_item(self) -> T {
        let (Refused::Closed(item) | Refused::Full(item) | Refused::GivenUp(item, _)) = self;
        item
    }
}

impl<T> From<PutError<T>> for io::Error {
    fn from(error: PutError<T>) -> io::Error {
        error.error
    }
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PutError")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the item was not put: {}", self.error)
    }
}

impl<T> Error for PutError<T> {}

/// An item that was not put because that would have had to wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room now.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

impl<T> TryPutError<T> {
    /// What was to be put.
    #[must_use]
    pub fn into_item(self) -> T {
        let (TryPutError::Full(item) | TryPutError::Closed(item)) = self;
        item
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            TryPutError::Full(_) => "Full(..)",
            TryPutError::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            TryPutError::Full(_) => "the queue is full",
            TryPutError::Closed(_) => "the queue is closed",
        })
    }
}

impl<T> Error for TryPutError<T> {}

/// Why there is no item, or no value, to be had without a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryGetError {
    /// There is none now.
    Empty,
    /// There will be none: it is closed, and nothing is left.
    Closed,
}

impl fmt::Display for TryGetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            TryGetError::Empty => "there is nothing now",
            TryGetError::Closed => "there will be nothing",
        })
    }
}

impl Error for TryGetError {}
