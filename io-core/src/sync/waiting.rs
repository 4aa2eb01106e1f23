//! How this chapter waits on an executor: as a cancellation point
//! ([`Cancelable`]) or whatever comes ([`Uncancelable`]).

use std::convert::Infallible;
use std::io;
use std::sync::atomic::AtomicU32;

use crate::error::is_canceled;
use crate::futex::{FutexAddress, FutexWord};
use crate::io::Io;
use crate::sync::park::Park;
use crate::task::protected;
use crate::watch::{WaitKind, labelled};

/// Waits as cancellation points, under the deadline in force; what for is told
/// to reports.
#[derive(Clone, Copy)]
pub(super) struct Cancelable<'a>(pub(super) &'a dyn Io, pub(super) WaitKind);

impl Park for Cancelable<'_> {
    type Error = io::Error;

    fn wait(&self, word: &AtomicU32, expected: u32) -> io::Result<()> {
        labelled(self.0, self.1, || {
            self.0.futex_wait(FutexWord::of(word), expected, None)
        })
    }

    fn wake(&self, address: FutexAddress, count: u32) {
        self.0.futex_wake(address, count);
    }

    fn put_back(&self, error: io::Error) {
        // A deadline that has passed says so again; a request is delivered once.
        if is_canceled(&error) {
            self.0.rearm();
        }
    }
}

/// Waits that no request and no deadline ends.
#[derive(Clone, Copy)]
pub(super) struct Uncancelable<'a>(pub(super) &'a dyn Io, pub(super) WaitKind);

impl Park for Uncancelable<'_> {
    type Error = Infallible;

    fn wait(&self, word: &AtomicU32, expected: u32) -> Result<(), Infallible> {
        // Neither error can occur under protection; if one does, look again.
        protected(self.0.id(), || {
            labelled(self.0, self.1, || {
                drop(self.0.futex_wait(FutexWord::of(word), expected, None));
            });
        });
        Ok(())
    }

    fn wake(&self, address: FutexAddress, count: u32) {
        self.0.futex_wake(address, count);
    }

    fn put_back(&self, error: Infallible) {
        match error {}
    }
}

/// Takes the answer of a wait that can not fail.
pub(super) fn certain<T>(answer: Result<T, Infallible>) -> T {
    let Ok(answer) = answer;
    answer
}
