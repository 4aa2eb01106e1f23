//! The deadline chapter: the rows of the case table of cancellation
//! (`cancel::waits`) under deadlines, one claim for each cell, and what is about
//! deadlines themselves (`levels`).
//!
//! ```text
//!                         deadline                    the wait answers
//! passed_at_entry         before the call             TimedOut; a lock or queue call
//!                                                     that need not wait: its result
//! passes_while_it_waits   during the wait             TimedOut
//! as_it_completes         beside the result           either, and nothing is lost
//! inherited               set by who spawned          TimedOut
//! protected               set outside `protect`       its result
//! inside_protect          set inside `protect`        TimedOut; a request waits
//! canceled_first          passed, and a request       Canceled, then TimedOut
//! ```

pub(crate) mod as_it_completes;
pub(crate) mod canceled_first;
pub(crate) mod inherited;
pub(crate) mod inside_protect;
pub(crate) mod levels;
pub(crate) mod passed_at_entry;
pub(crate) mod passes_while_it_waits;
pub(crate) mod protected;

use std::time::Duration;

use io_core::{Clock, Instant, Io};

use crate::fixture::assert_deadline;

/// How far away the deadlines are that pass during a wait.
const TIMEOUT: Duration = Duration::from_millis(5);

/// A deadline that has passed.
fn passed(io: &dyn Io, clock: Clock) -> Instant {
    io.now(clock)
}

/// Runs `body` and asserts that it took at least as long as a deadline that it
/// hits is away.
#[track_caller]
fn not_before(io: &dyn Io, timeout: Duration, body: impl FnOnce()) {
    let before = io.now(Clock::Monotonic);
    body();
    let took = io.now(Clock::Monotonic).saturating_duration_since(before);
    assert!(took >= timeout, "{took:?} instead of {timeout:?}");
}
