//! [`Submission`]: what a transfer, a sync or a poll asks of the ring, so that it
//! can be submitted again and together with others. `file.rs`, `transfer.rs` and
//! `batch.rs` make them.
//!
//! # Safety argument: kernel borrow
//! Memory and descriptors that a submission names are borrowed by the caller of
//! `perform` (or `perform_batch`) for the whole call, and that returns only after
//! the completion: a parked fiber is neither dropped nor unwound. A submission is
//! made and used within one such call.

#![expect(unsafe_code, reason = "entries name the caller's memory")]

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{BorrowedFd, RawFd};

use io_core::{Interest, Outcome, SyncLevel};

use crate::ring::{Entry, PollTimes, Position, SlotAddress, SyncReach, UserData};

/// A single transfer moves at most this (what read(2) moves).
const TRANSFER_BYTES_MAX: usize = 0x7fff_f000;

/// One submission of an operation.
#[derive(Clone, Copy)]
pub(super) struct Submission {
    fd: RawFd,
    what: What,
    /// What to poll for if the descriptor answers `EAGAIN`.
    interest: Option<Interest>,
}

#[derive(Clone, Copy)]
enum What {
    Read(*mut u8, u32, Position),
    Readv(*const libc::iovec, u32, Position),
    Write(*const u8, u32, Position),
    Writev(*const libc::iovec, u32, Position),
    Sync(SyncReach),
    Poll(u32),
}

fn transfer_bytes(length: usize) -> u32 {
    u32::try_from(length.min(TRANSFER_BYTES_MAX)).expect("the maximum fits in 32 bits")
}

fn vector_count(length: usize) -> u32 {
    u32::try_from(length).expect("a window is short")
}

impl Submission {
    /// A read into a window of at most `BUFFERS_MAX` buffers.
    pub(super) fn read(fd: RawFd, window: &mut [IoSliceMut<'_>], position: Position) -> Submission {
        let what = match window {
            [buffer] => What::Read(buffer.as_mut_ptr(), transfer_bytes(buffer.len()), position),
            window => {
                // IoSliceMut is an iovec (its documentation).
                let vectors = window.as_mut_ptr().cast::<libc::iovec>().cast_const();
                What::Readv(vectors, vector_count(window.len()), position)
            }
        };
        Submission {
            fd,
            what,
            interest: None,
        }
    }

    /// A write from a window of at most `BUFFERS_MAX` buffers.
    pub(super) fn write(fd: RawFd, window: &[IoSlice<'_>], position: Position) -> Submission {
        let what = match window {
            [buffer] => What::Write(buffer.as_ptr(), transfer_bytes(buffer.len()), position),
            window => {
                // IoSlice is an iovec (its documentation).
                let vectors = window.as_ptr().cast::<libc::iovec>();
                What::Writev(vectors, vector_count(window.len()), position)
            }
        };
        Submission {
            fd,
            what,
            interest: None,
        }
    }

    pub(super) fn sync(fd: RawFd, level: SyncLevel) -> Submission {
        let reach = match level {
            SyncLevel::All => SyncReach::All,
            SyncLevel::Data => SyncReach::Data,
        };
        Submission {
            fd,
            what: What::Sync(reach),
            interest: None,
        }
    }

    /// A wait for readiness.
    pub(super) fn poll(fd: RawFd, interest: Interest) -> Submission {
        let events = match interest {
            Interest::Read => libc::POLLIN,
            Interest::Write => libc::POLLOUT,
        };
        Submission {
            fd,
            what: What::Poll(events.unsigned_abs().into()),
            interest: None,
        }
    }

    /// Where polling means anything: what to poll for if it has to wait.
    pub(super) fn waiting_for(mut self, interest: Option<Interest>) -> Submission {
        self.interest = interest;
        self
    }

    pub(super) fn interest(&self) -> Option<Interest> {
        self.interest
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        // SAFETY: kernel borrow: the descriptor is open as long as the submission
        // is used.
        unsafe { BorrowedFd::borrow_raw(self.fd) }
    }

    /// The entry whose completion goes to `slot`.
    pub(super) fn entry(&self, slot: SlotAddress) -> Entry {
        let (fd, user_data) = (self.fd, UserData::Operation(slot));
        match self.what {
            What::Read(start, length, position) => {
                // SAFETY: kernel borrow.
                unsafe { Entry::read(user_data, fd, start, length, position) }
            }
            What::Readv(vectors, count, position) => {
                // SAFETY: kernel borrow.
                unsafe { Entry::readv(user_data, fd, vectors, count, position) }
            }
            What::Write(start, length, position) => {
                // SAFETY: kernel borrow.
                unsafe { Entry::write(user_data, fd, start, length, position) }
            }
            What::Writev(vectors, count, position) => {
                // SAFETY: kernel borrow.
                unsafe { Entry::writev(user_data, fd, vectors, count, position) }
            }
            // SAFETY: kernel borrow.
            What::Sync(reach) => unsafe { Entry::sync(user_data, fd, reach) },
            // SAFETY: kernel borrow.
            What::Poll(events) => unsafe { Entry::poll(user_data, fd, events, PollTimes::Single) },
        }
    }

    /// The outcome of its operation when the kernel answered `count`.
    pub(super) fn outcome(&self, count: usize) -> Outcome {
        match self.what {
            What::Read(..) | What::Readv(..) | What::Write(..) | What::Writev(..) => {
                Outcome::Count(count)
            }
            What::Sync(_) | What::Poll(_) => Outcome::Done,
        }
    }
}
