//! Between tasks and futures: [`block_on`] runs a future on a task, and
//! [`TaskFuture`] lets async code await one. Programs use them.
//!
//! # Safety argument: wakers
//! A waker may outlive the call of `block_on` that it was made for, and the
//! executor with it. It holds the executor's reference without its lifetime, in a
//! cell that is emptied before `block_on` returns or unwinds, under the lock that
//! a wake holds while it uses it.

#![expect(
    unsafe_code,
    reason = "wakers must be 'static and wake through a borrowed executor"
)]

use std::fmt;
use std::future::Future;
use std::mem;
use std::panic;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use crate::futex::{FutexAddress, FutexWord};
use crate::io::Io;
use crate::task::name::TaskBuilder;
use crate::task::record;
use crate::task::scope::{Scope, Task};
use crate::watch::{WaitKind, labelled};

/// Polled and nobody has woken it since.
const IDLE: u32 = 0;
/// It has to be polled again.
const WOKEN: u32 = 1;

/// References to a [`TaskWaker`] that `block_on` itself holds.
const OWN_WAKERS: usize = 2;

struct TaskWaker {
    /// [`IDLE`] or [`WOKEN`]. Wakers store WOKEN (Release), the task takes it
    /// (Acquire) and so sees what was done before the wake.
    word: AtomicU32,
    /// `None` once `block_on` is over.
    io: Mutex<Option<&'static dyn Io>>,
}

impl TaskWaker {
    fn io(&self) -> MutexGuard<'_, Option<&'static dyn Io>> {
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for TaskWaker {
    fn wake(self: Arc<TaskWaker>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<TaskWaker>) {
        if self.word.swap(WOKEN, Ordering::Release) == WOKEN {
            return;
        }
        // A wake never waits (the contract), so the lock is held shortly.
        if let Some(io) = *self.io() {
            io.futex_wake(FutexAddress::of(&self.word), 1);
        }
    }
}

/// Takes the executor away from the wakers.
struct Disarm<'a>(&'a TaskWaker);

impl Drop for Disarm<'_> {
    fn drop(&mut self) {
        *self.0.io() = None;
    }
}

/// Runs a future on the current task and returns its output. While the future is
/// pending the task waits as it waits for anything: other tasks run. Its wakers
/// may be used on any thread, also after this has returned.
///
/// A future that needs an executor of its own (timers or sockets of some runtime)
/// has to have that running elsewhere. The future may call `io` itself, directly
/// or through libraries: it runs on the task.
///
/// # Cancellation
/// Not a point itself, and no deadline ends it: a future can not be asked to end
/// otherwise than by dropping it. A request stays pending, and is delivered at a
/// point that the future itself comes to. [`block_on_cancelable`] drops it.
///
/// # Panics
/// With the future's panic.
///
/// ```
/// use io_core::{Io, task};
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn Io = &blocking;
/// let sum = task::block_on(io, async { 20 + 22 });
/// assert_eq!(sum, 42);
/// ```
pub fn block_on<F: Future>(io: &dyn Io, future: F) -> F::Output {
    let wait = |word: FutexWord<'_>| {
        // Neither error can occur under protection; if one does, look again.
        drop(record::protected(io.id(), || {
            io.futex_wait(word, IDLE, None)
        }));
        Ok(())
    };
    match poll_to_end(io, future, wait) {
        Ok(output) => output,
        Err(never) => unreachable!("the wait never answers an error: {never}"),
    }
}

/// As [`block_on`], but ends with Canceled or at a deadline. The future is
/// dropped then.
///
/// # Cancellation
/// A point while the future is pending.
///
/// # Errors
/// Canceled; the deadline in force has passed.
///
/// # Panics
/// With the future's panic.
///
/// ```
/// use std::future;
/// use std::time::Duration;
///
/// use io_core::{is_deadline, task};
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// let never = future::pending::<()>();
/// let wait = || task::block_on_cancelable(io, never);
/// let result = io.with_timeout(Duration::from_millis(1), wait);
/// assert!(is_deadline(&result.unwrap_err()));
/// ```
pub fn block_on_cancelable<F: Future>(io: &dyn Io, future: F) -> std::io::Result<F::Output> {
    poll_to_end(io, future, |word| io.futex_wait(word, IDLE, None))
}

fn poll_to_end<F: Future>(
    io: &dyn Io,
    future: F,
    wait: impl Fn(FutexWord<'_>) -> std::io::Result<()>,
) -> std::io::Result<F::Output> {
    // SAFETY: wakers: `disarm` takes it away before this call ends.
    let erased = unsafe { mem::transmute::<&dyn Io, &'static dyn Io>(io) };
    let task = Arc::new(TaskWaker {
        word: AtomicU32::new(IDLE),
        io: Mutex::new(Some(erased)),
    });
    let _disarm = Disarm(&task);
    let waker = Waker::from(Arc::clone(&task));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        while task.word.swap(IDLE, Ordering::Acquire) == IDLE {
            // This function's own: the one here, and the one in `waker`.
            let is_held = Arc::strong_count(&task) > OWN_WAKERS;
            let kind = if is_held {
                WaitKind::HeldWaker
            } else {
                WaitKind::Future
            };
            labelled(io, kind, || wait(FutexWord::of(&task.word)))?;
        }
    }
}

/// Whether the task of a [`TaskFuture`] is over, and whom to tell.
#[derive(Default)]
struct End {
    is_over: bool,
    waker: Option<Waker>,
}

type SharedEnd = Arc<Mutex<End>>;

fn lock(end: &SharedEnd) -> MutexGuard<'_, End> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says that a task is over when it is dropped: after its closure, or with its
/// job if that never ran.
struct Tell(SharedEnd);

impl Drop for Tell {
    fn drop(&mut self) {
        let mut end = lock(&self.0);
        end.is_over = true;
        let waker = end.waker.take();
        drop(end);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A task that async code can await, made by [`Scope::spawn_future`]. Dropping it
/// discards the result; the task goes on.
#[must_use = "a future does nothing unless it is awaited; the task runs anyway"]
pub struct TaskFuture<'scope, T> {
    /// `None` once it has given out its result.
    task: Option<Task<'scope, T>>,
    end: SharedEnd,
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a task, as [`spawn`](Scope::spawn) does, and returns a future of its
    /// result, for code that is async.
    ///
    /// # Panics
    /// The future panics with the task's panic.
    ///
    /// ```
    /// use io_core::{Io, task};
    ///
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn Io = &blocking;
    /// let length = io.scope(|scope| {
    ///     let name = scope.spawn_future(|| "io".to_owned());
    ///     task::block_on(io, async { name.await.len() })
    /// });
    /// assert_eq!(length, 2);
    /// ```
    #[track_caller]
    pub fn spawn_future<F, T>(&'scope self, body: F) -> TaskFuture<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (end, body) = telling(body);
        TaskFuture {
            task: Some(self.spawn(body)),
            end,
        }
    }
}

impl<'scope> TaskBuilder<'scope, '_> {
    /// Starts the task, as [`Scope::spawn_future`] does.
    ///
    /// # Panics
    /// As [`Scope::spawn_future`].
    #[track_caller]
    pub fn spawn_future<F, T>(self, body: F) -> TaskFuture<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let (end, body) = telling(body);
        TaskFuture {
            task: Some(self.spawn(body)),
            end,
        }
    }
}

/// `body` as one that tells when it is over, and whom it tells.
fn telling<T>(body: impl FnOnce() -> T) -> (SharedEnd, impl FnOnce() -> T) {
    let end = SharedEnd::default();
    let tell = Tell(Arc::clone(&end));
    let body = move || {
        let _tell = tell;
        body()
    };
    (end, body)
}

impl<T> TaskFuture<'_, T> {
    /// Leaves a request to cancel with the task. The future still has to be
    /// awaited for its result.
    pub fn request_cancel(&self) {
        if let Some(task) = &self.task {
            task.request_cancel();
        }
    }
}

impl<T> Unpin for TaskFuture<'_, T> {}

impl<T> Future for TaskFuture<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut end = lock(&self.end);
        if !end.is_over {
            let former = end.waker.replace(context.waker().clone());
            drop(end);
            // Where no lock is held: it may be code of any executor.
            drop(former);
            return Poll::Pending;
        }
        drop(end);
        let task = self.task.take();
        let task = task.expect("a future is not polled again after it was ready");
        // Its closure has returned: what is left of it are a few steps.
        let result = task.try_join();
        Poll::Ready(result.unwrap_or_else(|payload| panic::resume_unwind(payload)))
    }
}

impl<T> fmt::Debug for TaskFuture<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TaskFuture")
            .field("task", &self.task)
            .finish_non_exhaustive()
    }
}
