//! Waiting for descriptors that somebody else reads and writes: those of a
//! library in another language, or of code that is given non-blocking sockets.
//! Methods of the front, for programs.

use std::io;
use std::os::fd::BorrowedFd;

use crate::io::Io;
use crate::operation::{Interest, Operation};

impl<'io> dyn Io + 'io {
    /// Waits until `fd` has something to read, is at its end, or has an error to
    /// tell (poll(2)). The next read may find nothing all the same, if another
    /// reader was faster. Regular files are always ready.
    ///
    /// ```
    /// use std::io::Write;
    /// use std::os::fd::AsFd;
    ///
    /// use io_core::Io;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let blocking = io_blocking::Blocking::new();
    /// let io: &dyn Io = &blocking;
    /// let (reader, mut writer) = std::io::pipe()?;
    /// writer.write_all(b"x")?;
    /// io.wait_readable(reader.as_fd())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    /// A cancellation point.
    ///
    /// # Errors
    /// `EBADF` for a descriptor that only names a file (`O_PATH`); Canceled; the
    /// deadline in force has passed.
    pub fn wait_readable(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.wait_ready(fd, Interest::Read)
    }

    /// Waits until `fd` has room to write or an error to tell, as
    /// [`wait_readable`](#method.wait_readable) does for reading.
    ///
    /// # Cancellation
    /// A cancellation point.
    ///
    /// # Errors
    /// As for reading.
    pub fn wait_writable(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.wait_ready(fd, Interest::Write)
    }

    fn wait_ready(&self, fd: BorrowedFd<'_>, interest: Interest) -> io::Result<()> {
        let outcome = self.perform(&mut Operation::Poll { fd, interest })?;
        outcome.expect_done();
        Ok(())
    }
}
