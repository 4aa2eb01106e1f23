//! Whole files at once: with as few operations as can be, and whole whatever a file
//! claims of its size.

use std::fs::Permissions;
use std::io::{self, IoSliceMut, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use io_blocking::Blocking;
use io_core::wrappers::Counting;
use io_core::{Capabilities, Io, Operation, OperationKind, Outcome, forward_io, fs};

use crate::watchdog::Watchdog;

/// Around the sizes of buffers and of what is asked for beyond a file's size.
const SIZES: [usize; 12] = [
    0, 1, 31, 32, 33, 4096, 8191, 8192, 8193, 262_144, 262_145, 1_048_608,
];

fn make_file(directory: &Path, bytes: usize) -> (PathBuf, Vec<u8>) {
    let content: Vec<u8> = (0..=250).cycle().take(bytes).collect();
    let path = directory.join("from");
    std::fs::write(&path, &content).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    (path, content)
}

#[test]
fn a_file_that_fits_is_read_by_one_read_and_copied_without_another() {
    let directory = tempfile::tempdir().unwrap();
    let blocking = Blocking::new();
    for bytes in [0, 1, 4096, 100_000] {
        let (from, content) = make_file(directory.path(), bytes);
        let counting = Counting::new(&blocking);
        let reads = || counting.snapshot().of(OperationKind::Read).operations;
        assert_eq!(fs::read(&counting, &from).unwrap(), content);
        assert_eq!(reads(), 1, "{bytes}");
        let to = directory.path().join("to");
        assert_eq!(fs::copy(&counting, &from, &to).unwrap(), bytes as u64);
        assert_eq!(reads(), 2, "{bytes}");
        let counts = counting.snapshot();
        // It was made with the bits that it has to have.
        assert_eq!(counts.of(OperationKind::SetPermissions).operations, 0);
        assert_eq!(std::fs::read(&to).unwrap(), content);
    }
}

/// Says of each file that it has so many bytes, and reads only so many at once.
struct Odd<'a> {
    below: &'a dyn Io,
    claimed_bytes: u64,
    read_bytes_max: usize,
}

impl Io for Odd<'_> {
    forward_io!(self => self.below; except perform, perform_batch);

    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        match operation {
            Operation::Metadata { target, out } => {
                let outcome = self.below.perform(&mut Operation::Metadata {
                    target: *target,
                    out,
                })?;
                out.size_bytes = self.claimed_bytes;
                Ok(outcome)
            }
            Operation::Read {
                handle,
                buffers: [buffer],
                offset,
            } => {
                let bytes = buffer.len().min(self.read_bytes_max);
                self.below.perform(&mut Operation::Read {
                    handle,
                    buffers: &mut [IoSliceMut::new(&mut buffer[..bytes])],
                    offset: *offset,
                })
            }
            other => self.below.perform(other),
        }
    }
}

#[test]
fn a_file_is_whole_whatever_it_claims() {
    let _watchdog = Watchdog::new("a_file_is_whole_whatever_it_claims");
    let directory = tempfile::tempdir().unwrap();
    let blocking = Blocking::new();
    for bytes in SIZES {
        let (from, content) = make_file(directory.path(), bytes);
        let to = directory.path().join("to");
        // With few bytes at once it is read to where it claims to end, and on.
        let too_small = SIZES.into_iter().filter(|claimed| *claimed < bytes);
        let too_small = too_small.map(|claimed| (claimed, usize::MAX));
        let true_or_too_large = [0, 1, 32, 5000]
            .into_iter()
            .flat_map(|more| [1000, usize::MAX].map(|at_once| (bytes + more, at_once)));
        for (claimed, read_bytes_max) in too_small.chain(true_or_too_large) {
            let odd = Odd {
                below: &blocking,
                claimed_bytes: claimed as u64,
                read_bytes_max,
            };
            let read = fs::read(&odd, &from).unwrap();
            assert!(read == content, "{bytes} read, {claimed} claimed");
            let copied = fs::copy(&odd, &from, &to).unwrap();
            assert_eq!(copied, bytes as u64, "{claimed} claimed");
            assert!(std::fs::read(&to).unwrap() == content, "{bytes}, {claimed}");
        }
    }
}

fn make_fifo(path: &Path) {
    let status = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(status.success());
}

/// Says that files are opened faster without waiting.
struct Hasty<'a> {
    below: &'a dyn Io,
}

impl Io for Hasty<'_> {
    forward_io!(self => self.below; except capabilities);

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.below.capabilities();
        capabilities.is_open_without_waiting_faster = true;
        capabilities
    }
}

#[test]
fn an_opening_without_waiting_makes_no_difference() {
    let _watchdog = Watchdog::new("an_opening_without_waiting_makes_no_difference");
    let directory = tempfile::tempdir().unwrap();
    let blocking = Blocking::new();
    let hasty = Hasty { below: &blocking };
    for bytes in [0, 1, 100_000] {
        let (path, content) = make_file(directory.path(), bytes);
        assert!(fs::read(&hasty, path).unwrap() == content, "{bytes}");
    }
    let errno = |name: &str| {
        let answer = fs::read(&hasty, directory.path().join(name));
        answer.unwrap_err().raw_os_error()
    };
    assert_eq!(errno("missing"), Some(libc::ENOENT));
    assert_eq!(errno("from/below"), Some(libc::ENOTDIR));
    assert_eq!(errno("."), Some(libc::EISDIR));
    let status = fs::read(&hasty, "/proc/self/status").unwrap();
    assert!(status.starts_with(b"Name:"));
    assert_eq!(fs::read(&hasty, "/dev/null").unwrap(), b"");
}

#[test]
fn a_fifo_that_is_read_whole_is_waited_for() {
    let _watchdog = Watchdog::new("a_fifo_that_is_read_whole_is_waited_for");
    let directory = tempfile::tempdir().unwrap();
    let blocking = Blocking::new();
    let hasty = Hasty { below: &blocking };
    let fifo = directory.path().join("fifo");
    make_fifo(&fifo);
    let pause = || thread::sleep(Duration::from_millis(20));
    let read_beside = |write: &(dyn Fn(std::fs::File) + Sync), is_late: bool| {
        thread::scope(|scope| {
            scope.spawn(|| {
                if is_late {
                    pause();
                }
                write(std::fs::OpenOptions::new().write(true).open(&fifo).unwrap());
            });
            if !is_late {
                pause();
            }
            fs::read(&hasty, &fifo).unwrap()
        })
    };
    for is_late in [false, true] {
        let at_once = |mut file: std::fs::File| file.write_all(b"from the other end").unwrap();
        assert_eq!(read_beside(&at_once, is_late), b"from the other end");
        let in_parts = |mut file: std::fs::File| {
            for part in ["from ", "the other ", "end"] {
                pause();
                file.write_all(part.as_bytes()).unwrap();
            }
        };
        assert_eq!(read_beside(&in_parts, is_late), b"from the other end");
        let nothing = |file: std::fs::File| {
            pause();
            drop(file);
        };
        assert_eq!(read_beside(&nothing, is_late), b"");
    }
}
