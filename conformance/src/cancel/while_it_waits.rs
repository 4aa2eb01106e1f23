//! The request comes while the task waits, and nothing else happens.

use std::thread;

use io_core::task::{Scope, Task};

use super::trial::{Pause, assert_canceled, assert_works_again, settle, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;

waits::claims_of_waits!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);

/// Who sends it.
#[derive(Clone, Copy, Debug)]
enum Requester {
    Handle,
    Scope,
    Thread,
}

fn request(requester: Requester, scope: &Scope<'_, '_>, task: &Task<'_, ()>) {
    match requester {
        Requester::Handle => task.request_cancel(),
        Requester::Scope => scope.cancel(),
        Requester::Thread => {
            thread::scope(|threads| threads.spawn(|| task.request_cancel()).join())
                .expect("a request does not panic");
        }
    }
}

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    for requester in [Requester::Handle, Requester::Scope, Requester::Thread] {
        for pause in Pause::ALL {
            trial(fixture, kind, Span::Long, |wait| {
                io.scope(|scope| {
                    let task = scope.spawn_concurrent(|| {
                        assert_canceled(wait.wait());
                        assert_works_again(io, wait);
                    });
                    let task = task.expect("needs Concurrency");
                    settle(io, pause);
                    request(requester, scope, &task);
                    let () = task.join();
                });
            });
        }
    }
}
