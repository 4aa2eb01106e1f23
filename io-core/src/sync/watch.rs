//! [`Watch`]: a value of which only the latest counts. The value lies in a
//! [`RwLock`]; the word of its version is in `version_word.rs`.

use std::fmt;
use std::io;
use std::sync::atomic::AtomicU32;

use crate::io::Io;
use crate::sync::queue::PutError;
use crate::sync::rwlock::{RwLock, RwLockReadGuard};
use crate::sync::version_word::{Change, Version, VersionWord};
use crate::sync::waiting::Cancelable;
use crate::watch::WaitKind;

/// A value that some tasks change and others follow: settings, progress, a
/// leader. Who follows sees the latest value, and not every one before it.
///
/// ```
/// use io_core::sync::Watch;
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
///
/// let progress = Watch::new(0);
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         for percent in 1..=100 {
///             progress.set(io, percent).expect("nobody closes it, nobody cancels");
///         }
///         progress.close(io);
///     });
///     let mut watcher = progress.watcher();
///     while let Some(percent) = watcher.changed(io)? {
///         assert!(*percent <= 100);
///     }
///     std::io::Result::Ok(())
/// })?;
/// assert_eq!(*progress.read(io)?, 100);
/// # std::io::Result::Ok(())
/// ```
pub struct Watch<T> {
    value: RwLock<T>,
    /// Changes while `value` is held for writing.
    version: VersionWord,
}

impl<T> Watch<T> {
    /// A value that nobody has changed yet.
    #[must_use]
    pub const fn new(value: T) -> Watch<T> {
        Watch {
            value: RwLock::new(value),
            version: VersionWord::from_word(AtomicU32::new(0)),
        }
    }

    /// Sets the value. Waits while others read it.
    ///
    /// # Cancellation
    /// A point if it has to wait. If it answers an error the value was not set
    /// and is in the error.
    ///
    /// # Errors
    /// It is closed; canceled; the deadline in force has passed.
    pub fn set(&self, io: &dyn Io, value: T) -> Result<(), PutError<T>> {
        let mut value = Some(value);
        let set = |place: &mut T| *place = value.take().expect("it is set once");
        self.modify(io, set).map_err(|error| PutError {
            item: value.take().expect("it was not set"),
            error,
        })
    }

    /// Changes the value in place. Waits while others read it.
    ///
    /// # Cancellation
    /// A point if it has to wait. If it answers an error `change` has not run.
    ///
    /// # Errors
    /// It is closed ([`io::ErrorKind::BrokenPipe`]); canceled; the deadline in
    /// force has passed.
    pub fn modify<R>(&self, io: &dyn Io, change: impl FnOnce(&mut T) -> R) -> io::Result<R> {
        let mut value = self.value.write(io)?;
        if self.version.is_closed() {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        }
        // Also if `change` panics: the value may be another one then.
        let _advance = Advance {
            version: &self.version,
            io,
        };
        Ok(change(&mut value))
    }

    /// The latest value. Waits while it is changed; while the guard lives nobody
    /// can change it.
    ///
    /// # Cancellation
    /// A point if it has to wait.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    pub fn read<'a>(&'a self, io: &'a dyn Io) -> io::Result<RwLockReadGuard<'a, T>> {
        self.value.read(io)
    }

    /// As [`read`](Watch::read), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    pub fn read_uncancelable<'a>(&'a self, io: &'a dyn Io) -> RwLockReadGuard<'a, T> {
        self.value.read_uncancelable(io)
    }

    /// Follows the value: the present one counts as seen.
    pub fn watcher(&self) -> Watcher<'_, T> {
        Watcher {
            watch: self,
            seen: self.version.version(),
        }
    }

    /// Closes it: the value changes no more, and waits for a change end. Never
    /// waits; no cancellation point.
    pub fn close(&self, io: &dyn Io) {
        self.version.close(&Cancelable(io, WaitKind::Change));
    }

    /// Whether it was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.version.is_closed()
    }

    /// The value. It is not watched any more.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

/// Makes a new version when it is dropped, before the value's guard is.
struct Advance<'a> {
    version: &'a VersionWord,
    io: &'a dyn Io,
}

impl Drop for Advance<'_> {
    fn drop(&mut self) {
        self.version.advance(&Cancelable(self.io, WaitKind::Change));
    }
}

impl<T: Default> Default for Watch<T> {
    fn default() -> Watch<T> {
        Watch::new(T::default())
    }
}

impl<T> fmt::Debug for Watch<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Follows a [`Watch`]: knows which value it has seen.
pub struct Watcher<'a, T> {
    watch: &'a Watch<T>,
    seen: Version,
}

impl<'a, T> Watcher<'a, T> {
    /// Waits for a value that it has not seen, and returns the latest, which
    /// then counts as seen. `None`: it is closed, and the last one was seen.
    ///
    /// # Cancellation
    /// A point if it has to wait. If it answers an error nothing counts as seen.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    pub fn changed<'b>(&mut self, io: &'b dyn Io) -> io::Result<Option<RwLockReadGuard<'b, T>>>
    where
        'a: 'b,
    {
        let seen = self.seen;
        let change = self
            .watch
            .version
            .wait(&Cancelable(io, WaitKind::Change), seen)?;
        let value = self.read(io)?;
        // Closed: who changed the value at that time is done now, and nobody will
        // again.
        let is_new = change == Change::Changed || self.seen != seen;
        Ok(is_new.then_some(value))
    }

    /// Waits until `condition` holds of the latest value, which then counts as
    /// seen. `None`: it is closed, and the condition does not hold of the last.
    ///
    /// # Cancellation
    /// As [`changed`](Watcher::changed).
    ///
    /// # Errors
    /// As [`changed`](Watcher::changed).
    pub fn wait_for<'b>(
        &mut self,
        io: &'b dyn Io,
        mut condition: impl FnMut(&T) -> bool,
    ) -> io::Result<Option<RwLockReadGuard<'b, T>>>
    where
        'a: 'b,
    {
        let mut latest = Some(self.read(io)?);
        while let Some(value) = latest {
            if condition(&value) {
                return Ok(Some(value));
            }
            drop(value);
            latest = self.changed(io)?;
        }
        Ok(None)
    }

    /// The latest value, which then counts as seen. Waits while it is changed.
    ///
    /// # Cancellation
    /// A point if it has to wait.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    pub fn read<'b>(&mut self, io: &'b dyn Io) -> io::Result<RwLockReadGuard<'b, T>>
    where
        'a: 'b,
    {
        let value = self.watch.value.read(io)?;
        self.seen = self.watch.version.version();
        Ok(value)
    }

    /// Whether there is a value that it has not seen. Never waits.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.watch.version.change(self.seen) == Some(Change::Changed)
    }
}

impl<T> Clone for Watcher<'_, T> {
    fn clone(&self) -> Self {
        Watcher {
            watch: self.watch,
            seen: self.seen,
        }
    }
}

impl<T> fmt::Debug for Watcher<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watcher")
            .field("has_changed", &self.has_changed())
            .finish_non_exhaustive()
    }
}
