//! [`TaskName`]: what a task is called, for those who read of it: in the message of
//! a panic, the reports of a stack overflow, a deadlock or a stall, the text for a
//! dropped job, `Debug`, a program's own log.
//! [`TaskBuilder`] starts tasks that have one.

use std::fmt;
use std::ops::Deref;
use std::panic;
use std::sync::{Arc, Once};

use crate::io::Io;
use crate::task::record::{self, Spawned};
use crate::task::scope::{ConcurrencyUnavailable, Scope, Task};

/// The name of a task. Made of a `&'static str` without an allocation, or of a
/// `String`; clones share the text.
#[derive(Clone)]
pub struct TaskName(Text);

#[derive(Clone)]
enum Text {
    Static(&'static str),
    Shared(Arc<str>),
}

impl From<&'static str> for TaskName {
    fn from(name: &'static str) -> TaskName {
        TaskName(Text::Static(name))
    }
}

impl From<String> for TaskName {
    fn from(name: String) -> TaskName {
        TaskName(Text::Shared(name.into()))
    }
}

impl Deref for TaskName {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Static(name) => name,
            Text::Shared(name) => name,
        }
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self)
    }
}

impl fmt::Debug for TaskName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        str::fmt(self, formatter)
    }
}

/// A name for the task that it starts; made by [`Scope::task`].
#[derive(Debug)]
#[must_use = "a name starts nothing: call `spawn`"]
pub struct TaskBuilder<'scope, 'env: 'scope> {
    scope: &'scope Scope<'scope, 'env>,
    name: TaskName,
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Names the task that is started next. A name is a task's own: tasks that
    /// it starts have none unless they are given one.
    ///
    /// A panic's message says in which task it was if that has a name: the first
    /// name of a process adds a line to what the panic hook prints. A hook that is
    /// set later replaces that; it may ask [`name_of_thread`].
    ///
    /// ```
    /// use io_core::Io;
    ///
    /// # let blocking = io_blocking::Blocking::new();
    /// # let io: &dyn Io = &blocking;
    /// io.scope(|scope| {
    ///     scope.task("accept").spawn(|| {
    ///         assert_eq!(io.task_name().as_deref(), Some("accept"));
    ///     });
    ///     for shard in 0..4 {
    ///         scope.task(format!("shard {shard}")).spawn(|| ());
    ///     }
    /// });
    /// ```
    pub fn task(&'scope self, name: impl Into<TaskName>) -> TaskBuilder<'scope, 'env> {
        TaskBuilder {
            scope: self,
            name: name_task(name),
        }
    }
}

/// A name that a task is about to get.
pub(super) fn name_task(name: impl Into<TaskName>) -> TaskName {
    static HOOK: Once = Once::new();
    // The hook can not be changed while this thread panics: a later name does it.
    if !std::thread::panicking() {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |message| {
                if let Some(name) = name_of_thread() {
                    eprintln!("\ntask '{name}' panicked:");
                }
                before(message);
            }));
        });
    }
    name.into()
}

/// The name of the task that runs on this thread, of whatever executor; `None` if
/// it has none, or there is no task. For panic hooks and log formats, which are
/// handed no executor.
#[must_use]
pub fn name_of_thread() -> Option<TaskName> {
    record::with_innermost(|record| record.and_then(|record| record.task_name().cloned()))
}

impl<'scope> TaskBuilder<'scope, '_> {
    /// Starts the task, as [`Scope::spawn`] does.
    ///
    /// # Cancellation
    /// As [`Scope::spawn`].
    #[track_caller]
    pub fn spawn<F, T>(self, body: F) -> Task<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.scope.start(Spawned::here(Some(self.name)), body)
    }

    /// Starts the task, as [`Scope::spawn_concurrent`] does.
    ///
    /// # Errors
    /// As [`Scope::spawn_concurrent`].
    #[track_caller]
    pub fn spawn_concurrent<F, T>(self, body: F) -> Result<Task<'scope, T>, ConcurrencyUnavailable>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let spawned = Spawned::here(Some(self.name));
        self.scope.start_concurrent(spawned, body)
    }
}

impl<'io> dyn Io + 'io {
    /// The name of the current task; `None` if it has none, or this thread runs
    /// no task of this executor.
    #[must_use]
    pub fn task_name(&self) -> Option<TaskName> {
        record::with_current(self.id(), |own| {
            own.and_then(|own| own.task_name().cloned())
        })
    }
}
