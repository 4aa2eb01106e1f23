//! [`Fixture`]: what a claim finds when it is run. Made by `run.rs`, one for
//! each run of a claim.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::fs::{File, OpenOptions};
use io_core::{Capabilities, Clock, FutexWord, Instant, Io};

use crate::backend::Backend;
use crate::random::Random;

/// The executor that a claim is about, a fresh directory, and a seed.
pub struct Fixture<'a> {
    io: &'a dyn Io,
    backend: &'a dyn Backend,
    directory: tempfile::TempDir,
    seed: u64,
}

impl<'a> Fixture<'a> {
    pub(crate) fn new(io: &'a dyn Io, backend: &'a dyn Backend, seed: u64) -> Fixture<'a> {
        let directory = tempfile::Builder::new()
            .prefix("conformance-")
            .tempdir()
            .expect("a temporary directory can be made");
        let fixture = Fixture {
            io,
            backend,
            directory,
            seed,
        };
        if !fixture.capabilities().has_descriptors {
            io_core::fs::create_dir_all(io, fixture.directory())
                .expect("the executor can make a directory");
        }
        fixture
    }

    /// The executor.
    #[must_use]
    pub fn io(&self) -> &'a dyn Io {
        self.io
    }

    /// How it was made: for claims that need a second one.
    #[must_use]
    pub fn backend(&self) -> &'a dyn Backend {
        self.backend
    }

    /// What the executor can do.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.io.capabilities()
    }

    /// A directory of the claim's own, empty at first and removed afterwards.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A path in that directory.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory().join(name)
    }

    /// The seed of this run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Numbers that the seed determines.
    #[must_use]
    pub fn random(&self) -> Random {
        Random::new(self.seed)
    }

    /// Makes a file without the executor's help, where that is possible.
    #[track_caller]
    pub fn make_file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        let result = if self.capabilities().has_descriptors {
            fs::write(&path, content)
        } else {
            io_core::fs::write(self.io, &path, content)
        };
        result.expect("the file can be made");
        path
    }

    /// What a file says, read without the executor's help, where that is possible.
    #[track_caller]
    #[must_use]
    pub fn content(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = path.as_ref();
        let result = if self.capabilities().has_descriptors {
            fs::read(path)
        } else {
            io_core::fs::read(self.io, path)
        };
        result.expect("the file can be read")
    }

    /// A new file of this name, open for reading and writing.
    #[track_caller]
    #[must_use]
    pub fn create(&self, name: &str) -> File<'a> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        options.open(self.io, self.path(name)).works()
    }

    /// A file with this content, made without the executor's help, open for reading.
    #[track_caller]
    #[must_use]
    pub fn open(&self, name: &str, content: impl AsRef<[u8]>) -> File<'a> {
        let path = self.make_file(name, content);
        File::open(self.io, path).works()
    }

    /// The two ends of a pipe as files of the executor: to read, to write.
    #[track_caller]
    #[must_use]
    pub fn pipe(&self) -> (File<'a>, File<'a>) {
        let (reader, writer) = io::pipe().expect("the system has pipes");
        (
            File::from_fd(self.io, reader.into()),
            File::from_fd(self.io, writer.into()),
        )
    }

    /// Lets other tasks run for a while, so that one of them most likely waits
    /// by now. No claim relies on it.
    pub fn pause(&self) {
        for _ in 0..10 {
            // Without an answer that matters: a request comes at a later point.
            drop(self.io.protect(|| self.io.yield_now()));
        }
        drop(self.io.protect(|| self.io.sleep(Duration::from_millis(2))));
    }

    /// How long `body` takes, by the executor's clock.
    pub fn time<R>(&self, body: impl FnOnce() -> R) -> (R, Duration) {
        let before = self.io.now(Clock::Monotonic);
        let result = body();
        let after = self.io.now(Clock::Monotonic);
        (result, after.saturating_duration_since(before))
    }

    /// Runs `beside` on a thread that the executor knows nothing of, and `here`
    /// on this one at the same time.
    pub fn beside<A: Send, B>(
        &self,
        beside: impl FnOnce() -> A + Send,
        here: impl FnOnce() -> B,
    ) -> (A, B) {
        std::thread::scope(|threads| {
            let thread = threads.spawn(beside);
            let here = here();
            // The join blocks this thread: a fiber's siblings would wait with it.
            let beside = self.io.offload(|| thread.join());
            match beside {
                Ok(value) => (value, here),
                Err(payload) => std::panic::resume_unwind(payload),
            }
        })
    }
}

impl std::fmt::Debug for Fixture<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Fixture")
            .field("backend", &self.backend.name())
            .field("directory", &self.directory.path())
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// What a claim expects to work: a failure is the executor's.
pub(crate) trait Works<T> {
    /// The value.
    fn works(self) -> T;
}

impl<T> Works<T> for io::Result<T> {
    #[track_caller]
    fn works(self) -> T {
        match self {
            Ok(value) => value,
            Err(error) => panic!("this has to work, and failed: {error:?}"),
        }
    }
}

impl<T> Works<T> for Result<T, io_core::task::ConcurrencyUnavailable> {
    #[track_caller]
    fn works(self) -> T {
        self.expect("the executor said that it can run tasks concurrently")
    }
}

/// Waits as long as `word` has this value: one wait may end early for no reason.
pub(crate) fn wait_while(
    io: &dyn Io,
    word: &AtomicU32,
    value: u32,
    deadline: Option<Instant>,
) -> io::Result<()> {
    while word.load(Ordering::Acquire) == value {
        io.futex_wait(FutexWord::of(word), value, deadline)?;
    }
    Ok(())
}

/// Asserts that `result` failed with this number of the system.
#[track_caller]
pub(crate) fn assert_errno<T>(result: io::Result<T>, code: i32) {
    match result {
        Ok(_) => panic!("it succeeded, and should have failed with {}", name(code)),
        Err(error) => assert_eq!(
            error.raw_os_error(),
            Some(code),
            "{error:?} instead of {}",
            name(code)
        ),
    }
}

/// Asserts that `result` is a delivered request.
#[track_caller]
pub(crate) fn assert_canceled<T>(result: io::Result<T>) {
    match result {
        Ok(_) => panic!("it succeeded, and should have been Canceled"),
        Err(error) => assert!(
            io_core::is_canceled(&error),
            "{error:?} instead of Canceled"
        ),
    }
}

/// Asserts that `result` is a passed deadline.
#[track_caller]
pub(crate) fn assert_deadline<T>(result: io::Result<T>) {
    match result {
        Ok(_) => panic!("it succeeded, and its deadline has passed"),
        Err(error) => assert!(
            io_core::is_deadline(&error),
            "{error:?} instead of TimedOut"
        ),
    }
}

fn name(code: i32) -> String {
    io::Error::from_raw_os_error(code).to_string()
}
