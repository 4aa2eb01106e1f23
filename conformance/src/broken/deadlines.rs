//! Faults in deadlines.

use std::io;
use std::sync::atomic::Ordering;
use std::thread;

use io_core::task;
use io_core::{Clock, FutexWord, Instant, Operation, Outcome, deadline_passed, is_deadline};

use crate::broken::broken;
use crate::broken::faulty::Faulty;

broken! {
    "a deadline that has passed starts operations" breaks D1,
        fails "deadline::passed_at_entry::regular_read": { perform: ignore_once_passed }
    "a passed deadline looks like a peer's" breaks D1,
        fails "deadline::passed_at_entry::metadata": { perform: as_a_peers }
    "an operation is started after the deadline" breaks D1,
        fails "deadline::passed_at_entry::regular_write": { perform: operate_after }
    "a deadline is an edge" breaks D1,
        fails "deadline::passed_at_entry::file_sync": { perform: edge }
    "a deadline is not looked at" breaks D2,
        fails "deadline::passes_while_it_waits::pipe_read": { perform: ignore }
    "a deadline comes early" breaks D2,
        fails "deadline::passes_while_it_waits::futex_wait": { futex_wait: wait_half }
    "a deadline outlives its call" breaks D3,
        fails "deadline::levels::a_deadline_ends_with_its_call": { sleep_until: linger }
    "a deadline is not inherited" breaks D4,
        fails "deadline::inherited::pipe_read": { perform: forget_elsewhere }
    "a deadline applies in protect" breaks D6,
        fails "deadline::protected::regular_read": { perform: pass_protect }
    "a deadline comes before a request" breaks D7,
        fails "deadline::canceled_first::regular_read": { perform: deadline_first }
}

/// Whether the deadline of the current task has passed, where it applies.
fn is_due(faulty: &Faulty<'_>) -> bool {
    let deadline = task::deadline(faulty.below.id());
    deadline.is_some_and(|deadline| faulty.below.now(deadline.clock()) >= deadline)
}

fn ignore_once_passed(
    faulty: &Faulty<'_>,
    operation: &mut Operation<'_, '_>,
) -> io::Result<Outcome> {
    match faulty.below.perform(operation) {
        Err(error) if is_deadline(&error) => ignore(faulty, operation),
        answer => answer,
    }
}

fn as_a_peers(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match faulty.below.perform(operation) {
        Err(error) if is_deadline(&error) => Err(io::Error::from_raw_os_error(libc::ETIMEDOUT)),
        answer => answer,
    }
}

fn operate_after(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if !is_due(faulty) {
        return faulty.below.perform(operation);
    }
    drop(ignore(faulty, operation));
    Err(deadline_passed())
}

fn edge(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if faulty.flag.load(Ordering::Relaxed) {
        return ignore(faulty, operation);
    }
    let answer = faulty.below.perform(operation);
    let was_hit = answer.as_ref().is_err_and(is_deadline);
    faulty.flag.store(was_hit, Ordering::Relaxed);
    answer
}

fn ignore(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    faulty.below.protect(|| faulty.below.perform(operation))
}

fn wait_half(
    faulty: &Faulty<'_>,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    let below = faulty.below;
    let Some(due) = task::deadline(below.id()) else {
        return below.futex_wait(word, expected, deadline);
    };
    let now = below.now(Clock::Monotonic);
    let rest = due.saturating_duration_since(now);
    below.futex_wait(word, expected, Some(now.saturating_add(rest / 2)))
}

/// The last deadline that it saw applies to the next sleep too.
fn linger(faulty: &Faulty<'_>, deadline: Instant) -> io::Result<()> {
    let is_bounded = task::deadline(faulty.below.id()).is_some();
    if faulty.flag.swap(is_bounded, Ordering::Relaxed) && !is_bounded {
        return Err(deadline_passed());
    }
    faulty.below.sleep_until(deadline)
}

fn forget_elsewhere(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match thread::current().id() == faulty.home {
        true => faulty.below.perform(operation),
        false => ignore(faulty, operation),
    }
}

/// It remembers that one has passed, also where it does not apply.
fn pass_protect(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if is_due(faulty) {
        faulty.flag.store(true, Ordering::Relaxed);
    }
    match faulty.flag.load(Ordering::Relaxed) {
        true => Err(deadline_passed()),
        false => faulty.below.perform(operation),
    }
}

fn deadline_first(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match is_due(faulty) {
        true => Err(deadline_passed()),
        false => faulty.below.perform(operation),
    }
}
