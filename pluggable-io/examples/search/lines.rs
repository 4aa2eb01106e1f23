//! [`LineSearch`]: the lines of one file that match, read in blocks through `Io`.

use std::io::{self, Read};
use std::ops::ControlFlow;

use memchr::{memchr, memchr_iter, memrchr};
use pluggable_io::Io;
use regex::bytes::Regex;

use crate::walk::FoundFile;

/// How much is read at once, in bytes.
const BLOCK_BYTES: usize = 32 * 1024;
/// A file with a longer line is not searched further, unless the line ends within
/// the block that makes it too long. In bytes; it bounds the memory of a task.
pub(crate) const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A line that matches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u64,
    /// Without the end of line.
    pub(crate) text: &'a [u8],
}

/// Searches files one after the other, with one buffer.
pub(crate) struct LineSearch<'a> {
    io: &'a dyn Io,
    pattern: &'a Regex,
    /// Holds the beginning of a line whose end was not read yet, then a block.
    buffer: Vec<u8>,
}

impl<'a> LineSearch<'a> {
    pub(crate) fn new(io: &'a dyn Io, pattern: &'a Regex) -> LineSearch<'a> {
        LineSearch {
            io,
            pattern,
            buffer: Vec::new(),
        }
    }

    /// Hands each line of `found` that matches to `on_match`, which may end the
    /// search. A file with a NUL byte is binary: what is read of it from there on
    /// is not searched, and of most such files that is all.
    ///
    /// # Cancellation
    /// A point at each of its operations.
    ///
    /// # Errors
    /// What open(2) and read(2) say; [`io::ErrorKind::FileTooLarge`] for a line of
    /// more than [`LINE_BYTES_MAX`] bytes; Canceled; the deadline in force has
    /// passed.
    pub(crate) fn search(
        &mut self,
        found: &FoundFile,
        mut on_match: impl FnMut(Line<'_>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut file = found.open(self.io)?;
        let mut number = 0;
        // So many bytes of the buffer are the beginning of a line.
        let mut begun = 0;
        loop {
            if begun > LINE_BYTES_MAX {
                let text = "a line of more than 16 MiB";
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
            }
            // It only grows: only long lines need more than two blocks.
            if self.buffer.len() < begun + BLOCK_BYTES {
                self.buffer.resize(begun + BLOCK_BYTES, 0);
            }
            let count = file.read(&mut self.buffer[begun..begun + BLOCK_BYTES])?;
            let block = &self.buffer[begun..begun + count];
            if memchr(0, block).is_some() {
                return Ok(());
            }
            let filled = begun + count;
            let end = match memrchr(b'\n', block) {
                Some(last) => begun + last + 1,
                // The file may end without an end of line.
                None if count == 0 => filled,
                None => 0,
            };
            let lines = &self.buffer[..end];
            let flow = search_lines(self.pattern, lines, &mut number, &mut on_match);
            if flow.is_break() || count == 0 {
                return Ok(());
            }
            self.buffer.copy_within(end..filled, 0);
            begun = filled - end;
        }
    }
}

/// Searches whole lines; `number` is that of the line before.
fn search_lines(
    pattern: &Regex,
    lines: &[u8],
    number: &mut u64,
    on_match: &mut impl FnMut(Line<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let has_rest = !lines.is_empty() && !lines.ends_with(b"\n");
    let rest = has_rest.then_some(lines.len());
    let mut start = 0;
    for end in memchr_iter(b'\n', lines).chain(rest) {
        *number += 1;
        let text = &lines[start..end];
        start = end + 1;
        if pattern.is_match(text) {
            let line = Line {
                number: *number,
                text,
            };
            on_match(line)?;
        }
    }
    ControlFlow::Continue(())
}
