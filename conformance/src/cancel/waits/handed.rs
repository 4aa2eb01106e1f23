//! The rows of what hands over directly: permits, items, and the lock of many
//! readers.

use std::io;
use std::sync::{self, PoisonError};

use io_core::Io;
use io_core::sync::{Queue, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore};

use super::{Span, Wait};
use crate::fixture::Fixture;

struct SemaphoreAcquire<'a> {
    io: &'a dyn Io,
    semaphore: Semaphore,
}

pub(super) fn semaphore(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&SemaphoreAcquire {
        io: fixture.io(),
        semaphore: Semaphore::new(0),
    });
}

impl Wait for SemaphoreAcquire<'_> {
    fn wait(&self) -> io::Result<()> {
        self.semaphore.acquire(self.io)?.forget();
        Ok(())
    }

    fn complete(&self) {
        self.semaphore.add_permits(self.io, 1);
    }

    fn check_nothing_left(&self) {
        assert_eq!(self.semaphore.available_permits(), 0, "a permit is left");
    }
}

const ITEM: u32 = 7;

struct QueueGet<'a> {
    io: &'a dyn Io,
    queue: Queue<u32>,
}

pub(super) fn queue_get(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&QueueGet {
        io: fixture.io(),
        queue: Queue::bounded(4),
    });
}

impl Wait for QueueGet<'_> {
    fn wait(&self) -> io::Result<()> {
        let item = self.queue.get(self.io)?;
        assert_eq!(item, Some(ITEM));
        Ok(())
    }

    fn complete(&self) {
        let put = self.queue.try_put(self.io, ITEM);
        put.expect("there is room and nobody closes it");
    }

    fn check_nothing_left(&self) {
        assert!(self.queue.is_empty(), "an item is left");
    }
}

/// A full queue: each completion takes an item out, each wait puts one in.
struct QueuePut<'a> {
    io: &'a dyn Io,
    queue: Queue<u32>,
}

pub(super) fn queue_put(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let io = fixture.io();
    let queue = Queue::bounded(1);
    queue.try_put(io, ITEM).expect("it is empty");
    body(&QueuePut { io, queue });
}

impl Wait for QueuePut<'_> {
    fn wait(&self) -> io::Result<()> {
        self.queue.put(self.io, ITEM).map_err(|refused| {
            assert_eq!(refused.item, ITEM, "what was not put comes back");
            refused.error
        })
    }

    fn complete(&self) {
        let item = self.queue.try_get(self.io);
        assert_eq!(item, Ok(ITEM), "it is full");
    }

    fn check_nothing_left(&self) {
        assert_eq!(self.queue.len(), 1, "it is full again");
    }
}

/// What the trial holds between two waits.
enum Held<'a> {
    Read(RwLockReadGuard<'a, u32>),
    Write(RwLockWriteGuard<'a, u32>),
}

/// As the row of the mutex: completing frees the lock, and who waited gives it
/// back. A reader waits for a writer, a writer for a reader.
struct ReadWrite<'a> {
    io: &'a dyn Io,
    lock: &'a RwLock<u32>,
    held: sync::Mutex<Option<Held<'a>>>,
    waits_to_write: bool,
}

pub(super) fn rwlock_read(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let io = fixture.io();
    let lock = RwLock::new(0);
    let held = lock.try_write(io).expect("it is free");
    body(&ReadWrite {
        io,
        lock: &lock,
        held: sync::Mutex::new(Some(Held::Write(held))),
        waits_to_write: false,
    });
}

pub(super) fn rwlock_write(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let io = fixture.io();
    let lock = RwLock::new(0);
    let held = lock.try_read(io).expect("it is free");
    body(&ReadWrite {
        io,
        lock: &lock,
        held: sync::Mutex::new(Some(Held::Read(held))),
        waits_to_write: true,
    });
}

impl<'a> ReadWrite<'a> {
    fn held(&self) -> sync::MutexGuard<'_, Option<Held<'a>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait for ReadWrite<'_> {
    fn wait(&self) -> io::Result<()> {
        let taken = if self.waits_to_write {
            let guard = self.lock.write(self.io)?;
            Held::Read(RwLockWriteGuard::downgrade(guard))
        } else {
            drop(self.lock.read(self.io)?);
            let guard = self.lock.try_write(self.io);
            Held::Write(guard.expect("nobody else uses it"))
        };
        *self.held() = Some(taken);
        Ok(())
    }

    fn complete(&self) {
        match self.held().take() {
            Some(Held::Read(guard)) => drop(guard),
            Some(Held::Write(guard)) => drop(guard),
            None => panic!("one completion for each wait"),
        }
    }

    fn check_nothing_left(&self) {
        assert!(self.lock.try_write(self.io).is_none(), "nobody has it");
        self.complete();
        assert!(self.lock.try_write(self.io).is_some(), "somebody kept it");
    }
}
