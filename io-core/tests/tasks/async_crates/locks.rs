//! Locks and signals that are awaited, between tasks and threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use event_listener::Event;
use futures_lite::future::yield_now;
use io_core::task;
use tokio::sync::{Notify, Semaphore};

use super::super::on_concurrent_executors;
use super::beside_each_other;

const USERS: usize = 6;
const EACH: usize = 300;

#[test]
fn a_lock_is_held_by_one_across_an_await() {
    on_concurrent_executors(|io| {
        let ours = async_lock::Mutex::new(0);
        let theirs = tokio::sync::Mutex::new(0);
        beside_each_other(io, USERS, |number| {
            task::block_on(io, async {
                for _ in 0..EACH {
                    let mut count = ours.lock().await;
                    let before = *count;
                    if number % 3 == 0 {
                        yield_now().await;
                    }
                    *count = before + 1;
                    drop(count);
                    *theirs.lock().await += 1;
                }
            });
        });
        assert_eq!(ours.into_inner(), USERS * EACH);
        assert_eq!(theirs.into_inner(), USERS * EACH);
    });
}

#[test]
fn no_more_hold_a_permit_than_there_are() {
    on_concurrent_executors(|io| {
        let semaphore = Semaphore::new(2);
        let holders = AtomicUsize::new(0);
        beside_each_other(io, USERS, |_number| {
            task::block_on(io, async {
                for _ in 0..EACH {
                    let permit = semaphore.acquire().await.unwrap();
                    assert!(holders.fetch_add(1, Ordering::SeqCst) < 2);
                    yield_now().await;
                    holders.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                }
            });
        });
        assert_eq!(semaphore.available_permits(), 2);
    });
}

#[test]
fn two_that_notify_each_other_go_on() {
    const ROUNDS: usize = 2_000;
    on_concurrent_executors(|io| {
        let sides = [Notify::new(), Notify::new()];
        beside_each_other(io, 2, |number| {
            task::block_on(io, async {
                for _ in 0..ROUNDS {
                    if number == 0 {
                        sides[1].notify_one();
                        sides[0].notified().await;
                    } else {
                        sides[1].notified().await;
                        sides[0].notify_one();
                    }
                }
            });
        });
    });
}

#[test]
fn an_event_that_is_listened_for_first_is_not_missed() {
    const ROUNDS: usize = 1_000;
    on_concurrent_executors(|io| {
        let turn = AtomicUsize::new(0);
        let changed = Event::new();
        beside_each_other(io, 2, |number| {
            task::block_on(io, async {
                for round in 0..ROUNDS {
                    let own = 2 * round + number;
                    loop {
                        let listener = changed.listen();
                        if turn.load(Ordering::SeqCst) == own {
                            break;
                        }
                        listener.await;
                    }
                    turn.store(own + 1, Ordering::SeqCst);
                    changed.notify(usize::MAX);
                }
            });
        });
        assert_eq!(turn.into_inner(), 2 * ROUNDS);
    });
}
