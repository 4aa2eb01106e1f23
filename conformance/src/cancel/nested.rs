//! A task that waits for another one, which waits in a row of the table: what
//! the forwarding cells have in common.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use io_core::task::{Job, Rejected, Start, join_all};
use io_core::{Io, forward_io};

use super::trial::{
    Pause, assert_canceled, assert_no_request, assert_result, assert_works_again, settle,
    take_request, trial,
};
use super::waits::{Kind, Nature, Span, Wait};
use crate::fixture::Fixture;

/// How the outer task waits for the one that waits in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Via {
    Join,
    /// With another task beside it.
    JoinAll,
    ScopeEnd,
    /// The inner task runs on the stack of its spawner.
    Inline,
    Offload,
}

/// Runs every task on the stack of its spawner.
struct Inline<'a>(&'a dyn Io);

impl Io for Inline<'_> {
    forward_io!(self => self.0; except start);

    fn start(&self, job: Job, _how: Start) -> Result<(), Rejected> {
        Err(Rejected::new(job))
    }
}

/// Runs `nested` as a task of its own and waits for it.
pub(crate) fn run_nested(io: &dyn Io, via: Via, nested: impl FnOnce() + Send) {
    match via {
        Via::Join => io.scope(|scope| {
            let () = scope.spawn(nested).join();
        }),
        Via::JoinAll => {
            let bodies: [Box<dyn FnOnce() + Send + '_>; 2] = [Box::new(nested), Box::new(|| ())];
            join_all(io, bodies);
        }
        Via::ScopeEnd => io.scope(|scope| drop(scope.spawn(nested))),
        Via::Inline => {
            let inline = Inline(io);
            let inline: &dyn Io = &inline;
            inline.scope(|scope| drop(scope.spawn(nested)));
        }
        Via::Offload => io.offload(nested),
    }
}

/// The request is pending when the outer task begins to wait for the inner one.
pub(crate) fn check_pending(fixture: &Fixture<'_>, kind: &Kind, via: Via) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        io.scope(|scope| {
            let outer = scope.spawn(|| {
                scope.cancel();
                run_nested(io, via, || {
                    assert_canceled(wait_for_request(kind, via, wait));
                    assert_works_again(io, wait);
                });
                assert_no_request(io);
                // A protected waiter forwards nothing.
                scope.cancel();
                io.protect(|| {
                    run_nested(io, via, || {
                        wait.complete();
                        assert_result(wait.wait());
                        assert_no_request(io);
                    });
                });
                take_request(io);
            });
            let () = outer.join();
        });
    });
}

/// A task that was started before its spawner began to wait may go on for a
/// while before it gets the request. Where it can wait it waits for it.
fn wait_for_request(kind: &Kind, via: Via, wait: &dyn Wait) -> io::Result<()> {
    let may_be_ahead = matches!(via, Via::Join | Via::JoinAll | Via::ScopeEnd);
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let result = wait.wait();
        let may_pass = may_be_ahead && kind.nature == Nature::Instant;
        if result.is_err() || !may_pass || Instant::now() > until {
            return result;
        }
    }
}

/// The request comes while the outer task waits for the inner one, and that one
/// in the row.
pub(crate) fn check_during(fixture: &Fixture<'_>, kind: &Kind, via: Via) {
    let io = fixture.io();
    for pause in Pause::ALL {
        trial(fixture, kind, Span::Long, |wait| {
            let has_ended = AtomicBool::new(false);
            io.scope(|scope| {
                let outer = scope.spawn_concurrent(|| {
                    run_nested(io, via, || {
                        assert_canceled(wait.wait());
                        assert_works_again(io, wait);
                        has_ended.store(true, Ordering::Release);
                    });
                    assert!(has_ended.load(Ordering::Acquire), "the waiter went on");
                    assert_no_request(io);
                });
                let outer = outer.expect("needs Concurrency");
                settle(io, pause);
                outer.request_cancel();
                let () = outer.join();
            });
        });
    }
}
