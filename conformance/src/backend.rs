//! [`Backend`]: how an executor is made and run. Written by whoever wants to
//! run the suite; `run.rs` uses it.

use std::fmt;

use io_core::Io;

/// An executor (or one configuration of it) that is to be held to the contract.
pub trait Backend: Sync {
    /// What it is called in tables and messages.
    fn name(&self) -> String;

    /// Makes an executor, runs `body` with it once, on this thread, and ends it
    /// again. An event loop makes the thread a worker; what is a plain value is
    /// passed in. A claim may call it again, from another thread at the same
    /// time, for a second executor.
    ///
    /// # Errors
    /// The executor can not be had on this machine. `body` has not run.
    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable>;

    /// Claims that the executor is known not to meet. Each is run all the same
    /// and has to fail.
    fn skips(&self) -> &[Skip] {
        &[]
    }
}

/// Why an executor can not be had on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable(pub String);

impl fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "unavailable: {}", self.0)
    }
}

impl std::error::Error for Unavailable {}

/// A claim that an executor is known not to meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip {
    /// The claim's name.
    pub claim: &'static str,
    /// Why it can not be met.
    pub reason: &'static str,
}
