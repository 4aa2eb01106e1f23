//! Wakes at every moment: none is lost.

use std::future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};

use futures::channel::oneshot;
use futures::task::AtomicWaker;
use io_core::task;

use super::super::{on_concurrent_executors, on_every_executor};
use super::beside_a_thread;

#[test]
fn a_wake_during_the_poll_leads_to_another_poll() {
    const ROUNDS: usize = 500;
    on_every_executor(|io| {
        let (wakers, to_wake) = mpsc::channel::<Waker>();
        let (woken, is_woken) = mpsc::channel();
        let outside = move || {
            for waker in to_wake {
                waker.wake();
                woken.send(()).unwrap();
            }
        };
        beside_a_thread(outside, move || {
            for _ in 0..ROUNDS {
                let mut polls = 0;
                let future = future::poll_fn(|context| {
                    polls += 1;
                    if polls == 2 {
                        return Poll::Ready(());
                    }
                    wakers.send(context.waker().clone()).unwrap();
                    // The wake is over before this poll is.
                    is_woken.recv().unwrap();
                    Poll::Pending
                });
                task::block_on(io, future);
                assert_eq!(polls, 2);
            }
        });
    });
}

#[test]
fn a_wake_around_the_end_of_a_poll_is_not_lost() {
    const ROUNDS: usize = 5_000;
    on_every_executor(|io| {
        let told = AtomicUsize::new(0);
        let seen = AtomicUsize::new(0);
        let waker = AtomicWaker::new();
        let outside = || {
            for round in 1..=ROUNDS {
                // Between the poll and the wait, during either, or before both.
                for _ in 0..round % 97 {
                    std::hint::spin_loop();
                }
                told.store(round, Ordering::Release);
                waker.wake();
                while seen.load(Ordering::Acquire) < round {
                    std::hint::spin_loop();
                    #[expect(clippy::disallowed_methods, reason = "no task of anybody")]
                    std::thread::yield_now();
                }
            }
        };
        beside_a_thread(outside, || {
            for round in 1..=ROUNDS {
                let is_told = future::poll_fn(|context| {
                    waker.register(context.waker());
                    if told.load(Ordering::Acquire) == round {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                });
                task::block_on(io, is_told);
                seen.store(round, Ordering::Release);
            }
        });
    });
}

/// Each waits for the one before it, on another task.
#[test]
fn a_long_chain_of_tasks_wakes_itself() {
    on_concurrent_executors(|io| {
        let is_fibers = io.capabilities().name == "event-loop";
        let length = if is_fibers { 3_000 } else { 150 };
        let passed_on = io.scope(|scope| {
            let (first, mut next) = oneshot::channel::<usize>();
            for _ in 0..length {
                let (sender, receiver) = oneshot::channel();
                let before = std::mem::replace(&mut next, receiver);
                let task = scope.spawn_concurrent(move || {
                    let number = task::block_on(io, before).unwrap();
                    sender.send(number + 1).unwrap();
                });
                drop(task.expect("a task can be had"));
            }
            first.send(0).unwrap();
            task::block_on(io, next).unwrap()
        });
        assert_eq!(passed_on, length);
    });
}
