//! [`Crew`]: an executor and the kind of users that a test sets on it. A test
//! that hangs ends the process after a while, with its name.

#![expect(unsafe_code, reason = "constructs event loops")]
#![expect(
    clippy::disallowed_methods,
    reason = "clippy.toml forbids threads to the contract; these tests race on them"
)]

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use io_blocking::Blocking;
use io_core::{FutexWord, Instant, Io, forward_io};
use io_evloop_uring::EventLoop;
use io_threaded::Threaded;

/// A test that takes longer hangs.
const TEST_SECONDS_MAX: u64 = 120;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Users {
    Threads,
    Tasks,
    TasksAndThreads,
}

/// An executor, and how its users are started.
pub(crate) struct Crew<'a> {
    pub(crate) io: &'a dyn Io,
    users: Users,
}

impl Crew<'_> {
    /// Runs `body` for each number below `count`, all at the same time.
    pub(crate) fn all(&self, count: usize, body: impl Fn(usize) + Sync) {
        let is_thread = |number: usize| match self.users {
            Users::Threads => true,
            Users::Tasks => false,
            Users::TasksAndThreads => number.is_multiple_of(2),
        };
        let body = &body;
        thread::scope(|threads| {
            self.io.scope(|tasks| {
                for number in 0..count {
                    if is_thread(number) {
                        threads.spawn(move || body(number));
                    } else {
                        let task = tasks.spawn_concurrent(move || body(number));
                        drop(task.expect("a task can be had"));
                    }
                }
            });
        });
    }
}

/// Enough for the tasks of `spawn` of every test: none runs inside `spawn`.
const SPAWN_THREADS: usize = 128;

/// Runs `test` with threads on the blocking executor, with tasks of the event loop
/// on one worker and two, and of the threaded one, and with tasks and threads
/// together.
#[track_caller]
pub(crate) fn on_every_crew(test: impl Fn(&Crew<'_>)) {
    watched(|| {
        test(&Crew {
            io: &Blocking::new(),
            users: Users::Threads,
        });
    });
    for users in [Users::Tasks, Users::TasksAndThreads] {
        on_threads(|io| test(&Crew { io, users }));
    }
    for (workers, users) in [
        (1, Users::Tasks),
        (2, Users::Tasks),
        (2, Users::TasksAndThreads),
    ] {
        on_event_loop(workers, |io| test(&Crew { io, users }));
    }
}

/// Runs `test` as the main task of an event loop with this many workers.
#[track_caller]
pub(crate) fn on_event_loop(workers: usize, test: impl Fn(&dyn Io)) {
    // SAFETY: the tests keep no thread-local scope open across a wait.
    match unsafe { EventLoop::builder().workers(workers).build() } {
        Ok(event_loop) => watched(|| event_loop.run(&test).expect("a ring for this thread")),
        Err(error) => assert!(
            std::env::var_os("IO_REQUIRE_URING").is_none_or(|value| value != "1"),
            "io_uring is required: {error}"
        ),
    }
}

/// Runs `test` beside the tasks of the threaded executor.
#[track_caller]
fn on_threads(test: impl Fn(&dyn Io)) {
    let threaded = Threaded::builder().spawn_threads(SPAWN_THREADS).build();
    watched(|| test(&threaded));
}

/// Runs `test` where tasks can be canceled while they wait: as the main task of
/// event loops with one worker and with two, and beside tasks that are threads.
#[track_caller]
pub(crate) fn with_tasks(test: impl Fn(&dyn Io)) {
    on_threads(&test);
    for workers in [1, 2] {
        on_event_loop(workers, &test);
    }
}

/// Runs `test`; ends the process if it does not come to an end.
#[track_caller]
fn watched<T>(test: impl FnOnce() -> T) -> T {
    let place = panic::Location::caller();
    let (ended, wait) = mpsc::channel::<()>();
    thread::spawn(move || {
        let end = wait.recv_timeout(Duration::from_secs(TEST_SECONDS_MAX));
        if end == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("the test at {place} hangs");
            process::abort();
        }
    });
    let result = panic::catch_unwind(AssertUnwindSafe(test));
    drop(ended);
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// Counts tasks that are about to wait. On one worker, who sees the count knows
/// that they do wait: they go on from here without letting others run.
#[derive(Default)]
pub(crate) struct Arrivals(AtomicUsize);

impl Arrivals {
    pub(crate) fn arrive(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn wait_for(&self, io: &dyn Io, count: usize) {
        until(io, || self.0.load(Ordering::Acquire) == count);
    }
}

/// An executor that tells whether it was asked to wait: on it, who waits for a
/// lock stands in its line from then on.
pub(crate) struct Asked<'a> {
    below: &'a dyn Io,
    has_waits: AtomicBool,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(below: &'a dyn Io) -> Asked<'a> {
        Asked {
            below,
            has_waits: AtomicBool::new(false),
        }
    }

    /// Lets others run until somebody waits on it.
    pub(crate) fn wait_for_a_wait(&self) {
        until(self.below, || self.has_waits.load(Ordering::Acquire));
    }
}

impl Io for Asked<'_> {
    forward_io!(self => self.below; except futex_wait);

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        self.has_waits.store(true, Ordering::Release);
        self.below.futex_wait(word, expected, deadline)
    }
}

/// Gives others a chance to come as far as they can; nothing relies on it.
pub(crate) fn let_others_run(io: &dyn Io) {
    for _ in 0..4 {
        io.yield_now().expect("nobody cancels the test");
    }
}

/// Lets others run until `is_so`.
pub(crate) fn until(io: &dyn Io, is_so: impl Fn() -> bool) {
    while !is_so() {
        io.yield_now().expect("nobody cancels the test");
    }
}

/// Ok, or Canceled and nothing else. Returns whether it was Ok.
pub(crate) fn is_ok_or_canceled<T>(result: io::Result<T>) -> bool {
    if let Err(error) = &result {
        assert!(io_core::is_canceled(error), "{error}");
    }
    result.is_ok()
}
