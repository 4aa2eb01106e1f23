//! Ends the process with a message if a check hangs.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// Far more than any check here takes on a loaded machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Watches a check until it is dropped.
pub(crate) struct Watchdog {
    _end: Sender<()>,
}

impl Watchdog {
    pub(crate) fn new(name: &'static str) -> Watchdog {
        let (end, is_over) = mpsc::channel();
        thread::spawn(move || {
            if is_over.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{name} hangs");
                std::process::abort();
            }
        });
        Watchdog { _end: end }
    }
}
