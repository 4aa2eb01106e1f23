//! The rows of waits for other tasks, which wait for a permit: these waits answer
//! nothing themselves, they hand the request on and return what came of it.

use std::io;

use io_core::Io;

use super::{Span, Wait, locks};
use crate::cancel::nested::{Via, run_nested};
use crate::fixture::Fixture;

struct Nested<'a> {
    io: &'a dyn Io,
    via: Via,
    permit: &'a dyn Wait,
}

fn nested(fixture: &Fixture<'_>, span: Span, via: Via, body: &mut dyn FnMut(&dyn Wait)) {
    locks::futex_wait(fixture, span, &mut |permit| {
        let io = fixture.io();
        body(&Nested { io, via, permit });
    });
}

pub(super) fn join(fixture: &Fixture<'_>, span: Span, body: &mut dyn FnMut(&dyn Wait)) {
    nested(fixture, span, Via::Join, body);
}

pub(super) fn join_all(fixture: &Fixture<'_>, span: Span, body: &mut dyn FnMut(&dyn Wait)) {
    nested(fixture, span, Via::JoinAll, body);
}

pub(super) fn scope_end(fixture: &Fixture<'_>, span: Span, body: &mut dyn FnMut(&dyn Wait)) {
    nested(fixture, span, Via::ScopeEnd, body);
}

pub(super) fn inline_child(fixture: &Fixture<'_>, span: Span, body: &mut dyn FnMut(&dyn Wait)) {
    nested(fixture, span, Via::Inline, body);
}

pub(super) fn offload(fixture: &Fixture<'_>, span: Span, body: &mut dyn FnMut(&dyn Wait)) {
    nested(fixture, span, Via::Offload, body);
}

impl Wait for Nested<'_> {
    fn wait(&self) -> io::Result<()> {
        let mut result = None;
        run_nested(self.io, self.via, || result = Some(self.permit.wait()));
        result.expect("who waits for a task waits to its end")
    }

    fn complete(&self) {
        self.permit.complete();
    }

    fn check_nothing_left(&self) {
        self.permit.check_nothing_left();
    }
}
