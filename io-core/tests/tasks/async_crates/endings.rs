//! Futures that are dropped, canceled or panic.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;
use std::time::Duration;

use futures::channel::oneshot;
use futures::future;
use io_core::{is_canceled, is_deadline, task};

use super::super::{on_concurrent_executors, on_every_executor};

#[test]
fn a_cancel_races_with_the_result_and_loses_none() {
    const ROUNDS: usize = 500;
    on_concurrent_executors(|io| {
        for round in 0..ROUNDS {
            let (sender, receiver) = oneshot::channel();
            io.scope(|scope| {
                let waiting = scope
                    .spawn_concurrent(|| task::block_on_cancelable(io, receiver))
                    .unwrap();
                let sending = scope.spawn_concurrent(move || {
                    for _ in 0..round % 5 {
                        io.yield_now().unwrap();
                    }
                    sender.send(round)
                });
                let sending = sending.unwrap();
                for _ in 0..round % 7 {
                    io.yield_now().unwrap();
                }
                let received = waiting.cancel();
                let sent = sending.join();
                match received {
                    Ok(received) => assert_eq!(received, Ok(round)),
                    Err(error) => {
                        assert!(is_canceled(&error), "{error}");
                        // Sent to somebody who was still there, or given back.
                        assert!(sent.is_ok() || sent == Err(round));
                    }
                }
            });
        }
    });
}

#[test]
fn a_canceled_future_is_dropped_before_the_call_returns() {
    on_concurrent_executors(|io| {
        io.scope(|scope| {
            let (mut sender, receiver) = oneshot::channel::<()>();
            let waiting = scope.spawn_concurrent(|| {
                let result = task::block_on_cancelable(io, receiver);
                (result.map(drop), io.checkpoint())
            });
            let waiting = waiting.unwrap();
            waiting.request_cancel();
            // Nobody waits for it any more: the receiver is gone.
            task::block_on(io, sender.cancellation());
            let (result, after) = waiting.join();
            assert!(is_canceled(&result.unwrap_err()));
            after.expect("one request is delivered once");
        });
    });
}

#[test]
fn a_deadline_drops_what_is_pending_and_not_what_is_ready() {
    on_every_executor(|io| {
        let (sender, receiver) = oneshot::channel::<()>();
        let wait = || task::block_on_cancelable(io, receiver);
        let result = io.with_timeout(Duration::from_millis(2), wait);
        assert!(is_deadline(&result.unwrap_err()));
        assert!(sender.is_canceled());
        let ready = || task::block_on_cancelable(io, future::ready(1));
        let result = io.with_timeout(Duration::ZERO, ready);
        assert_eq!(result.unwrap(), 1, "no wait, no point");
    });
}

/// Notes its name when it is dropped.
struct Named<'a>(&'a Mutex<Vec<&'static str>>, &'static str);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(self.1);
    }
}

#[test]
fn what_a_future_holds_is_dropped_in_order_however_it_ends() {
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum End {
        Ready,
        Panics,
        Deadline,
    }
    on_every_executor(|io| {
        for end in [End::Ready, End::Panics, End::Deadline] {
            let names = Mutex::default();
            let holding = async {
                let _first = Named(&names, "first");
                let _second = Named(&names, "second");
                match end {
                    End::Ready => {}
                    End::Panics => panic::resume_unwind(Box::new("a future")),
                    End::Deadline => future::pending().await,
                }
            };
            let short = Duration::from_millis(1);
            let wait = || io.with_timeout(short, || task::block_on_cancelable(io, holding));
            let outcome = panic::catch_unwind(AssertUnwindSafe(wait));
            names.lock().unwrap().push("after");
            assert_eq!(outcome.is_err(), end == End::Panics);
            assert_eq!(*names.lock().unwrap(), ["second", "first", "after"]);
        }
    });
}

#[test]
fn a_panic_in_a_future_is_its_tasks_and_frees_what_it_held() {
    on_concurrent_executors(|io| {
        let lock = async_lock::Mutex::new(0);
        io.scope(|scope| {
            let panics = scope.spawn_concurrent(|| {
                task::block_on(io, async {
                    let _guard = lock.lock().await;
                    panic::resume_unwind(Box::new("a future"));
                })
            });
            let panics = panics.unwrap();
            let waiting = scope.spawn_concurrent(|| {
                task::block_on(io, async { *lock.lock().await += 1 });
            });
            let payload = panics.try_join().expect_err("it panics");
            assert_eq!(payload.downcast_ref(), Some(&"a future"));
            waiting.unwrap().join();
        });
        assert_eq!(lock.into_inner(), 1);
    });
}
