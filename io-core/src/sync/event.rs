//! [`Event`]: something that has happened, or not yet. Its word is in
//! `event_word.rs`.

use std::fmt;
use std::io;
use std::sync::atomic::AtomicU32;

use crate::io::Io;
use crate::sync::event_word::EventWord;
use crate::sync::waiting::{Cancelable, Uncancelable, certain};
use crate::watch::WaitKind;

/// Lets tasks wait until something has happened. It stays set until it is reset;
/// a wait on a set event does not wait.
///
/// Everybody who waits when it is set goes on, even if it is reset at once. What
/// was written before the set can be read after the wait.
///
/// ```
/// use io_core::sync::Event;
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
///
/// static READY: Event = Event::new();
///
/// std::thread::scope(|scope| {
///     scope.spawn(|| READY.set(io));
///     READY.wait(io)
/// })?;
/// assert!(READY.is_set());
/// # std::io::Result::Ok(())
/// ```
pub struct Event {
    word: EventWord,
}

impl Event {
    /// An event that is not set.
    #[must_use]
    pub const fn new() -> Event {
        Event {
            word: EventWord::from_word(AtomicU32::new(0)),
        }
    }

    /// Waits until it is set.
    ///
    /// # Cancellation
    /// A point if it has to wait. If it was set meanwhile it goes on, and the
    /// request stays pending.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    #[inline]
    pub fn wait(&self, io: &dyn Io) -> io::Result<()> {
        self.word.wait(&Cancelable(io, WaitKind::Event))
    }

    /// As [`wait`](Event::wait), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    pub fn wait_uncancelable(&self, io: &dyn Io) {
        certain(self.word.wait(&Uncancelable(io, WaitKind::Event)));
    }

    /// Sets it: all who wait go on. Does nothing if it is set. Never waits; no
    /// cancellation point.
    #[inline]
    pub fn set(&self, io: &dyn Io) {
        self.word.set(&Cancelable(io, WaitKind::Event));
    }

    /// From here on, waits wait again.
    pub fn reset(&self) {
        self.word.reset();
    }

    /// Whether it is set.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.word.is_set()
    }
}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Event")
            .field("is_set", &self.is_set())
            .finish()
    }
}
