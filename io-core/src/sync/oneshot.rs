//! A channel for one value: the answer to a request that was put into a queue,
//! for one. Its word is in `oneshot_word.rs`.

use std::fmt;
use std::io;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError};

use crate::atomics::Mutex;
use crate::io::Io;
use crate::sync::oneshot_word::{Arrival, OneshotWord};
use crate::sync::queue::TryGetError;
use crate::sync::waiting::{Cancelable, Uncancelable, certain};
use crate::watch::WaitKind;

/// A channel for one value. Both ends keep the executor, since dropping the
/// sender wakes the receiver.
///
/// ```
/// use io_core::sync::oneshot;
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
///
/// let (sender, mut receiver) = oneshot::channel(io);
/// std::thread::scope(|scope| {
///     scope.spawn(|| sender.send(42).expect("the receiver is there"));
///     assert_eq!(receiver.receive()?, Some(42));
///     std::io::Result::Ok(())
/// })?;
/// # std::io::Result::Ok(())
/// ```
#[must_use]
pub fn channel<T>(io: &dyn Io) -> (Sender<'_, T>, Receiver<'_, T>) {
    let shared = Arc::new(Shared {
        word: OneshotWord::from_word(AtomicU32::new(0)),
        value: Mutex::new(None),
    });
    let sender = Sender {
        io,
        shared: Arc::clone(&shared),
        is_used: false,
    };
    (sender, Receiver { io, shared })
}

struct Shared<T> {
    word: OneshotWord,
    /// Filled by the sender before it sets its bit, taken by the receiver after
    /// it saw that, or by the sender if nobody wants it: nobody contends.
    value: Mutex<Option<T>>,
}

impl<T> Shared<T> {
    fn take(&self) -> Option<T> {
        let mut value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        value.take()
    }
}

/// Sends the value. Dropped without having sent, it tells the receiver so.
pub struct Sender<'io, T> {
    io: &'io dyn Io,
    shared: Arc<Shared<T>>,
    is_used: bool,
}

impl<T> Sender<'_, T> {
    /// Sends `value`. Never waits; no cancellation point.
    ///
    /// # Errors
    /// `value`, if the receiver is gone.
    pub fn send(mut self, value: T) -> Result<(), T> {
        let slot = self.shared.value.lock();
        *slot.unwrap_or_else(PoisonError::into_inner) = Some(value);
        self.is_used = true;
        if self.shared.word.send(&Cancelable(self.io, WaitKind::Value)) {
            return Ok(());
        }
        Err(self.shared.take().expect("nobody else takes it"))
    }

    /// Whether the receiver is gone, so that making the value is in vain.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.shared.word.is_wanted()
    }
}

impl<T> Drop for Sender<'_, T> {
    fn drop(&mut self) {
        if !self.is_used {
            self.shared
                .word
                .leave_sender(&Cancelable(self.io, WaitKind::Value));
        }
    }
}

impl<T> fmt::Debug for Sender<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sender")
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// Receives the value.
pub struct Receiver<'io, T> {
    io: &'io dyn Io,
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<'_, T> {
    /// Waits for the value. `None`: the sender is gone without having sent, or
    /// the value was received before.
    ///
    /// # Cancellation
    /// A point if it has to wait. A value that came meanwhile is returned, and
    /// the request stays pending; after an error it can be received later.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    pub fn receive(&mut self) -> io::Result<Option<T>> {
        let arrival = self
            .shared
            .word
            .wait(&Cancelable(self.io, WaitKind::Value))?;
        Ok(self.take(arrival))
    }

    /// As [`receive`](Receiver::receive), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    pub fn receive_uncancelable(&mut self) -> Option<T> {
        let arrival = certain(
            self.shared
                .word
                .wait(&Uncancelable(self.io, WaitKind::Value)),
        );
        self.take(arrival)
    }

    /// The value, if it has come. Never waits; no cancellation point.
    ///
    /// # Errors
    /// It has not come, or will not come.
    pub fn try_receive(&mut self) -> Result<T, TryGetError> {
        let arrival = self.shared.word.arrival().ok_or(TryGetError::Empty)?;
        self.take(arrival).ok_or(TryGetError::Closed)
    }

    fn take(&self, arrival: Arrival) -> Option<T> {
        match arrival {
            Arrival::Value => self.shared.take(),
            Arrival::Nothing => None,
        }
    }
}

impl<T> Drop for Receiver<'_, T> {
    fn drop(&mut self) {
        self.shared.word.leave_receiver();
    }
}

impl<T> fmt::Debug for Receiver<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receiver").finish_non_exhaustive()
    }
}
