//! What is a cancellation point, and what is none.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut, SeekFrom};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;

use io_core::fs::{DirectoryEntries, File, Metadata, OpenOptions};
use io_core::sync::{Condvar, Mutex, Queue, Semaphore};
use io_core::{
    At, Clock, FutexAddress, FutexWord, Handle, Interest, Links, Operation, OperationKind,
    SyncLevel, Target,
};

use super::trial::{Pause, as_task, assert_no_request, assert_result, settle, take_request};
use crate::fixture::Fixture;

/// What is in a directory: names, sizes and contents.
fn inventory(directory: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let entries = fs::read_dir(directory).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let mut all: Vec<_> = paths
        .map(|path| (path.clone(), fs::read(path).ok()))
        .collect();
    all.sort();
    all
}

/// What the operations of [`perform_kind`] are about.
struct Things<'a> {
    fixture: &'a Fixture<'a>,
    file: Handle,
    directory: Handle,
    pipe: io::PipeReader,
}

/// Performs an operation of `kind` that would succeed and, where the kind can,
/// change something.
#[expect(clippy::too_many_lines, reason = "a flat table, an arm a kind")]
fn perform_kind(things: &Things<'_>, kind: OperationKind) -> io::Result<()> {
    let io = things.fixture.io();
    let (file, old, new) = (
        &things.file,
        things.fixture.path("old"),
        things.fixture.path("new"),
    );
    let (old, new) = (At::working_directory(&old), At::working_directory(&new));
    let empty = things.fixture.path("empty");
    let link = things.fixture.path("link");
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let mut buffer = [0; 4];
    let (mut metadata, mut entries, mut path) = (
        Metadata::default(),
        DirectoryEntries::default(),
        PathBuf::new(),
    );
    let mut reading = [IoSliceMut::new(&mut buffer)];
    let writing = [IoSlice::new(b"new!")];
    let operation = &mut match kind {
        OperationKind::Create => {
            options.create_new(true);
            Operation::Create { at: new, options }
        }
        OperationKind::Open => Operation::Open { at: old, options },
        OperationKind::Read => Operation::Read {
            handle: file,
            buffers: &mut reading,
            offset: None,
        },
        OperationKind::Write => Operation::Write {
            handle: file,
            buffers: &writing,
            offset: Some(0),
        },
        OperationKind::Seek => Operation::Seek {
            handle: file,
            to: SeekFrom::Start(3),
        },
        OperationKind::Sync => Operation::Sync {
            handle: file,
            level: SyncLevel::All,
        },
        OperationKind::SetLength => Operation::SetLength {
            handle: file,
            bytes: 1,
        },
        OperationKind::Metadata => Operation::Metadata {
            target: Target::Path(old, Links::Follow),
            out: &mut metadata,
        },
        OperationKind::SetPermissions => Operation::SetPermissions {
            target: Target::Handle(file),
            mode: 0o444,
        },
        OperationKind::CreateDirectory => Operation::CreateDirectory {
            at: new,
            mode: 0o755,
        },
        OperationKind::RemoveDirectory => Operation::RemoveDirectory {
            at: At::working_directory(&empty),
        },
        OperationKind::ReadDirectory => Operation::ReadDirectory {
            handle: &things.directory,
            entries: &mut entries,
        },
        OperationKind::RemoveFile => Operation::RemoveFile { at: old },
        OperationKind::Rename => Operation::Rename { from: old, to: new },
        OperationKind::SymbolicLink => Operation::SymbolicLink {
            target: Path::new("old"),
            at: new,
        },
        OperationKind::ReadLink => Operation::ReadLink {
            at: At::working_directory(&link),
            out: &mut path,
        },
        OperationKind::HardLink => Operation::HardLink { from: old, to: new },
        OperationKind::Duplicate => Operation::Duplicate { handle: file },
        OperationKind::Poll => Operation::Poll {
            fd: things.pipe.as_fd(),
            interest: Interest::Read,
        },
    };
    assert_eq!(operation.kind(), kind);
    let outcome = io.perform(operation)?;
    if let io_core::Outcome::Handle(handle) = outcome {
        io.close(handle)?;
    }
    Ok(())
}

pub(crate) fn every_operation_is_one_and_does_nothing_then(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let old = fixture.make_file("old", "the old content");
    fs::create_dir(fixture.path("empty")).expect("a directory can be made");
    std::os::unix::fs::symlink("old", fixture.path("link")).expect("a link can be made");
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).open(io, &old);
    let directory = io_core::fs::Dir::open(io, fixture.directory());
    let (pipe, writer) = io::pipe().expect("there are descriptors");
    io::Write::write_all(&mut &writer, b"x").expect("an empty pipe has room");
    let things = Things {
        fixture,
        file: file.expect("it is there").into_handle(),
        directory: directory.expect("it is there").into_handle(),
        pipe,
    };
    let before = inventory(fixture.directory());
    as_task(io, |request| {
        for &kind in OperationKind::ALL {
            request();
            let result = perform_kind(&things, kind);
            let is_canceled = result.as_ref().is_err_and(io_core::is_canceled);
            assert!(
                is_canceled,
                "{}: {result:?} instead of Canceled",
                kind.name()
            );
            assert_no_request(io);
            let after = inventory(fixture.directory());
            assert_eq!(before, after, "{} was canceled and did it", kind.name());
        }
        // All of them work without a request.
        for &kind in OperationKind::ALL {
            let made = fixture.path("new");
            drop(fs::remove_file(&made).or_else(|_| fs::remove_dir(&made)));
            if !old.exists() {
                fixture.make_file("old", "the old content");
            }
            let result = perform_kind(&things, kind);
            assert!(result.is_ok(), "{}: {result:?}", kind.name());
        }
    });
    for handle in [things.file, things.directory] {
        io.close(handle).expect("it closes");
    }
}

pub(crate) fn what_is_no_point_leaves_the_request(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "content");
    let (word, mutex, condvar) = (AtomicU32::new(0), Mutex::new(()), Condvar::new());
    let (semaphore, queue) = (Semaphore::new(1), Queue::bounded(1));
    as_task(io, |request| {
        let file = File::open(io, &path).expect("it is there");
        request();
        for clock in Clock::ALL {
            io.now(clock);
        }
        io.random(&mut [0; 16]);
        io.futex_wake(FutexAddress::of(&word), 1);
        assert_result(io.futex_wait(FutexWord::of(&word), 1, None));
        assert_result(mutex.lock(io).map(drop));
        drop(mutex.lock_uncancelable(io));
        drop(mutex.try_lock(io));
        condvar.notify_all(io);
        assert_result(semaphore.acquire(io).map(drop));
        assert_result(queue.put(io, 7).map_err(io::Error::from));
        assert_eq!(queue.get(io).expect("it has an item"), Some(7));
        assert_result(file.close());
        take_request(io);
    });
}

pub(crate) fn a_deferred_request_does_not_end_an_uncancelable_wait(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mutex = Mutex::new(0);
    for pause in Pause::ALL {
        let guard = mutex.try_lock(io).expect("it is free");
        io.scope(|scope| {
            let task = scope.spawn_concurrent(|| {
                *mutex.lock_uncancelable(io) += 1;
                take_request(io);
            });
            let task = task.expect("needs Concurrency");
            settle(io, pause);
            task.request_cancel();
            settle(io, pause);
            drop(guard);
            let () = task.join();
        });
    }
    assert_eq!(mutex.into_inner(), 3);
}
