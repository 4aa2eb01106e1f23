//! [`Progress`]: how far a transfer of many operations came, also when it
//! failed. Made by the `..._fully` functions of `File` and by `copy_fully`.

use std::io;

/// How far a transfer came that takes several operations, and how it ended.
///
/// `write_all` and its like only say that they failed; after a cancel request
/// or a passed deadline a program may want to go on where it stopped.
///
/// ```
/// use std::io::Read;
/// use std::time::Duration;
///
/// use io_core::fs::File;
/// use io_core::is_deadline;
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// let (mut reader, writer) = std::io::pipe()?;
/// let writer = File::from_fd(io, writer.into());
/// // More than a pipe holds, and nobody reads.
/// let content = vec![0; 1 << 22];
/// let progress = io.with_timeout(Duration::from_millis(5), || writer.write_fully(&content));
/// assert!(is_deadline(&progress.result.unwrap_err()));
/// // From here it can go on: so much is in the pipe.
/// drop(writer);
/// let mut arrived = Vec::new();
/// reader.read_to_end(&mut arrived)?;
/// assert_eq!(arrived.len() as u64, progress.bytes);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the transfer may have failed"]
pub struct Progress {
    /// Bytes transferred for certain. The operation that failed transferred none.
    pub bytes: u64,
    /// `Ok` if the transfer came to its end: all is written, or the buffer is
    /// full, or the file has ended.
    pub result: io::Result<()>,
}

impl Progress {
    /// The bytes if all went well; the count is lost otherwise.
    ///
    /// # Errors
    /// What ended the transfer.
    pub fn finish(self) -> io::Result<u64> {
        self.result.map(|()| self.bytes)
    }
}
