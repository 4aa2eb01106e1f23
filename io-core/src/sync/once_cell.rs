//! [`OnceCell`]: a value that is made once. It stands on std's cell for the value
//! and on [`Mutex`] for the making, so it has no state machine of its own.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::sync::OnceLock;

use crate::io::Io;
use crate::sync::mutex::{Mutex, MutexGuard};

/// A value that is made when it is first needed, by one task while the others
/// wait. The making may wait too, and may fail: then the next one tries.
///
/// ```
/// use io_core::sync::OnceCell;
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
///
/// static HOSTNAME: OnceCell<String> = OnceCell::new();
///
/// let name = HOSTNAME.get_or_try_init(io, || {
///     io_core::fs::read_to_string(io, "/proc/sys/kernel/hostname")
/// })?;
/// assert_eq!(HOSTNAME.get(), Some(name));
/// # std::io::Result::Ok(())
/// ```
pub struct OnceCell<T> {
    value: OnceLock<T>,
    /// Held by who makes the value.
    making: Mutex<()>,
}

impl<T> OnceCell<T> {
    /// A cell without a value.
    #[must_use]
    pub const fn new() -> OnceCell<T> {
        OnceCell {
            value: OnceLock::new(),
            making: Mutex::new(()),
        }
    }

    /// The value, if it was made. Never waits; no cancellation point.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, if it was made.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// The value, made by `make` if there is none. Waits while another task makes
    /// it.
    ///
    /// A `make` that wants the value of the same cell waits for itself.
    ///
    /// # Cancellation
    /// A point if it has to wait for another task.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    #[inline]
    pub fn get_or_init(&self, io: &dyn Io, make: impl FnOnce() -> T) -> io::Result<&T> {
        self.get_or_try_init(io, || Ok(make()))
    }

    /// As [`get_or_init`](OnceCell::get_or_init), whatever comes; `make` has
    /// points as elsewhere.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    pub fn get_or_init_uncancelable(&self, io: &dyn Io, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.value.get() {
            return value;
        }
        let making = self.making.lock_uncancelable(io);
        let Ok(value) = self.make(making, || Ok::<T, Infallible>(make()));
        value
    }

    /// As [`get_or_init`](OnceCell::get_or_init) with a `make` that can fail. The
    /// cell stays without value then, and the next one who waits makes it.
    ///
    /// # Cancellation
    /// As [`get_or_init`](OnceCell::get_or_init).
    ///
    /// # Errors
    /// That of `make`; canceled; the deadline in force has passed.
    #[inline]
    pub fn get_or_try_init<E: From<io::Error>>(
        &self,
        io: &dyn Io,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        match self.value.get() {
            Some(value) => Ok(value),
            None => self.make(self.making.lock(io)?, make),
        }
    }

    #[cold]
    fn make<E>(
        &self,
        making: MutexGuard<'_, ()>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, E> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let value = make()?;
        // Nobody else sets it: `making` is held.
        let value = self.value.get_or_init(|| value);
        drop(making);
        Ok(value)
    }

    /// Sets the value. Never waits; no cancellation point.
    ///
    /// # Errors
    /// `value`, if there is one already or it is being made.
    pub fn set(&self, io: &dyn Io, value: T) -> Result<(), T> {
        match self.making.try_lock(io) {
            Some(_making) => self.value.set(value),
            None => Err(value),
        }
    }

    /// Takes the value out; the cell is without value again.
    pub fn take(&mut self) -> Option<T> {
        self.value.take()
    }

    /// The value, if it was made.
    #[must_use]
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> OnceCell<T> {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> OnceCell<T> {
        OnceCell {
            value: OnceLock::from(value),
            making: Mutex::new(()),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("OnceCell")
            .field(&self.value.get())
            .finish()
    }
}
