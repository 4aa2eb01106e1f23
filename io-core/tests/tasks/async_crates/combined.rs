//! Futures made of futures.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future::{self, Either};
use futures::stream::{self, FuturesUnordered};
use futures::{FutureExt, StreamExt, select};
use futures_lite::future::yield_now;
use io_core::task;

use super::super::on_every_executor;
use super::beside_a_thread;

const MANY: u64 = 5_000;

#[test]
fn thousands_of_futures_are_joined() {
    on_every_executor(|io| {
        let one = |number| async move {
            for _ in 0..number % 4 {
                yield_now().await;
            }
            number
        };
        let all = task::block_on(io, future::join_all((0..MANY).map(one)));
        assert!(all.into_iter().eq(0..MANY));
    });
}

#[test]
fn futures_end_in_the_order_in_which_a_thread_ends_them() {
    on_every_executor(|io| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..MANY).map(|_| oneshot::channel()).unzip();
        let outside = || {
            let ends = senders.into_iter().enumerate().rev();
            for (number, sender) in ends {
                sender.send(number).expect("somebody waits for it");
            }
        };
        let ended = beside_a_thread(outside, || {
            let unordered: FuturesUnordered<_> = receivers.into_iter().collect();
            task::block_on(io, unordered.collect::<Vec<_>>())
        });
        let mut numbers: Vec<usize> = ended.into_iter().map(Result::unwrap).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..5_000));
    });
}

/// Says when it is dropped.
struct Says<'a>(&'a RefCell<Vec<&'static str>>, &'static str);

impl Drop for Says<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().push(self.1);
    }
}

#[test]
fn a_select_drops_those_that_lost() {
    on_every_executor(|io| {
        let said = RefCell::default();
        let (sender, receiver) = oneshot::channel();
        let winner = beside_a_thread(
            || sender.send("the thread").expect("somebody waits for it"),
            || {
                task::block_on(io, async {
                    // Its own from the beginning, whether it is polled or not.
                    let own = Says(&said, "lost");
                    let loser = async move {
                        let _own = own;
                        future::pending::<()>().await;
                    };
                    match future::select(receiver, Box::pin(loser)).await {
                        Either::Left((won, _loser)) => won.unwrap(),
                        Either::Right(((), _winner)) => "nobody",
                    }
                })
            },
        );
        assert_eq!(winner, "the thread");
        assert_eq!(*said.borrow(), ["lost"]);
    });
}

#[test]
fn the_select_macro_takes_what_comes() {
    on_every_executor(|io| {
        let sum = task::block_on(io, async {
            let mut odd = stream::iter([1, 3, 5]).fuse();
            let mut even = stream::iter([2, 4])
                .then(|n| yield_now().map(move |()| n))
                .boxed()
                .fuse();
            let mut sum = 0;
            loop {
                select! {
                    number = odd.select_next_some() => sum += number,
                    number = even.select_next_some() => sum += number,
                    complete => break sum,
                }
            }
        });
        assert_eq!(sum, 15);
    });
}

#[test]
fn a_future_may_use_io_and_what_can_not_be_sent() {
    on_every_executor(|io| {
        let own = Rc::new(RefCell::new(0));
        let slept = task::block_on(io, async {
            for _ in 0..3 {
                io.sleep(Duration::from_micros(10))?;
                *own.borrow_mut() += 1;
                yield_now().await;
            }
            // A future on a task may wait for a future on the same task.
            *own.borrow_mut() += task::block_on(io, async { 4 });
            std::io::Result::Ok(())
        });
        slept.unwrap();
        assert_eq!(*own.borrow(), 7);
    });
}
