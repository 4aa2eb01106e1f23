//! [`Problem`]: something that was not copied, and why.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A path, and why it was not copied.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    pub(crate) reason: Reason,
}

/// Why something was not copied.
#[derive(Debug)]
pub(crate) enum Reason {
    /// The destination lies in the source.
    InsideSource,
    /// It is a FIFO, a socket or a device.
    Special,
    /// An operation failed.
    Failed(io::Error),
}

impl Problem {
    pub(crate) fn failed(path: &Path, error: io::Error) -> Problem {
        Problem {
            path: path.to_owned(),
            reason: Reason::Failed(error),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Quoted, as a name may contain anything, line ends too.
        write!(formatter, "{:?}: ", self.path)?;
        match &self.reason {
            Reason::InsideSource => formatter.write_str("lies inside what is to be copied"),
            Reason::Special => formatter.write_str("skipped, a FIFO, socket or device"),
            Reason::Failed(error) => error.fmt(formatter),
        }
    }
}
