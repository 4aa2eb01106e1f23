//! [`Watch`]: a thread that notices when the tasks of an executor do not go on,
//! and the account that tells it. For executors that have a scheduler; they
//! describe what waits ([`Watched`]), io-core has the words
//! ([`io_core::watch`]).
//!
//! # Deadlocks
//! The account counts who is *active*: whatever may still do something by itself.
//! That is a worker that does not sleep for ever, a thread of a pool that has
//! work, and every thread of the program that has used the executor and lives.
//! Whoever waits for a wake alone, without a deadline, *rests*.
//!
//! 1. Nobody is active: all wait for each other, or for somebody who is not
//!    known here. A wake may be on its way, so the watch waits for a moment, in
//!    which nobody may become active.
//! 2. Then the executor looks what its tasks wait for. If it finds a wake or a
//!    job on its way, or a task that somebody may wake who is not counted, there
//!    is no deadlock.
//! 3. Otherwise it is reported, once until somebody becomes active again, and
//!    not twice for the same waits.
//!
//! A thread that has not used the executor yet is not known, and may wake a task
//! all the same: a report is a report, and nothing is ended.
//!
//! # Stalls
//! The watch looks at the executor a few times within the time that a task may keep
//! its worker. When nothing runs it *dozes*, or it would be the only one that does:
//!
//! 1. A look finds that nothing runs and nothing has run since the last one.
//! 2. The watch says that it dozes, passes a SeqCst fence and looks once more.
//! 3. A worker that begins to run something says so, passes a SeqCst fence and
//!    wakes a watch that dozes. One of the two fences comes first.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use io_core::watch::{Deadlock, LabelsWanted, Report, Reporter, TaskPlace, WaitingTask};
use io_core::{Clock, FutexAddress, Instant, IoId};

use crate::syscall;
use crate::time::{earliest, now};

/// So long nobody may be active before the waits are looked at.
const CONFIRM_TIME: Duration = Duration::from_millis(100);
/// So many looks, in a row and apart by this part of the time, make a stall. A look
/// that comes late counts as one: on a busy machine what does not go on may only
/// have lost the processor.
pub const LOOKS_PER_STALL: u32 = 4;

/// What is watched, and who is told.
#[derive(Clone, Debug, Default)]
pub struct WatchOptions {
    /// Report when all tasks wait.
    pub deadlocks: bool,
    /// Report when a task keeps its worker for so long.
    pub stall_time: Option<Duration>,
    /// Who is told.
    pub reporter: Reporter,
}

/// What the watch asks of its executor, on its own thread.
pub trait Watched: Send + Sync {
    /// The watch of this executor.
    fn watch(&self) -> &Watch;

    /// The executor's name.
    fn name(&self) -> &'static str;

    /// Looks what everything waits for.
    fn examine(&self) -> Examination;

    /// Looks for tasks that keep their workers. Returns whether anything runs, or has
    /// run since the last look.
    fn look_for_stalls(&self, _now: Instant) -> bool {
        false
    }
}

/// What an executor found.
#[derive(Debug)]
pub struct Examination {
    /// What waits; `None` if something is on its way.
    pub waiting: Option<Vec<WaitingTask>>,
    /// How many became active only to be looked at.
    pub disturbed_count: u64,
}

/// Watches one executor.
pub struct Watch {
    options: WatchOptions,
    account: Mutex<Account>,
    /// The last active one rests, or the watch is to end.
    changed: Condvar,
    /// Written by the watch, and by who wakes it; ordered by the SeqCst fences.
    is_dozing: AtomicBool,
    _labels: Option<LabelsWanted>,
}

#[derive(Default)]
struct Account {
    active_count: u64,
    /// How often somebody became active: if it is unchanged, nobody did.
    turn_count: u64,
    /// The turn at which the waits were looked at last.
    examined_turn: Option<u64>,
    /// What threads rest on, by number.
    resting: BTreeMap<u64, WaitingTask>,
    next_number: u64,
    thread: ThreadState,
}

#[derive(Default)]
enum ThreadState {
    #[default]
    NotStarted,
    Started(JoinHandle<()>),
    /// It is to end, or must not start.
    Stopped,
}

thread_local! {
    /// The executors that count this thread of the program as active.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
    /// The watch that must not count this thread: its own, or one of a pool whose
    /// work is counted instead. Its address.
    static UNCOUNTED: Cell<usize> = const { Cell::new(0) };
}

/// This thread is active as long as this is there: to its end.
struct Entered(Arc<Watch>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.rest();
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Watch")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// A watch, if there is something to watch. Its thread is started by
    /// [`start`](Watch::start).
    #[must_use]
    pub fn new(options: WatchOptions) -> Option<Arc<Watch>> {
        if !options.deadlocks && options.stall_time.is_none() {
            return None;
        }
        Some(Arc::new(Watch {
            _labels: options.deadlocks.then(LabelsWanted::new),
            options,
            account: Mutex::default(),
            changed: Condvar::new(),
            is_dozing: AtomicBool::new(false),
        }))
    }

    /// What is watched.
    #[must_use]
    pub fn options(&self) -> &WatchOptions {
        &self.options
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread, unless there is one. If the system refuses, a later call
    /// tries again.
    pub fn start(&self, executor: impl FnOnce() -> Arc<dyn Watched>) {
        let mut account = self.account();
        if matches!(account.thread, ThreadState::NotStarted) {
            let executor = executor();
            let body = move || executor.watch().run(&*executor);
            if let Ok(handle) = thread::Builder::new()
                .name("io-watch".to_owned())
                .spawn(body)
            {
                account.thread = ThreadState::Started(handle);
            }
        }
    }

    /// Ends the thread.
    pub fn stop(&self) {
        let mut account = self.account();
        let thread = std::mem::replace(&mut account.thread, ThreadState::Stopped);
        drop(account);
        self.changed.notify_all();
        if let ThreadState::Started(handle) = thread {
            // A reporter may be what drops the executor.
            if handle.thread().id() != thread::current().id() {
                handle
                    .join()
                    .expect("the watch catches its reporter's panics");
            }
        }
    }

    /// Tells whom it concerns. What their panic says, the panic hook has said.
    pub fn tell(&self, report: &Report) {
        let tell = AssertUnwindSafe(|| self.options.reporter.tell(report));
        drop(panic::catch_unwind(tell));
    }

    /// A worker has begun to run something, and has said so.
    #[inline]
    pub fn wake_looks(&self) {
        fence(Ordering::SeqCst);
        if self.is_dozing.load(Ordering::Relaxed) {
            self.is_dozing.store(false, Ordering::Relaxed);
            // Under the lock: the watch either sees it before it waits, or waits.
            drop(self.account());
            self.changed.notify_one();
        }
    }

    // ---- the account -------------------------------------------------------

    /// Somebody is active from here on.
    pub fn go_on(&self) {
        if self.options.deadlocks {
            let mut account = self.account();
            account.active_count += 1;
            account.turn_count += 1;
        }
    }

    /// Somebody who was active is not any more: it waits for a wake alone, or has
    /// ended.
    pub fn rest(&self) {
        if self.options.deadlocks {
            self.begin_rest(&mut self.account());
        }
    }

    fn begin_rest(&self, account: &mut Account) {
        account.active_count -= 1;
        if account.active_count == 0 {
            self.changed.notify_one();
        }
    }

    /// The calling thread, which is active, waits for a wake of the word at
    /// `address` alone, until the answer is dropped.
    #[must_use]
    pub fn rest_thread(&self, io: IoId, address: FutexAddress) -> Option<Resting<'_>> {
        if !self.options.deadlocks {
            return None;
        }
        let place = TaskPlace::Thread(syscall::thread_number());
        let waiting = WaitingTask::current(io, place, address);
        let mut account = self.account();
        let number = account.next_number;
        account.next_number += 1;
        account.resting.insert(number, waiting);
        self.begin_rest(&mut account);
        Some(Resting {
            watch: self,
            number,
        })
    }

    /// The calling thread, one of the program, uses the executor: it is active to
    /// its end, unless it rests.
    pub fn enter_thread(self: &Arc<Watch>) {
        if !self.options.deadlocks || UNCOUNTED.get() == Arc::as_ptr(self).addr() {
            return;
        }
        // Late in the thread's end there is no list any more, and no time to wake
        // anybody either.
        let _entered = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            if !entered.iter().any(|entered| Arc::ptr_eq(&entered.0, self)) {
                entered.retain(|entered| !entered.0.is_stopped());
                self.go_on();
                entered.push(Entered(Arc::clone(self)));
            }
        });
    }

    /// The calling thread is counted in another way from here on: as a worker.
    pub fn forget_thread(self: &Arc<Watch>) {
        let _forgotten = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            entered.retain(|entered| !Arc::ptr_eq(&entered.0, self));
        });
    }

    /// The calling thread is never counted: what it does is.
    pub fn leave_uncounted(&self) {
        UNCOUNTED.set(std::ptr::from_ref(self).addr());
    }

    fn is_stopped(&self) -> bool {
        matches!(self.account().thread, ThreadState::Stopped)
    }

    /// What threads rest on.
    #[must_use]
    pub fn resting_threads(&self) -> Vec<WaitingTask> {
        self.account().resting.values().cloned().collect()
    }

    // ---- the thread --------------------------------------------------------

    fn run(&self, executor: &dyn Watched) {
        self.leave_uncounted();
        let mut suspicion = Suspicion::default();
        let look_interval = self.options.stall_time.map(|time| time / LOOKS_PER_STALL);
        let mut last_look = monotonic();
        let mut account = self.account();
        while !matches!(account.thread, ThreadState::Stopped) {
            let now = monotonic();
            let is_dozing = self.is_dozing.load(Ordering::Relaxed);
            let look_interval = look_interval.filter(|_| !is_dozing);
            if let Some(interval) = look_interval
                && now >= last_look.saturating_add(interval)
            {
                last_look = now;
                drop(account);
                if !executor.look_for_stalls(now) {
                    self.is_dozing.store(true, Ordering::Relaxed);
                    fence(Ordering::SeqCst);
                    if executor.look_for_stalls(now) {
                        self.is_dozing.store(false, Ordering::Relaxed);
                    }
                }
                account = self.account();
                continue;
            }
            let confirmed_at = suspicion.look(&account, now);
            if confirmed_at.is_some_and(|at| now >= at) {
                drop(account);
                self.examine(executor, &mut suspicion);
                account = self.account();
                continue;
            }
            let looks_at = look_interval.map(|interval| last_look.saturating_add(interval));
            account = match earliest(confirmed_at, looks_at) {
                Some(next) => {
                    let rest = next.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(account, rest);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .changed
                    .wait(account)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn examine(&self, executor: &dyn Watched, suspicion: &mut Suspicion) {
        let turn_before = self.account().turn_count;
        let examination = executor.examine();
        let turn_after = turn_before + examination.disturbed_count;
        suspicion.since = None;
        let mut account = self.account();
        // If somebody else became active meanwhile, it is looked at again.
        if account.turn_count != turn_after {
            return;
        }
        account.examined_turn = Some(turn_after);
        drop(account);
        let Some(tasks) = examination.waiting.filter(|tasks| !tasks.is_empty()) else {
            return;
        };
        let deadlock = Deadlock {
            executor: executor.name(),
            tasks,
        };
        if suspicion.is_new(&deadlock) {
            self.tell(&Report::Deadlock(deadlock));
        }
    }
}

fn monotonic() -> Instant {
    now(Clock::Monotonic)
}

/// What the watch makes of an account without anybody active.
#[derive(Default)]
struct Suspicion {
    /// At which turn, and since when.
    since: Option<(u64, Instant)>,
    /// What was reported last: where, and on which word.
    reported: Vec<(TaskPlace, Option<FutexAddress>)>,
}

impl Suspicion {
    /// When the suspicion is one to examine; `None` if there is none.
    fn look(&mut self, account: &Account, now: Instant) -> Option<Instant> {
        let turn = account.turn_count;
        if account.active_count > 0 || turn == 0 || account.examined_turn == Some(turn) {
            self.since = None;
            return None;
        }
        let since = match self.since {
            Some((suspected, since)) if suspected == turn => since,
            Some(_) | None => now,
        };
        self.since = Some((turn, since));
        Some(since.saturating_add(CONFIRM_TIME))
    }

    fn is_new(&mut self, deadlock: &Deadlock) -> bool {
        let waits = deadlock.tasks.iter();
        let waits: Vec<_> = waits
            .map(|waiting| (waiting.task.place, waiting.address))
            .collect();
        let is_new = waits != self.reported;
        self.reported = waits;
        is_new
    }
}

/// A thread that rests, until this is dropped.
#[derive(Debug)]
pub struct Resting<'a> {
    watch: &'a Watch,
    number: u64,
}

impl Drop for Resting<'_> {
    fn drop(&mut self) {
        let mut account = self.watch.account();
        account.resting.remove(&self.number);
        account.active_count += 1;
        account.turn_count += 1;
    }
}
