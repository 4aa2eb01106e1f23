//! The rows that need nothing but the executor: points without a wait, yielding,
//! sleeping.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use io_core::Io;

use super::{Span, Wait};
use crate::fixture::Fixture;

/// Beyond what a trial waits before it counts as failed, below the limit of a claim.
const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(3);
const TINY: Duration = Duration::from_micros(20);

struct Checkpoint<'a> {
    io: &'a dyn Io,
}

pub(super) fn checkpoint(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&Checkpoint { io: fixture.io() });
}

impl Wait for Checkpoint<'_> {
    fn wait(&self) -> io::Result<()> {
        self.io.checkpoint()
    }

    fn complete(&self) {}
}

struct YieldNow<'a> {
    io: &'a dyn Io,
    is_complete: AtomicBool,
}

pub(super) fn yield_now(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&YieldNow {
        io: fixture.io(),
        is_complete: AtomicBool::new(false),
    });
}

impl Wait for YieldNow<'_> {
    fn wait(&self) -> io::Result<()> {
        loop {
            self.io.yield_now()?;
            if self.is_complete.swap(false, Ordering::AcqRel) {
                return Ok(());
            }
        }
    }

    fn complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }

    fn check_nothing_left(&self) {
        assert!(!self.is_complete.load(Ordering::Acquire));
    }
}

struct Sleep<'a> {
    io: &'a dyn Io,
    duration: Duration,
    is_complete: AtomicBool,
}

pub(super) fn sleep(fixture: &Fixture<'_>, span: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&Sleep {
        io: fixture.io(),
        duration: match span {
            Span::Long => LONG,
            Span::Short => SHORT,
            Span::Tiny => TINY,
        },
        is_complete: AtomicBool::new(false),
    });
}

impl Wait for Sleep<'_> {
    /// Nobody can shorten a sleep that has begun: it ends by itself.
    fn wait(&self) -> io::Result<()> {
        let is_complete = self.is_complete.load(Ordering::Acquire);
        let duration = if is_complete {
            Duration::ZERO
        } else {
            self.duration
        };
        self.io.sleep(duration)?;
        self.is_complete.store(false, Ordering::Release);
        Ok(())
    }

    fn complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }
}
