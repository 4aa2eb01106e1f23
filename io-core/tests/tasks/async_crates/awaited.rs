//! The other direction: async code that awaits tasks.

use std::time::Duration;

use futures::StreamExt;
use futures::future::{self, Either};
use futures::stream::FuturesUnordered;
use io_core::sync::Event;
use io_core::{is_canceled, task};

use super::super::{on_concurrent_executors, on_every_executor};
use super::beside_a_thread;

const MANY: usize = 1_000;

#[test]
fn many_tasks_are_awaited_at_once() {
    on_every_executor(|io| {
        io.scope(|scope| {
            let tasks = (0..MANY).map(|number| scope.spawn_future(move || number));
            let all = task::block_on(io, future::join_all(tasks));
            assert!(all.into_iter().eq(0..MANY));
            let tasks =
                (0..MANY).map(|number| scope.spawn_future(move || io.yield_now().map(|()| number)));
            let unordered: FuturesUnordered<_> = tasks.collect();
            let sum = unordered.fold(0, |sum, number| future::ready(sum + number.unwrap()));
            assert_eq!(task::block_on(io, sum), MANY * (MANY - 1) / 2);
        });
    });
}

#[test]
fn the_task_that_lost_a_select_is_canceled_and_awaited() {
    on_concurrent_executors(|io| {
        io.scope(|scope| {
            let never = Event::new();
            let slow = scope.spawn_future(|| io.sleep(Duration::from_secs(3600)));
            let fast = scope.spawn_future(|| 1);
            let result = task::block_on(io, async {
                match future::select(slow, fast).await {
                    Either::Left((result, _fast)) => result,
                    Either::Right((number, slow)) => {
                        assert_eq!(number, 1);
                        slow.request_cancel();
                        slow.await
                    }
                }
            });
            assert!(is_canceled(&result.unwrap_err()));
            never.set(io);
        });
    });
}

#[test]
fn another_executor_awaits_a_task() {
    on_concurrent_executors(|io| {
        for round in 0..100 {
            let (event, is_over) = (Event::new(), Event::new());
            io.scope(|scope| {
                let waiting = scope.spawn_future(|| event.wait(io).map(|()| round));
                let outside = || {
                    let awaited = futures_lite::future::block_on(waiting);
                    assert_eq!(awaited.unwrap(), round);
                    is_over.set(io);
                };
                beside_a_thread(outside, || {
                    event.set(io);
                    // Not the end of the thread: that would keep the only worker.
                    is_over.wait_uncancelable(io);
                });
            });
        }
    });
}

#[test]
fn a_task_whose_future_is_dropped_goes_on() {
    on_concurrent_executors(|io| {
        let is_asked = Event::new();
        let has_ended = Event::new();
        io.scope(|scope| {
            let running = scope.spawn_future(|| {
                is_asked.wait(io).unwrap();
                has_ended.set(io);
            });
            // Polled once, so that it has a waker to forget.
            let both = future::select(running, future::ready(()));
            drop(task::block_on(io, both));
            is_asked.set(io);
            has_ended.wait(io).unwrap();
        });
    });
}
