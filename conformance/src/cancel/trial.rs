//! What the cells of the case table have in common: a wait that is set up and
//! rescued if nothing ends it, and the words in which results are judged.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use io_core::Io;

use super::waits::{Kind, Nature, Span, Wait};
use crate::fixture::Fixture;
pub(crate) use crate::fixture::assert_canceled;
use crate::run::claim_limit;
use crate::standstill::{self, Patience};

/// When a wait that should have ended is let end by its own result, so that the
/// claim fails instead of hanging: as a rule after ten seconds, or one in which
/// nothing happens. Generous, for loaded machines.
fn rescue_patience() -> Patience {
    Patience {
        limit: claim_limit() / 6,
        still: claim_limit() / 60,
    }
}

/// Sets up a wait of `kind` and runs `body` with it.
///
/// # Panics
/// If it takes too long, or a completion is left that no wait took.
pub(crate) fn trial<R>(
    fixture: &Fixture<'_>,
    kind: &Kind,
    span: Span,
    body: impl FnOnce(&dyn Wait) -> R,
) -> R {
    kind.with(fixture, span, |wait| {
        // Nobody else can end these, and a disk may take its time: there is the
        // claim's own limit.
        if kind.nature == Nature::Instant {
            return body(wait);
        }
        let (is_rescued, patience) = (AtomicBool::new(false), rescue_patience());
        let result = thread::scope(|threads| {
            let (alive, over) = mpsc::channel::<()>();
            let is_rescued = &is_rescued;
            let watch = move || {
                if standstill::is_stuck(&over, patience) {
                    is_rescued.store(true, Ordering::Release);
                    wait.complete();
                }
            };
            let watcher = standstill::watcher().spawn_scoped(threads, watch);
            watcher.expect("a thread can be started");
            let result = body(wait);
            drop(alive);
            result
        });
        let is_rescued = is_rescued.load(Ordering::Acquire);
        assert!(!is_rescued, "{} does not end", kind.name);
        result
    })
}

/// How long a claim lets a task go before it does something to it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pause {
    /// Not at all: the task may not have begun.
    None,
    /// Others may run: as a rule the task has begun to wait.
    Yield,
    /// Long enough for any wait to have begun, as a rule.
    Short,
}

impl Pause {
    pub(crate) const ALL: [Pause; 3] = [Pause::None, Pause::Yield, Pause::Short];
}

/// Gives a task time to begin its wait. What is claimed holds wherever it is.
pub(crate) fn settle(io: &dyn Io, pause: Pause) {
    let result = match pause {
        Pause::None => Ok(()),
        Pause::Yield => (0..20).try_for_each(|_| io.yield_now()),
        Pause::Short => io.sleep(Duration::from_millis(2)),
    };
    result.expect("nobody cancels the one who watches");
}

/// Asserts that a wait ended by its own result.
#[track_caller]
pub(crate) fn assert_result(result: io::Result<()>) {
    if let Err(error) = result {
        panic!("{error:?} instead of the result");
    }
}

/// Asserts that the current task has no request pending.
#[track_caller]
pub(crate) fn assert_no_request(io: &dyn Io) {
    if let Err(error) = io.checkpoint() {
        panic!("{error:?} at a point where nothing should be pending");
    }
}

/// Asserts that the current task has one request pending, and takes it.
#[track_caller]
pub(crate) fn take_request(io: &dyn Io) {
    assert_canceled(io.checkpoint());
    assert_no_request(io);
}

/// Asserts that the current task has received its request and that the wait works
/// as if there had been none.
#[track_caller]
pub(crate) fn assert_works_again(io: &dyn Io, wait: &dyn Wait) {
    assert_no_request(io);
    wait.complete();
    assert_result(wait.wait());
    assert_no_request(io);
}

/// Runs `body` as a task that cancels itself by what it is given.
pub(crate) fn as_task(io: &dyn Io, body: impl FnOnce(&dyn Fn()) + Send) {
    io.scope(|scope| {
        let () = scope.spawn(move || body(&|| scope.cancel())).join();
    });
}
