//! What tells others something: events, barriers, oneshot channels, watched
//! values, and cells that are filled once.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use io_core::is_canceled;
use io_core::sync::{Barrier, Event, OnceCell, Watch, oneshot};

use crate::fixture::{Fixture, Works, assert_deadline};

const ROUNDS: u32 = 200;

pub(crate) fn a_set_ends_all_waits(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (event, value) = (Event::new(), AtomicU32::new(0));
    let begun = AtomicU32::new(0);
    let wait = || {
        begun.fetch_add(1, Ordering::Relaxed);
        event.wait(io).works();
        assert_eq!(value.load(Ordering::Relaxed), 7, "written before the set");
    };
    let set = || {
        // Both have begun: one that comes late needs no wake.
        while begun.load(Ordering::Relaxed) < 2 {
            fixture.pause();
        }
        fixture.pause();
        value.store(7, Ordering::Relaxed);
        event.set(io);
    };
    fixture.beside(|| fixture.beside(wait, wait), set);
    event.wait(io).works();
    event.reset();
    assert_deadline(io.with_timeout(Duration::from_millis(2), || event.wait(io)));
}

pub(crate) fn a_canceled_wait_leaves_the_others_alone(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for round in 0..ROUNDS {
        let event = Event::new();
        io.scope(|scope| {
            let canceled = scope.spawn_concurrent(|| event.wait(io)).works();
            let other = scope.spawn_concurrent(|| event.wait(io)).works();
            for _ in 0..round % 3 {
                io.yield_now().works();
            }
            canceled.request_cancel();
            event.set(io);
            if let Err(error) = canceled.join() {
                assert!(is_canceled(&error), "{error:?}");
            }
            other.join().works();
        });
    }
}

pub(crate) fn nobody_passes_a_barrier_alone(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (barrier, come) = (Barrier::new(2), AtomicU32::new(0));
    let pass = || {
        let mut leads = 0;
        for round in 1..=ROUNDS {
            come.fetch_add(1, Ordering::Relaxed);
            leads += u32::from(barrier.wait(io).works().is_leader());
            assert!(come.load(Ordering::Relaxed) >= 2 * round, "one is missing");
            barrier.wait(io).works();
        }
        leads
    };
    let (one, other) = fixture.beside(pass, pass);
    assert_eq!(one + other, ROUNDS, "one leader a round");
    assert_deadline(io.with_timeout(Duration::from_millis(2), || barrier.wait(io)));
}

pub(crate) fn who_gives_up_has_not_come(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for round in 0..ROUNDS {
        let barrier = Barrier::new(2);
        io.scope(|scope| {
            let one = scope.spawn_concurrent(|| barrier.wait(io)).works();
            let other = scope.spawn_concurrent(|| barrier.wait(io)).works();
            for _ in 0..round % 3 {
                io.yield_now().works();
            }
            let one = one.cancel().is_ok();
            assert_eq!(one, other.cancel().is_ok(), "both have come, or none");
        });
    }
}

pub(crate) fn a_sent_value_arrives(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for round in 0..ROUNDS {
        let (sender, mut receiver) = oneshot::channel(io);
        let send = move || sender.send(round);
        let (sent, got) = fixture.beside(send, || receiver.receive().works());
        assert_eq!((sent, got), (Ok(()), Some(round)));
    }
    let (sender, mut receiver) = oneshot::channel::<u32>(io);
    let (got, ()) = fixture.beside(|| receiver.receive(), || drop(sender));
    assert_eq!(got.works(), None);
}

pub(crate) fn the_latest_value_is_seen(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let watch = Watch::new(0);
    let set = || {
        for value in 1..=ROUNDS {
            watch.set(io, value).map_err(std::io::Error::from).works();
        }
        watch.close(io);
    };
    let follow = || {
        let mut watcher = watch.watcher();
        let mut last = *watcher.read(io).works();
        while let Some(value) = watcher.changed(io).works() {
            assert!(*value > last, "{} after {last}", *value);
            last = *value;
        }
        assert_eq!(last, ROUNDS, "the last value was not seen");
    };
    fixture.beside(set, follow);
}

pub(crate) fn a_cell_is_filled_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for _ in 0..20 {
        let (cell, made) = (OnceCell::new(), AtomicU32::new(0));
        let want = || {
            let make = || {
                fixture.pause();
                made.fetch_add(1, Ordering::Relaxed)
            };
            *cell.get_or_init(io, make).works()
        };
        assert_eq!(fixture.beside(want, want), (0, 0));
        assert_eq!(made.into_inner(), 1);
    }
}
