//! [`Executor`]: the executor that a [`Backend`] names, made and run; what
//! [`Backend::Auto`] came to, and why. Programs call it from their `main`.

#![expect(
    unsafe_code,
    reason = "making an event loop is unsafe; the contract is in the docs of `run`"
)]

use std::fmt;
use std::io;

use io_blocking::Blocking;
use io_core::Io;
use io_evloop_uring::EventLoop;
use io_threaded::Threaded;

use crate::backend::Backend;

/// Makes the executor that `backend` names and runs `body` on it, on the calling
/// thread. Returns when `body` and all tasks are done.
///
/// ```
/// use pluggable_io::{Backend, fs};
///
/// // SAFETY: nothing in this program keeps a thread-local scope open across a
/// // call of `Io`, and no initialiser of a thread-local calls it.
/// let manifest = unsafe {
///     pluggable_io::run(Backend::Auto, |io| fs::read_to_string(io, "Cargo.toml"))
/// }??;
/// assert!(manifest.contains("pluggable-io"));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// The executor can not be had; `body` has not run. For an event loop the error's
/// text names the likely cause and the way out.
///
/// # Panics
/// With the panic of `body`; with [`Backend::EventLoop`] and [`Backend::Auto`] on
/// a thread that is a worker of an event loop.
///
/// # Safety
/// It binds only if `backend` is [`Backend::EventLoop`] or [`Backend::Auto`];
/// [`run_threaded`] and [`run_blocking`] are safe. Tasks are fibers then, and fibers of one thread do not nest as
/// calls do. All code that `body` runs, in any of its tasks,
/// 1. does not keep, across a call that may wait through `Io`, a thread-local
///    scope whose end relies on the order of calls on the thread (`scoped-tls`,
///    `slog-scope` and the like), unless inside
///    [`no_suspend`](Io::no_suspend);
/// 2. does not call `Io` from the initialiser of a thread-local.
///
/// Everything else (locks, `RefCell`, `Rc`, panics) can go wrong in logic, never
/// in memory.
pub unsafe fn run<T>(backend: Backend, body: impl FnOnce(&dyn Io) -> T) -> io::Result<T> {
    // SAFETY: the caller's contract.
    let executor = unsafe { Executor::new(backend) }?;
    executor.run(body)
}

/// Runs `body` with tasks that are threads, itself on the calling thread. Returns
/// when `body` and all tasks are done and their threads have ended.
///
/// ```
/// let halves = pluggable_io::run_threaded(|io| {
///     io.scope(|scope| scope.spawn(|| 20 + 1).join() * 2)
/// });
/// assert_eq!(halves, 42);
/// ```
pub fn run_threaded<T>(body: impl FnOnce(&dyn Io) -> T) -> T {
    body(&Threaded::new())
}

/// Runs `body` with tasks that are calls, on the calling thread alone.
///
/// ```
/// let halves = pluggable_io::run_blocking(|io| {
///     io.scope(|scope| scope.spawn(|| 20 + 1).join() * 2)
/// });
/// assert_eq!(halves, 42);
/// ```
pub fn run_blocking<T>(body: impl FnOnce(&dyn Io) -> T) -> T {
    body(&Blocking::new())
}

/// An executor, ready to run: made of the [`Backend`] that names it, or of one
/// that was built with options of its own.
///
/// ```
/// use pluggable_io::{Backend, Executor};
///
/// // SAFETY: nothing in this program keeps a thread-local scope open across a
/// // call of `Io`, and no initialiser of a thread-local calls it.
/// let executor = unsafe { Executor::new(Backend::Auto) }?;
/// if let Some(refusal) = &executor.choice().refusal {
///     eprintln!("running on {}: {refusal}", executor.choice().backend);
/// }
/// let name = executor.run(|io| io.capabilities().name)?;
/// assert_eq!(name, executor.choice().backend.name());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Executor {
    kind: Kind,
    choice: Choice,
}

#[derive(Debug)]
enum Kind {
    EventLoop(EventLoop),
    Threaded(Threaded),
    Blocking(Blocking),
}

/// Which executor was made, and what was asked for: the two differ for
/// [`Backend::Auto`]. It displays as the executor's name and, if another was
/// refused, why.
#[derive(Debug)]
pub struct Choice {
    /// What was asked for.
    pub asked: Backend,
    /// What was made; never [`Backend::Auto`].
    pub backend: Backend,
    /// Why it is not the event loop, if that was tried.
    pub refusal: Option<io::Error>,
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.refusal {
            None => write!(formatter, "{}", self.backend),
            Some(refusal) => write!(formatter, "{}, since {refusal}", self.backend),
        }
    }
}

impl Executor {
    /// Makes the executor that `backend` names, with its default options.
    ///
    /// # Errors
    /// As [`run`].
    ///
    /// # Safety
    /// As [`run`], for all code that runs on the executor.
    pub unsafe fn new(backend: Backend) -> io::Result<Executor> {
        match backend {
            // SAFETY: the caller's contract.
            Backend::EventLoop => unsafe { EventLoop::new() }.map(Executor::from),
            Backend::Threaded => Ok(Executor::from(Threaded::new())),
            Backend::Blocking => Ok(Executor::from(Blocking::new())),
            // SAFETY: the caller's contract.
            Backend::Auto => Ok(Executor::automatic(unsafe { EventLoop::new() })),
        }
    }

    /// The event loop where there is one, and otherwise threads: whatever it was
    /// refused for, they can do without.
    fn automatic(event_loop: io::Result<EventLoop>) -> Executor {
        let (mut executor, refusal) = match event_loop {
            Ok(event_loop) => (Executor::from(event_loop), None),
            Err(refusal) => (Executor::from(Threaded::new()), Some(refusal)),
        };
        executor.choice.asked = Backend::Auto;
        executor.choice.refusal = refusal;
        executor
    }

    /// Which executor it is and, for [`Backend::Auto`], why.
    #[must_use]
    pub fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Runs `body` on the calling thread. Returns when `body` and all tasks are
    /// done.
    ///
    /// # Errors
    /// An event loop has no ring for this thread; `body` has not run.
    ///
    /// # Panics
    /// With the panic of `body`. An event loop also if it runs already, and on a
    /// thread that is a worker of an event loop.
    pub fn run<T>(&self, body: impl FnOnce(&dyn Io) -> T) -> io::Result<T> {
        match &self.kind {
            Kind::EventLoop(event_loop) => event_loop.run(body),
            Kind::Threaded(threaded) => Ok(body(threaded)),
            Kind::Blocking(blocking) => Ok(body(blocking)),
        }
    }

    fn made(kind: Kind, backend: Backend) -> Executor {
        let choice = Choice {
            asked: backend,
            backend,
            refusal: None,
        };
        Executor { kind, choice }
    }
}

impl From<EventLoop> for Executor {
    fn from(event_loop: EventLoop) -> Executor {
        Executor::made(Kind::EventLoop(event_loop), Backend::EventLoop)
    }
}

impl From<Threaded> for Executor {
    fn from(threaded: Threaded) -> Executor {
        Executor::made(Kind::Threaded(threaded), Backend::Threaded)
    }
}

impl From<Blocking> for Executor {
    fn from(blocking: Blocking) -> Executor {
        Executor::made(Kind::Blocking(blocking), Backend::Blocking)
    }
}
