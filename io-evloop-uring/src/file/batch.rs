//! Several operations together: what needs no wait is performed first, the rest
//! is submitted in one enter and waited for once.
//!
//! One request is delivered to all entries that had not finished; so is a
//! deadline that has passed.

use std::io;

use io_blocking::system;
use io_core::task;
use io_core::{BatchEntry, Instant, canceled, deadline_passed, is_canceled, is_deadline};

use super::{Attempt, Judgement, attempt, begin_wait, finish, judge, monotonic};
use crate::cell::CompletionSlot;
use crate::ring::SlotAddress;
use crate::worker::Worker;

use super::submission::Submission;

/// What ends the entries that have not finished.
#[derive(Clone, Copy)]
enum End {
    Canceled,
    Deadline,
}

impl End {
    fn of(error: &io::Error) -> Option<End> {
        if is_canceled(error) {
            Some(End::Canceled)
        } else {
            is_deadline(error).then_some(End::Deadline)
        }
    }

    fn error(self) -> io::Error {
        match self {
            End::Canceled => canceled(),
            End::Deadline => deadline_passed(),
        }
    }
}

/// One entry that was submitted.
struct Pending {
    index: usize,
    submission: Submission,
}

/// Performs a batch for the fiber that runs on `worker`.
pub(crate) fn perform_batch(worker: &Worker, batch: &mut [BatchEntry<'_, '_>]) {
    worker.switch_for_test();
    let mut end = None;
    let mut pending = Vec::new();
    for (index, entry) in batch.iter_mut().enumerate() {
        if end.is_none() {
            let point = task::point(worker.id(), monotonic);
            end = point.err().as_ref().and_then(End::of);
        }
        let result = match end {
            Some(end) => Err(end.error()),
            None => match attempt(worker, &mut entry.operation) {
                Attempt::Done(result) => result,
                Attempt::Submit(submission) => {
                    pending.push(Pending { index, submission });
                    continue;
                }
            },
        };
        end = end.or(result.as_ref().err().and_then(End::of));
        entry.result = Some(result);
    }
    // Also what was canceled before it was submitted gets its answer there.
    submit_together(worker, batch, &pending, end);
}

fn submit_together(
    worker: &Worker,
    batch: &mut [BatchEntry<'_, '_>],
    pending: &[Pending],
    end: Option<End>,
) {
    let slots: Vec<CompletionSlot> = pending.iter().map(|_| CompletionSlot::new()).collect();
    let mut end = end;
    if end.is_none() && !pending.is_empty() {
        match begin_wait(worker) {
            Ok(until) => {
                let pairs = pending.iter().zip(&slots);
                let entry = |(pending, slot): (&Pending, &CompletionSlot)| {
                    pending
                        .submission
                        .entry(SlotAddress::of(std::ptr::from_ref(slot)))
                };
                let mut entries = pairs.map(entry).collect();
                worker.submit_all_and_park(until.map(Instant::as_nanos), &slots, &mut entries);
                task::end_wait(worker.id());
            }
            Err(error) => end = End::of(&error),
        }
    }
    let mut unfinished = Vec::new();
    for (pending, slot) in pending.iter().zip(&slots) {
        let entry = &mut batch[pending.index];
        if !slot.is_done.get() {
            unfinished.push(pending);
            continue;
        }
        match judge(slot.result.get(), slot.is_cancel_sent.get()) {
            Judgement::Result(Err(error)) if system::would_wait(&error) => unfinished.push(pending),
            Judgement::Result(answer) => {
                entry.result = Some(answer.map(|count| pending.submission.outcome(count)));
            }
            Judgement::Ended | Judgement::Again | Judgement::Refused => unfinished.push(pending),
        }
    }
    for pending in unfinished {
        if end.is_none() {
            let point = task::point(worker.id(), monotonic);
            end = point.err().as_ref().and_then(End::of);
        }
        let entry = &mut batch[pending.index];
        let result = match end {
            Some(end) => Err(end.error()),
            None => finish(worker, &mut entry.operation, &pending.submission),
        };
        end = end.or(result.as_ref().err().and_then(End::of));
        entry.result = Some(result);
    }
}
