//! What waits uses no processor: a process whose task waits in a row of the table
//! runs for less than a hundredth of the time, as far as that can be measured.

use std::thread;
use std::time::Duration;

use super::trial::{Pause, settle, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;
use crate::standstill::Activity;

waits::claims! { check:
    sleep SLEEP,
    open_fifo OPEN_FIFO,
    pipe_read PIPE_READ,
    pipe_write PIPE_WRITE,
    wait_readable WAIT_READABLE,
    wait_writable WAIT_WRITABLE,
    batch BATCH,
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
    race RACE,
    group_next GROUP_NEXT,
    join JOIN,
    join_all JOIN_ALL,
    scope_end SCOPE_END,
    inline_child INLINE_CHILD,
    offload OFFLOAD,
}

/// How long it is observed, how long it may run then (a hundredth), and how often
/// be seen awake. Where that is too much it is observed again, for longer, and may
/// do something for another reason.
const OBSERVED: [(Duration, Duration, u32); 4] = [
    (Duration::from_millis(50), Duration::from_micros(500), 0),
    AGAIN,
    AGAIN,
    AGAIN,
];
/// On a busy machine, who was woken once may be awake for long before it runs.
const AGAIN: (Duration, Duration, u32) = (
    Duration::from_millis(150),
    Duration::from_millis(3),
    Activity::LOOKS - 1,
);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        io.scope(|scope| {
            let task = scope.spawn_concurrent(|| wait.wait());
            let task = task.expect("needs Concurrency");
            settle(io, Pause::Short);
            let too_much = |(time, ran_max, awake_max)| {
                let activity = Activity::during(time);
                let is_little = activity.ran <= ran_max && activity.awake <= awake_max;
                (!is_little).then_some(activity)
            };
            // As a thread and not as a task: nothing of the executor need run for it.
            let too_much = io.offload(|| {
                thread::sleep(Duration::from_millis(10));
                let each = OBSERVED.into_iter().map(too_much);
                each.collect::<Option<Vec<Activity>>>()
            });
            drop(task.cancel());
            assert!(too_much.is_none(), "{too_much:?} instead of {OBSERVED:?}");
        });
    });
}
