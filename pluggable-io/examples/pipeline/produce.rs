//! [`produce`]: where the work comes from. It is handed to whoever takes it: a
//! queue, or on one thread the work itself.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use pluggable_io::fs::File;
use pluggable_io::{is_canceled, is_deadline};

use crate::walk::{FoundFile, Problem, Walk};

/// The source that stands for the lines of standard input, each the path of a file.
pub(crate) const INPUT: &str = "-";

/// Who takes what is produced. An error of his ends the production.
pub(crate) trait Taker {
    /// Takes a file; may wait until there is room.
    fn take(&mut self, found: FoundFile) -> io::Result<()>;

    /// Takes note of what can not be read.
    fn note(&mut self, problem: Problem) -> io::Result<()>;

    /// Called before the input is waited for.
    fn await_input(&mut self, input: &File<'_>) -> io::Result<()>;
}

/// Hands all files of `sources` to `taker`.
///
/// # Cancellation
/// A point at each of its operations; ends it.
///
/// # Errors
/// The taker's; Canceled; the deadline in force has passed.
pub(crate) fn produce(
    sources: &[PathBuf],
    input: &File<'_>,
    taker: &mut dyn Taker,
) -> io::Result<()> {
    for source in sources {
        if source == Path::new(INPUT) {
            if let Err(error) = read_lines(input, taker)? {
                note(source.clone(), error, taker)?;
            }
            continue;
        }
        for found in Walk::new(input.io(), vec![source.clone()]) {
            match found {
                Ok(found) => taker.take(found)?,
                Err(problem) => note(problem.path, problem.error, taker)?,
            }
        }
    }
    Ok(())
}

/// An error of a file is noted; a request to end is not the file's.
fn note(path: PathBuf, error: io::Error, taker: &mut dyn Taker) -> io::Result<()> {
    if is_canceled(&error) || is_deadline(&error) {
        return Err(error);
    }
    taker.note(Problem { path, error })
}

/// Hands over what the lines of `input` name. The outer error is the taker's, the
/// one within the input's.
fn read_lines(input: &File<'_>, taker: &mut dyn Taker) -> io::Result<io::Result<()>> {
    let mut reader = BufReader::new(input);
    loop {
        if !reader.buffer().contains(&b'\n') {
            taker.await_input(input)?;
        }
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) => return Ok(Ok(())),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
        if line.ends_with(b"\n") {
            line.pop();
        }
        let path = PathBuf::from(OsString::from_vec(line));
        taker.take(FoundFile::named(path))?;
    }
}
