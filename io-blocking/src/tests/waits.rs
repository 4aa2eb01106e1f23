//! Deadlines, requests and non-blocking descriptors: what a wait does that
//! nothing can interrupt.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::fs::OpenOptions;
use io_core::task::Start;
use io_core::{Clock, FutexWord, Handle, HandleKind, Io, Operation, is_canceled, is_deadline};

use super::Place;
use crate::{Blocking, handle};

const SHORT: Duration = Duration::from_millis(20);

fn read(io: &dyn Io, handle: &Handle, buffer: &mut [u8]) -> io::Result<usize> {
    let mut operation = Operation::Read {
        handle,
        buffers: &mut [IoSliceMut::new(buffer)],
        offset: None,
    };
    let max = usize::MAX;
    io.perform(&mut operation)
        .map(|outcome| outcome.expect_count(max))
}

fn write(io: &dyn Io, handle: &Handle, bytes: &[u8]) -> io::Result<usize> {
    let mut operation = Operation::Write {
        handle,
        buffers: &[IoSlice::new(bytes)],
        offset: None,
    };
    io.perform(&mut operation)
        .map(|outcome| outcome.expect_count(bytes.len()))
}

fn pipe() -> (Handle, Handle) {
    let (reader, writer) = io::pipe().unwrap();
    (
        Handle::from_fd(OwnedFd::from(reader)),
        Handle::from_fd(OwnedFd::from(writer)),
    )
}

fn socket_pair() -> (Handle, Handle) {
    let (one, other) = UnixStream::pair().unwrap();
    (
        Handle::from_fd(OwnedFd::from(one)),
        Handle::from_fd(OwnedFd::from(other)),
    )
}

#[test]
fn a_deadline_ends_reads_and_writes_of_what_can_be_polled() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    for (reader, writer) in [pipe(), socket_pair()] {
        let mut buffer = [0; 8];
        let start = io.now(Clock::Monotonic);
        let result = io.with_timeout(SHORT, || read(io, &reader, &mut buffer));
        assert!(is_deadline(&result.unwrap_err()));
        assert!(io.now(Clock::Monotonic).saturating_duration_since(start) >= SHORT);
        let large = vec![1; 100_000];
        let (written, error) = io.with_timeout(SHORT, || {
            let mut written = 0;
            loop {
                match write(io, &writer, &large) {
                    Ok(bytes) => written += bytes,
                    Err(error) => return (written, error),
                }
            }
        });
        assert!(
            is_deadline(&error) && written > 0,
            "{error} after {written}"
        );
        let result = io.with_timeout(SHORT, || read(io, &reader, &mut buffer));
        assert_eq!(
            result.unwrap(),
            8,
            "what is there is read under a deadline too"
        );
    }
}

/// The kernel has no write to it that does not wait. A pipe that is opened by its
/// path is such a one (proc_pid_fd(5)).
#[test]
fn a_deadline_ends_a_long_write_to_a_fifo() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let (mut reader, writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let fifo = OpenOptions::new().write(true).open(io, path).unwrap();
    drop(writer);
    let content: Vec<u8> = (0..=250).cycle().take(200_000).collect();
    let progress = io.with_timeout(SHORT, || fifo.write_fully(&content));
    assert!(is_deadline(&progress.result.unwrap_err()));
    drop(fifo);
    let mut arrived = Vec::new();
    reader.read_to_end(&mut arrived).unwrap();
    assert!(!arrived.is_empty());
    assert_eq!(arrived.len() as u64, progress.bytes);
    assert!(content.starts_with(&arrived));
}

#[test]
fn a_passed_deadline_starts_no_operation() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let (reader, writer) = pipe();
    let deadline = io.now(Clock::Monotonic);
    let result = io.with_deadline(deadline, || write(io, &writer, b"x"));
    assert!(is_deadline(&result.unwrap_err()));
    drop(writer);
    assert_eq!(read(io, &reader, &mut [0; 4]).unwrap(), 0);
}

#[test]
fn a_non_blocking_descriptor_waits_and_stays_non_blocking() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let (reader, mut writer) = UnixStream::pair().unwrap();
    reader.set_nonblocking(true).unwrap();
    let reader = Handle::from_fd(OwnedFd::from(reader));
    let flags_before = handle::flags(&reader).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut buffer = [0; 4];
            read(io, &reader, &mut buffer).map(|count| (count, buffer))
        });
        wait_until_blocked_in_poll();
        writer.write_all(b"late").unwrap();
        assert_eq!(waiting.join().unwrap().unwrap(), (4, *b"late"));
    });
    let again = Handle::from_fd(reader.into_fd().unwrap());
    assert_eq!(handle::flags(&again).unwrap(), flags_before);
}

/// Waits until some thread of this process sleeps in ppoll(2).
fn wait_until_blocked_in_poll() {
    let is_polling = |entry: io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path().join("syscall");
        let number = libc::SYS_ppoll.to_string();
        std::fs::read_to_string(path).is_ok_and(|text| text.split(' ').next() == Some(&number))
    };
    while !std::fs::read_dir("/proc/self/task")
        .unwrap()
        .any(is_polling)
    {
        std::thread::yield_now();
    }
}

#[test]
fn an_idle_device_under_a_deadline_still_answers() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let both = File::options()
        .read(true)
        .write(true)
        .open("/dev/zero")
        .unwrap();
    let zero = Handle::from_fd(OwnedFd::from(both));
    let mut buffer = [9; 3];
    io.with_timeout(Duration::from_secs(60), || {
        assert_eq!(read(io, &zero, &mut buffer).unwrap(), 3);
        assert_eq!(write(io, &zero, b"gone").unwrap(), 4);
    });
    assert_eq!(buffer, [0; 3]);
    assert_eq!(zero.kind(), HandleKind::CharacterDevice);
}

#[test]
fn a_request_is_delivered_at_the_next_point_and_once() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let place = Place::new();
    let handle = place.handle("file");
    io.scope(|scope| {
        let task = scope.spawn(|| {
            scope.cancel();
            let first = read(io, &handle, &mut [0; 4]);
            let second = read(io, &handle, &mut [0; 4]);
            (first, second)
        });
        let (first, second) = task.join();
        assert!(is_canceled(&first.unwrap_err()));
        assert_eq!(second.unwrap(), 4);
    });
}

#[test]
fn a_request_goes_before_a_deadline_that_ended_the_wait() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let (reader, _writer) = pipe();
    let is_waiting = AtomicU32::new(0);
    io.scope(|scope| {
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while is_waiting.load(Ordering::Acquire) == 0 {
                    std::thread::yield_now();
                }
                scope.cancel();
                is_waiting.store(2, Ordering::Release);
            });
            let task = scope.spawn(|| {
                io.with_timeout(Duration::from_millis(200), || {
                    is_waiting.store(1, Ordering::Release);
                    let result = read(io, &reader, &mut [0; 4]);
                    (result, is_waiting.load(Ordering::Acquire))
                })
            });
            let (result, stage) = task.join();
            let error = result.unwrap_err();
            // A machine too busy to run the other thread for 200 ms shows nothing.
            assert!(is_canceled(&error) || stage != 2, "{error}");
        });
    });
}

#[test]
fn a_futex_wait_ends_by_wake_change_and_time() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let word = AtomicU32::new(1);
    io.futex_wait(FutexWord::of(&word), 0, None).unwrap();
    for clock in Clock::ALL {
        let deadline = io.now(clock).saturating_add(SHORT);
        let error = io
            .futex_wait(FutexWord::of(&word), 1, Some(deadline))
            .unwrap_err();
        assert!(is_deadline(&error));
        assert!(io.now(clock) >= deadline);
    }
    let error = io.with_timeout(SHORT, || io.futex_wait(FutexWord::of(&word), 1, None));
    assert!(is_deadline(&error.unwrap_err()));
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| {
            while word.load(Ordering::Acquire) == 1 {
                io.futex_wait(FutexWord::of(&word), 1, None).unwrap();
            }
        });
        word.store(2, Ordering::Release);
        io.futex_wake(io_core::FutexAddress::of(&word), u32::MAX);
        waiting.join().unwrap();
    });
}

#[test]
fn a_wake_of_memory_that_is_gone_does_nothing() {
    let blocking = Blocking::new();
    let word = Box::new(AtomicU32::new(0));
    let address = io_core::FutexAddress::of(&word);
    drop(word);
    for count in [0, 1, u32::MAX] {
        blocking.futex_wake(address, count);
    }
}

#[test]
fn a_sleep_is_never_shorter_and_ends_at_the_earlier_deadline() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    for clock in Clock::ALL {
        let deadline = io.now(clock).saturating_add(SHORT);
        io.sleep_until(deadline).unwrap();
        assert!(io.now(clock) >= deadline);
        let far = io.now(clock).saturating_add(Duration::from_secs(3600));
        let error = io.with_timeout(SHORT, || io.sleep_until(far)).unwrap_err();
        assert!(is_deadline(&error));
    }
}

#[test]
fn random_bytes_differ() {
    let blocking = Blocking::new();
    let mut one = vec![0; 1000];
    let mut other = vec![0; 1000];
    blocking.random(&mut one);
    blocking.random(&mut other);
    assert_ne!(one, other);
    blocking.random(&mut []);
}

#[test]
fn every_way_to_start_a_job_is_refused() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    assert_eq!(io.capabilities().concurrent_tasks_max, 0);
    io.scope(|scope| {
        assert!(scope.spawn_concurrent(|| ()).is_err());
        let thread = std::thread::current().id();
        let task = scope.spawn(move || std::thread::current().id() == thread);
        assert!(task.is_finished() && task.join());
    });
    assert!(io.offload(|| true));
    let _every_way = [Start::MayRunInline, Start::Concurrent, Start::Offload];
}

#[test]
fn two_executors_have_two_ids() {
    let (one, other) = (Blocking::new(), Blocking::new());
    assert_ne!(one.id(), other.id());
}

#[test]
fn kinds_are_learnt_once() {
    let place = Place::new();
    let (reader, _writer) = pipe();
    let (socket, _other) = socket_pair();
    let table = [
        (place.handle("file"), HandleKind::Regular),
        (place.handle("dir"), HandleKind::Directory),
        (reader, HandleKind::Pipe),
        (socket, HandleKind::Socket),
    ];
    for (handle, kind) in table {
        assert_eq!(handle.kind(), HandleKind::Unknown);
        assert_eq!(crate::handle::kind(&handle).unwrap(), kind);
        assert_eq!(handle.kind(), kind);
    }
}

#[test]
fn closing_tells_and_closes() {
    let blocking = Blocking::new();
    let (mut reader, writer) = io::pipe().unwrap();
    let handle = Handle::from_fd(OwnedFd::from(writer));
    assert!(handle.try_as_fd().unwrap().as_raw_fd() >= 0);
    blocking.close(handle).unwrap();
    assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0, "the writer is closed");
}

#[test]
fn readiness_is_waited_for_until_a_deadline() {
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let (reader, writer) = io::pipe().unwrap();
    let result = io.with_timeout(SHORT, || io.wait_readable(reader.as_fd()));
    assert!(is_deadline(&result.unwrap_err()));
    io.with_timeout(SHORT, || io.wait_writable(writer.as_fd()))
        .unwrap();
    (&writer).write_all(b"x").unwrap();
    io.wait_readable(reader.as_fd()).unwrap();
    (&reader).read_exact(&mut [0]).unwrap();
    drop(writer);
    io.wait_readable(reader.as_fd())
        .expect("the end is something to read");
}

#[test]
fn a_regular_file_is_always_ready_and_a_name_never() {
    let place = Place::new();
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    let file = File::open(place.path("file")).unwrap();
    io.wait_readable(file.as_fd()).unwrap();
    io.wait_writable(file.as_fd()).unwrap();
    let name = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH)
        .open(place.path("file"))
        .unwrap();
    let error = io.wait_readable(name.as_fd()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::EBADF));
}
