//! The request and the result come at about the same time, in either order. The
//! wait answers Canceled, and then the result is still to be had; or it gives
//! its result, and then the request is still pending. Never both, never neither.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::trial::{assert_no_request, assert_result, take_request, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;

waits::claims_of_waits!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);
waits::claims! { check:
    regular_read REGULAR_READ,
    regular_write REGULAR_WRITE,
    file_sync FILE_SYNC,
    metadata METADATA,
}

const ROUNDS: usize = 60;
/// How long each side may hesitate, in turns of an empty loop: up to some
/// microseconds, as long as a wait takes to begin.
const HESITATION_MAX: usize = 5000;

fn wait_until(flag: &AtomicBool) {
    while !flag.load(Ordering::Acquire) {
        thread::yield_now();
    }
}

fn hesitate(turns: usize) {
    (0..turns).for_each(|_| std::hint::spin_loop());
}

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    let mut random = fixture.random();
    for _ in 0..ROUNDS {
        let hesitations = [0; 3].map(|_| random.below(HESITATION_MAX));
        trial(fixture, kind, Span::Short, |wait| {
            let (is_entering, is_requested) = (AtomicBool::new(false), AtomicBool::new(false));
            io.scope(|scope| {
                let request = || {
                    wait_until(&is_entering);
                    hesitate(hesitations[0]);
                    scope.cancel();
                    is_requested.store(true, Ordering::Release);
                };
                let complete = || {
                    wait_until(&is_entering);
                    hesitate(hesitations[1]);
                    wait.complete();
                };
                let body = || {
                    is_entering.store(true, Ordering::Release);
                    hesitate(hesitations[2]);
                    match wait.wait() {
                        Ok(()) => {
                            wait_until(&is_requested);
                            take_request(io);
                        }
                        Err(error) => {
                            assert!(io_core::is_canceled(&error), "{error:?}");
                            assert_result(wait.wait());
                        }
                    }
                    assert_no_request(io);
                };
                thread::scope(|threads| {
                    threads.spawn(request);
                    threads.spawn(complete);
                    let () = scope.spawn(body).join();
                });
            });
        });
    }
}
