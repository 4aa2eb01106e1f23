//! Two tasks wait for the same thing, one of them gets a request, and one result
//! comes, all at about the same time. A wake that the canceled one took and kept
//! would leave the other one asleep beside a result.

use std::thread;

use super::trial::{Pause, assert_no_request, assert_result, settle, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;

waits::claims! { check:
    pipe_read PIPE_READ,
    futex_wait FUTEX_WAIT,
    mutex_lock MUTEX_LOCK,
    condvar_wait CONDVAR_WAIT,
    semaphore SEMAPHORE,
    queue_get QUEUE_GET,
    queue_put QUEUE_PUT,
    rwlock_write RWLOCK_WRITE,
}

const ROUNDS: usize = 30;

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    let mut random = fixture.random();
    for round in 0..ROUNDS {
        let turns = random.below(2000);
        trial(fixture, kind, Span::Long, |wait| {
            io.scope(|scope| {
                let canceled = scope.spawn_concurrent(|| wait.wait());
                let other = scope.spawn_concurrent(|| {
                    assert_result(wait.wait());
                    assert_no_request(io);
                });
                let canceled = canceled.expect("needs Concurrency");
                settle(io, Pause::ALL[round % Pause::ALL.len()]);
                thread::scope(|threads| {
                    threads.spawn(|| canceled.request_cancel());
                    (0..turns).for_each(|_| std::hint::spin_loop());
                    wait.complete();
                });
                match canceled.join() {
                    // It has the result: the other one gets one too.
                    Ok(()) => wait.complete(),
                    Err(error) => assert!(io_core::is_canceled(&error), "{error:?}"),
                }
                let () = other.expect("needs Concurrency").join();
            });
        });
    }
}
