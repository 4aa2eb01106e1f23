//! The rows that wait for another task: the futex and what stands on it.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{self, PoisonError};

use io_core::sync::{Condvar, Mutex, MutexGuard};
use io_core::{FutexAddress, FutexWord, Io};

use super::{Span, Wait};
use crate::fixture::Fixture;

/// A semaphore by hand: the word counts permits.
struct FutexWait<'a> {
    io: &'a dyn Io,
    permits: AtomicU32,
}

pub(super) fn futex_wait(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&FutexWait {
        io: fixture.io(),
        permits: AtomicU32::new(0),
    });
}

impl Wait for FutexWait<'_> {
    fn wait(&self) -> io::Result<()> {
        let take = |permits: u32| permits.checked_sub(1);
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        while self.permits.try_update(success, failure, take).is_err() {
            self.io.futex_wait(FutexWord::of(&self.permits), 0, None)?;
        }
        Ok(())
    }

    fn complete(&self) {
        self.permits.fetch_add(1, Ordering::AcqRel);
        self.io.futex_wake(FutexAddress::of(&self.permits), 1);
    }

    fn check_nothing_left(&self) {
        assert_eq!(self.permits.load(Ordering::Acquire), 0, "a permit is left");
    }
}

/// Between two waits the lock is held here: completing frees it, and who waited
/// for it gives it back.
struct MutexLock<'a> {
    io: &'a dyn Io,
    mutex: &'a Mutex<u32>,
    held: sync::Mutex<Option<MutexGuard<'a, u32>>>,
}

pub(super) fn mutex_lock(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let mutex = Mutex::new(0);
    let held = mutex.try_lock(fixture.io());
    body(&MutexLock {
        io: fixture.io(),
        mutex: &mutex,
        held: sync::Mutex::new(Some(held.expect("nobody else has it"))),
    });
}

impl<'a> MutexLock<'a> {
    fn held(&self) -> sync::MutexGuard<'_, Option<MutexGuard<'a, u32>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait for MutexLock<'_> {
    fn wait(&self) -> io::Result<()> {
        let guard = self.mutex.lock(self.io)?;
        *self.held() = Some(guard);
        Ok(())
    }

    fn complete(&self) {
        let held = self.held().take();
        drop(held.expect("one completion for each wait"));
    }

    fn check_nothing_left(&self) {
        assert!(
            self.mutex.try_lock(self.io).is_none(),
            "nobody has the lock"
        );
        self.complete();
        assert!(self.mutex.try_lock(self.io).is_some(), "somebody kept it");
    }
}

struct CondvarWait<'a> {
    io: &'a dyn Io,
    permits: Mutex<u32>,
    condvar: Condvar,
}

pub(super) fn condvar_wait(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&CondvarWait {
        io: fixture.io(),
        permits: Mutex::new(0),
        condvar: Condvar::new(),
    });
}

impl Wait for CondvarWait<'_> {
    fn wait(&self) -> io::Result<()> {
        let mut permits = self.permits.lock_uncancelable(self.io);
        while *permits == 0 {
            let result = self.condvar.wait(&mut permits);
            // The lock is held again on every return.
            assert!(
                self.permits.try_lock(self.io).is_none(),
                "it came back without the lock"
            );
            result?;
        }
        *permits -= 1;
        Ok(())
    }

    fn complete(&self) {
        *self.permits.lock_uncancelable(self.io) += 1;
        self.condvar.notify_one(self.io);
    }

    fn check_nothing_left(&self) {
        let permits = self.permits.try_lock(self.io);
        assert_eq!(
            *permits.expect("nobody has the lock"),
            0,
            "a permit is left"
        );
    }
}
