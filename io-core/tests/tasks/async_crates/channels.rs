//! Channels between tasks and threads, each of which waits in a future.

use std::collections::HashMap;
use std::sync::Mutex;

use futures::channel::{mpsc, oneshot};
use futures::{SinkExt, StreamExt};
use io_core::task;

use super::super::{on_concurrent_executors, on_every_executor};
use super::{beside_a_thread, beside_each_other};

const SENDERS: usize = 4;
const EACH: usize = 500;

/// What was received: from each sender all, in its order.
#[derive(Default)]
struct Received(Mutex<HashMap<usize, usize>>);

impl Received {
    fn in_order(&self, sender: usize, number: usize) {
        let mut next = self.0.lock().unwrap();
        let next = next.entry(sender).or_default();
        assert_eq!(*next, number, "of sender {sender}");
        *next += 1;
    }

    fn all(&self) {
        let next = self.0.lock().unwrap();
        assert_eq!(next.len(), SENDERS);
        assert!(next.values().all(|count| *count == EACH), "{next:?}");
    }
}

#[test]
fn a_bounded_channel_of_futures_keeps_all_in_order() {
    on_concurrent_executors(|io| {
        let (sender, receiver) = mpsc::channel(2);
        let receiver = Mutex::new(Some(receiver));
        let received = Received::default();
        let senders = Mutex::new(vec![sender; SENDERS]);
        beside_each_other(io, SENDERS + 1, |number| {
            if number < SENDERS {
                let mut sender = senders.lock().unwrap().pop().unwrap();
                task::block_on(io, async {
                    for item in 0..EACH {
                        sender.send((number, item)).await.unwrap();
                    }
                });
                return;
            }
            let mut receiver = receiver.lock().unwrap().take().unwrap();
            task::block_on(io, async {
                for _ in 0..SENDERS * EACH {
                    let (sender, item) = receiver.next().await.unwrap();
                    received.in_order(sender, item);
                }
                // The last sender goes with its task.
                assert_eq!(receiver.next().await, None);
            });
        });
        received.all();
    });
}

#[test]
fn a_bounded_channel_of_tokio_keeps_all_in_order() {
    on_concurrent_executors(|io| {
        let (sender, receiver) = tokio::sync::mpsc::channel(2);
        let receiver = Mutex::new(Some(receiver));
        let received = Received::default();
        beside_each_other(io, SENDERS + 1, |number| {
            if number < SENDERS {
                task::block_on(io, async {
                    for item in 0..EACH {
                        sender.send((number, item)).await.unwrap();
                    }
                });
                return;
            }
            let mut receiver = receiver.lock().unwrap().take().unwrap();
            task::block_on(io, async {
                for _ in 0..SENDERS * EACH {
                    let (sender, item) = receiver.recv().await.unwrap();
                    received.in_order(sender, item);
                }
            });
        });
        received.all();
    });
}

#[test]
fn a_channel_for_many_on_both_sides_loses_nothing() {
    on_concurrent_executors(|io| {
        for capacity in [1, 7] {
            let (sender, receiver) = async_channel::bounded(capacity);
            let counts = Mutex::new(vec![0; SENDERS * EACH]);
            beside_each_other(io, 2 * SENDERS, |number| {
                let numbers = number / 2 * EACH..(number / 2 + 1) * EACH;
                // Of each pair of numbers one is a task, the other a thread.
                let is_sender = (number + number / 2) % 2 == 0;
                task::block_on(io, async {
                    for item in numbers {
                        if is_sender {
                            sender.send(item).await.unwrap();
                        } else {
                            let item: usize = receiver.recv().await.unwrap();
                            counts.lock().unwrap()[item] += 1;
                        }
                    }
                });
            });
            assert!(
                counts
                    .into_inner()
                    .unwrap()
                    .into_iter()
                    .all(|count| count == 1)
            );
        }
    });
}

#[test]
fn a_stream_ends_with_its_channel() {
    on_every_executor(|io| {
        let (sender, receiver) = async_channel::unbounded();
        let outside = move || {
            for number in 0..1000_u64 {
                sender.try_send(number).unwrap();
            }
        };
        let sum = beside_a_thread(outside, || {
            let numbers = futures_lite::StreamExt::map(receiver, |number| 2 * number);
            let sum = futures_lite::StreamExt::fold(Box::pin(numbers), 0, |sum, n| sum + n);
            task::block_on(io, sum)
        });
        assert_eq!(sum, 999 * 1000);
    });
}

#[test]
fn a_sender_that_goes_is_an_answer_too() {
    on_every_executor(|io| {
        for _ in 0..200 {
            let (one, first) = oneshot::channel::<u8>();
            let (two, second) = tokio::sync::oneshot::channel::<u8>();
            beside_a_thread(
                move || {
                    drop(one);
                    two.send(2).unwrap();
                },
                || {
                    assert!(task::block_on(io, first).is_err());
                    assert_eq!(task::block_on(io, second), Ok(2));
                },
            );
        }
    });
}
