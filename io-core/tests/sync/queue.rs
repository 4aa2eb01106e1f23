//! Tests of `Queue`.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use io_core::sync::{Queue, TryGetError, TryPutError};
use io_core::{is_canceled, is_deadline};

use super::crew::{Arrivals, let_others_run, on_event_loop, on_every_crew, with_tasks};

/// The capacities tried: none, the smallest, and some where the buffer wraps.
const CAPACITIES: [usize; 6] = [0, 1, 2, 3, 4, 5];

#[test]
fn each_item_arrives_once_and_in_its_order() {
    const PUTTERS: usize = 3;
    const GETTERS: usize = 3;
    const ITEMS: usize = 300;
    on_every_crew(|crew| {
        for capacity in CAPACITIES {
            let queue = Queue::bounded(capacity);
            let putters_left = AtomicUsize::new(PUTTERS);
            let arrived = Mutex::new(vec![Vec::new(); PUTTERS]);
            crew.all(PUTTERS + GETTERS, |number| {
                if number < PUTTERS {
                    for item in 0..ITEMS {
                        queue.put(crew.io, (number, item)).expect("it is open");
                    }
                    if putters_left.fetch_sub(1, Ordering::AcqRel) == 1 {
                        queue.close(crew.io);
                    }
                } else {
                    let mut last = [None; PUTTERS];
                    while let Some((putter, item)) = queue.get(crew.io).expect("nobody cancels") {
                        assert!(last[putter] < Some(item), "{last:?} then {item}");
                        last[putter] = Some(item);
                        arrived.lock().unwrap()[putter].push(item);
                    }
                }
            });
            for mut items in arrived.into_inner().unwrap() {
                items.sort_unstable();
                assert!(items.iter().copied().eq(0..ITEMS), "capacity {capacity}");
            }
        }
    });
}

#[test]
fn batches_arrive_whole_and_in_order() {
    const ITEMS: usize = 1000;
    on_every_crew(|crew| {
        for capacity in CAPACITIES {
            let queue = Queue::bounded(capacity);
            crew.all(2, |number| {
                if number == 0 {
                    let mut items: VecDeque<usize> = (0..ITEMS).collect();
                    queue.put_many(crew.io, &mut items).expect("it is open");
                    assert!(items.is_empty());
                    queue.close(crew.io);
                } else {
                    let mut all = Vec::new();
                    for count in (1..=7).cycle() {
                        let got = queue.get_many(crew.io, &mut all, count);
                        let got = got.expect("nobody cancels");
                        assert!(got <= count);
                        if got == 0 {
                            break;
                        }
                    }
                    assert!(all.into_iter().eq(0..ITEMS), "capacity {capacity}");
                }
            });
        }
    });
}

#[test]
fn a_closed_queue_gives_out_what_is_left() {
    on_every_crew(|crew| {
        let (io, queue) = (crew.io, Queue::bounded(3));
        queue.put(io, 1).expect("it is open");
        queue.put(io, 2).expect("it is open");
        queue.close(io);
        assert!(queue.is_closed());
        let refused = queue
            .put(io, 3)
            .expect_err("closed, although there is room");
        assert!(refused.is_closed() && refused.item == 3);
        assert_eq!(queue.try_put(io, 4), Err(TryPutError::Closed(4)));
        assert_eq!(queue.put_uncancelable(io, 5), Err(5));
        let mut batch = VecDeque::from([6, 7]);
        queue.put_many(io, &mut batch).expect_err("it is closed");
        assert_eq!(batch, [6, 7]);
        assert_eq!(queue.get(io).expect("no wait"), Some(1));
        assert_eq!(queue.try_get(io), Ok(2));
        assert_eq!(queue.try_get(io), Err(TryGetError::Closed));
        assert_eq!(queue.get(io).expect("no wait"), None);
        assert_eq!(queue.get_uncancelable(io), None);
        queue.close(io);
    });
}

#[test]
fn a_close_ends_every_wait_and_gives_items_back() {
    with_tasks(|io| {
        for capacity in [0, 1] {
            let queue: Queue<usize> = Queue::bounded(capacity);
            io.scope(|scope| {
                let gets: Vec<_> = (0..40).map(|_| scope.spawn(|| queue.get(io))).collect();
                let_others_run(io);
                queue.close(io);
                for get in gets {
                    assert_eq!(get.join().expect("nobody cancels"), None);
                }
            });
            let queue = Queue::bounded(capacity);
            let queue = &queue;
            io.scope(|scope| {
                for item in 0..capacity {
                    queue.put(io, item).expect("there is room");
                }
                let puts: Vec<_> = (10..50)
                    .map(|item| (item, scope.spawn(move || queue.put(io, item))))
                    .collect();
                let_others_run(io);
                queue.close(io);
                for (item, put) in puts {
                    let refused = put.join().expect_err("there was no room");
                    assert!(refused.is_closed() && refused.item == item);
                }
                let mut left = Vec::new();
                assert_eq!(queue.drain(io, &mut left), capacity);
            });
        }
    });
}

#[test]
fn what_would_wait_is_refused_by_try() {
    on_every_crew(|crew| {
        let (io, queue) = (crew.io, Queue::bounded(1));
        assert_eq!(queue.try_get(io), Err(TryGetError::Empty));
        assert_eq!(queue.try_put(io, 1), Ok(()));
        assert_eq!(queue.try_put(io, 2), Err(TryPutError::Full(2)));
        assert_eq!((queue.len(), queue.capacity()), (1, 1));
        assert_eq!(queue.try_get(io), Ok(1));
        assert!(queue.is_empty());
        let rendezvous = Queue::rendezvous();
        assert_eq!(rendezvous.try_put(io, 3), Err(TryPutError::Full(3)));
    });
}

#[test]
fn a_drain_takes_what_waits_to_be_put() {
    with_tasks(|io| {
        for capacity in [0, 2] {
            let queue = &Queue::bounded(capacity);
            io.scope(|scope| {
                let puts: Vec<_> = (0..5)
                    .map(|item| scope.spawn(move || queue.put(io, item)))
                    .collect();
                let mut all = Vec::new();
                while all.len() < 5 {
                    queue.drain(io, &mut all);
                    io.yield_now().expect("nobody cancels the test");
                }
                all.sort_unstable();
                assert_eq!(all, [0, 1, 2, 3, 4]);
                for put in puts {
                    put.join().expect("it was taken");
                }
            });
        }
    });
}

#[test]
fn who_waits_longest_is_served_first() {
    on_event_loop(1, |io| {
        let queue = Queue::rendezvous();
        let arrivals = Arrivals::default();
        io.scope(|scope| {
            let mut gets = Vec::new();
            for count in 1..=10 {
                gets.push(scope.spawn(|| {
                    arrivals.arrive();
                    queue.get(io)
                }));
                arrivals.wait_for(io, count);
            }
            for item in 0..10 {
                queue.try_put(io, item).expect("somebody waits");
            }
            for (item, get) in gets.into_iter().enumerate() {
                assert_eq!(get.join().expect("nobody cancels"), Some(item));
            }
        });
    });
}

#[test]
fn a_canceled_put_gives_its_item_back_or_has_put_it() {
    with_tasks(|io| {
        for capacity in [0, 1] {
            let queue = &Queue::bounded(capacity);
            for round in 0..1000 {
                for item in 0..capacity {
                    queue.put(io, Box::new(item)).expect("there is room");
                }
                io.scope(|scope| {
                    let put = scope.spawn(move || queue.put(io, Box::new(100)));
                    let get = scope.spawn(move || queue.get(io));
                    for _ in 0..round % 3 {
                        io.yield_now().expect("nobody cancels the test");
                    }
                    let came_back = match put.cancel() {
                        Ok(()) => false,
                        Err(refused) => {
                            assert!(is_canceled(&refused.error));
                            assert_eq!(*refused.item, 100);
                            true
                        }
                    };
                    let got = match get.cancel() {
                        Ok(item) => item.map(|item| *item),
                        Err(error) => {
                            assert!(is_canceled(&error));
                            None
                        }
                    };
                    let mut left = Vec::new();
                    queue.drain(io, &mut left);
                    let arrived = got.into_iter().chain(left.into_iter().map(|item| *item));
                    let arrived = arrived.filter(|item| *item == 100).count();
                    assert_eq!(arrived, usize::from(!came_back), "round {round}");
                });
            }
        }
    });
}

#[test]
fn an_item_that_was_given_beats_a_cancel() {
    on_event_loop(1, |io| {
        let queue = Queue::rendezvous();
        let arrivals = Arrivals::default();
        io.scope(|scope| {
            let get = scope.spawn(|| {
                arrivals.arrive();
                let item = queue.get(io).expect("it was given before");
                assert!(is_canceled(&io.checkpoint().expect_err("it is pending")));
                item
            });
            arrivals.wait_for(io, 1);
            get.request_cancel();
            queue.try_put(io, 1).expect("it still waits in line");
            assert_eq!(get.join(), Some(1));
            let put = scope.spawn(|| {
                arrivals.arrive();
                queue.put(io, 2).expect("it was taken before");
                assert!(is_canceled(&io.checkpoint().expect_err("it is pending")));
            });
            arrivals.wait_for(io, 2);
            put.request_cancel();
            assert_eq!(queue.try_get(io), Ok(2));
            let () = put.join();
        });
    });
}

#[test]
fn a_canceled_batch_keeps_what_was_not_put() {
    with_tasks(|io| {
        let queue = &Queue::bounded(2);
        io.scope(|scope| {
            let put = scope.spawn(move || {
                let mut items: VecDeque<_> = (0..6).collect();
                let answer = queue.put_many(io, &mut items);
                (answer, items)
            });
            let_others_run(io);
            let first = queue.get(io).expect("nobody cancels");
            assert_eq!(first, Some(0));
            let (answer, left) = put.cancel();
            assert!(is_canceled(&answer.expect_err("there was no room")));
            let mut all = vec![0];
            queue.drain(io, &mut all);
            all.extend(left);
            assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        });
    });
}

#[test]
fn a_deadline_ends_the_wait_and_gives_the_item_back() {
    on_every_crew(|crew| {
        let (io, queue) = (crew.io, Queue::bounded(1));
        crew.all(2, |_| {
            let answer = io.with_timeout(Duration::from_millis(1), || queue.get(io));
            assert!(is_deadline(&answer.expect_err("it is empty")));
        });
        queue.put(io, 0).expect("there is room");
        crew.all(2, |number| {
            let answer = io.with_timeout(Duration::from_millis(1), || queue.put(io, number));
            let refused = answer.expect_err("it is full");
            assert!(is_deadline(&refused.error) && refused.item == number);
        });
        assert_eq!(queue.try_get(io), Ok(0));
        assert_eq!(queue.try_get(io), Err(TryGetError::Empty));
    });
}
