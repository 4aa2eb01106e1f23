//! The rows of pipes and FIFOs. The trial's own ends are the system's, read and
//! written without the executor. What is sent are tokens, so that the count of
//! tokens sent, received and left shows whether one was lost.

use std::fs::{self, OpenOptions};
use std::io::{self, IoSliceMut, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use io_core::fs::File;
use io_core::{BatchEntry, Io, Operation};

use super::{Span, Wait};
use crate::fixture::Fixture;
use crate::system;

const TOKEN: u8 = b'T';
const FILLING: u8 = b'.';
const UNTOUCHED: u8 = 0xAA;
/// A page: so much has to be read from a full pipe for a write to find room.
const PAGE_BYTES: usize = 4096;

/// A second opening of a pipe's end that does not wait: `O_NONBLOCK` belongs to
/// an opening, not to the pipe.
fn without_waiting(end: &impl AsRawFd, write: bool) -> fs::File {
    let mut options = OpenOptions::new();
    options.read(!write).write(write);
    options.custom_flags(libc::O_NONBLOCK);
    let path = format!("/proc/self/fd/{}", end.as_raw_fd());
    options.open(path).expect("the system has procfs")
}

/// Everything that is in a pipe.
fn drain(reader: &PipeReader) -> Vec<u8> {
    let mut content = Vec::new();
    match without_waiting(reader, false).read_to_end(&mut content) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
    }
    content
}

fn fill(writer: &PipeWriter) {
    let mut writer = without_waiting(writer, true);
    let full = loop {
        // A page is taken whole or not at all.
        if let Err(error) = writer.write_all(&[FILLING; PAGE_BYTES]) {
            break error;
        }
    };
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
}

fn pipe() -> (PipeReader, PipeWriter) {
    io::pipe().expect("there are descriptors")
}

/// A handle of the executor on a copy of an end.
fn handle<'io>(io: &'io dyn Io, end: impl AsFd) -> File<'io> {
    let copy = end.as_fd().try_clone_to_owned();
    File::from_fd(io, copy.expect("there are descriptors"))
}

// ---- reading ---------------------------------------------------------------

/// An empty pipe, one end of which the executor reads.
struct Tokens<'a> {
    file: File<'a>,
    reader: PipeReader,
    writer: PipeWriter,
}

impl<'a> Tokens<'a> {
    fn new(io: &'a dyn Io) -> Tokens<'a> {
        let (reader, writer) = pipe();
        Tokens {
            file: handle(io, &reader),
            reader,
            writer,
        }
    }

    fn send(&self) {
        let sent = (&self.writer).write_all(&[TOKEN]);
        sent.expect("an empty pipe has room");
    }

    fn check_nothing_left(&self) {
        assert_eq!(drain(&self.reader), b"", "a token is left in the pipe");
    }
}

struct PipeRead<'a> {
    tokens: Tokens<'a>,
}

pub(super) fn pipe_read(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&PipeRead {
        tokens: Tokens::new(fixture.io()),
    });
}

impl Wait for PipeRead<'_> {
    fn wait(&self) -> io::Result<()> {
        let mut buffer = [UNTOUCHED; 1];
        let result = (&self.tokens.file).read(&mut buffer);
        match &result {
            Ok(count) => assert_eq!((*count, buffer[0]), (1, TOKEN)),
            Err(_) => assert_eq!(buffer[0], UNTOUCHED, "it failed and read"),
        }
        result.map(drop)
    }

    fn complete(&self) {
        self.tokens.send();
    }

    fn check_nothing_left(&self) {
        self.tokens.check_nothing_left();
    }
}

struct WaitReadable<'a> {
    io: &'a dyn Io,
    tokens: Tokens<'a>,
}

pub(super) fn wait_readable(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&WaitReadable {
        io: fixture.io(),
        tokens: Tokens::new(fixture.io()),
    });
}

impl Wait for WaitReadable<'_> {
    fn wait(&self) -> io::Result<()> {
        self.io.wait_readable(self.tokens.reader.as_fd())?;
        let token = (&self.tokens.reader).read(&mut [0; 1]);
        assert_eq!(token.expect("it is ready"), 1);
        Ok(())
    }

    fn complete(&self) {
        self.tokens.send();
    }

    fn check_nothing_left(&self) {
        self.tokens.check_nothing_left();
    }
}

/// Two pipes and a batch of one read each. What one read got is kept, also if
/// the other one was canceled.
struct Batch<'a> {
    io: &'a dyn Io,
    tokens: [Tokens<'a>; 2],
    is_read: [AtomicBool; 2],
}

pub(super) fn batch(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let io = fixture.io();
    body(&Batch {
        io,
        tokens: [Tokens::new(io), Tokens::new(io)],
        is_read: [AtomicBool::new(false), AtomicBool::new(false)],
    });
}

impl Wait for Batch<'_> {
    fn wait(&self) -> io::Result<()> {
        let mut buffers = [[UNTOUCHED; 1]; 2];
        let mut slices = buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
        let is_wanted = |index: usize| !self.is_read[index].load(Ordering::Acquire);
        let mut indexes = Vec::new();
        let mut entries = Vec::new();
        for (index, slices) in slices.iter_mut().enumerate() {
            if is_wanted(index) {
                indexes.push(index);
                entries.push(BatchEntry::new(Operation::Read {
                    handle: self.tokens[index].file.handle(),
                    buffers: slices,
                    offset: None,
                }));
            }
        }
        self.io.perform_batch(&mut entries);
        let mut error = None;
        let results: Vec<_> = entries.into_iter().map(|entry| entry.result).collect();
        for (index, result) in indexes.into_iter().zip(results) {
            match result.expect("every entry of a batch has a result") {
                Ok(outcome) => {
                    assert_eq!((outcome.expect_count(1), buffers[index][0]), (1, TOKEN));
                    self.is_read[index].store(true, Ordering::Release);
                }
                Err(other) => {
                    assert_eq!(buffers[index][0], UNTOUCHED, "it failed and read");
                    error = Some(other);
                }
            }
        }
        if let Some(error) = error {
            return Err(error);
        }
        for is_read in &self.is_read {
            is_read.store(false, Ordering::Release);
        }
        Ok(())
    }

    fn complete(&self) {
        self.tokens.iter().for_each(Tokens::send);
    }

    fn check_nothing_left(&self) {
        self.tokens.iter().for_each(Tokens::check_nothing_left);
    }
}

// ---- writing ---------------------------------------------------------------

/// A full pipe. Each write is of one page, which the pipe takes whole or not at
/// all (`PIPE_BUF`), and each completion takes one page out.
struct FullPipe<'a> {
    file: File<'a>,
    reader: PipeReader,
    writer: PipeWriter,
    pages_written: AtomicUsize,
    tokens_taken: AtomicUsize,
}

impl<'a> FullPipe<'a> {
    fn new(io: &'a dyn Io) -> FullPipe<'a> {
        let (reader, writer) = pipe();
        fill(&writer);
        FullPipe {
            file: handle(io, &writer),
            reader,
            writer,
            pages_written: AtomicUsize::new(0),
            tokens_taken: AtomicUsize::new(0),
        }
    }

    fn count_tokens(&self, content: &[u8]) {
        let tokens = content.iter().filter(|&&byte| byte == TOKEN).count();
        self.tokens_taken.fetch_add(tokens, Ordering::Relaxed);
    }

    fn take_page(&self) {
        let mut page = [0; PAGE_BYTES];
        let read = (&self.reader).read_exact(&mut page);
        read.expect("the pipe is full");
        self.count_tokens(&page);
    }

    fn check_nothing_left(&self) {
        self.count_tokens(&drain(&self.reader));
        let taken = self.tokens_taken.swap(0, Ordering::Relaxed);
        let written = self.pages_written.swap(0, Ordering::Relaxed);
        assert_eq!(taken, written * PAGE_BYTES, "what was written differs");
    }
}

struct PipeWrite<'a> {
    pipe: FullPipe<'a>,
}

pub(super) fn pipe_write(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&PipeWrite {
        pipe: FullPipe::new(fixture.io()),
    });
}

impl Wait for PipeWrite<'_> {
    fn wait(&self) -> io::Result<()> {
        let count = (&self.pipe.file).write(&[TOKEN; PAGE_BYTES])?;
        assert!((1..=PAGE_BYTES).contains(&count), "{count} bytes");
        if count < PAGE_BYTES {
            // Of the page that it began: the pipe is to be full again.
            let rest = &[TOKEN; PAGE_BYTES][count..];
            let written = without_waiting(&self.pipe.writer, true).write(rest);
            assert_eq!(written.expect("the page has room"), rest.len());
        }
        self.pipe.pages_written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn complete(&self) {
        self.pipe.take_page();
    }

    fn check_nothing_left(&self) {
        self.pipe.check_nothing_left();
    }
}

struct WaitWritable<'a> {
    io: &'a dyn Io,
    pipe: FullPipe<'a>,
}

pub(super) fn wait_writable(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&WaitWritable {
        io: fixture.io(),
        pipe: FullPipe::new(fixture.io()),
    });
}

impl Wait for WaitWritable<'_> {
    fn wait(&self) -> io::Result<()> {
        self.io.wait_writable(self.pipe.writer.as_fd())?;
        let written = without_waiting(&self.pipe.writer, true).write(&[TOKEN; PAGE_BYTES]);
        assert_eq!(written.expect("it is ready"), PAGE_BYTES);
        self.pipe.pages_written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn complete(&self) {
        self.pipe.take_page();
    }

    fn check_nothing_left(&self) {
        self.pipe.check_nothing_left();
    }
}

// ---- opening ---------------------------------------------------------------

/// A FIFO that is opened for reading. Completing opens it for both, which never
/// waits; who waited for it closes that again.
struct OpenFifo<'a> {
    io: &'a dyn Io,
    path: PathBuf,
    other_end: Mutex<Option<fs::File>>,
}

pub(super) fn open_fifo(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    // A claim sets up several.
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = fixture.path(format!("fifo-{number}"));
    system::make_fifo(&path);
    body(&OpenFifo {
        io: fixture.io(),
        path,
        other_end: Mutex::new(None),
    });
}

impl OpenFifo<'_> {
    fn other_end(&self) -> std::sync::MutexGuard<'_, Option<fs::File>> {
        self.other_end
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait for OpenFifo<'_> {
    fn wait(&self) -> io::Result<()> {
        let (mut file, mut other_end) = loop {
            let file = File::open(self.io, &self.path)?;
            if let Some(other_end) = self.other_end().take() {
                break (file, other_end);
            }
            // A process that another test starts has, between its fork and its
            // exec, a copy of an end that was closed here: open waits anew.
            drop(file);
        };
        other_end
            .write_all(&[TOKEN])
            .expect("an empty pipe has room");
        let mut token = [UNTOUCHED; 1];
        // The task may have a request pending by now; this read is no part of it.
        let read = self.io.protect(|| file.read(&mut token));
        assert_eq!(read.expect("it has a token"), 1);
        assert_eq!(token, [TOKEN]);
        file.close().expect("a pipe closes without an error");
        Ok(())
    }

    fn complete(&self) {
        // Under the lock: the wait may end before the opening has returned.
        let mut other_end = self.other_end();
        let mut options = OpenOptions::new();
        let both = options.read(true).write(true).open(&self.path);
        *other_end = Some(both.expect("the FIFO is there"));
    }
}
