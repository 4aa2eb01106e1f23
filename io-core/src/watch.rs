//! [`Report`]: what an executor tells of tasks that do not go on, and whom it
//! tells ([`Reporter`]). Executors make reports on a thread of their own
//! (`io_blocking::watch`); programs print them or hand them on.
//!
//! What a task waits for is known to whoever waits: a lock, a queue, a join note
//! it in the current task's record (`labelled`) before they wait on a word. They
//! do so only while somebody wants to know: otherwise a wait costs one load more.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::futex::FutexAddress;
use crate::io::Io;
use crate::task::{TaskName, TaskRecord, with_current, with_record};

/// What a task waits for on a futex word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum WaitKind {
    /// A word, of which nothing more is known.
    Word,
    /// A `Mutex`.
    Lock,
    /// An `RwLock`, to read.
    ReadLock,
    /// An `RwLock`, to write.
    WriteLock,
    /// A `Condvar`.
    Condition,
    /// Permits of a `Semaphore`.
    Permits,
    /// An `Event`.
    Event,
    /// The others at a `Barrier`.
    Barrier,
    /// Room in a `Queue`.
    Room,
    /// An item of a `Queue`.
    Item,
    /// The value of a `oneshot` channel.
    Value,
    /// A change of what a `Watch` holds.
    Change,
    /// The end of a task: a join.
    TaskEnd,
    /// The end of a scope's tasks.
    ScopeEnd,
    /// The next task of a `TaskGroup` that ends.
    GroupEnd,
    /// A future whose waker nobody else holds.
    Future,
    /// A future whose waker somebody holds, who may use it.
    HeldWaker,
}

impl WaitKind {
    const ALL: [WaitKind; 17] = [
        WaitKind::Word,
        WaitKind::Lock,
        WaitKind::ReadLock,
        WaitKind::WriteLock,
        WaitKind::Condition,
        WaitKind::Permits,
        WaitKind::Event,
        WaitKind::Barrier,
        WaitKind::Room,
        WaitKind::Item,
        WaitKind::Value,
        WaitKind::Change,
        WaitKind::TaskEnd,
        WaitKind::ScopeEnd,
        WaitKind::GroupEnd,
        WaitKind::Future,
        WaitKind::HeldWaker,
    ];

    pub(crate) fn from_number(number: u8) -> WaitKind {
        WaitKind::ALL[usize::from(number)]
    }
}

impl fmt::Display for WaitKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            WaitKind::Word => "a wake",
            WaitKind::Lock => "a lock",
            WaitKind::ReadLock => "a lock, to read",
            WaitKind::WriteLock => "a lock, to write",
            WaitKind::Condition => "a condition",
            WaitKind::Permits => "permits of a semaphore",
            WaitKind::Event => "an event",
            WaitKind::Barrier => "the others at a barrier",
            WaitKind::Room => "room in a queue",
            WaitKind::Item => "an item of a queue",
            WaitKind::Value => "the value of a channel",
            WaitKind::Change => "a change of a watched value",
            WaitKind::TaskEnd => "the end of a task",
            WaitKind::ScopeEnd => "the end of its scope",
            WaitKind::GroupEnd => "the end of a task of its group",
            WaitKind::Future => "a future that nobody can wake",
            WaitKind::HeldWaker => "a future",
        })
    }
}

/// Watchdogs that want to know what tasks wait for. Relaxed: a wait that began
/// before is reported as one for a word.
static WANTED: AtomicUsize = AtomicUsize::new(0);

/// While one lives, waits are labelled: for executors that report deadlocks.
#[derive(Debug)]
pub struct LabelsWanted(());

impl LabelsWanted {
    /// From here on.
    #[must_use]
    pub fn new() -> LabelsWanted {
        WANTED.fetch_add(1, Ordering::Relaxed);
        LabelsWanted(())
    }
}

impl Default for LabelsWanted {
    fn default() -> LabelsWanted {
        LabelsWanted::new()
    }
}

impl Drop for LabelsWanted {
    fn drop(&mut self) {
        WANTED.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `body`, a wait, so that a report can say what for.
#[inline]
pub(crate) fn labelled<R>(io: &dyn Io, kind: WaitKind, body: impl FnOnce() -> R) -> R {
    if WANTED.load(Ordering::Relaxed) == 0 {
        return body();
    }
    with_record(io.id(), |record| record.waiting_for(kind, body))
}

/// Where a task is: on what it waits, as reports say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskPlace {
    /// On a fiber.
    Fiber {
        /// Its number within the event loop, the same as in the report of a stack
        /// overflow.
        number: usize,
        /// The index of its worker.
        worker: usize,
    },
    /// In the body of `EventLoop::run`, on worker 0.
    MainFiber,
    /// On a thread, with the system's number for it.
    Thread(i32),
}

impl fmt::Display for TaskPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TaskPlace::Fiber { number, worker } => {
                write!(formatter, "fiber {number} of worker {worker}")
            }
            TaskPlace::MainFiber => formatter.write_str("the body of run"),
            TaskPlace::Thread(number) => write!(formatter, "thread {number}"),
        }
    }
}

/// Which task a report is about.
#[derive(Clone, Debug)]
pub struct ReportedTask {
    /// What it is called, if it was given a name.
    pub name: Option<TaskName>,
    /// Where it is.
    pub place: TaskPlace,
    /// Where it was spawned; `None` for a thread or a `run` that is no task.
    pub spawned_at: Option<&'static Location<'static>>,
    /// The word that those wait on who join it.
    end: Option<FutexAddress>,
}

impl ReportedTask {
    /// The task of `record`, which is `None` for what is no task.
    #[must_use]
    pub fn new(record: Option<&TaskRecord>, place: TaskPlace) -> ReportedTask {
        ReportedTask {
            name: record.and_then(|record| record.task_name().cloned()),
            place,
            spawned_at: record.and_then(TaskRecord::spawned_at),
            end: record.map(TaskRecord::wait_address),
        }
    }
}

impl fmt::Display for ReportedTask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.spawned_at) {
            (Some(name), _) => write!(formatter, "task '{name}' ({}", self.place)?,
            (None, Some(_)) => write!(formatter, "a task without a name ({}", self.place)?,
            (None, None) => return self.place.fmt(formatter),
        }
        match self.spawned_at {
            Some(location) => write!(formatter, ", spawned at {location})"),
            None => formatter.write_str(")"),
        }
    }
}

/// A task and what it waits for.
#[derive(Clone, Debug)]
pub struct WaitingTask {
    /// The task.
    pub task: ReportedTask,
    /// What for.
    pub kind: WaitKind,
    /// The word that it waits on; `None` if what it waits for runs on its stack.
    pub address: Option<FutexAddress>,
}

impl WaitingTask {
    /// The task of `record`, which waits on the word at `address`.
    #[must_use]
    pub fn on_word(
        record: Option<&TaskRecord>,
        place: TaskPlace,
        address: FutexAddress,
    ) -> WaitingTask {
        WaitingTask {
            task: ReportedTask::new(record, place),
            kind: record.map_or(WaitKind::Word, TaskRecord::wait_kind),
            address: Some(address),
        }
    }

    /// The task of `record`, on whose stack runs what it waits for.
    #[must_use]
    pub fn on_own_stack(record: Option<&TaskRecord>, place: TaskPlace) -> WaitingTask {
        WaitingTask {
            task: ReportedTask::new(record, place),
            kind: WaitKind::TaskEnd,
            address: None,
        }
    }

    /// Whether somebody may wake it of whom its executor does not know.
    #[must_use]
    pub fn may_be_woken(&self) -> bool {
        self.kind == WaitKind::HeldWaker
    }

    /// The calling thread, or its current task of `io`, which is about to wait on
    /// the word at `address`.
    #[must_use]
    pub fn current(io: crate::IoId, place: TaskPlace, address: FutexAddress) -> WaitingTask {
        with_current(io, |record| WaitingTask::on_word(record, place, address))
    }
}

/// Every task of an executor waits, and nothing is known that could wake one.
#[derive(Clone, Debug)]
pub struct Deadlock {
    /// Which executor: its [`Capabilities::name`](crate::Capabilities::name).
    pub executor: &'static str,
    /// What waits: tasks, and threads and bodies of `run` that are none.
    pub tasks: Vec<WaitingTask>,
}

/// So many tasks are listed in the text of a report; the rest is counted.
const LISTED_MAX: usize = 100;

impl fmt::Display for Deadlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "deadlock? every task of this executor ({}) waits, and nothing is known that \
             could wake one:",
            self.executor
        )?;
        for waiting in self.tasks.iter().take(LISTED_MAX) {
            write!(formatter, "\n  {} waits for {}", waiting.task, waiting.kind)?;
            match waiting.address {
                None => formatter.write_str(", which runs on its stack")?,
                Some(address) => match self.task_that_ends_at(address) {
                    Some(task) => write!(formatter, ": {task}")?,
                    None => write!(formatter, " (word {:#x})", address.as_usize())?,
                },
            }
        }
        let rest = self.tasks.len().saturating_sub(LISTED_MAX);
        if rest > 0 {
            write!(formatter, "\n  ... and {rest} more")?;
        }
        Ok(())
    }
}

impl Deadlock {
    /// The task whose join waits on this word.
    fn task_that_ends_at(&self, address: FutexAddress) -> Option<&ReportedTask> {
        let mut tasks = self.tasks.iter().map(|waiting| &waiting.task);
        tasks.find(|task| task.end == Some(address))
    }
}

/// A fiber has kept its worker for longer than was stated.
#[derive(Clone, Debug)]
pub struct Stall {
    /// The task on that fiber.
    pub task: ReportedTask,
    /// For how long, within what the watch can see.
    pub time: Duration,
    /// Whether it still does.
    pub phase: StallPhase,
}

/// How a stall goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StallPhase {
    /// It runs, or blocks its thread in something that is not `Io`.
    Running,
    /// It waits in `no_suspend`, or while it unwinds, so that its worker waits.
    BlockingInPlace,
    /// It has waited through `Io` or ended since.
    Over,
}

impl fmt::Display for Stall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (task, seconds) = (&self.task, self.time.as_secs_f64());
        match self.phase {
            StallPhase::Running => write!(
                formatter,
                "{task} has not let others run for {seconds:.1} s: no other task of its worker \
                 goes on; wait through `Io`, call `yield_now`, or use `offload`"
            ),
            StallPhase::BlockingInPlace => write!(
                formatter,
                "{task} has blocked its worker for {seconds:.1} s, as it waits inside \
                 `no_suspend` or while it unwinds: no other task of its worker goes on"
            ),
            StallPhase::Over => write!(
                formatter,
                "{task} has let others run again, after {seconds:.1} s"
            ),
        }
    }
}

/// What an executor tells of tasks that do not go on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Report {
    /// All of them wait.
    Deadlock(Deadlock),
    /// One of them does not let the others run.
    Stall(Stall),
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Deadlock(deadlock) => deadlock.fmt(formatter),
            Report::Stall(stall) => stall.fmt(formatter),
        }
    }
}

/// Whom an executor tells. By default standard error.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(&Report) + Send + Sync>);

impl Reporter {
    /// Calls `tell` with every report, on a thread that runs nothing else.
    pub fn new(tell: impl Fn(&Report) + Send + Sync + 'static) -> Reporter {
        Reporter(Arc::new(tell))
    }

    /// Tells it.
    pub fn tell(&self, report: &Report) {
        (self.0)(report);
    }
}

impl Default for Reporter {
    fn default() -> Reporter {
        Reporter::new(|report| eprintln!("{report}"))
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reporter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_number_and_its_words() {
        let mut texts = std::collections::HashSet::new();
        for kind in WaitKind::ALL {
            assert_eq!(WaitKind::from_number(kind as u8), kind);
            assert!(texts.insert(kind.to_string()), "{kind} is said twice");
        }
    }

    fn unnamed(number: usize) -> WaitingTask {
        let place = TaskPlace::Fiber { number, worker: 0 };
        let word = std::sync::atomic::AtomicU32::new(0);
        WaitingTask::on_word(None, place, FutexAddress::of(&word))
    }

    #[test]
    fn a_long_list_is_cut() {
        for (count, lines) in [(99, 100), (100, 101), (101, 102), (1000, 102)] {
            let deadlock = Deadlock {
                executor: "event-loop",
                tasks: (0..count).map(unnamed).collect(),
            };
            let text = deadlock.to_string();
            assert_eq!(text.lines().count(), lines, "{count}");
            let rest = format!("... and {} more", count.saturating_sub(100));
            assert_eq!(text.contains(&rest), count > 100, "{count}");
        }
    }
}
