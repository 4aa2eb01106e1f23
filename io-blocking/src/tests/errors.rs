//! What bad input gets: the number of the error, exactly.

use std::io::{IoSlice, IoSliceMut, SeekFrom};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use io_core::fs::{DirectoryEntries, Metadata, OpenOptions};
use io_core::{At, Handle, Io, Links, Operation, SyncLevel, Target};

use super::{Place, open, options, os_code, perform};
use crate::Blocking;

/// Performs one operation of each kind that takes a path.
fn perform_on_path(index: usize, at: At<'_>, good: At<'_>) -> Option<i32> {
    let read = options(|options| options.read(true));
    let create = options(|options| options.write(true).create(true));
    let mut metadata = Metadata::default();
    let mut target = "before".into();
    os_code(perform(&mut match index {
        0 => Operation::Open { at, options: read },
        1 => Operation::Create {
            at,
            options: create,
        },
        2 => Operation::Metadata {
            target: Target::Path(at, Links::NoFollow),
            out: &mut metadata,
        },
        3 => Operation::SetPermissions {
            target: Target::Path(at, Links::Follow),
            mode: 0o600,
        },
        4 => Operation::CreateDirectory { at, mode: 0o700 },
        5 => Operation::RemoveDirectory { at },
        6 => Operation::RemoveFile { at },
        7 => Operation::Rename { from: at, to: good },
        8 => Operation::Rename { from: good, to: at },
        9 => Operation::SymbolicLink {
            target: Path::new("x"),
            at,
        },
        10 => Operation::ReadLink {
            at,
            out: &mut target,
        },
        11 => Operation::HardLink { from: at, to: good },
        12 => Operation::HardLink { from: good, to: at },
        _ => unreachable!("PATH_OPERATIONS counts the rows"),
    }))
}

const PATH_OPERATIONS: usize = 13;

#[test]
fn bad_paths_get_the_systems_error_from_every_operation() {
    let place = Place::new();
    let good = place.path("dir/good");
    std::fs::write(&good, "").unwrap();
    let (missing, through_file) = (place.path("none/x"), place.path("file/x"));
    let long_name = place.path(&"n".repeat(256));
    let long_path = Path::new("/").join("p/".repeat(2100));
    let nul = place.path("a\0b");
    std::os::unix::fs::symlink("loop", place.path("loop")).unwrap();
    let looping = place.path("loop/x");
    let table: [(&Path, i32); 7] = [
        (Path::new(""), libc::ENOENT),
        (&missing, libc::ENOENT),
        (&through_file, libc::ENOTDIR),
        (&long_name, libc::ENAMETOOLONG),
        (&long_path, libc::ENAMETOOLONG),
        (&nul, libc::EINVAL),
        (&looping, libc::ELOOP),
    ];
    for (path, code) in table {
        for index in 0..PATH_OPERATIONS {
            let at = At::working_directory(path);
            let answer = perform_on_path(index, at, At::working_directory(&good));
            assert_eq!(
                answer,
                Some(code),
                "operation {index} on {}",
                path.display()
            );
        }
    }
}

#[test]
fn a_nul_byte_in_what_a_link_says_is_invalid() {
    let place = Place::new();
    let path = place.path("new");
    let target = Path::new("a\0b");
    let at = At::working_directory(&path);
    let code = os_code(perform(&mut Operation::SymbolicLink { target, at }));
    assert_eq!(code, Some(libc::EINVAL));
}

/// Performs one operation of each kind that takes a handle.
fn perform_on_handle(index: usize, handle: &Handle) -> Option<i32> {
    let mut metadata = Metadata::default();
    let mut entries = DirectoryEntries::new();
    let mut byte = [0];
    let (buffers, written) = (&mut [IoSliceMut::new(&mut byte)], &[IoSlice::new(b"x")]);
    os_code(perform(&mut match index {
        0 => Operation::Read {
            handle,
            buffers,
            offset: None,
        },
        1 => Operation::Read {
            handle,
            buffers,
            offset: Some(0),
        },
        2 => Operation::Write {
            handle,
            buffers: written,
            offset: None,
        },
        3 => Operation::Write {
            handle,
            buffers: written,
            offset: Some(0),
        },
        4 => Operation::Seek {
            handle,
            to: SeekFrom::Start(0),
        },
        5 => Operation::Sync {
            handle,
            level: SyncLevel::All,
        },
        6 => Operation::SetLength { handle, bytes: 1 },
        7 => Operation::ReadDirectory {
            handle,
            entries: &mut entries,
        },
        8 => Operation::SetPermissions {
            target: Target::Handle(handle),
            mode: 0o600,
        },
        9 => Operation::Metadata {
            target: Target::Handle(handle),
            out: &mut metadata,
        },
        10 => Operation::Duplicate { handle },
        _ => unreachable!("the tables count the rows"),
    }))
}

#[test]
fn another_executors_token_is_a_bad_descriptor_everywhere() {
    let token = || Handle::from_token(Box::new(1));
    for index in 0..=10 {
        assert_eq!(perform_on_handle(index, &token()), Some(libc::EBADF));
    }
    let closed = Blocking::new().close(token()).unwrap_err();
    assert_eq!(closed.raw_os_error(), Some(libc::EBADF));
    let directory = token();
    let at = At {
        directory: Some(&directory),
        path: Path::new("relative"),
    };
    assert_eq!(
        os_code(perform(&mut Operation::RemoveFile { at })),
        Some(libc::EBADF)
    );
}

#[test]
fn an_absolute_path_does_not_look_at_the_directory() {
    let place = Place::new();
    let token = Handle::from_token(Box::new(1));
    let path = place.path("file");
    let at = At {
        directory: Some(&token),
        path: &path,
    };
    perform(&mut Operation::RemoveFile { at })
        .unwrap()
        .expect_done();
}

#[test]
fn wrong_descriptors_get_the_systems_error() {
    let place = Place::new();
    let read_only = place.handle("file");
    let directory = place.handle("dir");
    let write_only = open(&place.path("file"), options(|options| options.write(true))).unwrap();
    let path_only = open(
        &place.path("file"),
        options(|options| options.read(true).custom_flags(libc::O_PATH)),
    )
    .unwrap();
    let socket = Handle::from_fd(OwnedFd::from(UnixStream::pair().unwrap().0));
    let table: [(&Handle, &[(usize, i32)]); 5] = [
        (
            &read_only,
            &[
                (2, libc::EBADF),
                (3, libc::EBADF),
                (6, libc::EINVAL),
                (7, libc::ENOTDIR),
            ],
        ),
        (&write_only, &[(0, libc::EBADF), (1, libc::EBADF)]),
        (
            &directory,
            &[
                (0, libc::EISDIR),
                (1, libc::EISDIR),
                (2, libc::EBADF),
                (6, libc::EINVAL),
            ],
        ),
        (
            &path_only,
            &[
                (0, libc::EBADF),
                (1, libc::EBADF),
                (4, libc::EBADF),
                (5, libc::EBADF),
                (8, libc::EBADF),
            ],
        ),
        (
            &socket,
            &[
                (1, libc::ESPIPE),
                (3, libc::ESPIPE),
                (4, libc::ESPIPE),
                (5, libc::EINVAL),
            ],
        ),
    ];
    for (row, (handle, cases)) in table.into_iter().enumerate() {
        for &(index, code) in cases {
            let answer = perform_on_handle(index, handle);
            assert_eq!(answer, Some(code), "handle {row}, operation {index}");
        }
    }
}

#[test]
fn offsets_beyond_the_systems_are_invalid() {
    let place = Place::new();
    let handle = place.handle("file");
    let handle = &handle;
    let mut byte = [0];
    for offset in [1 << 63, u64::MAX] {
        let answers = [
            os_code(perform(&mut Operation::Read {
                handle,
                buffers: &mut [IoSliceMut::new(&mut byte)],
                offset: Some(offset),
            })),
            os_code(perform(&mut Operation::Write {
                handle,
                buffers: &[IoSlice::new(b"x")],
                offset: Some(offset),
            })),
            os_code(perform(&mut Operation::Seek {
                handle,
                to: SeekFrom::Start(offset),
            })),
            os_code(perform(&mut Operation::SetLength {
                handle,
                bytes: offset,
            })),
        ];
        assert_eq!(answers, [Some(libc::EINVAL); 4]);
    }
}

#[test]
fn options_are_refused_where_std_refuses_them() {
    let place = Place::new();
    let path = place.path("new");
    for bits in 0_u32..64 {
        let is_on = |bit: u32| bits & (1 << bit) != 0;
        let std_result = std::fs::OpenOptions::new()
            .read(is_on(0))
            .write(is_on(1))
            .append(is_on(2))
            .truncate(is_on(3))
            .create(is_on(4))
            .create_new(is_on(5))
            .open(&path);
        drop(std::fs::remove_file(&path));
        let mut ours = OpenOptions::new();
        ours.read(is_on(0)).write(is_on(1)).append(is_on(2));
        ours.truncate(is_on(3))
            .create(is_on(4))
            .create_new(is_on(5));
        let result = open(&path, ours);
        drop(std::fs::remove_file(&path));
        let expected = std_result.err().map(|error| {
            // std's own refusal has no number or EINVAL, by version.
            error.raw_os_error().unwrap_or(libc::EINVAL)
        });
        let answer = result.err().and_then(|error| error.raw_os_error());
        assert_eq!(answer, expected, "{ours:?}");
    }
}

#[test]
fn failures_leave_no_descriptor_open() {
    let place = Place::new();
    let read_only = place.handle("file");
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    // Other tests of this process open descriptors too: the count has to come
    // back to no more than it was, once.
    let is_stable = (0..100).any(|_| {
        let before = count();
        for _ in 0..20 {
            let missing = place.path("none");
            assert!(open(&missing, options(|options| options.read(true))).is_err());
            assert!(
                open(
                    &place.path("file"),
                    options(|options| options.directory(true))
                )
                .is_err()
            );
            perform_on_handle(2, &read_only);
        }
        count() <= before
    });
    assert!(is_stable, "each round left descriptors open");
}

#[test]
fn permissions_of_a_link_itself_are_not_supported_by_the_system() {
    let place = Place::new();
    let path = place.path("link");
    let target = Target::Path(At::working_directory(&path), Links::NoFollow);
    let code = os_code(perform(&mut Operation::SetPermissions {
        target,
        mode: 0o600,
    }));
    assert_eq!(code, Some(libc::EOPNOTSUPP));
}

#[test]
fn an_error_leaves_the_answers_place_unchanged() {
    let place = Place::new();
    let path = place.path("none");
    let at = At::working_directory(&path);
    let mut out = "before".into();
    assert!(perform(&mut Operation::ReadLink { at, out: &mut out }).is_err());
    assert_eq!(out, Path::new("before"));
    let mut metadata = Metadata {
        size_bytes: 7,
        ..Metadata::default()
    };
    let target = Target::Path(at, Links::Follow);
    let out = &mut metadata;
    assert!(perform(&mut Operation::Metadata { target, out }).is_err());
    assert_eq!(metadata.size_bytes, 7);
}
