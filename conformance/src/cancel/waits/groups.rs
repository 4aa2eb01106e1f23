//! The rows of waits for the first of several tasks. These waits receive a request
//! themselves; the tasks, which wait for a permit, are canceled then, and a permit
//! that one has taken all the same is given back.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use io_core::Io;
use io_core::task::{TaskGroup, race};

use super::{Span, Wait, locks};
use crate::fixture::Fixture;

struct First<'a> {
    io: &'a dyn Io,
    permit: &'a dyn Wait,
    by: By,
}

#[derive(Clone, Copy)]
enum By {
    Race,
    Group,
}

pub(super) fn race_of_tasks(fixture: &Fixture<'_>, span: Span, body: &mut dyn FnMut(&dyn Wait)) {
    first(fixture, span, By::Race, body);
}

pub(super) fn group_next(fixture: &Fixture<'_>, span: Span, body: &mut dyn FnMut(&dyn Wait)) {
    first(fixture, span, By::Group, body);
}

fn first(fixture: &Fixture<'_>, span: Span, by: By, body: &mut dyn FnMut(&dyn Wait)) {
    locks::futex_wait(fixture, span, &mut |permit| {
        let io = fixture.io();
        body(&First { io, permit, by });
    });
}

impl First<'_> {
    /// What each of the tasks does.
    fn take_permit(&self, has_taken: &AtomicBool) -> io::Result<()> {
        self.permit.wait()?;
        has_taken.store(true, Ordering::Release);
        Ok(())
    }

    fn race(&self, has_taken: &AtomicBool) -> io::Result<()> {
        let first = race(self.io, [|| self.take_permit(has_taken)])?;
        first.expect("there was one")
    }

    fn group(&self, has_taken: &AtomicBool) -> io::Result<()> {
        self.io.scope(|scope| {
            let mut group = TaskGroup::new(scope);
            group.spawn(|| self.take_permit(has_taken));
            match group.wait_next() {
                Ok(next) => next.expect("there was one").1,
                Err(error) => {
                    group.cancel();
                    Err(error)
                }
            }
        })
    }
}

impl Wait for First<'_> {
    fn wait(&self) -> io::Result<()> {
        let has_taken = AtomicBool::new(false);
        let result = match self.by {
            By::Race => self.race(&has_taken),
            By::Group => self.group(&has_taken),
        };
        if result.is_err() && has_taken.load(Ordering::Acquire) {
            self.permit.complete();
        }
        result
    }

    fn complete(&self) {
        self.permit.complete();
    }

    fn check_nothing_left(&self) {
        self.permit.check_nothing_left();
    }
}
