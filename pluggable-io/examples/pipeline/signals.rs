//! [`Signals`]: Ctrl-C and its like, as something that a task waits for. The
//! signal handler, which may do next to nothing, writes into a socket; a task
//! waits until that is readable, as it would wait for any foreign descriptor.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pluggable_io::Io;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use signal_hook::low_level::signal_name;

/// The signals that stop the program.
const STOPPING: [i32; 2] = [SIGINT, SIGTERM];

/// One of the signals that stop the program. It displays as its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signal(i32);

impl Signal {
    /// The exit status of a program that it ended, as shells have it.
    pub(crate) fn exit_status(self) -> u8 {
        128 + u8::try_from(self.0).expect("signals are small numbers")
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(signal_name(self.0).unwrap_or("a signal"))
    }
}

/// The signals that have come since it was made, and those that will.
pub(crate) struct Signals {
    delivery: SignalDelivery<UnixStream, SignalOnly>,
}

impl Signals {
    /// From here on the signals do not end the process; they are told here.
    ///
    /// # Errors
    /// socketpair(2), sigaction(2).
    pub(crate) fn catch() -> io::Result<Signals> {
        let (read, write) = UnixStream::pair()?;
        let delivery = SignalDelivery::with_pipe(read, write, SignalOnly, STOPPING)?;
        Ok(Signals { delivery })
    }

    /// A signal that has come; two of one kind that came in between are one.
    pub(crate) fn pending(&mut self) -> Option<Signal> {
        self.delivery.pending().next().map(Signal)
    }

    /// Waits for a signal.
    ///
    /// # Cancellation
    /// A point if it has to wait. No signal is lost.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    pub(crate) fn wait(&mut self, io: &dyn Io) -> io::Result<Signal> {
        loop {
            if let Some(signal) = self.pending() {
                return Ok(signal);
            }
            io.wait_readable(self.delivery.get_read().as_fd())?;
        }
    }

    /// For a program whose waits nothing can end: the signal after the next one
    /// ends the process at once, with the exit status of that signal.
    ///
    /// # Errors
    /// sigaction(2).
    pub(crate) fn end_process_at_the_second() -> io::Result<()> {
        let has_come = Arc::new(AtomicBool::new(false));
        for signal in STOPPING {
            let status = i32::from(Signal(signal).exit_status());
            // In this order, or the first signal would end it.
            flag::register_conditional_shutdown(signal, status, Arc::clone(&has_come))?;
            flag::register(signal, Arc::clone(&has_come))?;
        }
        Ok(())
    }
}
