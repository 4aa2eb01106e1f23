//! The rows that wait for a signal: an event, a value of another task, another
//! task at a barrier. What is used up by one wait is made anew after it.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use io_core::sync::{Barrier, Event, OnceCell, Watch, Watcher, oneshot};
use io_core::{FutexWord, Io, forward_io};

use super::{Span, Wait};
use crate::fixture::Fixture;

const VALUE: u32 = 7;

/// What one task at a time takes and puts back.
struct Shared<T>(Mutex<Option<T>>);

impl<T> Shared<T> {
    fn new(value: T) -> Shared<T> {
        Shared(Mutex::new(Some(value)))
    }

    fn take(&self) -> T {
        let mut value = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        value.take().expect("one at a time uses it")
    }

    fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }
}

// ---- event -----------------------------------------------------------------

struct EventWait<'a> {
    io: &'a dyn Io,
    event: Event,
}

pub(super) fn event_wait(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    body(&EventWait {
        io: fixture.io(),
        event: Event::new(),
    });
}

impl Wait for EventWait<'_> {
    fn wait(&self) -> io::Result<()> {
        self.event.wait(self.io)?;
        self.event.reset();
        Ok(())
    }

    fn complete(&self) {
        self.event.set(self.io);
    }

    fn check_nothing_left(&self) {
        assert!(!self.event.is_set(), "nobody has seen it set");
    }
}

// ---- oneshot ---------------------------------------------------------------

struct OneshotReceive<'a> {
    io: &'a dyn Io,
    sender: Shared<oneshot::Sender<'a, u32>>,
    receiver: Shared<oneshot::Receiver<'a, u32>>,
}

pub(super) fn oneshot_receive(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let (sender, receiver) = oneshot::channel(fixture.io());
    body(&OneshotReceive {
        io: fixture.io(),
        sender: Shared::new(sender),
        receiver: Shared::new(receiver),
    });
}

impl Wait for OneshotReceive<'_> {
    fn wait(&self) -> io::Result<()> {
        let mut receiver = self.receiver.take();
        match receiver.receive() {
            Ok(value) => assert_eq!(value, Some(VALUE)),
            Err(error) => {
                self.receiver.put(receiver);
                return Err(error);
            }
        }
        let (sender, receiver) = oneshot::channel(self.io);
        self.sender.put(sender);
        self.receiver.put(receiver);
        Ok(())
    }

    fn complete(&self) {
        let sent = self.sender.take().send(VALUE);
        sent.expect("the receiver is there");
    }

    fn check_nothing_left(&self) {
        let received = self.receiver.take().try_receive();
        assert!(received.is_err(), "a value is left");
    }
}

// ---- watch -----------------------------------------------------------------

struct WatchChanged<'a> {
    io: &'a dyn Io,
    watch: &'a Watch<u32>,
    watcher: Shared<Watcher<'a, u32>>,
}

pub(super) fn watch_changed(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let watch = Watch::new(0);
    body(&WatchChanged {
        io: fixture.io(),
        watch: &watch,
        watcher: Shared::new(watch.watcher()),
    });
}

impl Wait for WatchChanged<'_> {
    fn wait(&self) -> io::Result<()> {
        let mut watcher = self.watcher.take();
        let changed = watcher.changed(self.io);
        let changed = changed.map(|value| assert_eq!(value.as_deref(), Some(&VALUE)));
        self.watcher.put(watcher);
        changed
    }

    fn complete(&self) {
        // Protected: where the reader has not yet let go of the value it waits.
        let set = self.io.protect(|| self.watch.set(self.io, VALUE));
        set.expect("nobody closes it");
    }

    fn check_nothing_left(&self) {
        assert!(!self.watcher.take().has_changed(), "a change is left");
    }
}

// ---- a partner -------------------------------------------------------------

/// Turns that another thread takes, and how far it is.
#[derive(Default)]
struct Turns {
    /// Written by the one who asks for a turn.
    asked: AtomicU64,
    /// Written by the other thread: the last turn in which it waits, or did.
    entered: AtomicU64,
    /// Written by the other thread: the last turn that it has done.
    done: AtomicU64,
}

/// A partner that takes longer is not waited for: the trial will fail.
const PARTNER_LIMIT: Duration = Duration::from_secs(2);

/// Waits for the other thread, which does not wait for this one.
fn wait_for(counter: &AtomicU64, turn: u64) -> bool {
    let until = Instant::now() + PARTNER_LIMIT;
    while counter.load(Ordering::Acquire) < turn {
        if Instant::now() > until {
            return false;
        }
        thread::yield_now();
    }
    true
}

/// Notes that a wait has begun.
struct Noting<'a> {
    below: &'a dyn Io,
    turns: &'a Turns,
}

impl Noting<'_> {
    fn note(&self) {
        let turn = self.turns.done.load(Ordering::Acquire) + 1;
        self.turns.entered.store(turn, Ordering::Release);
    }
}

impl Io for Noting<'_> {
    forward_io!(self => self.below; except futex_wait);

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<io_core::Instant>,
    ) -> io::Result<()> {
        self.note();
        self.below.futex_wait(word, expected, deadline)
    }
}

// ---- barrier ---------------------------------------------------------------

/// A barrier for two. Completing lets the partner come, a thread.
struct BarrierWait<'a> {
    io: &'a dyn Io,
    barrier: &'a Barrier,
    turns: &'a Turns,
    orders: Sender<()>,
}

pub(super) fn barrier_wait(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let (io, barrier, turns) = (fixture.io(), Barrier::new(2), Turns::default());
    let (orders, come) = mpsc::channel();
    let partner = || {
        let noting = Noting {
            below: io,
            turns: &turns,
        };
        for () in come {
            barrier.wait_uncancelable(&noting);
            noting.note();
            turns.done.fetch_add(1, Ordering::AcqRel);
        }
    };
    thread::scope(|threads| {
        threads.spawn(partner);
        body(&BarrierWait {
            io,
            barrier: &barrier,
            turns: &turns,
            orders,
        });
    });
}

impl Wait for BarrierWait<'_> {
    fn wait(&self) -> io::Result<()> {
        self.barrier.wait(self.io)?;
        Ok(())
    }

    fn complete(&self) {
        let turn = self.turns.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.orders.send(()).expect("the partner is there");
        wait_for(&self.turns.entered, turn);
    }

    fn check_nothing_left(&self) {
        let asked = self.turns.asked.load(Ordering::Acquire);
        assert!(wait_for(&self.turns.done, asked), "somebody still waits");
    }
}

impl Drop for BarrierWait<'_> {
    /// After a trial that failed the partner may wait: it is joined.
    fn drop(&mut self) {
        let turns = self.turns;
        if turns.done.load(Ordering::Acquire) < turns.entered.load(Ordering::Acquire) {
            self.barrier.wait_uncancelable(self.io);
        }
    }
}

// ---- cell ------------------------------------------------------------------

/// A cell whose value another thread makes. Completing lets it finish; after the
/// wait it begins with the next cell.
struct CellInit<'a> {
    io: &'a dyn Io,
    cell: &'a Mutex<Arc<OnceCell<u32>>>,
    turns: &'a Turns,
    finish: Sender<()>,
    begin: Sender<()>,
}

pub(super) fn cell_init(fixture: &Fixture<'_>, _: Span, body: &mut dyn FnMut(&dyn Wait)) {
    let (io, cell) = (fixture.io(), Mutex::new(Arc::new(OnceCell::new())));
    let turns = Turns::default();
    let ((finish, finished), (begin, begun)) = (mpsc::channel(), mpsc::channel());
    thread::scope(|threads| {
        let (cell, turns) = (&cell, &turns);
        threads.spawn(move || make_cells(io, cell, turns, &begun, &finished));
        let row = CellInit {
            io,
            cell,
            turns,
            finish,
            begin,
        };
        row.begin_next();
        body(&row);
    });
}

fn make_cells(
    io: &dyn Io,
    place: &Mutex<Arc<OnceCell<u32>>>,
    turns: &Turns,
    begun: &Receiver<()>,
    finished: &Receiver<()>,
) {
    while begun.recv().is_ok() {
        let cell = Arc::new(OnceCell::new());
        *place.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&cell);
        let made = cell.get_or_init(io, || {
            turns.entered.fetch_add(1, Ordering::AcqRel);
            // Also over if nobody is there any more.
            finished.recv().map_or(VALUE, |()| VALUE)
        });
        made.expect("nothing ends the wait of a plain thread");
        turns.done.fetch_add(1, Ordering::AcqRel);
    }
}

impl CellInit<'_> {
    fn cell(&self) -> Arc<OnceCell<u32>> {
        Arc::clone(&self.cell.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin_next(&self) {
        let turn = self.turns.asked.fetch_add(1, Ordering::AcqRel) + 1;
        self.begin.send(()).expect("the maker is there");
        assert!(wait_for(&self.turns.entered, turn), "the maker is late");
    }
}

impl Wait for CellInit<'_> {
    fn wait(&self) -> io::Result<()> {
        let cell = self.cell();
        let value = cell.get_or_init(self.io, || panic!("another one makes it"))?;
        assert_eq!(*value, VALUE);
        self.begin_next();
        Ok(())
    }

    fn complete(&self) {
        let turn = self.turns.asked.load(Ordering::Acquire);
        self.finish.send(()).expect("the maker is there");
        wait_for(&self.turns.done, turn);
    }

    fn check_nothing_left(&self) {
        assert!(self.cell().get().is_none(), "a value is left");
    }
}
