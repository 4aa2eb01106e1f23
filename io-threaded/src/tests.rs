//! Backend detail of the threaded executor. What all executors share is checked
//! by `conformance`.

mod allocations;
mod cancel;
mod deadline;
mod pool;
mod process;
mod stress;
mod watching;

use std::ffi::CString;
use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant as Time};

use io_core::fs::OpenOptions;
use io_core::{At, Handle, Io, Operation, Outcome};

use crate::Threaded;

/// A check that has not ended by then hangs.
const WATCHDOG: Duration = Duration::from_secs(60);

/// Runs a check; ends the process with its name if it hangs.
#[track_caller]
fn watched(name: &'static str, body: impl FnOnce()) {
    struct Dog(Arc<(Mutex<bool>, Condvar)>);
    impl Drop for Dog {
        fn drop(&mut self) {
            *self.0.0.lock().unwrap() = true;
            self.0.1.notify_all();
        }
    }
    let dog = Dog(Arc::default());
    let state = Arc::clone(&dog.0);
    let watcher = thread::spawn(move || {
        let ended = state.0.lock().unwrap();
        let (ended, _) = state
            .1
            .wait_timeout_while(ended, WATCHDOG, |ended| !*ended)
            .unwrap();
        if !*ended {
            eprintln!("the check {name} hangs");
            std::process::abort();
        }
    });
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
    drop(dog);
    watcher.join().unwrap();
    if let Err(payload) = result {
        std::panic::resume_unwind(payload);
    }
}

/// Lets another thread see in which system call this one waits.
#[derive(Default)]
struct Whereabouts(Mutex<Option<fs::File>>);

impl Whereabouts {
    fn tell(&self) {
        let file = fs::File::open("/proc/thread-self/syscall").unwrap();
        *self.0.lock().unwrap() = Some(file);
    }

    /// Waits until the thread sleeps in this system call. Opens nothing.
    fn await_asleep_in(&self, number: libc::c_long) {
        let number = format!("{number} ");
        loop {
            if let Some(file) = self.0.lock().unwrap().as_ref() {
                let mut buffer = [0; 256];
                let length = file.read_at(&mut buffer, 0).unwrap();
                if buffer[..length].starts_with(number.as_bytes()) {
                    return;
                }
            }
            thread::yield_now();
        }
    }

    fn is_told(&self) -> bool {
        self.0.lock().unwrap().is_some()
    }
}

/// The call in which mio waits: the C library's choice.
#[cfg(target_arch = "x86_64")]
const SYS_POLLER: libc::c_long = libc::SYS_epoll_wait;
#[cfg(not(target_arch = "x86_64"))]
const SYS_POLLER: libc::c_long = libc::SYS_epoll_pwait;

fn pipe() -> (Handle, Handle) {
    let (reader, writer) = io::pipe().unwrap();
    (
        Handle::from_fd(OwnedFd::from(reader)),
        Handle::from_fd(OwnedFd::from(writer)),
    )
}

fn read(io: &dyn Io, handle: &Handle, buffer: &mut [u8]) -> io::Result<usize> {
    let max = buffer.len();
    let buffers = &mut [IoSliceMut::new(buffer)];
    io.perform(&mut Operation::Read {
        handle,
        buffers,
        offset: None,
    })
    .map(|outcome| outcome.expect_count(max))
}

fn write(io: &dyn Io, handle: &Handle, bytes: &[u8]) -> io::Result<usize> {
    io.perform(&mut Operation::Write {
        handle,
        buffers: &[IoSlice::new(bytes)],
        offset: None,
    })
    .map(|outcome| outcome.expect_count(bytes.len()))
}

fn open(io: &dyn Io, path: &Path, options: OpenOptions) -> io::Result<Handle> {
    io.perform(&mut Operation::Open {
        at: At::working_directory(path),
        options,
    })
    .map(Outcome::expect_handle)
}

fn read_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true);
    options
}

/// A FIFO in a directory that is removed at the end.
struct Fifo {
    _root: tempfile::TempDir,
    path: PathBuf,
}

impl Fifo {
    fn new() -> Fifo {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("fifo");
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        make_fifo(&name);
        Fifo { _root: root, path }
    }
}

#[expect(unsafe_code, reason = "std can not make a FIFO")]
fn make_fifo(name: &CString) {
    // SAFETY: the name ends in NUL.
    let answer = unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
    assert_eq!(answer, 0, "{}", io::Error::last_os_error());
}

/// CPU time that the thread has used (clock_gettime(2)).
#[expect(unsafe_code, reason = "std has no such clock")]
fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to a local value.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(
        time.tv_sec.try_into().unwrap(),
        time.tv_nsec.try_into().unwrap(),
    )
}

/// Waits for a condition that another thread brings about.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let start = Time::now();
    while !condition() {
        assert!(start.elapsed() < WATCHDOG / 2, "{what} did not come");
        thread::yield_now();
    }
}
