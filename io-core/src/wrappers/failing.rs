//! [`Failing`]: operations that fail in a stated way, for testing error paths.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::forward_io;
use crate::handle::Handle;
use crate::io::Io;
use crate::operation::{Operation, OperationKind, Outcome};

/// An executor whose operations fail in a stated way, and go on to the one below
/// otherwise.
///
/// An operation that is made to fail has no effect and is no cancellation point.
/// Errors carry an OS code. Tasks, waits and clocks are those of the executor
/// below; a handle is closed whatever the answer.
///
/// Letting each operation of a program fail in turn:
///
/// ```
/// use io_core::fs;
/// use io_core::wrappers::Failing;
///
/// # fn main() -> std::io::Result<()> {
/// let blocking = io_blocking::Blocking::new();
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("file");
/// const EIO: i32 = 5;
/// let operations = (0..).find(|&index| {
///     let failing = Failing::nth(&blocking, index, EIO);
///     let result = fs::write(&failing, &path, "content");
///     // Each failure is reported, none is made up.
///     assert_eq!(result.is_err(), failing.failures() > 0);
///     result.is_ok()
/// });
/// assert_eq!(operations, Some(2), "create and write");
/// # Ok(())
/// # }
/// ```
pub struct Failing<'a> {
    below: &'a dyn Io,
    fault: Fault,
    errno: i32,
    transfer_bytes_max: usize,
    close_errno: Option<i32>,
    /// Operations so far. Written and read by `perform` alone; Relaxed, as only
    /// the count's own order matters.
    operations: AtomicU64,
    /// Operations and closes that were made to fail. As `operations`.
    failures: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    All,
    Kind(OperationKind),
    Nth(u64),
    NthAndLater(u64),
}

impl<'a> Failing<'a> {
    fn new(below: &'a dyn Io, fault: Fault, errno: i32) -> Failing<'a> {
        Failing {
            below,
            fault,
            errno,
            transfer_bytes_max: usize::MAX,
            close_errno: None,
            operations: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// No operation fails: for [`with_short_transfers`](Failing::with_short_transfers)
    /// and [`with_close_error`](Failing::with_close_error) alone.
    #[must_use]
    pub fn none(below: &'a dyn Io) -> Failing<'a> {
        Failing::new(below, Fault::None, 0)
    }

    /// Every operation fails with `errno`.
    #[must_use]
    pub fn all(below: &'a dyn Io, errno: i32) -> Failing<'a> {
        Failing::new(below, Fault::All, errno)
    }

    /// Every operation of one kind fails with `errno`.
    #[must_use]
    pub fn kind(below: &'a dyn Io, kind: OperationKind, errno: i32) -> Failing<'a> {
        Failing::new(below, Fault::Kind(kind), errno)
    }

    /// One operation fails with `errno`: that at `index`, counted from 0 in the
    /// order in which they are begun.
    #[must_use]
    pub fn nth(below: &'a dyn Io, index: u64, errno: i32) -> Failing<'a> {
        Failing::new(below, Fault::Nth(index), errno)
    }

    /// The operation at `index` fails with `errno`, and so do all after it: as
    /// if the device had gone.
    #[must_use]
    pub fn nth_and_later(below: &'a dyn Io, index: u64, errno: i32) -> Failing<'a> {
        Failing::new(below, Fault::NthAndLater(index), errno)
    }

    /// A read or write transfers at most `bytes_max` bytes.
    ///
    /// # Panics
    /// If `bytes_max` is zero, which would mean the end of file.
    #[must_use]
    pub fn with_short_transfers(self, bytes_max: usize) -> Failing<'a> {
        assert!(bytes_max > 0, "a transfer of nothing is the end of file");
        Failing {
            transfer_bytes_max: bytes_max,
            ..self
        }
    }

    /// Every close closes, and then answers `errno`.
    #[must_use]
    pub fn with_close_error(self, errno: i32) -> Failing<'a> {
        Failing {
            close_errno: Some(errno),
            ..self
        }
    }

    /// How many operations and closes were made to fail so far.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// How many operations there were so far, failed or not.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    fn hits(&self, kind: OperationKind, index: u64) -> bool {
        match self.fault {
            Fault::None => false,
            Fault::All => true,
            Fault::Kind(failing) => kind == failing,
            Fault::Nth(failing) => index == failing,
            Fault::NthAndLater(first) => index >= first,
        }
    }

    fn fail(&self, errno: i32) -> io::Error {
        self.failures.fetch_add(1, Ordering::Relaxed);
        io::Error::from_raw_os_error(errno)
    }
}

impl Io for Failing<'_> {
    // A batch comes entry by entry.
    forward_io!(self => self.below; except perform, perform_batch, close);

    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        let index = self.operations.fetch_add(1, Ordering::Relaxed);
        if self.hits(operation.kind(), index) {
            return Err(self.fail(self.errno));
        }
        perform_short(self.below, operation, self.transfer_bytes_max)
    }

    fn close(&self, handle: Handle) -> io::Result<()> {
        let result = self.below.close(handle);
        match self.close_errno {
            Some(errno) => Err(self.fail(errno)),
            None => result,
        }
    }
}

/// Performs an operation; a transfer of more than `bytes_max` bytes only begins
/// with the first buffer that holds anything.
fn perform_short(
    below: &dyn Io,
    operation: &mut Operation<'_, '_>,
    bytes_max: usize,
) -> io::Result<Outcome> {
    match operation {
        Operation::Read {
            handle,
            buffers,
            offset,
        } if crate::readable_bytes(buffers) > bytes_max => {
            let first = buffers.iter_mut().find(|buffer| !buffer.is_empty());
            let first = first.expect("the buffers hold more than nothing");
            let bytes = first.len().min(bytes_max);
            below.perform(&mut Operation::Read {
                handle,
                buffers: &mut [IoSliceMut::new(&mut first[..bytes])],
                offset: *offset,
            })
        }
        Operation::Write {
            handle,
            buffers,
            offset,
        } if crate::writable_bytes(buffers) > bytes_max => {
            let first = buffers.iter().find(|buffer| !buffer.is_empty());
            let first = first.expect("the buffers hold more than nothing");
            let bytes = first.len().min(bytes_max);
            below.perform(&mut Operation::Write {
                handle,
                buffers: &[IoSlice::new(&first[..bytes])],
                offset: *offset,
            })
        }
        whole => below.perform(whole),
    }
}

impl fmt::Debug for Failing<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Failing")
            .field("fault", &self.fault)
            .field("errno", &self.errno)
            .finish_non_exhaustive()
    }
}
