//! [`TaskName`]: what a task is called, for those who read of it: in the report of
//! a stack overflow, the text for a dropped job, `Debug`, a program's own log.
//! [`TaskBuilder`] starts tasks that have one.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::io::Io;
use crate::task::record;
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
            name: name.into(),
        }
    }
}

impl<'scope> TaskBuilder<'scope, '_> {
    /// Starts the task, as [`Scope::spawn`] does.
    ///
    /// # Cancellation
    /// As [`Scope::spawn`].
    pub fn spawn<F, T>(self, body: F) -> Task<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.scope.start(Some(self.name), body)
    }

    /// Starts the task, as [`Scope::spawn_concurrent`] does.
    ///
    /// # Errors
    /// As [`Scope::spawn_concurrent`].
    pub fn spawn_concurrent<F, T>(self, body: F) -> Result<Task<'scope, T>, ConcurrencyUnavailable>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.scope.start_concurrent(Some(self.name), body)
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
