//! [`Counter`]: what is done with each file: its lines, words and bytes are
//! counted, as wc(1) does in the POSIX locale.

use std::io::{self, Read};
use std::ops::AddAssign;

use pluggable_io::Io;

use crate::walk::FoundFile;

/// How much is read at once, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// What is in a file, or in several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) lines: u64,
    pub(crate) words: u64,
    pub(crate) bytes: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.lines += other.lines;
        self.words += other.words;
        self.bytes += other.bytes;
    }
}

/// Counts files one after the other, with one buffer.
pub(crate) struct Counter<'io> {
    io: &'io dyn Io,
    buffer: Vec<u8>,
}

impl<'io> Counter<'io> {
    pub(crate) fn new(io: &'io dyn Io) -> Counter<'io> {
        Counter {
            io,
            buffer: vec![0; BUFFER_BYTES],
        }
    }

    /// Reads a file to its end.
    ///
    /// # Cancellation
    /// A point at each of its operations; what was counted is lost.
    ///
    /// # Errors
    /// What open(2) and read(2) say; Canceled; the deadline in force has passed.
    pub(crate) fn count(&mut self, found: &FoundFile) -> io::Result<Counts> {
        let mut file = found.open(self.io)?;
        let mut counts = Counts::default();
        let mut is_in_word = false;
        loop {
            let filled = file.read(&mut self.buffer)?;
            if filled == 0 {
                return Ok(counts);
            }
            for byte in &self.buffer[..filled] {
                let is_space = byte.is_ascii_whitespace() || *byte == VERTICAL_TAB;
                counts.words += u64::from(!is_space && !is_in_word);
                counts.lines += u64::from(*byte == b'\n');
                is_in_word = !is_space;
            }
            counts.bytes += filled as u64;
        }
    }
}

/// A space for C and for wc(1), not for Rust.
const VERTICAL_TAB: u8 = 0x0b;
