//! Transfers of [`File`] at an offset: they leave the cursor alone, so many
//! tasks may make them on one file at once.

use std::io::{self, IoSlice, IoSliceMut};

use crate::file::{File, Progress};
use crate::operation::{Operation, readable_bytes, writable_bytes};

impl File<'_> {
    /// Reads up to `buffer.len()` bytes that start `offset` bytes into the file;
    /// returns how many, 0 at or past its end (pread(2)).
    ///
    /// # Errors
    /// `EBADF` if it is not open for reading, `ESPIPE` if it has no offsets,
    /// `EISDIR`, `EINVAL` for an offset beyond `i64::MAX`, `EIO`, ...; Canceled;
    /// deadline passed.
    ///
    /// # Cancellation
    /// A point. Bytes that were read are returned, never lost; `buffer` may have
    /// been written to all the same.
    #[inline]
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let bytes_max = buffer.len();
        let outcome = self.perform(Operation::Read {
            handle: self.handle(),
            buffers: &mut [IoSliceMut::new(buffer)],
            offset: Some(offset),
        })?;
        Ok(outcome.expect_count(bytes_max))
    }

    /// As [`read_at`](File::read_at), into several buffers in order (preadv(2)).
    ///
    /// # Errors
    /// As [`read_at`](File::read_at).
    ///
    /// # Cancellation
    /// As [`read_at`](File::read_at).
    pub fn read_vectored_at(
        &self,
        buffers: &mut [IoSliceMut<'_>],
        offset: u64,
    ) -> io::Result<usize> {
        let bytes_max = readable_bytes(buffers);
        let outcome = self.perform(Operation::Read {
            handle: self.handle(),
            buffers,
            offset: Some(offset),
        })?;
        Ok(outcome.expect_count(bytes_max))
    }

    /// Fills `buffer` with the bytes that start `offset` bytes into the file.
    ///
    /// # Errors
    /// As [`read_at`](File::read_at); [`io::ErrorKind::UnexpectedEof`] if the
    /// file ends before. How much was read is lost then;
    /// [`read_fully_at`](File::read_fully_at) tells.
    ///
    /// # Cancellation
    /// A point at each of its operations.
    pub fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let wanted = buffer.len() as u64;
        if self.read_fully_at(buffer, offset).finish()? == wanted {
            Ok(())
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }

    /// Reads until `buffer` is full or the file ends, and tells how far it came,
    /// also when it failed.
    ///
    /// # Cancellation
    /// A point at each of its operations; ends the transfer.
    pub fn read_fully_at(&self, buffer: &mut [u8], offset: u64) -> Progress {
        let mut filled = 0;
        let result = loop {
            if filled == buffer.len() {
                break Ok(());
            }
            match self.read_at(&mut buffer[filled..], offset + filled as u64) {
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

    /// Writes up to `buffer.len()` bytes, `offset` bytes into the file; returns
    /// how many (pwrite(2)). A file opened for appending appends all the same.
    ///
    /// # Errors
    /// `EBADF` if it is not open for writing, `ESPIPE` if it has no offsets,
    /// `EINVAL` for an offset beyond `i64::MAX`, `ENOSPC`, `EFBIG`, `EIO`, ...;
    /// Canceled; deadline passed.
    ///
    /// # Cancellation
    /// A point. If bytes are known to be written their count is returned; after
    /// Canceled none is, except where the system can not tell.
    #[inline]
    pub fn write_at(&self, buffer: &[u8], offset: u64) -> io::Result<usize> {
        let outcome = self.perform(Operation::Write {
            handle: self.handle(),
            buffers: &[IoSlice::new(buffer)],
            offset: Some(offset),
        })?;
        Ok(outcome.expect_count(buffer.len()))
    }

    /// As [`write_at`](File::write_at), from several buffers in order (pwritev(2)).
    ///
    /// # Errors
    /// As [`write_at`](File::write_at).
    ///
    /// # Cancellation
    /// As [`write_at`](File::write_at).
    pub fn write_vectored_at(&self, buffers: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let bytes_max = writable_bytes(buffers);
        let outcome = self.perform(Operation::Write {
            handle: self.handle(),
            buffers,
            offset: Some(offset),
        })?;
        Ok(outcome.expect_count(bytes_max))
    }

    /// Writes all of `buffer`, `offset` bytes into the file.
    ///
    /// # Errors
    /// As [`write_at`](File::write_at); [`io::ErrorKind::WriteZero`] if the
    /// system takes no further byte. How much was written is lost then;
    /// [`write_fully_at`](File::write_fully_at) tells.
    ///
    /// # Cancellation
    /// A point at each of its operations.
    pub fn write_all_at(&self, buffer: &[u8], offset: u64) -> io::Result<()> {
        self.write_fully_at(buffer, offset).result
    }

    /// Writes all of `buffer` and tells how far it came, also when it failed.
    ///
    /// # Cancellation
    /// A point at each of its operations; ends the transfer.
    pub fn write_fully_at(&self, buffer: &[u8], offset: u64) -> Progress {
        let mut written = 0;
        let result = loop {
            if written == buffer.len() {
                break Ok(());
            }
            match self.write_at(&buffer[written..], offset + written as u64) {
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
