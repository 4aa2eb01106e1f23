//! Requests: who receives a forwarded one, and to whom it comes back. What a
//! model can not reach: the code of blocks and scopes around the cancel word.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use io_blocking::Blocking;
use io_core::{Clock, Io, is_canceled, task};

use crate::backend::{Jobs, Tiny};
use crate::watchdog::Watchdog;

fn is_canceled_now(io: &dyn Io) -> bool {
    io.checkpoint().is_err_and(|error| is_canceled(&error))
}

#[test]
fn a_request_at_the_end_of_a_canceled_scope_is_not_taken_for_received() {
    let _watchdog = Watchdog::new("a_request_at_the_end_of_a_canceled_scope");
    let tiny = Tiny::new(Jobs::Threads);
    let io: &dyn Io = &tiny;
    io.scope(|scope| {
        let (inside, is_inside) = mpsc::channel();
        let (go, may_go) = mpsc::channel::<()>();
        let waiting = scope.spawn(move || {
            io.scope(|below| {
                let first = below.spawn(|| while !is_canceled_now(io) {});
                below.cancel();
                first.join();
                // It never looks, so what it is sent it does not receive.
                below.spawn(move || {
                    inside.send(()).unwrap();
                    let _is_over = may_go.recv();
                });
            });
            is_canceled_now(io)
        });
        is_inside.recv().unwrap();
        waiting.request_cancel();
        drop(go);
        assert!(waiting.join(), "the request is pending again");
    });
}

#[test]
fn a_request_that_the_inline_child_received_does_not_come_back() {
    let _watchdog = Watchdog::new("a_request_that_the_inline_child_received");
    let tiny = Tiny::new(Jobs::Inline);
    let io: &dyn Io = &tiny;
    io.scope(|outer| {
        let task = outer.spawn(|| {
            outer.cancel();
            let seen = io.scope(|scope| {
                let child = scope.spawn(|| {
                    let is_received = is_canceled_now(io);
                    // Another's request, left at the end.
                    scope.cancel();
                    is_received
                });
                child.join()
            });
            (seen, is_canceled_now(io))
        });
        assert_eq!(task.join(), (true, false));
    });
}

/// An executor that begins a wait in a wait: the request is not handed to a child that
/// has gone.
#[test]
fn a_request_in_a_wait_within_a_wait_is_the_tasks_own() {
    let _watchdog = Watchdog::new("a_request_in_a_wait_within_a_wait_is_the_tasks_own");
    let blocking = Blocking::new();
    let io: &dyn Io = &blocking;
    io.scope(|scope| {
        thread::scope(|threads| {
            let (ask, asked) = mpsc::channel();
            let (tell, told) = mpsc::channel();
            threads.spawn(move || {
                asked.recv().unwrap();
                scope.cancel();
                tell.send(()).unwrap();
            });
            let task = scope.spawn(move || {
                // It looks for a request, so its spawner knows of it.
                io.scope(|inner| inner.spawn(|| io.checkpoint()).join())
                    .unwrap();
                for _ in 0..2 {
                    drop(task::begin_wait(io.id(), || io.now(Clock::Monotonic)));
                }
                ask.send(()).unwrap();
                told.recv().unwrap();
                is_canceled_now(io)
            });
            assert!(task.join());
        });
    });
}

#[test]
fn requests_from_anywhere_are_received_exactly_once() {
    let _watchdog = Watchdog::new("requests_from_anywhere_are_received_exactly_once");
    for round in 0..300 {
        let tiny = Tiny::new(Jobs::Threads);
        let io: &dyn Io = &tiny;
        let received = AtomicUsize::new(0);
        io.scope(|scope| {
            let received = &received;
            let task = scope.spawn(move || {
                // Waits in a sleep, a join, an inline child and a scope's end.
                let result = match round % 4 {
                    0 => io.sleep(Duration::from_secs(600)),
                    1 => {
                        io.scope(|below| below.spawn(|| io.sleep(Duration::from_secs(600))).join())
                    }
                    2 => io.offload(|| io.sleep(Duration::from_secs(600))),
                    _ => {
                        let mut result = Ok(());
                        io.scope(|below| {
                            let result = &mut result;
                            below.spawn(move || *result = io.sleep(Duration::from_secs(600)));
                        });
                        result
                    }
                };
                received.fetch_add(usize::from(result.is_err()), Ordering::SeqCst);
                is_canceled_now(io)
            });
            // From a thread that is no task, at once or a little later.
            thread::scope(|threads| {
                threads.spawn(|| {
                    (0..round * 10).for_each(|_| std::hint::spin_loop());
                    task.request_cancel();
                });
            });
            assert!(!task.join(), "it is not delivered twice");
        });
        assert_eq!(received.load(Ordering::SeqCst), 1);
        assert_eq!(tiny.wait_count(), 0);
    }
}
