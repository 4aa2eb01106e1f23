//! [`Wait`]: the rows of the case table: what a task can wait in, how the wait
//! is let end by its own result, and what must be true after each end. The
//! moments of the table (`cancel`, `deadline`) know no row by name.

mod files;
mod groups;
mod handed;
mod locks;
mod pipes;
mod plain;
mod signals;
mod tasks;

use std::io;

use crate::fixture::Fixture;

/// Something that a task can wait in, set up for one trial.
pub(crate) trait Wait: Sync {
    /// Waits once, as the current task. `Ok` if the wait ended by its own result,
    /// which is right (it panics otherwise); with an error nothing has happened.
    fn wait(&self) -> io::Result<()>;

    /// Lets one wait end by its own result: one that is under way, or the next
    /// one. From any thread; it waits for nothing itself.
    fn complete(&self);

    /// Panics if something is left that no wait took: after as many successful
    /// waits as completions nothing is.
    fn check_nothing_left(&self) {}
}

/// How long a wait that nothing else can end takes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Longer than a claim is willing to wait.
    Long,
    /// Some milliseconds.
    Short,
    /// Some microseconds.
    Tiny,
}

/// When a call waits, and when it is a cancellation point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Never waits for long; always a point.
    Instant,
    /// May wait; a point also if it does not have to: operations, sleeping.
    Operation,
    /// May wait; a point only if it has to: futex waits, locks, queues.
    Word,
}

/// Sets up a wait, runs what it is given with it, and takes it down.
type SetUp = fn(&Fixture<'_>, Span, &mut dyn FnMut(&dyn Wait));

/// One row of the table.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) nature: Nature,
    set_up: SetUp,
}

impl Kind {
    /// Sets up a wait, runs `body` with it, and looks whether something is left.
    pub(crate) fn with<R>(
        &self,
        fixture: &Fixture<'_>,
        span: Span,
        body: impl FnOnce(&dyn Wait) -> R,
    ) -> R {
        let mut body = Some(body);
        let mut result = None;
        (self.set_up)(fixture, span, &mut |wait| {
            let body = body.take().expect("a wait is set up once");
            result = Some(body(wait));
            wait.check_nothing_left();
        });
        result.expect("a row runs what it is given")
    }
}

macro_rules! kinds {
    ($( $(#[$doc:meta])* $name:ident $text:literal, $nature:ident, $set_up:path; )*) => {
        $( $(#[$doc])* pub(crate) const $name: Kind = Kind {
            name: $text,
            nature: Nature::$nature,
            set_up: $set_up,
        }; )*
    };
}

kinds! {
    /// Reading a regular file: always done at once.
    REGULAR_READ "regular_read", Instant, files::regular_read;
    /// Writing a regular file: always done at once.
    REGULAR_WRITE "regular_write", Instant, files::regular_write;
    /// Writing a file back to its device.
    FILE_SYNC "file_sync", Instant, files::file_sync;
    /// Asking for a file's metadata.
    METADATA "metadata", Instant, files::metadata;
    /// A point and nothing else.
    CHECKPOINT "checkpoint", Instant, plain::checkpoint;
    /// Letting other tasks run, until something has happened.
    YIELD_NOW "yield_now", Operation, plain::yield_now;
    /// Sleeping.
    SLEEP "sleep", Operation, plain::sleep;
    /// Opening a FIFO whose other end nobody has open.
    OPEN_FIFO "open_fifo", Operation, pipes::open_fifo;
    /// Reading an empty pipe.
    PIPE_READ "pipe_read", Operation, pipes::pipe_read;
    /// Writing a full pipe.
    PIPE_WRITE "pipe_write", Operation, pipes::pipe_write;
    /// Waiting until a pipe has something.
    WAIT_READABLE "wait_readable", Operation, pipes::wait_readable;
    /// Waiting until a pipe has room.
    WAIT_WRITABLE "wait_writable", Operation, pipes::wait_writable;
    /// Two reads of two empty pipes in one batch.
    BATCH "batch", Operation, pipes::batch;
    /// Waiting on a word.
    FUTEX_WAIT "futex_wait", Word, locks::futex_wait;
    /// Locking what somebody else holds.
    MUTEX_LOCK "mutex_lock", Word, locks::mutex_lock;
    /// Waiting for a condition.
    CONDVAR_WAIT "condvar_wait", Word, locks::condvar_wait;
    /// Acquiring a permit where there is none.
    SEMAPHORE "semaphore", Word, handed::semaphore;
    /// Getting from an empty queue.
    QUEUE_GET "queue_get", Word, handed::queue_get;
    /// Putting into a full queue.
    QUEUE_PUT "queue_put", Word, handed::queue_put;
    /// Locking for reading what somebody writes.
    RWLOCK_READ "rwlock_read", Word, handed::rwlock_read;
    /// Locking for writing what somebody reads.
    RWLOCK_WRITE "rwlock_write", Word, handed::rwlock_write;
    /// Waiting for an event that is not set.
    EVENT_WAIT "event_wait", Word, signals::event_wait;
    /// Receiving what nobody has sent.
    ONESHOT_RECEIVE "oneshot_receive", Word, signals::oneshot_receive;
    /// Waiting for a change of a value.
    WATCH_CHANGED "watch_changed", Word, signals::watch_changed;
    /// Waiting for another one at a barrier.
    BARRIER_WAIT "barrier_wait", Word, signals::barrier_wait;
    /// Wanting a value that another one makes.
    CELL_INIT "cell_init", Word, signals::cell_init;
    /// Waiting for the first of tasks that wait for a permit.
    RACE "race", Word, groups::race_of_tasks;
    /// Waiting for the next task of a group, which waits for a permit.
    GROUP_NEXT "group_next", Word, groups::group_next;
    /// Joining a task that waits for a permit.
    JOIN "join", Word, tasks::join;
    /// Joining all of some tasks, one of which waits for a permit.
    JOIN_ALL "join_all", Word, tasks::join_all;
    /// The end of a scope whose member waits for a permit.
    SCOPE_END "scope_end", Word, tasks::scope_end;
    /// Running a child that waits for a permit on the task's own stack.
    INLINE_CHILD "inline_child", Word, tasks::inline_child;
    /// Offloading what waits for a permit.
    OFFLOAD "offload", Word, tasks::offload;
}

/// The claims of a moment, one for each row: each runs `check` with its row. A
/// row that is not in the registry is code that nobody calls, which is an error.
macro_rules! claims {
    ($check:ident: $($name:ident $kind:ident),* $(,)?) => {
        $( pub(crate) fn $name(fixture: &$crate::fixture::Fixture<'_>) {
            $check(fixture, &$crate::cancel::waits::$kind);
        } )*
    };
}

/// [`claims!`] for the rows in which a task can be made to wait.
macro_rules! claims_of_waits {
    ($check:ident) => {
        $crate::cancel::waits::claims! { $check: yield_now YIELD_NOW, sleep SLEEP }
        $crate::cancel::waits::claims_of_operations!($check);
        $crate::cancel::waits::claims_of_words!($check);
    };
}

/// [`claims!`] for the rows of operations that wait for a peer.
macro_rules! claims_of_operations {
    ($check:ident) => {
        $crate::cancel::waits::claims! { $check:
            open_fifo OPEN_FIFO,
            pipe_read PIPE_READ,
            pipe_write PIPE_WRITE,
            wait_readable WAIT_READABLE,
            wait_writable WAIT_WRITABLE,
            batch BATCH,
        }
    };
}

/// [`claims!`] for the rows of waits for a wake.
macro_rules! claims_of_words {
    ($check:ident) => {
        $crate::cancel::waits::claims! { $check:
            futex_wait FUTEX_WAIT,
            mutex_lock MUTEX_LOCK,
            condvar_wait CONDVAR_WAIT,
            semaphore SEMAPHORE,
            queue_get QUEUE_GET,
            queue_put QUEUE_PUT,
            rwlock_read RWLOCK_READ,
            rwlock_write RWLOCK_WRITE,
            event_wait EVENT_WAIT,
            oneshot_receive ONESHOT_RECEIVE,
            watch_changed WATCH_CHANGED,
            barrier_wait BARRIER_WAIT,
            cell_init CELL_INIT,
        }
    };
}

/// [`claims!`] for the rows of waits for other tasks. They receive no request
/// themselves, so that there is nothing to put back.
macro_rules! claims_of_tasks {
    ($check:ident) => {
        $crate::cancel::waits::claims! { $check:
            join JOIN,
            join_all JOIN_ALL,
            scope_end SCOPE_END,
            inline_child INLINE_CHILD,
            offload OFFLOAD,
        }
    };
}

/// [`claims!`] for the waits for the first of several tasks. Whether such a wait
/// has to wait for a task that need not wait is up to the executor.
macro_rules! claims_of_groups {
    ($check:ident) => {
        $crate::cancel::waits::claims! { $check:
            race RACE,
            group_next GROUP_NEXT,
        }
    };
}

/// [`claims!`] for all rows.
macro_rules! claims_of_all {
    ($check:ident) => {
        $crate::cancel::waits::claims_of_waits!($check);
        $crate::cancel::waits::claims! { $check:
            regular_read REGULAR_READ,
            regular_write REGULAR_WRITE,
            file_sync FILE_SYNC,
            metadata METADATA,
            checkpoint CHECKPOINT,
        }
    };
}

pub(crate) use {
    claims, claims_of_all, claims_of_groups, claims_of_operations, claims_of_tasks,
    claims_of_waits, claims_of_words,
};
