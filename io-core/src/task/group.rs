//! [`TaskGroup`]: several tasks and the first of them that ends; and what stands
//! on it: [`race`], [`join_all`]. Programs use them.
//!
//! Each task of a group owns a [`Signal`], which says that it is over when it is
//! dropped: after the closure has returned or panicked, or with a job that never
//! ran. So nothing has to be known of how tasks end.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::panic::{self, Location};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::futex::{FutexAddress, FutexWord};
use crate::io::Io;
use crate::task::name::{TaskName, name_task};
use crate::task::record::Spawned;
use crate::task::scope::{ConcurrencyUnavailable, Scope, Task};
use crate::watch::{WaitKind, labelled};

/// What a group and its tasks share.
struct Ends {
    /// Indices of tasks that have ended and were not asked for yet.
    ended: Mutex<VecDeque<usize>>,
    /// Counts ends. Written under the lock by tasks that end, read under it by the
    /// group, which waits on it: Relaxed, the lock orders it.
    count: AtomicU32,
}

impl Ends {
    fn ended(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a task is over when it is dropped.
struct Signal<'io> {
    ends: Arc<Ends>,
    io: &'io dyn Io,
    index: usize,
}

impl Drop for Signal<'_> {
    fn drop(&mut self) {
        let mut ended = self.ends.ended();
        ended.push_back(self.index);
        self.ends.count.fetch_add(1, Ordering::Relaxed);
        drop(ended);
        self.io
            .futex_wake(FutexAddress::of(&self.ends.count), u32::MAX);
    }
}

/// Tasks of one scope that are waited for in the order in which they end.
///
/// [`wait_next`](TaskGroup::wait_next) gives the next one; the others are canceled
/// ([`cancel`](TaskGroup::cancel)) or kept, by choice. Dropping the group drops
/// its handles: the tasks go on, and their scope waits for them.
///
/// ```
/// use std::time::Duration;
/// use io_core::Io;
/// use io_core::task::TaskGroup;
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn Io = &blocking;
/// let first = io.scope(|scope| {
///     let mut group = TaskGroup::new(scope);
///     for name in ["primary", "replica"] {
///         group.spawn(move || io.sleep(Duration::from_millis(1)).map(|()| name));
///     }
///     let first = group.wait_next()?;
///     group.cancel();
///     Ok::<_, std::io::Error>(first)
/// });
/// let (index, answer) = first?.expect("the group has tasks");
/// assert_eq!(answer?, ["primary", "replica"][index]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TaskGroup<'scope, 'env, T> {
    scope: &'scope Scope<'scope, 'env>,
    /// By index; `None` once it was waited for.
    tasks: Vec<Option<Task<'scope, T>>>,
    /// How many were not waited for yet.
    left: usize,
    ends: Arc<Ends>,
}

impl<'scope, 'env, T: Send + 'scope> TaskGroup<'scope, 'env, T> {
    /// A group without tasks.
    #[must_use]
    pub fn new(scope: &'scope Scope<'scope, 'env>) -> TaskGroup<'scope, 'env, T> {
        TaskGroup {
            scope,
            tasks: Vec::new(),
            left: 0,
            ends: Arc::new(Ends {
                ended: Mutex::default(),
                count: AtomicU32::new(0),
            }),
        }
    }

    /// Starts a task, as [`Scope::spawn`] does, and returns its index: the first
    /// one has 0.
    ///
    /// # Cancellation
    /// As [`Scope::spawn`].
    #[track_caller]
    pub fn spawn<F>(&mut self, body: F) -> usize
    where
        F: FnOnce() -> T + Send + 'scope,
    {
        self.start(Spawned::here(None), body)
    }

    /// Starts a task, as [`Scope::spawn_concurrent`] does, and returns its index.
    ///
    /// # Errors
    /// As [`Scope::spawn_concurrent`]; the group is as it was.
    #[track_caller]
    pub fn spawn_concurrent<F>(&mut self, body: F) -> Result<usize, ConcurrencyUnavailable>
    where
        F: FnOnce() -> T + Send + 'scope,
    {
        self.start_concurrent(Spawned::here(None), body)
    }

    /// Names the task of the group that is started next, as [`Scope::task`] does.
    ///
    /// ```
    /// use io_core::Io;
    /// use io_core::task::TaskGroup;
    ///
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn Io = &blocking;
    /// io.scope(|scope| {
    ///     let mut group = TaskGroup::new(scope);
    ///     for shard in 0..4 {
    ///         group.task(format!("shard {shard}")).spawn(move || io.task_name());
    ///     }
    ///     while let Some((index, name)) = group.wait_next()? {
    ///         assert_eq!(name.as_deref(), Some(&*format!("shard {index}")));
    ///     }
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn task(&mut self, name: impl Into<TaskName>) -> GroupTaskBuilder<'_, 'scope, 'env, T> {
        GroupTaskBuilder {
            group: self,
            name: name_task(name),
        }
    }

    fn start<F>(&mut self, spawned: Spawned, body: F) -> usize
    where
        F: FnOnce() -> T + Send + 'scope,
    {
        let signal = self.signal();
        let task = self.scope.start(spawned, move || signaling(signal, body));
        self.add(task)
    }

    fn start_concurrent<F>(
        &mut self,
        spawned: Spawned,
        body: F,
    ) -> Result<usize, ConcurrencyUnavailable>
    where
        F: FnOnce() -> T + Send + 'scope,
    {
        let signal = self.signal();
        let body = move || signaling(signal, body);
        let task = self.scope.start_concurrent(spawned, body);
        if task.is_err() {
            // The closure was dropped, and its signal says that the next index has ended.
            let index = self.tasks.len();
            self.ends.ended().retain(|&ended| ended != index);
        }
        task.map(|task| self.add(task))
    }

    fn signal(&self) -> Signal<'scope> {
        Signal {
            ends: Arc::clone(&self.ends),
            io: self.scope.io(),
            index: self.tasks.len(),
        }
    }

    fn add(&mut self, task: Task<'scope, T>) -> usize {
        self.tasks.push(Some(task));
        self.left += 1;
        self.tasks.len() - 1
    }

    /// Waits for the next task that ends and returns its index and its result;
    /// `None` if all were waited for.
    ///
    /// # Cancellation
    /// A point if it has to wait, unlike a join: a request is the waiting task's
    /// own and not forwarded. The tasks go on.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    ///
    /// # Panics
    /// With the panic of the task that ended.
    pub fn wait_next(&mut self) -> io::Result<Option<(usize, T)>> {
        let next = self.try_wait_next()?;
        Ok(next.map(|(index, result)| {
            let result = result.unwrap_or_else(|payload| panic::resume_unwind(payload));
            (index, result)
        }))
    }

    /// As [`wait_next`](TaskGroup::wait_next), with the task's panic as an error of its own.
    ///
    /// # Cancellation
    /// As [`wait_next`](TaskGroup::wait_next).
    ///
    /// # Errors
    /// As [`wait_next`](TaskGroup::wait_next).
    pub fn try_wait_next(&mut self) -> io::Result<Option<(usize, std::thread::Result<T>)>> {
        let io = self.scope.io();
        while self.left > 0 {
            let mut ended = self.ends.ended();
            let expected = self.ends.count.load(Ordering::Relaxed);
            let index = ended.pop_front();
            drop(ended);
            let Some(index) = index else {
                labelled(io, WaitKind::GroupEnd, || {
                    io.futex_wait(FutexWord::of(&self.ends.count), expected, None)
                })?;
                continue;
            };
            if let Some(task) = self.tasks.get_mut(index).and_then(Option::take) {
                self.left -= 1;
                return Ok(Some((index, task.try_join())));
            }
        }
        Ok(None)
    }

    /// Leaves a request to cancel with every task that was not waited for yet.
    /// Does not wait.
    pub fn cancel(&self) {
        for task in self.tasks.iter().flatten() {
            task.request_cancel();
        }
    }

    /// Leaves a request to cancel with one task. Nothing if it was waited for.
    pub fn cancel_one(&self, index: usize) {
        if let Some(Some(task)) = self.tasks.get(index) {
            task.request_cancel();
        }
    }

    /// How many tasks were not waited for yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.left
    }

    /// Whether all tasks were waited for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }
}

/// A name for the task of a group that it starts; made by [`TaskGroup::task`].
#[derive(Debug)]
#[must_use = "a name starts nothing: call `spawn`"]
pub struct GroupTaskBuilder<'group, 'scope, 'env, T> {
    group: &'group mut TaskGroup<'scope, 'env, T>,
    name: TaskName,
}

impl<'scope, T: Send + 'scope> GroupTaskBuilder<'_, 'scope, '_, T> {
    /// Starts the task, as [`TaskGroup::spawn`] does.
    ///
    /// # Cancellation
    /// As [`Scope::spawn`].
    #[track_caller]
    pub fn spawn<F>(self, body: F) -> usize
    where
        F: FnOnce() -> T + Send + 'scope,
    {
        self.group.start(Spawned::here(Some(self.name)), body)
    }

    /// Starts the task, as [`TaskGroup::spawn_concurrent`] does.
    ///
    /// # Errors
    /// As [`TaskGroup::spawn_concurrent`].
    #[track_caller]
    pub fn spawn_concurrent<F>(self, body: F) -> Result<usize, ConcurrencyUnavailable>
    where
        F: FnOnce() -> T + Send + 'scope,
    {
        let spawned = Spawned::here(Some(self.name));
        self.group.start_concurrent(spawned, body)
    }
}

/// Runs `body` and then, whatever came of it, drops the signal.
fn signaling<T>(signal: Signal<'_>, body: impl FnOnce() -> T) -> T {
    let _signal = signal;
    body()
}

impl<T> fmt::Debug for TaskGroup<'_, '_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TaskGroup")
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

/// Runs bodies beside each other and returns the result of the first one that
/// ends; `None` if there are none. The others are canceled and waited for; their
/// results are dropped.
///
/// As many take part as the executor can run at once; the others are dropped
/// unrun. On one that runs nothing beside anything else the first body wins.
///
/// # Cancellation
/// A point while it waits for the first. A request cancels all of them.
///
/// # Errors
/// Canceled; the deadline in force has passed; [`ConcurrencyUnavailable`] if none
/// can be started now.
///
/// # Panics
/// With the first one's panic; with another's if that panicked.
///
/// ```
/// use std::time::Duration;
///
/// use io_core::task;
///
/// # let threaded = io_threaded::Threaded::new();
/// # let io: &dyn io_core::Io = &threaded;
/// // The slow one is canceled, so this takes a millisecond.
/// let first = task::race(io, [1, 3_600_000].map(|ms| {
///     move || io.sleep(Duration::from_millis(ms)).map(|()| ms)
/// }))?;
/// assert_eq!(first.expect("two take part")?, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn race<T, F>(io: &dyn Io, bodies: impl IntoIterator<Item = F>) -> io::Result<Option<T>>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let has_concurrency = io.capabilities().concurrent_tasks_max > 0;
    let at = Location::caller();
    io.scope(|scope| {
        let mut group = TaskGroup::new(scope);
        for body in bodies {
            if !has_concurrency {
                group.start(Spawned { name: None, at }, body);
                break;
            }
            let spawned = Spawned { name: None, at };
            if let Err(unavailable) = group.start_concurrent(spawned, body) {
                if group.is_empty() {
                    return Err(unavailable.into());
                }
                break;
            }
        }
        let first = group.wait_next();
        group.cancel();
        first.map(|first| first.map(|(_index, result)| result))
    })
}

/// Runs all bodies as tasks, waits for all of them and returns their results in
/// the order of the bodies.
///
/// # Cancellation
/// A forwarding point: a request goes on to the tasks.
///
/// # Panics
/// With a body's panic, after all have ended.
///
/// ```
/// use io_core::task;
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// let lengths = task::join_all(io, ["one", "three"].map(|word| || word.len()));
/// assert_eq!(lengths, [3, 5]);
/// ```
#[track_caller]
pub fn join_all<T, F>(io: &dyn Io, bodies: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let at = Location::caller();
    io.scope(|scope| {
        let start = |body| scope.start(Spawned { name: None, at }, body);
        let tasks: Vec<_> = bodies.into_iter().map(start).collect();
        tasks.into_iter().map(Task::join).collect()
    })
}
