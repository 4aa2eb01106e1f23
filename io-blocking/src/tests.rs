//! Backend detail of the blocking executor. What all executors share is
//! checked by `conformance`.

mod barrier;
mod errors;
mod transfers;
mod waits;

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use io_core::fs::{DirectoryEntries, Metadata, OpenOptions};
use io_core::{
    At, Handle, Interest, Io, Links, Operation, OperationKind, Outcome, SyncLevel, Target,
};

use crate::Blocking;

/// A directory that is removed at the end, with a file `file` ("0123456789"),
/// a directory `dir` and a link `link` to `file`.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "0123456789").unwrap();
        fs::create_dir(root.path().join("dir")).unwrap();
        std::os::unix::fs::symlink("file", root.path().join("link")).unwrap();
        Place { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn handle(&self, name: &str) -> Handle {
        Handle::from_fd(OwnedFd::from(fs::File::open(self.path(name)).unwrap()))
    }
}

fn open(path: &Path, options: OpenOptions) -> io::Result<Handle> {
    let at = At::working_directory(path);
    let mut operation = if options.may_create() {
        Operation::Create { at, options }
    } else {
        Operation::Open { at, options }
    };
    perform(&mut operation).map(Outcome::expect_handle)
}

fn options(set: impl Fn(&mut OpenOptions) -> &mut OpenOptions) -> OpenOptions {
    let mut options = OpenOptions::new();
    set(&mut options);
    options
}

fn perform(operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    Blocking::new().perform(operation)
}

fn os_code(result: io::Result<Outcome>) -> Option<i32> {
    result.expect_err("this has to fail").raw_os_error()
}

/// Performs one operation of each kind. The match has no `_`: a new kind does
/// not compile without a row.
#[expect(clippy::too_many_lines, reason = "a flat table, a row for each kind")]
fn perform_sample(kind: OperationKind, place: &Place) -> io::Result<Outcome> {
    let (file, dir, link) = (place.path("file"), place.path("dir"), place.path("link"));
    let new = place.path("new");
    let (file, dir) = (At::working_directory(&file), At::working_directory(&dir));
    let (link, new) = (At::working_directory(&link), At::working_directory(&new));
    let read_write = options(|options| options.read(true).write(true));
    let handle = open(file.path, read_write).unwrap();
    let directory = place.handle("dir");
    let (mut entries, mut metadata) = (DirectoryEntries::new(), Metadata::default());
    let mut path = PathBuf::new();
    perform(&mut match kind {
        OperationKind::Create => Operation::Create {
            at: new,
            options: options(|options| options.write(true).create_new(true)),
        },
        OperationKind::Open => Operation::Open {
            at: file,
            options: read_write,
        },
        OperationKind::Read => Operation::Read {
            handle: &handle,
            buffers: &mut [],
            offset: None,
        },
        OperationKind::Write => Operation::Write {
            handle: &handle,
            buffers: &[],
            offset: None,
        },
        OperationKind::Seek => Operation::Seek {
            handle: &handle,
            to: io::SeekFrom::End(-1),
        },
        OperationKind::Sync => Operation::Sync {
            handle: &handle,
            level: SyncLevel::Data,
        },
        OperationKind::SetLength => Operation::SetLength {
            handle: &handle,
            bytes: 3,
        },
        OperationKind::Metadata => Operation::Metadata {
            target: Target::Handle(&handle),
            out: &mut metadata,
        },
        OperationKind::SetPermissions => Operation::SetPermissions {
            target: Target::Path(file, Links::Follow),
            mode: 0o600,
        },
        OperationKind::CreateDirectory => Operation::CreateDirectory {
            at: new,
            mode: 0o700,
        },
        OperationKind::RemoveDirectory => Operation::RemoveDirectory { at: dir },
        OperationKind::ReadDirectory => Operation::ReadDirectory {
            handle: &directory,
            entries: &mut entries,
        },
        OperationKind::RemoveFile => Operation::RemoveFile { at: file },
        OperationKind::Rename => Operation::Rename {
            from: file,
            to: new,
        },
        OperationKind::SymbolicLink => Operation::SymbolicLink {
            target: Path::new("anything"),
            at: new,
        },
        OperationKind::ReadLink => Operation::ReadLink {
            at: link,
            out: &mut path,
        },
        OperationKind::HardLink => Operation::HardLink {
            from: file,
            to: new,
        },
        OperationKind::Duplicate => Operation::Duplicate { handle: &handle },
        OperationKind::Poll => Operation::Poll {
            fd: handle.try_as_fd().unwrap(),
            interest: Interest::Write,
        },
    })
}

#[test]
fn every_kind_of_operation_is_performed() {
    for &kind in OperationKind::ALL {
        let place = Place::new();
        let result = perform_sample(kind, &place);
        assert!(result.is_ok(), "{}: {result:?}", kind.name());
    }
}

#[test]
fn new_descriptors_are_closed_on_exec() {
    let place = Place::new();
    let handle = open(&place.path("file"), options(|options| options.read(true))).unwrap();
    let mut duplicate = Operation::Duplicate { handle: &handle };
    let copy = perform(&mut duplicate).unwrap().expect_handle();
    for handle in [&handle, &copy] {
        let fd = handle.try_as_fd().unwrap().as_raw_fd();
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
        let flags = info
            .lines()
            .find(|line| line.starts_with("flags:"))
            .unwrap();
        let flags = i32::from_str_radix(flags["flags:".len()..].trim(), 8).unwrap();
        assert_ne!(flags & libc::O_CLOEXEC, 0, "{info}");
    }
}

#[test]
fn flags_of_an_opened_handle_are_those_the_system_keeps() {
    let place = Place::new();
    let create = options(|options| options.read(true).append(true).create(true));
    let handle = open(&place.path("new"), create).unwrap();
    let from_open = handle.flags().unwrap();
    let asked = Handle::from_fd(handle.into_fd().unwrap());
    let from_system = crate::handle::flags(&asked).unwrap();
    // The kernel adds O_LARGEFILE, which has no number in a 64-bit libc.
    assert_eq!(from_open, from_system & !0o100_000);
}
