//! Tests of the oneshot channel.

use std::time::Duration;

use io_core::sync::{Mutex, TryGetError, oneshot};
use io_core::{is_canceled, is_deadline};

use super::crew::{Arrivals, on_event_loop, on_every_crew, with_tasks};

#[test]
fn the_value_arrives() {
    on_every_crew(|crew| {
        for round in 0..200 {
            let (sender, receiver) = oneshot::channel(crew.io);
            let ends = Mutex::new((Some(sender), Some(receiver)));
            crew.all(2, |number| {
                let mut ends = ends.lock_uncancelable(crew.io);
                if number == 0 {
                    let sender = ends.0.take().expect("one sender");
                    drop(ends);
                    sender.send(Box::new(round)).expect("it is wanted");
                } else {
                    let mut receiver = ends.1.take().expect("one receiver");
                    drop(ends);
                    let value = receiver.receive().expect("nobody cancels");
                    assert_eq!(value.as_deref(), Some(&round));
                    assert_eq!(receiver.receive().expect("no wait"), None);
                }
            });
        }
    });
}

#[test]
fn a_sender_that_goes_tells_the_receiver() {
    on_every_crew(|crew| {
        for _ in 0..200 {
            let (sender, receiver) = oneshot::channel::<u32>(crew.io);
            let ends = Mutex::new((Some(sender), Some(receiver)));
            crew.all(2, |number| {
                let mut ends = ends.lock_uncancelable(crew.io);
                if number == 0 {
                    let sender = ends.0.take();
                    drop(ends);
                    drop(sender);
                } else {
                    let mut receiver = ends.1.take().expect("one receiver");
                    drop(ends);
                    assert_eq!(receiver.receive_uncancelable(), None);
                    assert_eq!(receiver.try_receive(), Err(TryGetError::Closed));
                }
            });
        }
    });
}

#[test]
fn a_value_that_nobody_wants_comes_back() {
    on_every_crew(|crew| {
        let (sender, receiver) = oneshot::channel(crew.io);
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
        assert_eq!(sender.send("mine").expect_err("nobody wants it"), "mine");
    });
}

#[test]
fn a_value_is_received_without_a_wait() {
    on_every_crew(|crew| {
        let (sender, mut receiver) = oneshot::channel(crew.io);
        assert_eq!(receiver.try_receive(), Err(TryGetError::Empty));
        sender.send(1).expect("it is wanted");
        assert_eq!(receiver.try_receive(), Ok(1));
        assert_eq!(receiver.try_receive(), Err(TryGetError::Closed));
    });
}

#[test]
fn a_canceled_receive_loses_no_value() {
    with_tasks(|io| {
        for round in 0..1000 {
            let (sender, mut receiver) = oneshot::channel(io);
            io.scope(|scope| {
                let receive = scope.spawn(move || {
                    let first = receiver.receive();
                    (first, receiver)
                });
                for _ in 0..round % 3 {
                    io.yield_now().expect("nobody cancels the test");
                }
                let send = scope.spawn(move || sender.send(round).expect("it is wanted"));
                let (first, mut receiver) = receive.cancel();
                let value = first.unwrap_or_else(|error| {
                    assert!(is_canceled(&error));
                    receiver.receive().expect("nobody cancels the test")
                });
                assert_eq!(value, Some(round));
                let () = send.join();
            });
        }
    });
}

#[test]
fn a_value_beats_a_cancel_and_the_request_stays() {
    on_event_loop(1, |io| {
        let (sender, mut receiver) = oneshot::channel(io);
        let arrivals = Arrivals::default();
        io.scope(|scope| {
            let receive = scope.spawn(|| {
                arrivals.arrive();
                let value = receiver.receive().expect("it was sent before it looked");
                assert_eq!(value, Some(3));
                io.checkpoint().expect_err("the request is pending")
            });
            arrivals.wait_for(io, 1);
            receive.request_cancel();
            sender.send(3).expect("it is wanted");
            assert!(is_canceled(&receive.join()));
        });
    });
}

#[test]
fn a_deadline_ends_the_wait_and_loses_no_value() {
    on_every_crew(|crew| {
        let io = crew.io;
        let (sender, mut receiver) = oneshot::channel(io);
        let answer = io.with_timeout(Duration::from_millis(1), || receiver.receive());
        assert!(is_deadline(&answer.expect_err("it was not sent")));
        sender.send(1).expect("it is wanted");
        assert_eq!(receiver.receive().expect("it was sent"), Some(1));
    });
}
