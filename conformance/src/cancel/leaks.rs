//! Canceled at entry, canceled while it waits, timed out, and beside its result,
//! many times: the process has as many descriptors as before.

use std::thread;
use std::time::Duration;

use super::trial::{Pause, settle, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;
use crate::growth::assert_no_descriptors_left;

waits::claims_of_waits!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);
waits::claims! { check:
    regular_read REGULAR_READ,
    regular_write REGULAR_WRITE,
    file_sync FILE_SYNC,
    metadata METADATA,
}

/// Rounds of a series.
const ROUNDS: usize = 6;

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    assert_no_descriptors_left(|| (0..ROUNDS).for_each(|round| rounds(fixture, kind, round)));
}

fn rounds(fixture: &Fixture<'_>, kind: &Kind, round: usize) {
    let io = fixture.io();
    let pause = Pause::ALL[round % Pause::ALL.len()];
    trial(fixture, kind, Span::Short, |wait| {
        io.scope(|scope| {
            let () = scope
                .spawn(|| {
                    scope.cancel();
                    drop(wait.wait());
                    drop(io.checkpoint());
                })
                .join();
        });
        for completes in [false, true] {
            let is_over = io.scope(|scope| {
                let task = scope.spawn_concurrent(|| wait.wait());
                let task = task.expect("needs Concurrency");
                settle(io, pause);
                thread::scope(|threads| {
                    threads.spawn(|| task.request_cancel());
                    if completes {
                        wait.complete();
                    }
                });
                task.join().is_ok()
            });
            if completes && !is_over {
                wait.wait().expect("its result is still there");
            }
        }
    });
}

/// As above by deadlines, which the executor may do in another way.
pub(crate) fn deadlines(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let kinds = [
        &waits::SLEEP,
        &waits::PIPE_READ,
        &waits::PIPE_WRITE,
        &waits::FUTEX_WAIT,
    ];
    let rounds = || {
        for kind in kinds {
            trial(fixture, kind, Span::Long, |wait| {
                for micros in [0, 10, 1000] {
                    let result = io.with_timeout(Duration::from_micros(micros), || wait.wait());
                    assert!(result.is_err_and(|error| io_core::is_deadline(&error)));
                }
            });
        }
    };
    assert_no_descriptors_left(rounds);
}
