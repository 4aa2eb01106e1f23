//! [`TaskLocal`]: values that follow a task, and are inherited by the tasks that
//! it starts. Programs declare them; `record.rs` keeps the current ones in the
//! stack's frames, `block.rs` hands them on to a child.
//!
//! What a task has bound is an immutable list that its children share, so that a
//! spawn clones one pointer, or looks at one that is null. Binding a value makes
//! a new list, in which the value that was bound before has no place: a list is
//! never longer than there are locals.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;

use crate::io::Io;
use crate::task::record;

/// A value that belongs to the current task: a request's number, a trace, a user.
///
/// It is bound for as long as a closure runs. A task started meanwhile has the
/// same value to its end, on whatever thread it runs and whatever its spawner
/// binds later. Nobody is handed another task's value, and nothing has to be
/// cleaned up. A thread that is no task may bind values too.
///
/// Each executor keeps its own: what is bound with one is not seen with another
/// that is used inside.
///
/// It has to be a `static`; a `const` does not compile.
///
/// ```
/// use io_core::Io;
/// use io_core::task::TaskLocal;
///
/// static REQUEST: TaskLocal<u64> = TaskLocal::new();
///
/// fn log(io: &dyn Io, text: &str) -> String {
///     match REQUEST.current(io) {
///         Some(number) => format!("request {number}: {text}"),
///         None => text.to_owned(),
///     }
/// }
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn Io = &blocking;
/// let lines = REQUEST.with_value(io, 7, || {
///     io.scope(|scope| scope.spawn(|| log(io, "in a child")).join())
/// });
/// assert_eq!(lines, "request 7: in a child");
/// assert_eq!(log(io, "outside"), "outside");
/// ```
///
/// ```compile_fail
/// # use io_core::{Io, task::TaskLocal};
/// const NOT_STATIC: TaskLocal<u64> = TaskLocal::new();
/// fn number(io: &dyn Io) -> Option<u64> {
///     NOT_STATIC.current(io)
/// }
/// ```
pub struct TaskLocal<T> {
    /// Never touched. By its size each static has an address of its own, which
    /// is the key; by its kind a `const` can not be borrowed for `'static`.
    place: AtomicU8,
    value: PhantomData<fn() -> T>,
}

impl<T> TaskLocal<T> {
    /// A local that no task has bound.
    #[must_use]
    pub const fn new() -> TaskLocal<T> {
        TaskLocal {
            place: AtomicU8::new(0),
            value: PhantomData,
        }
    }
}

impl<T: Send + Sync + 'static> TaskLocal<T> {
    /// Runs `body` with `value` bound in the current task. What was bound before
    /// is bound again afterwards, also if `body` panics.
    ///
    /// Allocates; where it is called for each item of many, bind a value once
    /// that can change, such as an atomic.
    ///
    /// # Panics
    /// With `body`'s panic; with that of the value's drop, which happens here, or
    /// at the end of the last task that has inherited it.
    pub fn with_value<R>(&'static self, io: &dyn Io, value: T, body: impl FnOnce() -> R) -> R {
        let value = Arc::new(value);
        let bindings = record::with_bindings(io.id(), |bound| bound.plus(self.key(), value));
        record::bound(io.id(), &bindings, body)
    }

    /// Runs `body` with the value that the current task has bound or inherited.
    pub fn with<R>(&'static self, io: &dyn Io, body: impl FnOnce(Option<&T>) -> R) -> R {
        record::with_bindings(io.id(), |bound| {
            let value = bound.find(self.key());
            body(value.map(|value| value.downcast_ref().expect("the key is this local's own")))
        })
    }

    /// A clone of the value that the current task has bound or inherited.
    #[must_use]
    pub fn current(&'static self, io: &dyn Io) -> Option<T>
    where
        T: Clone,
    {
        self.with(io, |value| value.cloned())
    }

    fn key(&'static self) -> usize {
        ptr::from_ref(&self.place).addr()
    }
}

impl<T> Default for TaskLocal<T> {
    fn default() -> TaskLocal<T> {
        TaskLocal::new()
    }
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TaskLocal").finish_non_exhaustive()
    }
}

/// What a task has bound and inherited.
#[derive(Clone)]
pub(crate) struct Bindings(Option<Arc<[Binding]>>);

#[derive(Clone)]
struct Binding {
    /// The address of the local.
    key: usize,
    value: Arc<dyn Any + Send + Sync>,
}

impl Bindings {
    pub(crate) const NONE: Bindings = Bindings(None);

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    fn find(&self, key: usize) -> Option<&(dyn Any + Send + Sync)> {
        let bound = self.0.as_deref()?.iter().find(|bound| bound.key == key)?;
        Some(&*bound.value)
    }

    /// These with one more, or another one, bound.
    fn plus(&self, key: usize, value: Arc<dyn Any + Send + Sync>) -> Bindings {
        let bound = self.0.as_deref().unwrap_or_default();
        let others = bound.iter().filter(|bound| bound.key != key).cloned();
        Bindings(Some(others.chain([Binding { key, value }]).collect()))
    }
}
