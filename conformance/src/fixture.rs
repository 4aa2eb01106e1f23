//! [`Fixture`]: what a claim finds when it is run. Made by `run.rs`, one for
//! each run of a claim.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use io_core::{Capabilities, Clock, Io};

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

fn name(code: i32) -> String {
    io::Error::from_raw_os_error(code).to_string()
}
