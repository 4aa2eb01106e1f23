//! [`Collector`]: the end of the pipeline. It writes a line for each file, those
//! that could not be read to standard error, and keeps account.

use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pluggable_io::fs::File;
use pluggable_io::{is_canceled, is_deadline};

use crate::count::Counts;

/// So many bytes of output are written at once, at least, if results come faster
/// than they are written.
const BATCH_BYTES: usize = 32 * 1024;

/// What became of a file.
pub(crate) struct Finished {
    pub(crate) path: PathBuf,
    pub(crate) result: io::Result<Counts>,
}

/// What became of all files that came to the end of the pipeline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collected {
    /// Counted, and their lines written.
    pub(crate) done: u64,
    /// Not readable, and named.
    pub(crate) failed: u64,
    /// Counted, but their lines were not written, or not to their end.
    pub(crate) unwritten: u64,
    /// The sum over those that are done.
    pub(crate) sum: Counts,
}

/// Writes results.
pub(crate) struct Collector<'a> {
    output: &'a File<'a>,
    messages: &'a File<'a>,
    /// Lines that wait to be written, and what they are about.
    batch: Vec<u8>,
    batched: Collected,
    collected: Collected,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(output: &'a File<'a>, messages: &'a File<'a>) -> Collector<'a> {
        Collector {
            output,
            messages,
            batch: Vec::new(),
            batched: Collected::default(),
            collected: Collected::default(),
        }
    }

    /// Adds a result; its line may wait for the next [`flush`](Collector::flush).
    ///
    /// # Errors
    /// The output's; Canceled; the deadline in force has passed.
    pub(crate) fn add(&mut self, finished: Finished) -> io::Result<()> {
        let path = finished.path.as_os_str().as_bytes();
        match finished.result {
            Ok(counts) => {
                let Counts {
                    lines,
                    words,
                    bytes,
                } = counts;
                write!(self.batch, "{lines} {words} {bytes} ")?;
                self.batch.extend_from_slice(path);
                self.batch.push(b'\n');
                self.batched.done += 1;
                self.batched.sum += counts;
            }
            Err(error) => {
                self.collected.failed += 1;
                let path = String::from_utf8_lossy(path);
                say(self.messages, &format!("{path}: {error}"))?;
            }
        }
        if self.batch.len() < BATCH_BYTES {
            return Ok(());
        }
        self.flush()
    }

    /// Writes the lines that wait.
    ///
    /// # Errors
    /// As [`add`](Collector::add). The lines are given up.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        let batched = std::mem::take(&mut self.batched);
        let written = self.output.write_fully(&self.batch).result;
        self.batch.clear();
        match &written {
            Ok(()) => {
                self.collected.done += batched.done;
                self.collected.sum += batched.sum;
            }
            Err(_) => self.collected.unwritten += batched.done,
        }
        written
    }

    /// What became of all of it; lines that wait still are given up.
    pub(crate) fn into_collected(mut self) -> Collected {
        self.collected.unwritten += self.batched.done;
        self.collected
    }
}

/// Tells the user something.
///
/// # Errors
/// Canceled; the deadline in force has passed. That nobody listens is none.
pub(crate) fn say(messages: &File<'_>, text: &str) -> io::Result<()> {
    let line = format!("pipeline: {text}\n");
    match messages.write_fully(line.as_bytes()).result {
        Err(error) if is_canceled(&error) || is_deadline(&error) => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}
