//! Transfers of [`File`] at its cursor: std's traits, for `File` and `&File`,
//! and the variants that tell how far they came.
//!
//! std's provided methods are built on these and lose their count when they fail
//! (`write_all`, `read_exact`); `read_to_end` keeps in its vector what it read.

use std::io::{self, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};

use crate::file::{File, Progress};
use crate::operation::{Operation, readable_bytes, writable_bytes};

/// At the cursor. Each `read` is one operation and a cancellation point: bytes
/// that were read are returned, never lost.
impl Read for &File<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes_max = buffer.len();
        let outcome = self.perform(Operation::Read {
            handle: self.handle(),
            buffers: &mut [IoSliceMut::new(buffer)],
            offset: None,
        })?;
        Ok(outcome.expect_count(bytes_max))
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let bytes_max = readable_bytes(buffers);
        let outcome = self.perform(Operation::Read {
            handle: self.handle(),
            buffers,
            offset: None,
        })?;
        Ok(outcome.expect_count(bytes_max))
    }
}

/// At the cursor, or at the end of a file opened for appending. Each `write` is
/// one operation and a cancellation point. `flush` has nothing to do: nothing is
/// kept back ([`sync_all`](File::sync_all) makes data durable).
impl Write for &File<'_> {
    #[inline]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let outcome = self.perform(Operation::Write {
            handle: self.handle(),
            buffers: &[IoSlice::new(buffer)],
            offset: None,
        })?;
        Ok(outcome.expect_count(buffer.len()))
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes_max = writable_bytes(buffers);
        let outcome = self.perform(Operation::Write {
            handle: self.handle(),
            buffers,
            offset: None,
        })?;
        Ok(outcome.expect_count(bytes_max))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Moves the cursor: one operation, a cancellation point.
impl Seek for &File<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let handle = self.handle();
        let outcome = self.perform(Operation::Seek { handle, to })?;
        Ok(outcome.expect_position())
    }
}

/// As for `&File`.
impl Read for File<'_> {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

/// As for `&File`.
impl Write for File<'_> {
    #[inline]
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self).write(buffer)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As for `&File`.
impl Seek for File<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

impl File<'_> {
    /// Reads at the cursor until `buffer` is full or the file ends, and tells how
    /// far it came, also when it failed.
    ///
    /// # Cancellation
    /// A point at each of its operations; ends the transfer.
    pub fn read_fully(&self, buffer: &mut [u8]) -> Progress {
        let mut filled = 0;
        let result = loop {
            if filled == buffer.len() {
                break Ok(());
            }
            match (&mut &*self).read(&mut buffer[filled..]) {
                Ok(0) => break Ok(()),
                Ok(count) => filled += count,
                Err(error) => break Err(error),
            }
        };
        Progress {
            bytes: filled as u64,
            result,
        }
    }

    /// Writes all of `buffer` at the cursor and tells how far it came, also when
    /// it failed.
    ///
    /// # Cancellation
    /// A point at each of its operations; ends the transfer.
    pub fn write_fully(&self, buffer: &[u8]) -> Progress {
        let mut written = 0;
        let result = loop {
            if written == buffer.len() {
                break Ok(());
            }
            match (&mut &*self).write(&buffer[written..]) {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) => break Err(error),
            }
        };
        Progress {
            bytes: written as u64,
            result,
        }
    }
}
