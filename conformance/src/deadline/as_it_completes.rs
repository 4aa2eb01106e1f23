//! The deadline passes at about the time of the result. The wait answers with
//! the one, and then the result is still to be had; or with the other. Never
//! both, never neither.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::cancel::trial::{assert_no_request, assert_result, trial};
use crate::cancel::waits::{self, Kind, Span};
use crate::fixture::Fixture;

waits::claims_of_waits!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);

const ROUNDS: usize = 40;
const MICROS_MAX: usize = 400;

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    let mut random = fixture.random();
    for _ in 0..ROUNDS {
        let mut duration = || Duration::from_micros(random.below(MICROS_MAX) as u64);
        let (timeout, completes_after) = (duration(), duration());
        trial(fixture, kind, Span::Short, |wait| {
            let is_entering = AtomicBool::new(false);
            thread::scope(|threads| {
                threads.spawn(|| {
                    while !is_entering.load(Ordering::Acquire) {
                        thread::yield_now();
                    }
                    thread::sleep(completes_after);
                    wait.complete();
                });
                let result = io.with_timeout(timeout, || {
                    is_entering.store(true, Ordering::Release);
                    wait.wait()
                });
                if let Err(error) = result {
                    assert!(io_core::is_deadline(&error), "{error:?}");
                    assert_result(wait.wait());
                }
                assert_no_request(io);
            });
        });
    }
}
