//! [`Printer`]: lines as grep prints them, from many tasks. Those of one file
//! stay together.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pluggable_io::fs::File;
use pluggable_io::sync::{Mutex, MutexGuard};
use pluggable_io::{Io, is_canceled, is_deadline};

use crate::lines::Line;
use crate::walk::Problem;

/// A task keeps so many bytes to itself before it takes the output, for the file
/// that it is at.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Standard output and standard error, for all tasks.
pub(crate) struct Printer<'io> {
    io: &'io dyn Io,
    /// Held by the task that writes, also while it waits.
    output: Mutex<File<'io>>,
    messages: File<'io>,
}

impl<'io> Printer<'io> {
    pub(crate) fn new(io: &'io dyn Io, output: File<'io>, messages: File<'io>) -> Printer<'io> {
        Printer {
            io,
            output: Mutex::new(output),
            messages,
        }
    }

    /// The page that the lines of one file are written on.
    pub(crate) fn page(&self) -> Page<'_, 'io> {
        Page {
            printer: self,
            text: Vec::new(),
            output: None,
        }
    }

    /// Prints whole lines.
    ///
    /// # Errors
    /// The output's; Canceled; the deadline in force has passed.
    pub(crate) fn print(&self, lines: &[u8]) -> io::Result<()> {
        let output = self.output.lock(self.io)?;
        output.write_fully(lines).result
    }

    /// Names a file that could not be searched.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed. That nobody listens is none.
    pub(crate) fn complain(&self, problem: &Problem) -> io::Result<()> {
        let line = format!("search: {}: {}\n", problem.path.display(), problem.error);
        match self.messages.write_fully(line.as_bytes()).result {
            Err(error) if is_canceled(&error) || is_deadline(&error) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

/// What is printed about one file.
pub(crate) struct Page<'a, 'io> {
    printer: &'a Printer<'io>,
    text: Vec<u8>,
    /// Taken when there is too much to keep.
    output: Option<MutexGuard<'a, File<'io>>>,
}

impl Page<'_, '_> {
    /// Adds a line.
    ///
    /// # Errors
    /// The output's; Canceled; the deadline in force has passed.
    pub(crate) fn add(&mut self, path: &Path, line: Line<'_>) -> io::Result<()> {
        format_line(&mut self.text, path, line);
        if self.text.len() < KEPT_BYTES_MAX {
            return Ok(());
        }
        self.write()
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// As [`add`](Page::add).
    pub(crate) fn finish(mut self) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        let output = match self.output.take() {
            Some(output) => output,
            None => self.printer.output.lock(self.printer.io)?,
        };
        let written = self.output.insert(output).write_fully(&self.text);
        self.text.clear();
        written.result
    }
}

/// `path:number:text`.
pub(crate) fn format_line(page: &mut Vec<u8>, path: &Path, line: Line<'_>) {
    page.extend_from_slice(path.as_os_str().as_bytes());
    page.extend_from_slice(format!(":{}:", line.number).as_bytes());
    page.extend_from_slice(line.text);
    page.push(b'\n');
}
