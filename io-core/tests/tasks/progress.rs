//! Transfers that tell how far they came: neither a request nor a deadline loses
//! a byte of the count, whenever it comes.
#![expect(
    clippy::disallowed_methods,
    reason = "the test prepares its files by std, and looks at them by it"
)]

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use io_core::fs::{File, OpenOptions, Progress, copy_fully};
use io_core::{Io, is_canceled, is_deadline};
use tempfile::TempDir;

use super::{on_concurrent_executors, on_every_executor};

/// More than a pipe holds, and several operations of a copy.
const BYTES: usize = 1 << 20;

/// Bytes that are different at each place.
fn content() -> &'static [u8] {
    static CONTENT: LazyLock<Vec<u8>> = LazyLock::new(|| (0..=250).cycle().take(BYTES).collect());
    &CONTENT
}

fn source() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source");
    fs::write(&path, content()).unwrap();
    (directory, path)
}

/// A path that leads to the write end of a pipe (proc_pid_fd(5)).
fn path_of(writer: &io::PipeWriter) -> PathBuf {
    format!("/proc/self/fd/{}", writer.as_raw_fd()).into()
}

/// Does `transfer` on a task that is canceled at some moment, another one in each
/// round; `beside` runs meanwhile.
fn canceled_at_some_moment(
    io: &dyn Io,
    round: u32,
    transfer: impl FnOnce() -> Progress + Send,
    beside: impl FnOnce(),
) -> Progress {
    let progress = io.scope(|scope| {
        let task = scope.spawn_concurrent(transfer).unwrap();
        if round.is_multiple_of(2) {
            io.sleep(Duration::from_micros(u64::from(round) * 20))
                .unwrap();
        }
        for _ in 0..round {
            io.yield_now().unwrap();
        }
        beside();
        task.cancel()
    });
    if let Err(error) = &progress.result {
        assert!(is_canceled(error), "{error}");
    }
    progress
}

fn has_come_to_its_end(progress: &Progress) -> bool {
    progress.result.is_ok() && progress.bytes == BYTES as u64
}

#[test]
fn a_copy_that_is_canceled_has_written_what_it_says() {
    let (directory, from) = source();
    on_concurrent_executors(|io| {
        let mut canceled = 0;
        for round in 0..30 {
            let to = directory.path().join("copy");
            let progress = canceled_at_some_moment(io, round, || copy_fully(io, &from, &to), || {});
            if progress.bytes == 0 && !to.exists() {
                continue;
            }
            canceled += u32::from(!has_come_to_its_end(&progress));
            assert_eq!(progress.bytes, fs::metadata(&to).unwrap().len());
            go_on(io, &from, &to, progress.bytes);
            assert!(fs::read(&to).unwrap() == content());
            fs::remove_file(&to).unwrap();
        }
        println!("{canceled} of 30 canceled in the middle");
    });
}

/// Does the rest of a copy: what the count is for.
fn go_on(io: &dyn Io, from: &Path, to: &Path, bytes: u64) {
    let mut rest = vec![0; BYTES];
    let source = File::open(io, from).unwrap();
    let read = source.read_fully_at(&mut rest, bytes).finish().unwrap();
    assert_eq!(read + bytes, BYTES as u64);
    let mut options = OpenOptions::new();
    let copy = options.write(true).open(io, to).unwrap();
    let rest = &rest[..usize::try_from(read).unwrap()];
    assert_eq!(copy.write_fully_at(rest, bytes).finish().unwrap(), read);
}

#[test]
fn a_copy_that_waits_in_a_pipe_has_written_what_it_says() {
    let (_directory, from) = source();
    on_concurrent_executors(|io| {
        for round in 0..20 {
            let (reader, writer) = io::pipe().unwrap();
            let to = path_of(&writer);
            let progress = canceled_at_some_moment(io, round, || copy_fully(io, &from, &to), || {});
            assert!(is_canceled(progress.result.as_ref().unwrap_err()));
            assert_in_pipe(reader, writer, progress.bytes);
        }
    });
}

#[test]
fn a_deadline_leaves_the_count_of_a_copy() {
    let (_directory, from) = source();
    on_every_executor(|io| {
        for micros in [0, 50, 500, 5_000] {
            let (reader, writer) = io::pipe().unwrap();
            let to = path_of(&writer);
            let timeout = Duration::from_micros(micros);
            let progress = io.with_timeout(timeout, || copy_fully(io, &from, &to));
            assert!(is_deadline(progress.result.as_ref().unwrap_err()));
            assert_in_pipe(reader, writer, progress.bytes);
        }
    });
}

/// A pipe that nobody else writes to has the first bytes of the source, this many.
fn assert_in_pipe(mut reader: io::PipeReader, writer: io::PipeWriter, bytes: u64) {
    drop(writer);
    let mut arrived = Vec::new();
    reader.read_to_end(&mut arrived).unwrap();
    assert_eq!(arrived.len() as u64, bytes);
    assert!(content().starts_with(&arrived));
}

#[test]
fn what_a_canceled_read_has_not_got_is_left_in_the_pipe() {
    on_concurrent_executors(|io| {
        for round in 0..30 {
            let (reader, writer) = io::pipe().unwrap();
            let reader = File::from_fd(io, reader.into());
            let writer = File::from_fd(io, writer.into());
            let mut buffer = vec![0; 30_000];
            let mut written = 0;
            let progress = canceled_at_some_moment(
                io,
                round,
                || reader.read_fully(&mut buffer),
                || {
                    for piece in content()[..20_000].chunks(1 + 97 * round as usize) {
                        written += writer.write_fully(piece).finish().unwrap();
                        io.yield_now().unwrap();
                    }
                },
            );
            assert!(is_canceled(progress.result.as_ref().unwrap_err()));
            drop(writer);
            let mut all = buffer[..usize::try_from(progress.bytes).unwrap()].to_vec();
            let mut rest = vec![0; 30_000];
            let left = reader.read_fully(&mut rest).finish().unwrap();
            assert_eq!(progress.bytes + left, written);
            all.extend(&rest[..usize::try_from(left).unwrap()]);
            assert!(all == content()[..20_000]);
        }
    });
}

#[test]
fn a_canceled_write_has_written_what_it_says() {
    on_concurrent_executors(|io| {
        for round in 0..30 {
            let (mut reader, writer) = io::pipe().unwrap();
            let writer = File::from_fd(io, writer.into());
            let mut arrived = vec![0; 2_000 * round as usize];
            let drained = &mut arrived;
            let progress = canceled_at_some_moment(
                io,
                round,
                || writer.write_fully(content()),
                || {
                    let ours = reader.try_clone().unwrap();
                    let ours = File::from_fd(io, ours.into());
                    ours.read_fully(drained).result.unwrap();
                },
            );
            assert!(is_canceled(progress.result.as_ref().unwrap_err()));
            drop(writer);
            reader.read_to_end(&mut arrived).unwrap();
            assert_eq!(arrived.len() as u64, progress.bytes);
            assert!(content().starts_with(&arrived));
        }
    });
}

#[test]
fn the_end_of_a_file_is_the_end_of_a_transfer() {
    let (directory, from) = source();
    on_every_executor(|io| {
        let file = File::open(io, &from).unwrap();
        let mut buffer = vec![0; BYTES + 1];
        assert!(has_come_to_its_end(&file.read_fully(&mut buffer)));
        assert!(has_come_to_its_end(&file.read_fully_at(&mut buffer, 0)));
        let past = file.read_fully_at(&mut buffer, BYTES as u64 - 1);
        assert_eq!(past.finish().unwrap(), 1);
        let to = directory.path().join("whole");
        assert!(has_come_to_its_end(&copy_fully(io, &from, &to)));
        let missing = copy_fully(io, directory.path().join("missing"), &to);
        assert_eq!(missing.bytes, 0);
        assert_eq!(missing.result.unwrap_err().kind(), io::ErrorKind::NotFound);
    });
}
