//! What faults of the system get: no descriptors left, no room left, calls that
//! a signal interrupts. And nothing leaks. Each in a process of its own.

use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use io_core::fs::{self, File};

use crate::fixture::{Fixture, Works, assert_errno};
use crate::growth::assert_no_descriptors_left;
use crate::system::{self, Limit};

pub(crate) fn no_descriptor_left_is_emfile(fixture: &Fixture<'_>) {
    let path = fixture.make_file("file", "0123");
    assert_no_descriptors_left(|| use_up_descriptors(fixture, &path));
}

fn use_up_descriptors(fixture: &Fixture<'_>, path: &Path) {
    let io = fixture.io();
    // Whatever the executor opens when it is first used is open now.
    let file = File::open(io, path).works();
    drop(fs::read(io, path).works());
    let _watchers_are_off = system::keep_watchers_off();
    let open = system::descriptors();
    let highest = *open.last().expect("there is one at least");
    let highest = u64::try_from(highest).expect("numbers are positive");
    // A few are free even where no number below the highest one is.
    let limit = system::set_limit(Limit::Descriptors, highest + 1 + 4);
    let mut filling = Vec::new();
    // An open may want more than one descriptor for a moment; a duplicate takes
    // the last one.
    fill(&mut filling, || File::open(io, path));
    fill(&mut filling, || file.try_clone());
    assert_errno(File::open(io, path), libc::EMFILE);
    assert_errno(file.try_clone(), libc::EMFILE);
    assert_errno(fs::read_dir(io, fixture.directory()), libc::EMFILE);
    let new = fixture.path("new");
    assert_errno(File::create(io, new), libc::EMFILE);
    let mut buffer = [0; 4];
    file.read_exact_at(&mut buffer, 0).works();
    filling.truncate(filling.len().saturating_sub(2));
    file.try_clone().works();
    drop(filling);
    system::set_limit(Limit::Descriptors, limit);
    File::open(io, path).works();
}

pub(crate) fn a_file_that_may_not_grow_is_efbig(fixture: &Fixture<'_>) {
    system::ignore_signal(libc::SIGXFSZ);
    let file = fixture.create("file");
    let before = system::set_limit(Limit::FileBytes, 10_000);
    let progress = file.write_fully_at(&[b'x'; 20_000], 0);
    assert_errno(progress.result, libc::EFBIG);
    assert_eq!(progress.bytes, 10_000, "what there was room for");
    assert_errno(file.set_len(10_001), libc::EFBIG);
    system::set_limit(Limit::FileBytes, before);
    assert_eq!(file.metadata().works().len(), 10_000);
    file.write_all_at(b"more", 10_000).works();
}

/// Opens until there are no descriptors left.
fn fill<'io>(files: &mut Vec<File<'io>>, open: impl Fn() -> std::io::Result<File<'io>>) {
    let full = loop {
        match open() {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
    };
    assert_eq!(full.raw_os_error(), Some(libc::EMFILE), "{full:?}");
}

/// A device that is always full (null(4)).
pub(crate) fn no_room_left_is_enospc(fixture: &Fixture<'_>) {
    let file = File::create(fixture.io(), "/dev/full").works();
    assert_errno(file.write_fully(b"text").finish(), libc::ENOSPC);
    assert_errno(file.write_at(b"text", 0), libc::ENOSPC);
    let mut zeros = [7; 4];
    let file = File::open(fixture.io(), "/dev/full").works();
    file.read_fully(&mut zeros).result.works();
    assert_eq!(zeros, [0; 4]);
}

/// Sends one signal to every thread of the process, and lets them do something.
fn interrupt_everybody() {
    for thread in system::threads() {
        system::signal_thread(thread, libc::SIGUSR1);
    }
    std::thread::sleep(Duration::from_micros(300));
}

/// Sets a flag however its scope ends: who waits for it goes on.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Every thread of the process gets signals all the time, with a handler that
/// makes system calls fail with EINTR; nobody sees it.
pub(crate) fn an_interrupted_call_goes_on(fixture: &Fixture<'_>) {
    system::interrupt_on_signal(libc::SIGUSR1);
    let io = fixture.io();
    let (mut reader, writer) = fixture.pipe();
    let is_over = AtomicBool::new(false);
    let over = SetAtEnd(&is_over);
    let send = || {
        while !is_over.load(Ordering::Relaxed) {
            interrupt_everybody();
        }
    };
    let work = || {
        let _over = over;
        let path = fixture.path("file");
        let content = fixture.random().bytes(200_000);
        for _ in 0..20 {
            fs::write(io, &path, &content).works();
            assert!(fs::read(io, &path).works() == content);
            io.sleep(Duration::from_millis(2)).works();
            writer.write_fully(b"text").result.works();
            reader.read_exact(&mut [0; 4]).works();
            let word = std::sync::atomic::AtomicU32::new(0);
            let soon = io.now(io_core::Clock::Monotonic);
            let soon = soon.saturating_add(Duration::from_millis(1));
            let wait = io.futex_wait(io_core::FutexWord::of(&word), 0, Some(soon));
            assert!(wait.is_ok() || wait.is_err_and(|error| io_core::is_deadline(&error)));
            io.scope(|scope| scope.spawn(|| ()).join());
            io.offload(|| ());
        }
    };
    fixture.beside(send, work);
}

pub(crate) fn an_interrupted_pipe_read_goes_on_waiting(fixture: &Fixture<'_>) {
    system::interrupt_on_signal(libc::SIGUSR1);
    let (mut reader, writer) = fixture.pipe();
    let write = || {
        for _ in 0..50 {
            interrupt_everybody();
        }
        writer.write_fully(b"text").result.works();
    };
    let read = || {
        let mut buffer = [0; 4];
        let count = reader.read(&mut buffer).works();
        assert!(count > 0, "an interruption is no end");
        buffer
    };
    let ((), read) = fixture.beside(write, read);
    assert_eq!(read[0], b't');
}

/// As above while it waits for the other end of a FIFO, which opens late.
pub(crate) fn an_interrupted_open_of_a_fifo_goes_on_waiting(fixture: &Fixture<'_>) {
    system::interrupt_on_signal(libc::SIGUSR1);
    let is_over = AtomicBool::new(false);
    let over = SetAtEnd(&is_over);
    let send = || {
        while !is_over.load(Ordering::Relaxed) {
            interrupt_everybody();
        }
    };
    let work = || {
        let _over = over;
        for round in 0..20 {
            let path = fixture.path(format!("fifo-{round}"));
            system::make_fifo(&path);
            let open_late = || {
                std::thread::sleep(Duration::from_millis(3));
                std::fs::OpenOptions::new().write(true).open(&path)
            };
            let open = || File::open(fixture.io(), &path);
            let (writer, reader) = fixture.beside(open_late, open);
            reader.works();
            writer.works();
        }
    };
    fixture.beside(send, work);
}

pub(crate) fn failed_operations_leak_no_descriptor(fixture: &Fixture<'_>) {
    /// One that leaks in one of so many rounds is seen.
    const ROUNDS: usize = 120;
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    let work = || {
        drop(File::open(io, fixture.path("missing")));
        drop(File::create_new(io, &path));
        drop(fs::read_dir(io, &path));
        drop(fs::read(io, fixture.directory()));
        drop(fs::copy(io, &path, fixture.path("missing/to")));
        drop(fs::remove_dir_all(io, &path));
        fs::read(io, &path).works();
        io.scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| drop(File::open(io, fixture.path("missing"))));
            }
        });
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _file = File::open(io, &path).works();
            std::panic::resume_unwind(Box::new("with a file open"));
        }));
        assert!(payload.is_err());
    };
    assert_no_descriptors_left(|| (0..ROUNDS).for_each(|_| work()));
}
