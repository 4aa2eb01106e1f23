//! The queue.

use std::time::Duration;

use io_core::sync::{Queue, TryGetError};
use io_core::{is_canceled, is_deadline};

use crate::fixture::{Fixture, Works, assert_deadline};

pub(crate) fn each_item_arrives_once_and_in_order(fixture: &Fixture<'_>) {
    const ITEMS: u32 = 300;
    let io = fixture.io();
    for capacity in 0..=5 {
        let queue = Queue::bounded(capacity);
        let put = || {
            for item in 0..ITEMS {
                queue.put(io, item).map_err(std::io::Error::from).works();
            }
            queue.close(io);
        };
        let get = || {
            for item in 0..ITEMS {
                assert_eq!(queue.get(io).works(), Some(item));
            }
            assert_eq!(queue.get(io).works(), None);
        };
        fixture.beside(put, get);
    }
}

pub(crate) fn a_put_waits_for_room(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for capacity in 0..=2 {
        let queue = Queue::bounded(capacity);
        for item in 0..capacity {
            assert!(queue.try_put(io, item).is_ok(), "there is room");
        }
        let item = queue.try_put(io, 9).expect_err("there is no room");
        let put = || queue.put(io, item.into_item());
        let get = || {
            fixture.pause();
            assert_eq!(queue.len(), capacity);
            queue.get(io).works()
        };
        let (put, got) = fixture.beside(put, get);
        put.map_err(std::io::Error::from).works();
        assert_eq!(got, Some(if capacity == 0 { 9 } else { 0 }));
    }
}

pub(crate) fn a_closed_queue_gives_out_what_is_left(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let queue = Queue::bounded(2);
    queue.put(io, 1).map_err(std::io::Error::from).works();
    queue.close(io);
    let refused = queue.put(io, 2).expect_err("it is closed");
    assert!(refused.is_closed());
    assert_eq!(refused.item, 2);
    assert_eq!(queue.get(io).works(), Some(1));
    assert_eq!(queue.get(io).works(), None);
    assert_eq!(queue.try_get(io), Err(TryGetError::Closed));
}

pub(crate) fn a_close_ends_the_waits(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let empty = Queue::<u32>::bounded(1);
    let close = || {
        fixture.pause();
        empty.close(io);
    };
    let (got, ()) = fixture.beside(|| empty.get(io), close);
    assert_eq!(got.works(), None);
    let full = Queue::rendezvous();
    let close = || {
        fixture.pause();
        full.close(io);
    };
    let (put, ()) = fixture.beside(|| full.put(io, 7), close);
    let refused = put.expect_err("nobody took it");
    assert!(refused.is_closed());
    assert_eq!(refused.item, 7);
}

pub(crate) fn a_canceled_put_gives_its_item_back_or_has_put_it(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let queue = &Queue::rendezvous();
    for round in 0..200 {
        io.scope(|scope| {
            let put = scope.spawn_concurrent(move || queue.put(io, round)).works();
            let get = scope.spawn_concurrent(move || queue.get(io)).works();
            for _ in 0..round % 3 {
                io.yield_now().works();
            }
            let was_put = match put.cancel() {
                Ok(()) => true,
                Err(refused) => {
                    assert!(is_canceled(&refused.error), "{:?}", refused.error);
                    assert_eq!(refused.item, round);
                    false
                }
            };
            let got = match get.cancel() {
                Ok(got) => got,
                Err(error) => {
                    assert!(is_canceled(&error), "{error:?}");
                    None
                }
            };
            assert_eq!(got, was_put.then_some(round));
        });
    }
}

pub(crate) fn a_deadline_ends_the_wait_and_gives_the_item_back(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let queue = Queue::rendezvous();
    let timeout = Duration::from_millis(2);
    let refused = io
        .with_timeout(timeout, || queue.put(io, 5))
        .expect_err("nobody gets it");
    assert!(is_deadline(&refused.error), "{:?}", refused.error);
    assert_eq!(refused.item, 5);
    assert_deadline(io.with_timeout(timeout, || queue.get(io)));
}
