//! Tests of what only this executor has; shared behaviour is in `conformance`.

#![expect(unsafe_code, reason = "constructs event loops")]

use std::io::Read;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use io_core::fs::File;
use io_core::{Clock, FutexAddress, FutexWord, Io, is_canceled, is_deadline};

use crate::{Builder, EventLoop, Waker};

pub(crate) mod child;
mod failing;
mod files;
mod hostile;
mod joining;
mod limits;
mod metrics;
mod overflow;
mod refused;
mod scheduling;
mod soundness;
mod syncs;
mod watched;

/// No check hangs: after this time its watchdog names it and ends the process.
const CHECK_TIME_MAX: Duration = Duration::from_secs(120);

/// For how long this thread has waited for a processor that others had.
fn time_queued() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("procfs");
    let queued = text.split(' ').nth(1).expect("three numbers");
    Duration::from_nanos(queued.parse().expect("nanoseconds"))
}

/// Ends the process with a message unless it is dropped in time.
struct Watchdog {
    is_over: Option<std::sync::mpsc::Sender<()>>,
}

impl Watchdog {
    fn new() -> Watchdog {
        let name = std::thread::current()
            .name()
            .unwrap_or("a check")
            .to_owned();
        let (is_over, over) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let answer = over.recv_timeout(CHECK_TIME_MAX);
            if answer == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("{name}: still running after {CHECK_TIME_MAX:?}");
                std::process::abort();
            }
        });
        Watchdog {
            is_over: Some(is_over),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.is_over.take());
    }
}

/// How often the worker of this thread has entered the kernel for its ring.
fn enters_of_this_worker(event_loop: &EventLoop) -> u64 {
    let enters = |worker: &crate::worker::Worker| worker.ring.borrow().counters().enters;
    crate::worker::with_current(&event_loop.shared, enters).expect("a worker")
}

/// Waits until `is_there`, looking again every millisecond.
fn wait_until(is_there: impl Fn() -> bool) {
    while !is_there() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn build(builder: Builder) -> EventLoop {
    // SAFETY: the tests keep no thread-local scope open across a wait.
    unsafe { builder.build() }.expect("these tests need io_uring")
}

fn with_workers(count: usize) -> EventLoop {
    build(EventLoop::builder().workers(count))
}

#[test]
fn a_value_comes_back_from_run() {
    for workers in [1, 2, 8] {
        assert_eq!(with_workers(workers).run(|_| 7).expect("a ring"), 7);
    }
}

#[test]
fn tasks_are_spawned_and_joined() {
    for workers in [1, 2, 8] {
        let event_loop = with_workers(workers);
        let io: &dyn Io = &event_loop;
        let sum = event_loop.run(|_| {
            io.scope(|scope| {
                let tasks: Vec<_> = (0..1000_u64).map(|n| scope.spawn(move || n)).collect();
                tasks
                    .into_iter()
                    .map(io_core::task::Task::join)
                    .sum::<u64>()
            })
        });
        assert_eq!(sum.expect("a ring"), 499_500);
    }
}

#[test]
fn a_foreign_thread_spawns_and_joins() {
    for workers in [1, 2] {
        let event_loop = with_workers(workers);
        let io: &dyn Io = &event_loop;
        let sum = io.scope(|scope| {
            let tasks: Vec<_> = (0..1000_u64).map(|n| scope.spawn(move || n)).collect();
            tasks
                .into_iter()
                .map(io_core::task::Task::join)
                .sum::<u64>()
        });
        assert_eq!(sum, 499_500);
    }
}

#[test]
fn fibers_sleep_at_the_same_time() {
    const COUNT: u32 = 1000;
    const TIME: Duration = Duration::from_millis(50);
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let began = io.now(Clock::Monotonic);
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for _ in 0..COUNT {
                    scope.spawn(|| io.sleep(TIME).expect("nobody cancels"));
                }
            });
        })
        .expect("a ring");
    let took = io.now(Clock::Monotonic).saturating_duration_since(began);
    assert!(took >= TIME, "{took:?}");
    // One after the other they need twice as long; a checker is slow too.
    assert!(took < TIME * COUNT / 2, "{took:?}");
}

#[test]
fn a_file_is_read_and_a_pipe_waits() {
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            let mut text = String::new();
            let mut file = File::open(io, "/proc/self/comm").expect("procfs");
            file.read_to_string(&mut text).expect("readable");
            assert!(!text.is_empty());
            let (reader, writer) = std::io::pipe().expect("a pipe");
            let mut reader = File::from_fd(io, reader.into());
            let mut writer = File::from_fd(io, writer.into());
            io.scope(|scope| {
                let task = scope.spawn(|| {
                    let mut buffer = [0; 5];
                    reader.read_exact(&mut buffer).expect("the writer writes");
                    buffer
                });
                io.sleep(Duration::from_millis(10)).expect("nobody cancels");
                std::io::Write::write_all(&mut writer, b"hello").expect("room");
                assert_eq!(&task.join(), b"hello");
            });
        })
        .expect("a ring");
}

#[test]
fn a_canceled_pipe_read_and_sleep_and_wait_return_canceled() {
    for workers in [1, 2] {
        let event_loop = with_workers(workers);
        let io: &dyn Io = &event_loop;
        event_loop
            .run(|_| {
                let (reader, _writer) = std::io::pipe().expect("a pipe");
                let mut reader = File::from_fd(io, reader.into());
                let word = AtomicU32::new(0);
                io.scope(|scope| {
                    let read = scope.spawn(|| reader.read(&mut [0; 5]).map(drop));
                    let sleep = scope.spawn(|| io.sleep(Duration::from_secs(100)));
                    let wait = scope.spawn(|| io.futex_wait(FutexWord::of(&word), 0, None));
                    io.sleep(Duration::from_millis(10)).expect("nobody cancels");
                    for task in [read, sleep, wait] {
                        assert!(is_canceled(&task.cancel().expect_err("it was canceled")));
                    }
                });
            })
            .expect("a ring");
    }
}

#[test]
fn a_futex_goes_to_and_fro_between_fibers_and_threads() {
    const ROUNDS: u32 = 10_000;
    for (workers, waker) in [
        (1, Waker::EventFd),
        (2, Waker::EventFd),
        (2, Waker::MsgRing),
        (2, Waker::Futex),
    ] {
        let event_loop = build(EventLoop::builder().workers(workers).waker(waker));
        let io: &dyn Io = &event_loop;
        let word = AtomicU32::new(0);
        let turn = |parity: u32| {
            for round in 0..ROUNDS {
                while word.load(Ordering::Acquire) % 2 != parity {
                    let seen = word.load(Ordering::Acquire);
                    if seen % 2 != parity {
                        io.futex_wait(FutexWord::of(&word), seen, None)
                            .expect("nobody cancels");
                    }
                }
                assert_eq!(word.fetch_add(1, Ordering::AcqRel), round * 2 + parity);
                io.futex_wake(FutexAddress::of(&word), 1);
            }
        };
        event_loop
            .run(|_| {
                io.scope(|scope| {
                    scope.spawn(|| turn(0));
                    scope.spawn(|| turn(1));
                });
                word.store(0, Ordering::Release);
                std::thread::scope(|threads| {
                    threads.spawn(|| turn(0));
                    io.scope(|scope| scope.spawn(|| turn(1)).join());
                });
            })
            .expect("a ring");
    }
}

#[test]
fn dropping_the_loop_right_after_work_leaves_nothing() {
    for round in 0..50 {
        let event_loop = with_workers(1 + round % 3);
        let io: &dyn Io = &event_loop;
        let count = AtomicUsize::new(0);
        io.scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| count.fetch_add(1, Ordering::Relaxed));
            }
        });
        assert_eq!(count.into_inner(), 10);
    }
}

/// The processor time that the calling thread has used (proc_pid_schedstat(5)).
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has it");
    let nanos = text.split(' ').next().expect("it has three numbers");
    Duration::from_nanos(nanos.parse().expect("it is a number"))
}

/// Measured in processor time: on a busy machine the thread itself waits for long.
#[test]
fn yielding_fibers_delay_nobody_for_long() {
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            let is_over = AtomicBool::new(false);
            io.scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        while !is_over.load(Ordering::Relaxed) {
                            io.yield_now().expect("nobody cancels");
                        }
                    });
                }
                let began = processor_time();
                io.sleep(Duration::from_millis(20)).expect("nobody cancels");
                let took = processor_time().saturating_sub(began);
                is_over.store(true, Ordering::Relaxed);
                assert!(took < Duration::from_millis(200), "{took:?}");
            });
        })
        .expect("a ring");
}

#[test]
fn a_hundred_thousand_fibers_are_suspended_at_once() {
    const COUNT: usize = 100_000;
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    let (waiting, word) = (AtomicUsize::new(0), AtomicU32::new(0));
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for _ in 0..COUNT {
                    scope.spawn(|| {
                        waiting.fetch_add(1, Ordering::Relaxed);
                        while word.load(Ordering::Acquire) == 0 {
                            io.futex_wait(FutexWord::of(&word), 0, None)
                                .expect("nobody cancels");
                        }
                    });
                }
                while waiting.load(Ordering::Relaxed) < COUNT {
                    io.yield_now().expect("nobody cancels");
                }
                word.store(1, Ordering::Release);
                io.futex_wake(FutexAddress::of(&word), u32::MAX);
            });
        })
        .expect("a ring");
}

#[test]
fn readiness_is_waited_for_until_it_comes_or_a_request_does() {
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            let (reader, mut writer) = std::io::pipe().expect("a pipe");
            io.scope(|scope| {
                let canceled = scope.spawn(|| io.wait_readable(reader.as_fd()));
                let late = scope.spawn(|| {
                    io.with_timeout(Duration::from_millis(5), || {
                        io.wait_readable(reader.as_fd())
                    })
                });
                let ready = scope.spawn(|| io.wait_readable(reader.as_fd()));
                assert!(is_deadline(&late.join().expect_err("nothing to read")));
                assert!(is_canceled(&canceled.cancel().expect_err("canceled")));
                std::io::Write::write_all(&mut writer, b"x").expect("room");
                ready.join().expect("there is something to read");
                io.wait_writable(writer.as_fd()).expect("there is room");
            });
        })
        .expect("a ring");
}
