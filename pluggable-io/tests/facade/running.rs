//! [`Running`]: a program that runs: it is fed, watched line by line, and sent
//! signals.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use crate::kernel::send_signal;
use crate::program::RUN_TIME_MAX;

/// A child with pipes to all of its streams. Killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) input: Option<ChildStdin>,
    /// What it prints, unless [`take_output`](Running::take_output) took it.
    pub(crate) output: Lines,
    pub(crate) messages: Lines,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = Lines::of(child.stdout.take().unwrap());
        Running::watch(child, output)
    }

    /// As [`start`](Running::start), but its output is the caller's to read.
    pub(crate) fn start_with_output(command: &mut Command) -> (Running, ChildStdout) {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = child.stdout.take().unwrap();
        (Running::watch(child, Lines::of(&b""[..])), output)
    }

    fn watch(mut child: Child, output: Lines) -> Running {
        let messages = Lines::of(child.stderr.take().unwrap());
        let input = child.stdin.take();
        Running {
            child,
            input,
            output,
            messages,
        }
    }

    pub(crate) fn signal(&self, signal: i32) {
        send_signal(&self.child, signal);
    }

    /// Writes `path` and the end of a line again and again, until nobody reads.
    pub(crate) fn feed_for_ever(&mut self, path: &Path) {
        let line = format!("{}\n", path.display());
        let mut input = self.input.take().unwrap();
        thread::spawn(move || while input.write_all(line.as_bytes()).is_ok() {});
    }

    /// How it ended, which has to be soon.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        drop(self.input.take());
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < RUN_TIME_MAX, "it hangs");
            thread::yield_now();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended, unless the test has failed.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Lines as they come.
pub(crate) struct Lines(mpsc::Receiver<Vec<u8>>);

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Lines {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut reader = BufReader::new(stream);
            loop {
                let mut line = Vec::new();
                let count = reader.read_until(b'\n', &mut line).unwrap();
                if count == 0 || sender.send(line).is_err() {
                    return;
                }
            }
        });
        Lines(receiver)
    }

    /// The next line with its end, which has to come soon; `None` after the last.
    pub(crate) fn next(&self) -> Option<Vec<u8>> {
        match self.0.recv_timeout(RUN_TIME_MAX) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no line comes"),
        }
    }

    /// As [`next`](Lines::next), as text; there has to be one.
    pub(crate) fn next_text(&self) -> String {
        String::from_utf8(self.next().expect("a further line")).unwrap()
    }

    /// All that come until the end.
    pub(crate) fn rest(&self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.next()).collect()
    }
}
