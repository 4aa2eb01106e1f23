//! What waits uses no processor: a process whose task waits in a row of the table
//! runs for less than a hundredth of the time.

use std::fs;
use std::thread;
use std::time::Duration;

use super::trial::{Pause, settle, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;

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
    join JOIN,
    scope_end SCOPE_END,
    inline_child INLINE_CHILD,
    offload OFFLOAD,
}

const OBSERVED: Duration = Duration::from_millis(120);
/// A hundredth, and what the measuring takes itself.
const CPU_MAX: Duration = Duration::from_millis(3);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        io.scope(|scope| {
            let task = scope.spawn_concurrent(|| wait.wait());
            let task = task.expect("needs Concurrency");
            settle(io, Pause::Short);
            // Asleep too, as a thread and not as a task: nothing of the executor runs.
            let used = io.offload(|| {
                thread::sleep(OBSERVED / 10);
                let before = cpu_time();
                thread::sleep(OBSERVED);
                cpu_time() - before
            });
            drop(task.cancel());
            assert!(used <= CPU_MAX, "it used {used:?} of {OBSERVED:?}");
        });
    });
}

/// How long the threads of this process have run (proc(5), `schedstat`).
fn cpu_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("the system has procfs");
    let nanos = threads.map(|thread| {
        let path = thread.expect("it can be listed").path().join("schedstat");
        // A thread may have ended since.
        let text = fs::read_to_string(path).unwrap_or_default();
        let ran = text.split_whitespace().next().unwrap_or("0");
        ran.parse::<u64>()
            .expect("the first one is a count of nanoseconds")
    });
    Duration::from_nanos(nanos.sum())
}
