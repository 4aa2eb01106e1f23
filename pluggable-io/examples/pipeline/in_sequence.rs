//! [`run_in_sequence`]: the pipeline where nothing runs beside anything else. The
//! producer's taker is the worker and the collector.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use pluggable_io::fs::File;
use pluggable_io::{Io, canceled, is_canceled, is_deadline};

use crate::collect::{Collector, Finished};
use crate::count::Counter;
use crate::pipeline::{Console, Plan, Report};
use crate::produce::{Taker, produce};
use crate::signals::{Signal, Signals};
use crate::walk::{FoundFile, Problem};

/// How long a signal may go unnoticed while input is waited for: nothing else can
/// end that wait.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Runs the plan, one file after the other. It looks for signals before each, and
/// since nothing can end a wait, the second one ends the process.
///
/// # Errors
/// sigaction(2).
pub(crate) fn run_in_sequence(
    io: &dyn Io,
    plan: &Plan,
    console: &Console<'_>,
    signals: &mut Signals,
) -> io::Result<Report> {
    Signals::end_process_at_the_second()?;
    let mut only = Only {
        io,
        counter: Counter::new(io),
        collector: Collector::new(&console.output, &console.messages),
        signals,
        stopped_by: None,
        unbegun: 0,
    };
    let produced = produce(&plan.sources, &console.input, &mut only);
    let collected = only.collector.into_collected();
    Ok(Report {
        broken_off: collected.unwritten,
        unbegun: only.unbegun,
        stopped_by: only.stopped_by,
        failure: produced.err().filter(|error| !is_canceled(error)),
        collected,
    })
}

/// The only one who does anything.
struct Only<'a> {
    io: &'a dyn Io,
    counter: Counter<'a>,
    collector: Collector<'a>,
    signals: &'a mut Signals,
    stopped_by: Option<Signal>,
    unbegun: u64,
}

impl Only<'_> {
    /// Answers Canceled if a signal has come.
    fn look_for_signals(&mut self) -> io::Result<()> {
        self.stopped_by = self.signals.pending();
        self.stopped_by.map_or(Ok(()), |_signal| Err(canceled()))
    }
}

impl Taker for Only<'_> {
    fn take(&mut self, found: FoundFile) -> io::Result<()> {
        self.look_for_signals().inspect_err(|_| self.unbegun += 1)?;
        let result = self.counter.count(&found);
        let path = found.path;
        self.collector.add(Finished { path, result })?;
        self.collector.flush()
    }

    fn note(&mut self, problem: Problem) -> io::Result<()> {
        self.collector.add(Finished {
            path: problem.path,
            result: Err(problem.error),
        })
    }

    fn await_input(&mut self, input: &File<'_>) -> io::Result<()> {
        let fd = input.try_as_fd().ok_or_else(canceled)?;
        loop {
            self.look_for_signals()?;
            let wait = || self.io.wait_readable(fd.as_fd());
            match self.io.with_timeout(LOOK_AGAIN, wait) {
                Err(error) if is_deadline(&error) => {}
                answer => return answer,
            }
        }
    }
}
