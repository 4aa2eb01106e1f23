//! Faults in cancellation: in delivering, deferring and forwarding a request, and
//! in what is kept when one comes.

use std::io::{self, IoSlice, Read};
use std::os::fd::IntoRawFd;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use io_core::task::{TaskRecord, TaskRef};
use io_core::{BatchEntry, FutexWord, Handle, Instant, Operation, Outcome, canceled, is_canceled};

use crate::broken::broken;
use crate::broken::faulty::Faulty;

broken! {
    "a request ends no wait" breaks C5,
        fails "cancel::while_it_waits::futex_wait": { interrupt: ignore }
    "a request is delivered twice" breaks C1,
        fails "cancel::pending_at_entry::metadata": { perform: deliver_twice }
    "a request is delivered again by a flag" breaks C1,
        fails "cancel::while_it_waits::pipe_read": { perform: deliver_later, interrupt: note }
    "a request goes to who comes next" breaks C8,
        fails "cancel::delivery::a_request_goes_to_its_task_alone":
            { futex_wait: wait_and_deliver_later, interrupt: note }
    "a request is swallowed" breaks C3,
        fails "cancel::pending_at_entry::regular_read": { perform: swallow }
    "a request at entry is not looked at" breaks C3,
        fails "cancel::pending_at_entry::regular_write": { perform: operate_in_spite }
    "a request becomes a spurious wake" breaks C1,
        fails "cancel::pending_at_entry::futex_wait": { futex_wait: swallow_in_wait }
    "a yield is no point" breaks C3,
        fails "cancel::pending_at_entry::yield_now": { yield_now: yield_protected }
    "a sleep that is over is no point" breaks C3,
        fails "cancel::ready_at_entry::sleep": { sleep_until: sleep_if_needed }
    "a wait that need not wait is a point" breaks C4,
        fails "cancel::points::what_is_no_point_leaves_the_request": { futex_wait: look_first }
    "a close is a point" breaks C4,
        fails "cancel::points::what_is_no_point_leaves_the_request": { close: look_after_close }
    "an operation is done and answers Canceled" breaks C6,
        fails "cancel::ready_at_entry::pipe_read": { perform: operate_and_look }
    "a canceled operation is done all the same" breaks C3,
        fails "cancel::points::every_operation_is_one_and_does_nothing_then":
            { perform: operate_and_look }
    "a completed operation answers Canceled" breaks C6,
        hangs "cancel::races::a_canceled_read_loses_no_byte": { perform: lose_result }
    "the count of a write that was cut short is lost" breaks C7,
        fails "cancel::progress::partial_progress_is_returned": { perform: lose_progress }
    "a canceled read goes on" breaks C17,
        fails "cancel::progress::a_canceled_read_lets_go_of_its_buffer": { perform: read_on }
    "a batch goes on after Canceled" breaks C19,
        fails "cancel::progress::a_batch_with_a_pending_request_does_nothing":
            { perform_batch: go_on }
    "a wake is lost to a request" breaks C18,
        fails "cancel::beside_another::futex_wait": { futex_wait: lose_wake }
    "a join forwards nothing" breaks C11,
        fails "cancel::during_join::futex_wait": { wait_task: forward_nothing }
    "a request that was put back is lost" breaks C15,
        fails "cancel::rearmed::regular_read": { perform: forget_rearmed }
    "a wait is a busy loop" breaks C22,
        fails "cancel::cost::futex_wait": { futex_wait: wait_busily }
    "one canceled opening in forty leaks a descriptor" breaks C6,
        fails "cancel::races::a_canceled_open_leaks_no_descriptor": { perform: leak_rarely }
    "a canceled call leaks a descriptor" breaks C23,
        fails "cancel::leaks::pipe_read": { perform: leak_if_canceled }
}

fn was_canceled<T>(answer: &io::Result<T>) -> bool {
    answer.as_ref().is_err_and(is_canceled)
}

fn ignore(_faulty: &Faulty<'_>, _task: &TaskRef) {}

fn note(faulty: &Faulty<'_>, task: &TaskRef) {
    faulty.flag.store(true, Ordering::Relaxed);
    faulty.below.interrupt(task);
}

fn deliver_noted<T>(faulty: &Faulty<'_>, answer: io::Result<T>) -> io::Result<T> {
    match !was_canceled(&answer) && faulty.flag.swap(false, Ordering::Relaxed) {
        true => Err(canceled()),
        false => answer,
    }
}

fn deliver_later(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    deliver_noted(faulty, faulty.below.perform(operation))
}

fn wait_and_deliver_later(
    faulty: &Faulty<'_>,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    deliver_noted(faulty, faulty.below.futex_wait(word, expected, deadline))
}

fn deliver_twice(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let answer = faulty.below.perform(operation);
    if was_canceled(&answer) {
        faulty.below.rearm();
    }
    answer
}

fn swallow(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match faulty.below.perform(operation) {
        Err(error) if is_canceled(&error) => faulty.below.perform(operation),
        answer => answer,
    }
}

fn operate_in_spite(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    faulty.below.protect(|| faulty.below.perform(operation))
}

fn operate_and_look(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let answer = faulty.below.protect(|| faulty.below.perform(operation));
    faulty.below.checkpoint()?;
    answer
}

fn lose_result(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let outcome = faulty.below.perform(operation)?;
    faulty.below.checkpoint()?;
    Ok(outcome)
}

fn swallow_in_wait(
    faulty: &Faulty<'_>,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    match faulty.below.futex_wait(word, expected, deadline) {
        Err(error) if is_canceled(&error) => Ok(()),
        answer => answer,
    }
}

fn yield_protected(faulty: &Faulty<'_>) -> io::Result<()> {
    faulty.below.protect(|| faulty.below.yield_now())
}

fn sleep_if_needed(faulty: &Faulty<'_>, deadline: Instant) -> io::Result<()> {
    match faulty.below.now(deadline.clock()) >= deadline {
        true => Ok(()),
        false => faulty.below.sleep_until(deadline),
    }
}

fn look_first(
    faulty: &Faulty<'_>,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    faulty.below.checkpoint()?;
    faulty.below.futex_wait(word, expected, deadline)
}

fn look_after_close(faulty: &Faulty<'_>, handle: Handle) -> io::Result<()> {
    let closed = faulty.below.close(handle);
    faulty.below.checkpoint()?;
    closed
}

/// The rest of a write is written too; if that fails, what was written before is
/// not told.
fn lose_progress(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let outcome = faulty.below.perform(operation)?;
    match (operation, outcome) {
        (
            Operation::Write {
                handle,
                buffers: [buffer],
                offset: None,
            },
            Outcome::Count(written),
        ) if written < buffer.len() => {
            let rest = &buffer[written..];
            let more = lose_progress(
                faulty,
                &mut Operation::Write {
                    handle,
                    buffers: &[IoSlice::new(rest)],
                    offset: None,
                },
            )?;
            Ok(Outcome::Count(written + more.expect_count(rest.len())))
        }
        (_, outcome) => Ok(outcome),
    }
}

/// As if the system had not let go of a read: it takes what comes next.
fn read_on(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let answer = faulty.below.perform(operation);
    if let Operation::Read { handle, .. } = operation
        && was_canceled(&answer)
        && let Some(fd) = handle.try_as_fd()
    {
        let mut copy = io::PipeReader::from(fd.try_clone_to_owned()?);
        thread::spawn(move || drop(copy.read(&mut [0])));
        // It has begun by the time the task goes on, as a rule.
        thread::sleep(Duration::from_millis(2));
    }
    answer
}

fn go_on(faulty: &Faulty<'_>, batch: &mut [BatchEntry<'_, '_>]) {
    for entry in batch {
        entry.result = Some(faulty.below.perform(&mut entry.operation));
    }
}

fn lose_wake(
    faulty: &Faulty<'_>,
    word: FutexWord<'_>,
    expected: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    faulty.below.futex_wait(word, expected, deadline)?;
    // It was woken, and looks for a request all the same.
    thread::sleep(Duration::from_millis(1));
    faulty.below.checkpoint()
}

fn forward_nothing(faulty: &Faulty<'_>, task: &TaskRecord) {
    faulty.below.protect(|| faulty.below.wait_task(task));
}

fn forget_rearmed(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if faulty.flag.swap(false, Ordering::Relaxed) {
        drop(faulty.below.checkpoint());
    }
    let answer = faulty.below.perform(operation);
    faulty.flag.store(was_canceled(&answer), Ordering::Relaxed);
    answer
}

fn wait_busily(
    faulty: &Faulty<'_>,
    word: FutexWord<'_>,
    expected: u32,
    _deadline: Option<Instant>,
) -> io::Result<()> {
    while word.load(Ordering::Acquire) == expected {
        faulty.below.yield_now()?;
    }
    Ok(())
}

fn leak_if_canceled(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let answer = faulty.below.perform(operation);
    if was_canceled(&answer) {
        leak()?;
    }
    answer
}

fn leak_rarely(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let answer = faulty.below.perform(operation);
    if was_canceled(&answer) && faulty.is_every(40) {
        leak()?;
    }
    answer
}

/// Opens a descriptor that nobody closes.
fn leak() -> io::Result<()> {
    let (end, _) = io::pipe()?;
    let _number = end.into_raw_fd();
    Ok(())
}
