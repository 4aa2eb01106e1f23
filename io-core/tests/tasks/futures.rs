//! Futures on tasks and tasks in futures.

use std::future::{self, Future};
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use io_core::sync::Event;
use io_core::{is_canceled, is_deadline, task};

use super::{on_concurrent_executors, on_every_executor};

/// Ready once it was told; tells its waker to whoever tells it.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<(Option<u32>, Option<Waker>)>>);

impl Told {
    fn tell(&self, value: u32) {
        let mut state = self.0.lock().unwrap();
        state.0 = Some(value);
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Future for Told {
    type Output = u32;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<u32> {
        let mut state = self.0.lock().unwrap();
        state.1 = Some(context.waker().clone());
        state.0.map_or(Poll::Pending, Poll::Ready)
    }
}

#[test]
fn a_future_that_is_ready_and_one_that_wakes_itself_end() {
    on_every_executor(|io| {
        assert_eq!(task::block_on(io, future::ready(7)), 7);
        let mut polls = 0;
        let own = future::poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if polls < 100 {
                Poll::Pending
            } else {
                Poll::Ready(polls)
            }
        });
        assert_eq!(task::block_on(io, own), 100);
    });
}

#[test]
fn wakers_work_on_every_thread_and_after_the_end() {
    on_every_executor(|io| {
        for round in 0..200 {
            let told = Told::default();
            let (send, receive) = mpsc::channel();
            let telling = told.clone();
            let thread = io_thread(move || {
                telling.tell(round);
                let waker: Waker = receive.recv().unwrap();
                waker.wake();
            });
            assert_eq!(task::block_on(io, told.clone()), round);
            let waker = told.0.lock().unwrap().1.take();
            // A waker of a call that is over: nothing happens.
            send.send(waker.unwrap_or_else(|| Waker::noop().clone()))
                .unwrap();
            thread.join().unwrap();
        }
    });
}

#[expect(
    clippy::disallowed_methods,
    reason = "a thread that is no task of anybody"
)]
fn io_thread(body: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(body)
}

#[test]
fn other_tasks_run_while_a_future_is_pending() {
    on_concurrent_executors(|io| {
        let told = Told::default();
        io.scope(|scope| {
            let waiting = scope
                .spawn_concurrent(|| task::block_on(io, told.clone()))
                .unwrap();
            let telling = scope.spawn_concurrent(|| told.tell(3)).unwrap();
            telling.join();
            assert_eq!(waiting.join(), 3);
        });
    });
}

#[test]
fn a_future_is_dropped_by_a_request_or_a_deadline_if_that_is_wanted() {
    on_every_executor(|io| {
        let short = Duration::from_millis(5);
        let never = || future::pending::<()>();
        let result = io.with_timeout(short, || task::block_on_cancelable(io, never()));
        assert!(is_deadline(&result.unwrap_err()));
    });
    on_concurrent_executors(|io| {
        io.scope(|scope| {
            let waiting = scope
                .spawn_concurrent(|| task::block_on_cancelable(io, future::pending::<()>()))
                .unwrap();
            assert!(is_canceled(&waiting.cancel().unwrap_err()));
            let told = Told::default();
            let telling = told.clone();
            let waiting = scope
                .spawn_concurrent(move || task::block_on(io, told))
                .unwrap();
            waiting.request_cancel();
            telling.tell(9);
            assert_eq!(waiting.join(), 9, "not a point");
        });
    });
}

#[test]
fn a_task_can_be_awaited() {
    on_every_executor(|io| {
        io.scope(|scope| {
            let one = scope.spawn_future(|| 1);
            let two = scope.spawn_future(|| io.sleep(Duration::from_micros(100)).map(|()| 2));
            let sum = task::block_on(io, async { one.await + two.await.unwrap() });
            assert_eq!(sum, 3);
            let panics = scope.spawn_future(|| panic::resume_unwind(Box::new("a task")));
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
                let () = task::block_on(io, panics);
            }));
            assert!(outcome.is_err());
            drop(scope.spawn_future(|| 5));
        });
    });
}

#[test]
fn an_awaited_task_wakes_whoever_awaits_it() {
    on_concurrent_executors(|io| {
        let event = Event::new();
        io.scope(|scope| {
            let waiting = scope.spawn_future(|| event.wait(io));
            let telling = scope.spawn(|| io.yield_now().map(|()| event.set(io)));
            assert!(task::block_on(io, waiting).is_ok());
            telling.join().unwrap();
        });
    });
}
