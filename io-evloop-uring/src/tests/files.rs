//! The ways of the file chapter that only this executor has.

#![expect(unsafe_code, reason = "makes FIFOs, drops files from the cache")]

use std::io::{IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use io_core::fs::{File, OpenOptions};
use io_core::task::Task;
use io_core::{BatchEntry, Clock, Handle, Io, Operation, OperationKind, Outcome, SyncLevel};
use io_core::{is_canceled, is_deadline};

use super::{Watchdog, build, with_workers};
use crate::EventLoop;

/// A file on a disk, with `bytes` bytes that tell where they stand.
fn file_of(directory: &Path, bytes: usize) -> std::fs::File {
    let path = directory.join("data");
    let content: Vec<u8> = (0..bytes / 8)
        .flat_map(|n| (n as u64).to_le_bytes())
        .collect();
    std::fs::write(&path, content).expect("a place for files");
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .expect("it is there");
    file.sync_all().expect("a disk");
    file
}

fn drop_from_cache(file: &std::fs::File) {
    use std::os::fd::AsRawFd;
    // SAFETY: posix_fadvise(2) on an open descriptor; it is advice.
    let _ = unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
}

fn handle(fd: impl Into<std::os::fd::OwnedFd>) -> Handle {
    Handle::from_fd(fd.into())
}

/// A batch entry that reads at the cursor.
fn read_entry<'a, 'b>(
    (handle, buffers): (&'a Handle, &'a mut [IoSliceMut<'b>; 1]),
) -> BatchEntry<'a, 'b> {
    BatchEntry::new(Operation::Read {
        handle,
        buffers,
        offset: None,
    })
}

fn code(answer: std::io::Result<Outcome>) -> Option<i32> {
    answer.expect_err("it is refused").raw_os_error()
}

#[test]
fn what_has_no_offsets_says_so() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    event_loop
        .run(|io| {
            let (socket, _peer) = UnixStream::pair().expect("sockets");
            let (pipe, pipe_end) = std::io::pipe().expect("a pipe");
            let inputs = [
                handle(socket.try_clone().expect("a descriptor")),
                handle(pipe),
            ];
            let outputs = [handle(socket), handle(pipe_end)];
            for handle in &inputs {
                let mut byte = [0];
                let mut read = Operation::Read {
                    handle,
                    buffers: &mut [IoSliceMut::new(&mut byte)],
                    offset: Some(3),
                };
                assert_eq!(code(io.perform(&mut read)), Some(libc::ESPIPE));
            }
            for handle in &outputs {
                let mut write = Operation::Write {
                    handle,
                    buffers: &[IoSlice::new(b"x")],
                    offset: Some(3),
                };
                assert_eq!(code(io.perform(&mut write)), Some(libc::ESPIPE));
            }
        })
        .expect("a ring");
}

#[test]
fn two_readers_of_one_cursor_share_what_there_is() {
    const BYTES: usize = 4 << 20;
    let _watchdog = Watchdog::new();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    for _ in 0..5 {
        let file = file_of(directory.path(), BYTES);
        drop_from_cache(&file);
        let file = File::from_fd(io, file.into());
        let sum = AtomicU64::new(0);
        let total = AtomicUsize::new(0);
        event_loop
            .run(|_| {
                io.scope(|scope| {
                    for _ in 0..8 {
                        scope.spawn(|| {
                            let mut buffer = [0; 4096];
                            loop {
                                let count = (&file).read(&mut buffer).expect("readable");
                                if count == 0 {
                                    return;
                                }
                                total.fetch_add(count, Ordering::Relaxed);
                                // 4 KiB at a time from an even start: whole numbers.
                                let numbers = buffer[..count].chunks_exact(8);
                                for number in numbers {
                                    let number = number.try_into().expect("eight bytes");
                                    sum.fetch_add(u64::from_le_bytes(number), Ordering::Relaxed);
                                }
                            }
                        });
                    }
                });
            })
            .expect("a ring");
        let count = BYTES as u64 / 8;
        assert_eq!(total.into_inner(), BYTES);
        assert_eq!(sum.into_inner(), count * (count - 1) / 2);
    }
}

#[test]
fn two_writers_at_one_cursor_overwrite_nothing() {
    const WRITES: usize = 200;
    let _watchdog = Watchdog::new();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    // Writes that wait for the device would go through the ring.
    let path = directory.path().join("data");
    let file = std::fs::File::options()
        .write(true)
        .create_new(true)
        .custom_flags(libc::O_DSYNC)
        .open(&path)
        .expect("a place for files");
    let file = File::from_fd(io, file.into());
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for letter in *b"ab" {
                    let file = &file;
                    scope.spawn(move || {
                        for _ in 0..WRITES {
                            { file }.write_all(&[letter; 16]).expect("room");
                        }
                    });
                }
            });
        })
        .expect("a ring");
    let content = std::fs::read(&path).expect("it is there");
    for letter in *b"ab" {
        let count = content.iter().filter(|&&byte| byte == letter).count();
        assert_eq!(count, WRITES * 16);
    }
}

#[test]
fn large_transfers_are_whole_in_the_end() {
    const BYTES: usize = 5 << 20;
    let _watchdog = Watchdog::new();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let event_loop = with_workers(1);
    event_loop
        .run(|io| {
            let path = directory.path().join("data");
            let content: Vec<u8> = (0..=250).cycle().take(BYTES).collect();
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true);
            let mut file = options.open(io, &path).expect("a place for files");
            file.write_all(&content).expect("room");
            file.write_all_at(&content, BYTES as u64).expect("room");
            file.seek(SeekFrom::Start(0)).expect("a file");
            let mut back = Vec::new();
            file.read_to_end(&mut back).expect("readable");
            assert_eq!(back.len(), 2 * BYTES);
            assert!(back[..BYTES] == content && back[BYTES..] == content);
            let mut again = vec![0; BYTES];
            file.read_exact_at(&mut again, BYTES as u64)
                .expect("readable");
            assert!(again == content);
        })
        .expect("a ring");
}

#[test]
fn a_regular_file_that_is_nonblocking_is_no_busy_loop() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    event_loop
        .run(|io| {
            // A file system in memory, where the ring answers EAGAIN for ever.
            for directory in ["/dev/shm", env!("CARGO_MANIFEST_DIR")] {
                let directory = tempfile::tempdir_in(directory).expect("a place for files");
                let path = directory.path().join("data");
                let mut options = OpenOptions::new();
                options.read(true).write(true).create(true);
                options.custom_flags(libc::O_NONBLOCK | libc::O_DSYNC);
                let mut file = options.open(io, &path).expect("a place for files");
                file.write_all(b"cursor").expect("room");
                file.write_all_at(b"offset", 6).expect("room");
                let mut back = [0; 12];
                file.read_exact_at(&mut back, 0).expect("readable");
                assert_eq!(&back, b"cursoroffset");
            }
        })
        .expect("a ring");
}

pub(super) fn make_fifo(path: &Path) {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).expect("no NUL");
    // SAFETY: a NUL-terminated path.
    assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
}

#[test]
fn opens_that_wait_for_the_other_end_stop_nobody() {
    // More than the kernel's workers of one thread.
    const COUNT: usize = 150;
    let _watchdog = Watchdog::new();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let paths: Vec<_> = (0..COUNT)
        .map(|number| directory.path().join(number.to_string()))
        .collect();
    paths.iter().for_each(|path| make_fifo(path));
    event_loop
        .run(|_| {
            io.scope(|scope| {
                let readers: Vec<Task<'_, Vec<u8>>> = paths
                    .iter()
                    .map(|path| {
                        scope.spawn(move || {
                            let mut text = Vec::new();
                            let mut file = File::open(io, path).expect("the writer comes");
                            file.read_to_end(&mut text).expect("readable");
                            text
                        })
                    })
                    .collect();
                io.sleep(Duration::from_millis(50)).expect("nobody cancels");
                // Work for a kernel worker.
                let file = file_of(directory.path(), 4096);
                File::from_fd(io, file.into()).sync_all().expect("a disk");
                // The last first: it must not be stuck behind the others.
                for path in paths.iter().rev() {
                    let mut options = OpenOptions::new();
                    options.write(true);
                    let mut file = options.open(io, path).expect("the reader waits");
                    file.write_all(b"hello").expect("room");
                }
                for reader in readers {
                    assert_eq!(reader.join(), b"hello");
                }
            });
        })
        .expect("a ring");
}

#[test]
fn an_open_that_waits_ends_by_a_request_and_by_a_deadline() {
    let _watchdog = Watchdog::new();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let path = directory.path().join("fifo");
    make_fifo(&path);
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            let open = || File::open(io, &path).map(drop);
            io.scope(|scope| {
                let canceled = scope.spawn(open);
                let late = scope.spawn(|| io.with_timeout(Duration::from_millis(10), open));
                assert!(is_deadline(&late.join().expect_err("nobody writes")));
                assert!(is_canceled(&canceled.cancel().expect_err("canceled")));
            });
        })
        .expect("a ring");
}

#[test]
fn an_open_of_a_thread_that_waits_ends_by_a_request_and_by_a_deadline() {
    let _watchdog = Watchdog::new();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let path = directory.path().join("fifo");
    make_fifo(&path);
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let open = || File::open(io, &path).map(drop);
    // A thread of the program.
    let late = io.with_timeout(Duration::from_millis(10), open);
    assert!(is_deadline(&late.expect_err("nobody writes")));
    let wrong = io.with_timeout(Duration::from_secs(100), || {
        File::open(io, path.join("below"))
    });
    assert_eq!(
        wrong.expect_err("no directory").raw_os_error(),
        Some(libc::ENOTDIR)
    );
    // One of the pool.
    io.scope(|scope| {
        for is_begun_first in [true, false] {
            let has_begun = AtomicBool::new(!is_begun_first);
            io.scope(|scope| {
                let task = scope.spawn(|| {
                    io.offload(|| {
                        has_begun.store(true, Ordering::Relaxed);
                        open()
                    })
                });
                super::wait_until(|| has_begun.load(Ordering::Relaxed));
                if is_begun_first {
                    std::thread::sleep(Duration::from_millis(10));
                }
                assert!(is_canceled(&task.cancel().expect_err("nobody writes")));
            });
        }
        // And both, if somebody comes.
        let offloaded = scope.spawn(|| {
            io.offload(|| {
                let mut text = String::new();
                let mut file = File::open(io, &path).expect("the writer comes");
                file.read_to_string(&mut text).expect("readable");
                text
            })
        });
        io.with_timeout(Duration::from_secs(100), || {
            let mut options = OpenOptions::new();
            options.write(true);
            let mut file = options.open(io, &path).expect("the reader waits");
            file.write_all(b"hello").expect("room");
        });
        assert_eq!(offloaded.join(), "hello");
    });
}

#[test]
fn files_are_opened_as_open_does() {
    let _watchdog = Watchdog::new();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let path = directory.path().join("data");
    std::fs::write(&path, b"content").expect("a place for files");
    std::os::unix::fs::symlink(&path, directory.path().join("link")).expect("a link");
    std::os::unix::fs::symlink("gone", directory.path().join("dangling")).expect("a link");
    let event_loop = with_workers(1);
    event_loop
        .run(|io| {
            let at = |name: &str| directory.path().join(name);
            let open = |options: &OpenOptions, name: &str| {
                options
                    .open(io, at(name))
                    .map(drop)
                    .map_err(|error| error.raw_os_error())
            };
            let mut read = OpenOptions::new();
            read.read(true);
            assert_eq!(open(&read, "data"), Ok(()));
            assert_eq!(open(&read, "link"), Ok(()));
            assert_eq!(open(&read, "."), Ok(()));
            assert_eq!(open(&read, "dangling"), Err(Some(libc::ENOENT)));
            assert_eq!(open(&read, "data/x"), Err(Some(libc::ENOTDIR)));
            let mut no_link = read;
            no_link.custom_flags(libc::O_NOFOLLOW);
            assert_eq!(open(&no_link, "link"), Err(Some(libc::ELOOP)));
            let mut write = OpenOptions::new();
            write.write(true);
            assert_eq!(open(&write, "."), Err(Some(libc::EISDIR)));
            let mut create = write;
            create.create(true);
            assert_eq!(open(&create, "."), Err(Some(libc::EISDIR)));
            // Through a link to nothing, a file comes into being.
            assert_eq!(open(&create, "dangling"), Ok(()));
            assert!(at("gone").exists());
            let mut truncate = create;
            truncate.truncate(true);
            assert_eq!(open(&truncate, "link"), Ok(()));
            assert_eq!(std::fs::read(&path).expect("it is there"), b"");
            // What would be cut is made if it is not there, also through a link.
            assert_eq!(open(&truncate, "new"), Ok(()));
            assert_eq!(open(&truncate, "missing/new"), Err(Some(libc::ENOENT)));
            assert_eq!(open(&truncate, "data/x"), Err(Some(libc::ENOTDIR)));
            assert_eq!(open(&truncate, "."), Err(Some(libc::EISDIR)));
            std::fs::remove_file(at("gone")).expect("it was made");
            assert_eq!(open(&truncate, "dangling"), Ok(()));
            assert!(at("new").exists() && at("gone").exists());
        })
        .expect("a ring");
}

#[test]
fn a_batch_is_submitted_in_one_enter() {
    const COUNT: usize = 20;
    let _watchdog = Watchdog::new();
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    for (workers, entries) in [(1, 256), (1, 2)] {
        let event_loop = build(EventLoop::builder().workers(workers).ring_entries(entries));
        event_loop
            .run(|io| {
                let pipes: Vec<_> = (0..COUNT)
                    .map(|_| std::io::pipe().expect("a pipe"))
                    .collect();
                let file = handle(file_of(directory.path(), 1 << 20));
                let (readers, writers): (Vec<_>, Vec<_>) = pipes.into_iter().unzip();
                let readers: Vec<_> = readers.into_iter().map(handle).collect();
                let mut bytes = [[0_u8; 2]; COUNT];
                let mut slices: Vec<_> = bytes
                    .iter_mut()
                    .map(|byte| [IoSliceMut::new(byte)])
                    .collect();
                let reads = readers.iter().zip(&mut slices);
                let mut batch: Vec<_> = reads.map(read_entry).collect();
                batch.push(BatchEntry::new(Operation::Sync {
                    handle: &file,
                    level: SyncLevel::All,
                }));
                let enters = || super::enters_of_this_worker(&event_loop);
                let before = enters();
                io.scope(|scope| {
                    scope.spawn(move || {
                        for mut writer in writers {
                            writer.write_all(b"ok").expect("room");
                        }
                    });
                    io.perform_batch(&mut batch);
                });
                assert!(
                    entries == 2 || enters() - before < COUNT as u64 / 2,
                    "{} enters",
                    enters() - before
                );
                for entry in &mut batch {
                    let result = entry.result.take().expect("every entry has a result");
                    result.expect("nothing fails");
                }
                drop(batch);
                assert!(bytes.iter().all(|byte| byte == b"ok"));
            })
            .expect("a ring");
    }
}

#[test]
fn one_request_ends_all_of_a_batch_that_waits() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            let (first, _first_end) = std::io::pipe().expect("a pipe");
            let (second, mut second_end) = std::io::pipe().expect("a pipe");
            second_end.write_all(b"x").expect("room");
            let (third, _third_end) = std::io::pipe().expect("a pipe");
            let handles = [first, second, third].map(handle);
            io.scope(|scope| {
                let task = scope.spawn(|| {
                    let mut bytes = [[0_u8]; 3];
                    let mut slices: Vec<_> = bytes
                        .iter_mut()
                        .map(|byte| [IoSliceMut::new(byte)])
                        .collect();
                    let reads = handles.iter().zip(&mut slices);
                    let mut batch: Vec<_> = reads.map(read_entry).collect();
                    io.perform_batch(&mut batch);
                    let mut results = batch.iter_mut().map(|entry| entry.result.take().unwrap());
                    assert!(is_canceled(&results.next().unwrap().unwrap_err()));
                    assert!(matches!(results.next().unwrap(), Ok(Outcome::Count(1))));
                    assert!(is_canceled(&results.next().unwrap().unwrap_err()));
                    // It was one request.
                    io.checkpoint().expect("it was delivered");
                });
                io.sleep(Duration::from_millis(10)).expect("nobody cancels");
                task.cancel();
            });
        })
        .expect("a ring");
}

/// A timer that should fire each millisecond: notes how late it is. Without the time
/// for which a busy machine kept the thread waiting, half a second now and then.
fn watch_delays(io: &dyn Io, is_over: &AtomicBool, mut note: impl FnMut(Duration)) {
    while !is_over.load(Ordering::Relaxed) {
        let queued = super::time_queued();
        let due = io
            .now(Clock::Monotonic)
            .saturating_add(Duration::from_millis(1));
        io.sleep_until(due).expect("nobody cancels");
        let late = io.now(Clock::Monotonic).saturating_duration_since(due);
        note(late.saturating_sub(super::time_queued().saturating_sub(queued)));
    }
}

#[test]
fn a_slow_file_system_delays_a_sibling_once() {
    let _watchdog = Watchdog::new();
    let kinds = [
        OperationKind::Metadata,
        OperationKind::Open,
        OperationKind::Write,
        OperationKind::RemoveFile,
    ];
    std::thread::scope(|threads| {
        for kind in kinds {
            threads.spawn(move || assert_delays_once(kind));
        }
    });
}

/// A sibling's timer is late once, however many calls of `kind` are slow.
fn assert_delays_once(kind: OperationKind) {
    // Far above what a loaded machine adds.
    const SLOW: Duration = Duration::from_millis(500);
    const CALLS: usize = 5;
    let directory = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a disk");
    let path = directory.path().join("data");
    std::fs::write(&path, b"content").expect("a place for files");
    let mut builder = EventLoop::builder().workers(1);
    builder.options.slow_kind = Some((kind, SLOW));
    let event_loop = build(builder);
    let io: &dyn Io = &event_loop;
    let file = std::fs::File::options().write(true).open(&path);
    let file = File::from_fd(io, file.expect("it is there").into());
    let call = || match kind {
        OperationKind::Metadata => io_core::fs::metadata(io, &path).map(drop).expect("there"),
        OperationKind::Open => File::open(io, &path).map(drop).expect("there"),
        OperationKind::Write => (&file).write_all(b"x").expect("room"),
        _ => drop(io_core::fs::remove_file(io, &path)),
    };
    let mut late = Vec::new();
    event_loop
        .run(|_| {
            let is_over = AtomicBool::new(false);
            io.scope(|scope| {
                scope.spawn(|| {
                    (0..CALLS).for_each(|_| call());
                    is_over.store(true, Ordering::Relaxed);
                });
                watch_delays(io, &is_over, |delay| late.push(delay));
            });
        })
        .expect("a ring");
    late.retain(|&delay| delay > SLOW * 4 / 5);
    assert_eq!(late.len(), 1, "{kind:?}: late by {late:?}");
}

#[test]
fn names_that_change_slowly_leave_the_worker_to_others() {
    let _watchdog = Watchdog::new();
    const CALLS: usize = 50;
    let offloads = |tasks: usize, delay: Duration| {
        let directory = tempfile::tempdir().expect("a place for files");
        let mut builder = EventLoop::builder().workers(1);
        builder.options.slow_kind = Some((OperationKind::RemoveFile, delay));
        let event_loop = build(builder);
        let removes = |io: &dyn Io| {
            let path = directory.path().join("missing");
            for _ in 0..CALLS {
                io_core::fs::remove_file(io, &path).expect_err("it is missing");
                io.yield_now().expect("nobody cancels");
            }
        };
        event_loop
            .run(|io| {
                io.scope(|scope| {
                    for _ in 0..tasks {
                        scope
                            .spawn_concurrent(|| removes(io))
                            .expect("there is room");
                    }
                });
            })
            .expect("a ring");
        event_loop.metrics().offloads
    };
    // Below what makes a single call a slow one.
    let slow = Duration::from_millis(1);
    assert!(offloads(2, slow) > 0);
    // On a busy machine a sleep may be as late as a slow call, and a quick one may lose
    // the processor time and again.
    let stays = |tasks, delay| (0..5).any(|_| offloads(tasks, delay) == 0);
    assert!(stays(1, slow), "nobody waits with it");
    assert!(stays(2, Duration::ZERO), "they take no time");
}

#[test]
fn closing_slowly_goes_elsewhere_and_answers() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    event_loop
        .run(|io| {
            let class = || crate::route::Class {
                call: crate::route::Call::Close,
                device: 0,
            };
            let now = io.now(Clock::Monotonic).as_nanos();
            event_loop.shared.routes.note(0, now, class);
            let (reader, writer) = std::io::pipe().expect("a pipe");
            io.close(handle(writer)).expect("it is open");
            let mut byte = [0];
            let mut reader = File::from_fd(io, reader.into());
            assert_eq!(reader.read(&mut byte).expect("the writer is gone"), 0);
            let token = Handle::from_token(Box::new(7));
            let error = io.close(token).expect_err("it is no descriptor");
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        })
        .expect("a ring");
}

#[test]
fn an_offloaded_read_of_a_pipe_ends_by_a_request() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            let (reader, _writer) = std::io::pipe().expect("a pipe");
            let reader = File::from_fd(io, reader.into());
            let has_begun = AtomicBool::new(false);
            io.scope(|scope| {
                let task = scope.spawn(|| {
                    io.offload(|| {
                        has_begun.store(true, Ordering::Relaxed);
                        (&reader).read(&mut [0]).map(drop)
                    })
                });
                while !has_begun.load(Ordering::Relaxed) {
                    io.yield_now().expect("nobody cancels");
                }
                assert!(is_canceled(&task.cancel().expect_err("nobody writes")));
            });
        })
        .expect("a ring");
}
