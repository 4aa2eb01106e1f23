//! The wrapper that breaks one rule, which one is chosen when it is made. It
//! knows what any wrapper knows, and asks io-core for the rest.

use std::io::{self, Read};
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use io_core::task::{self, TaskRecord, TaskRef};
use io_core::{
    BatchEntry, Clock, FutexWord, Handle, Instant, Io, Operation, Outcome, canceled,
    deadline_passed, forward_io, is_canceled, is_deadline,
};

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    Nothing,
    IgnoresInterrupts,
    OperatesInSpiteOfRequests,
    OperatesAndSaysCanceled,
    DeliversTwice,
    DeliversAgainLater,
    DeliversToWhoComesNext,
    FutexIsAlwaysPoint,
    CloseIsPoint,
    YieldIsNoPoint,
    SleepThatIsOverIsNoPoint,
    SwallowsInFutex,
    LosesWakes,
    SwallowsAfterDelivery,
    JoinsWithoutForwarding,
    ReadsOnAfterCanceled,
    BatchGoesOn,
    LosesProgress,
    LeaksDescriptors,
    WaitsBusily,
    IgnoresDeadlines,
    DeadlineIsEdge,
    OperatesAndSaysTimedOut,
    ForgetsDeadlinesOnOtherThreads,
    DeadlinesPassProtect,
    DeadlineFirst,
    DeadlineComesEarly,
    DeadlineLingers,
}

/// Threaded, with one rule broken.
pub(crate) struct Breaker<'a> {
    below: &'a dyn Io,
    what: Break,
    home: thread::ThreadId,
    /// A request came, or a deadline was hit, as the broken rule wants it.
    flag: AtomicBool,
}

impl<'a> Breaker<'a> {
    pub(crate) fn new(below: &'a dyn Io, what: Break) -> Breaker<'a> {
        Breaker {
            below,
            what,
            home: thread::current().id(),
            flag: AtomicBool::new(false),
        }
    }

    fn now(&self) -> Instant {
        self.below.now(Clock::Monotonic)
    }

    fn is_deadline_due(&self) -> bool {
        task::deadline(self.below.id()).is_some_and(|deadline| self.now() >= deadline)
    }

    /// What a broken rule does to the answer of a call that has ended.
    fn spoil<T>(&self, result: io::Result<T>) -> io::Result<T> {
        let was_canceled = result.as_ref().err().is_some_and(is_canceled);
        match self.what {
            Break::DeliversTwice if was_canceled => self.below.rearm(),
            Break::SwallowsAfterDelivery if was_canceled => {
                self.flag.store(true, Ordering::Relaxed);
            }
            Break::LeaksDescriptors if was_canceled => {
                let (end, _) = io::pipe()?;
                // Nobody closes it.
                let _number = end.into_raw_fd();
            }
            Break::DeliversAgainLater | Break::DeliversToWhoComesNext
                if !was_canceled && self.flag.swap(false, Ordering::Relaxed) =>
            {
                return Err(canceled());
            }
            _ => {}
        }
        result
    }

    fn bytes_of_a_write_lost(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        let result = self.below.perform(operation);
        let Operation::Write {
            handle, buffers, ..
        } = operation
        else {
            return result;
        };
        let bytes: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let Outcome::Count(written) = result? else {
            unreachable!("a write counts");
        };
        // The rest too, or none of it.
        let mut rest = vec![io::IoSlice::new(
            &buffers[0][written.min(buffers[0].len())..],
        )];
        if written < bytes && buffers.len() == 1 {
            rest.truncate(1);
            let (buffers, offset) = (&rest[..], None);
            let mut more = Operation::Write {
                handle,
                buffers,
                offset,
            };
            let more = self.bytes_of_a_write_lost(&mut more)?;
            return Ok(Outcome::Count(written + more.expect_count(bytes)));
        }
        Ok(Outcome::Count(written))
    }
}

/// A read that the system has not let go of: it takes what comes next.
fn read_on(operation: &Operation<'_, '_>) {
    let Operation::Read { handle, .. } = operation else {
        return;
    };
    let copy = handle
        .try_as_fd()
        .and_then(|fd| fd.try_clone_to_owned().ok());
    if let Some(copy) = copy {
        thread::spawn(move || {
            let read = io::PipeReader::from(copy).read(&mut [0]);
            drop(read);
        });
        // It has begun by the time the task goes on, as a rule.
        thread::sleep(Duration::from_millis(2));
    }
}

impl Io for Breaker<'_> {
    forward_io!(self => self.below; except perform, perform_batch, close, wait_task, interrupt,
        yield_now, futex_wait, sleep_until);

    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        let below = self.below;
        match self.what {
            Break::OperatesInSpiteOfRequests => below.protect(|| below.perform(operation)),
            Break::OperatesAndSaysCanceled => {
                let result = below.protect(|| below.perform(operation));
                below.checkpoint()?;
                result
            }
            Break::OperatesAndSaysTimedOut if self.is_deadline_due() => {
                drop(below.protect(|| below.perform(operation)));
                Err(deadline_passed())
            }
            Break::SwallowsAfterDelivery if self.flag.swap(false, Ordering::Relaxed) => {
                drop(below.checkpoint());
                below.perform(operation)
            }
            Break::ReadsOnAfterCanceled => {
                let result = below.perform(operation);
                if result.as_ref().err().is_some_and(is_canceled) {
                    read_on(operation);
                }
                result
            }
            Break::LosesProgress => self.bytes_of_a_write_lost(operation),
            Break::IgnoresDeadlines => below.protect(|| below.perform(operation)),
            Break::ForgetsDeadlinesOnOtherThreads if thread::current().id() != self.home => {
                below.protect(|| below.perform(operation))
            }
            Break::DeadlineIsEdge if self.flag.load(Ordering::Relaxed) => {
                below.protect(|| below.perform(operation))
            }
            Break::DeadlineIsEdge => {
                let result = below.perform(operation);
                let was_hit = result.as_ref().err().is_some_and(is_deadline);
                self.flag.store(was_hit, Ordering::Relaxed);
                result
            }
            Break::DeadlinesPassProtect => {
                // It remembers that one has passed, also where it does not apply.
                if self.is_deadline_due() {
                    self.flag.store(true, Ordering::Relaxed);
                }
                match self.flag.load(Ordering::Relaxed) {
                    true => Err(deadline_passed()),
                    false => below.perform(operation),
                }
            }
            Break::DeadlineFirst if self.is_deadline_due() => Err(deadline_passed()),
            _ => self.spoil(below.perform(operation)),
        }
    }

    fn perform_batch(&self, batch: &mut [BatchEntry<'_, '_>]) {
        match self.what {
            Break::Nothing => self.below.perform_batch(batch),
            // Otherwise entries come one by one, and one is not told of the other.
            _ => {
                for entry in batch {
                    entry.result = Some(self.perform(&mut entry.operation));
                }
            }
        }
    }

    fn close(&self, handle: Handle) -> io::Result<()> {
        let closed = self.below.close(handle);
        if self.what == Break::CloseIsPoint {
            self.below.checkpoint()?;
        }
        closed
    }

    fn wait_task(&self, task: &TaskRecord) {
        match self.what {
            Break::JoinsWithoutForwarding => self.below.protect(|| self.below.wait_task(task)),
            _ => self.below.wait_task(task),
        }
    }

    fn interrupt(&self, task: &TaskRef) {
        match self.what {
            Break::IgnoresInterrupts => {}
            Break::DeliversAgainLater | Break::DeliversToWhoComesNext => {
                self.flag.store(true, Ordering::Relaxed);
                self.below.interrupt(task);
            }
            _ => self.below.interrupt(task),
        }
    }

    fn yield_now(&self) -> io::Result<()> {
        match self.what {
            Break::YieldIsNoPoint => self.below.protect(|| self.below.yield_now()),
            _ => self.below.yield_now(),
        }
    }

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let below = self.below;
        match self.what {
            Break::FutexIsAlwaysPoint => {
                below.checkpoint()?;
                below.futex_wait(word, expected, deadline)
            }
            Break::SwallowsInFutex => match below.futex_wait(word, expected, deadline) {
                Err(error) if is_canceled(&error) => Ok(()),
                other => other,
            },
            Break::LosesWakes => {
                below.futex_wait(word, expected, deadline)?;
                // It was woken, and looks for a request all the same.
                thread::sleep(Duration::from_millis(1));
                below.checkpoint()
            }
            Break::WaitsBusily => loop {
                if word.load(Ordering::Acquire) != expected {
                    return Ok(());
                }
                below.yield_now()?;
            },
            Break::DeadlineComesEarly => {
                let Some(due) = task::deadline(below.id()) else {
                    return below.futex_wait(word, expected, deadline);
                };
                let rest = due.saturating_duration_since(self.now());
                below.futex_wait(word, expected, Some(self.now().saturating_add(rest / 2)))
            }
            _ => self.spoil(below.futex_wait(word, expected, deadline)),
        }
    }

    fn sleep_until(&self, deadline: Instant) -> io::Result<()> {
        let below = self.below;
        match self.what {
            Break::SleepThatIsOverIsNoPoint if below.now(deadline.clock()) >= deadline => Ok(()),
            Break::DeadlineLingers => {
                // The last deadline that it saw applies to the next sleep too.
                let was_bounded = task::deadline(below.id()).is_some();
                if self.flag.swap(was_bounded, Ordering::Relaxed) && !was_bounded {
                    return Err(deadline_passed());
                }
                below.sleep_until(deadline)
            }
            _ => self.spoil(below.sleep_until(deadline)),
        }
    }
}
