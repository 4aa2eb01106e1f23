//! Requests: each kind of wait is ended once it has begun, and nothing else is.

use super::*;

use std::os::fd::AsFd;
use std::sync::atomic::AtomicU32;

use io_core::task::{self, TaskRecord};
use io_core::{Clock, FutexAddress, FutexWord, forward_io, is_canceled};

/// Starts `wait` as a task, requests its cancel once it sleeps in the system
/// call `number`, and returns its answer.
#[track_caller]
fn cancel_asleep<T: Send>(
    io: &dyn Io,
    number: libc::c_long,
    wait: impl Fn() -> io::Result<T> + Send + Sync,
) -> io::Result<T> {
    let whereabouts = Whereabouts::default();
    io.scope(|scope| {
        let task = scope
            .spawn_concurrent(|| {
                whereabouts.tell();
                let answer = wait();
                // Delivered once: the next point works normally.
                assert!(answer.is_ok() || io.checkpoint().is_ok());
                answer
            })
            .unwrap();
        whereabouts.await_asleep_in(number);
        task.cancel()
    })
}

#[test]
fn a_sleep_is_canceled() {
    watched("a_sleep_is_canceled", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let wait = || io.sleep(Duration::from_secs(1000));
        assert!(is_canceled(
            &cancel_asleep(io, libc::SYS_futex, wait).unwrap_err()
        ));
    });
}

#[test]
fn a_futex_wait_is_canceled_and_leaves_the_lot() {
    watched("a_futex_wait_is_canceled_and_leaves_the_lot", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let word = AtomicU32::new(0);
        let wait = || io.futex_wait(FutexWord::of(&word), 0, None);
        assert!(is_canceled(
            &cancel_asleep(io, libc::SYS_futex, wait).unwrap_err()
        ));
        assert!(threaded.shared.lot.is_empty());
    });
}

#[test]
fn a_pipe_read_is_canceled_and_loses_nothing() {
    watched("a_pipe_read_is_canceled_and_loses_nothing", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (reader, writer) = pipe();
        for _ in 0..10 {
            let wait = || read(io, &reader, &mut [0; 8]);
            let answer = cancel_asleep(io, SYS_POLLER, wait);
            assert!(is_canceled(&answer.unwrap_err()));
        }
        assert_eq!(write(io, &writer, b"later").unwrap(), 5);
        let mut buffer = [0; 8];
        assert_eq!(read(io, &reader, &mut buffer).unwrap(), 5);
    });
}

#[test]
fn a_pipe_write_is_canceled() {
    watched("a_pipe_write_is_canceled", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (_reader, writer) = pipe();
        let wait = || {
            while write(io, &writer, &[7; 4096])? > 0 {}
            Ok(())
        };
        assert!(is_canceled(
            &cancel_asleep(io, SYS_POLLER, wait).unwrap_err()
        ));
    });
}

#[test]
fn a_socket_read_is_canceled() {
    watched("a_socket_read_is_canceled", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let handle = Handle::from_fd(OwnedFd::from(ours));
        let wait = || read(io, &handle, &mut [0; 8]);
        assert!(is_canceled(
            &cancel_asleep(io, SYS_POLLER, wait).unwrap_err()
        ));
    });
}

#[test]
fn opening_a_fifo_is_canceled() {
    watched("opening_a_fifo_is_canceled", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let fifo = Fifo::new();
        for _ in 0..20 {
            let wait = || open(io, &fifo.path, read_only()).map(drop);
            let answer = cancel_asleep(io, libc::SYS_openat, wait);
            assert!(is_canceled(&answer.unwrap_err()));
        }
    });
}

#[test]
fn a_fifo_and_a_terminal_are_read_and_canceled() {
    watched("a_fifo_and_a_terminal_are_read_and_canceled", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        // For both the kernel has no read that does not wait.
        let fifo = Fifo::new();
        let mut both_ends = OpenOptions::new();
        both_ends.read(true).write(true);
        let handles = [
            open(io, &fifo.path, both_ends).unwrap(),
            open(io, Path::new("/dev/ptmx"), both_ends).unwrap(),
        ];
        for handle in &handles {
            for _ in 0..3 {
                let wait = || read(io, handle, &mut [0; 8]);
                let answer = cancel_asleep(io, SYS_POLLER, wait);
                assert!(is_canceled(&answer.unwrap_err()));
            }
        }
        io.scope(|scope| {
            let task = scope.spawn_concurrent(|| read(io, &handles[0], &mut [0; 8]));
            assert_eq!(write(io, &handles[0], b"abc").unwrap(), 3);
            assert_eq!(task.unwrap().join().unwrap(), 3);
        });
    });
}

#[test]
fn many_readers_of_a_fifo_get_each_byte_once() {
    watched("many_readers_of_a_fifo_get_each_byte_once", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let fifo = Fifo::new();
        let mut both_ends = OpenOptions::new();
        both_ends.read(true).write(true);
        let handle = open(io, &fifo.path, both_ends).unwrap();
        // Who finds nothing after it was told that there is something waits in a
        // plain call, and is canceled there.
        let received = AtomicU32::new(0);
        io.scope(|scope| {
            for _ in 0..4 {
                scope
                    .spawn_concurrent(|| {
                        while read(io, &handle, &mut [0]).is_ok_and(|count| count == 1) {
                            received.fetch_add(1, Ordering::SeqCst);
                        }
                    })
                    .unwrap();
            }
            for _ in 0..2000 {
                assert_eq!(write(io, &handle, b"x").unwrap(), 1);
            }
            eventually("all bytes", || received.load(Ordering::SeqCst) == 2000);
            scope.cancel();
        });
        assert_eq!(received.load(Ordering::SeqCst), 2000);
    });
}

#[test]
fn a_join_passes_the_request_on() {
    watched("a_join_passes_the_request_on", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (reader, _writer) = pipe();
        let whereabouts = Whereabouts::default();
        io.scope(|scope| {
            let outer = scope.spawn_concurrent(|| {
                io.scope(|scope| {
                    let child = scope
                        .spawn_concurrent(|| read(io, &reader, &mut [0]))
                        .unwrap();
                    whereabouts.tell();
                    child.join()
                })
            });
            whereabouts.await_asleep_in(libc::SYS_futex);
            assert!(is_canceled(&outer.unwrap().cancel().unwrap_err()));
        });
    });
}

#[test]
fn an_inline_child_on_a_plain_thread_is_canceled() {
    watched("an_inline_child_on_a_plain_thread_is_canceled", || {
        let threaded = Threaded::builder().spawn_threads(0).build();
        let io: &dyn Io = &threaded;
        let (reader, _writer) = pipe();
        let fifo = Fifo::new();
        for number in [SYS_POLLER, libc::SYS_openat] {
            let whereabouts = Whereabouts::default();
            io.scope(|scope| {
                thread::scope(|threads| {
                    threads.spawn(|| {
                        whereabouts.await_asleep_in(number);
                        scope.cancel();
                    });
                    // Runs here, on a thread that is none of the pool.
                    let task = scope.spawn(|| {
                        whereabouts.tell();
                        if number == SYS_POLLER {
                            read(io, &reader, &mut [0]).map(drop)
                        } else {
                            open(io, &fifo.path, read_only()).map(drop)
                        }
                    });
                    assert!(is_canceled(&task.join().unwrap_err()));
                });
            });
        }
    });
}

#[test]
fn a_cancel_races_with_a_wake_and_loses_none() {
    watched("a_cancel_races_with_a_wake_and_loses_none", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        for round in 0..2000 {
            let word = AtomicU32::new(0);
            io.scope(|scope| {
                let wait = || io.futex_wait(FutexWord::of(&word), 0, None);
                let first = scope.spawn_concurrent(wait).unwrap();
                let second = scope.spawn_concurrent(wait).unwrap();
                if round % 2 == 0 {
                    while threaded.shared.lot.len() < 2 {
                        thread::yield_now();
                    }
                }
                let canceler = scope.spawn(|| first.cancel());
                word.store(1, Ordering::SeqCst);
                io.futex_wake(FutexAddress::of(&word), 1);
                let first = canceler.join();
                // If the cancel took no wake, the wake went to the other one.
                if first.is_ok() {
                    io.futex_wake(FutexAddress::of(&word), 1);
                }
                second.join().unwrap();
            });
            assert!(threaded.shared.lot.is_empty());
        }
    });
}

#[test]
fn a_cancel_races_with_a_read_and_loses_no_byte() {
    watched("a_cancel_races_with_a_read_and_loses_no_byte", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (reader, writer) = pipe();
        let mut counts = [0_u32; 2];
        for round in 0..2000_u32 {
            let answer = io.scope(|scope| {
                let task = scope
                    .spawn_concurrent(|| read(io, &reader, &mut [0; 4]))
                    .unwrap();
                let canceler = scope.spawn_concurrent(|| task.cancel()).unwrap();
                assert_eq!(write(io, &writer, &round.to_ne_bytes()).unwrap(), 4);
                canceler.join()
            });
            match answer {
                Ok(count) => {
                    assert_eq!(count, 4);
                    counts[0] += 1;
                }
                Err(error) => {
                    assert!(is_canceled(&error), "{error}");
                    let mut buffer = [0; 4];
                    assert_eq!(read(io, &reader, &mut buffer).unwrap(), 4);
                    assert_eq!(u32::from_ne_bytes(buffer), round);
                    counts[1] += 1;
                }
            }
        }
        eprintln!("read {} times, canceled {} times", counts[0], counts[1]);
    });
}

#[test]
fn a_cancel_races_with_the_opening_of_a_fifo_and_leaks_nothing() {
    watched("a_cancel_races_with_the_opening_of_a_fifo", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let fifo = Fifo::new();
        let mut write_only = OpenOptions::new();
        write_only.write(true);
        for _ in 0..500 {
            io.scope(|scope| {
                let reader = scope
                    .spawn_concurrent(|| open(io, &fifo.path, read_only()))
                    .unwrap();
                let writer = scope
                    .spawn_concurrent(|| open(io, &fifo.path, write_only))
                    .unwrap();
                let reader = reader.cancel();
                // Without a reader the writer waits for ever.
                let writer = writer.cancel();
                for answer in [reader, writer] {
                    assert!(answer.as_ref().err().is_none_or(is_canceled), "{answer:?}");
                }
            });
        }
    });
}

#[test]
fn nobody_uses_cpu_time_while_it_waits() {
    watched("nobody_uses_cpu_time_while_it_waits", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (reader, _writer) = pipe();
        let fifo = Fifo::new();
        let word = AtomicU32::new(0);
        type Wait<'a> = Box<dyn Fn() + Send + Sync + 'a>;
        let waits: [Wait<'_>; 4] = [
            Box::new(|| drop(read(io, &reader, &mut [0]))),
            Box::new(|| drop(open(io, &fifo.path, read_only()))),
            Box::new(|| drop(io.futex_wait(FutexWord::of(&word), 0, None))),
            Box::new(|| drop(io.sleep(Duration::from_secs(1000)))),
        ];
        io.scope(|scope| {
            let tasks: Vec<_> = waits
                .iter()
                .map(|wait| {
                    let body = || {
                        let before = thread_cpu_time();
                        wait();
                        thread_cpu_time() - before
                    };
                    scope.spawn_concurrent(body).unwrap()
                })
                .collect();
            // What is measured is a wait of this length.
            io.sleep(Duration::from_millis(500)).unwrap();
            for task in tasks {
                let used = task.cancel();
                assert!(used < Duration::from_millis(50), "used {used:?} of 500 ms");
            }
        });
    });
}

#[test]
fn a_late_interrupt_ends_no_other_wait() {
    watched("a_late_interrupt_ends_no_other_wait", || {
        let threaded = Threaded::builder().spawn_threads(1).build();
        let io: &dyn Io = &threaded;
        let stop = AtomicBool::new(false);
        io.scope(|scope| {
            // The same parker serves task after task; each request may be late.
            let sleeper = scope.spawn_concurrent(|| {
                while !stop.load(Ordering::Relaxed) {
                    let word = AtomicU32::new(0);
                    let until = io.now(io_core::Clock::Monotonic);
                    let until = until.saturating_add(Duration::from_micros(50));
                    let answer = io.futex_wait(FutexWord::of(&word), 0, Some(until));
                    assert!(io_core::is_deadline(&answer.unwrap_err()));
                }
            });
            for _ in 0..2000 {
                let task = scope.spawn(|| io.sleep(Duration::from_micros(20)));
                match task.cancel() {
                    Ok(()) => {}
                    Err(error) => assert!(is_canceled(&error)),
                }
            }
            stop.store(true, Ordering::Relaxed);
            sleeper.unwrap().join();
        });
    });
}

#[test]
fn a_wait_for_readiness_is_canceled() {
    watched("a_wait_for_readiness_is_canceled", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        let (reader, writer) = pipe();
        let wait = || io.wait_readable(reader.try_as_fd().unwrap());
        assert!(is_canceled(
            &cancel_asleep(io, SYS_POLLER, wait).unwrap_err()
        ));
        assert_eq!(write(io, &writer, b"x").unwrap(), 1);
        io.scope(|scope| scope.spawn(wait).join()).unwrap();
        // What is always ready, and what never can be.
        let file = fs::File::open("/proc/self/exe").unwrap();
        io.scope(|scope| scope.spawn(|| io.wait_readable(file.as_fd())).join())
            .unwrap();
    });
}

/// A wrapper that reads a byte before each wait for a task.
struct ReadsFirst<'a> {
    below: &'a Threaded,
    pipe: &'a Handle,
    whereabouts: &'a Whereabouts,
}

impl Io for ReadsFirst<'_> {
    forward_io!(self => self.below; except wait_task);

    fn wait_task(&self, task: &TaskRecord) {
        if !self.whereabouts.is_told() {
            self.whereabouts.tell();
            assert_eq!(read(self.below, self.pipe, &mut [0]).unwrap(), 1);
        }
        self.below.wait_task(task);
    }
}

#[test]
fn an_operation_of_a_wait_with_a_request_to_forward_waits_asleep() {
    watched(
        "an_operation_of_a_wait_with_a_request_to_forward_waits_asleep",
        || {
            let threaded = Threaded::new();
            let (reader, writer) = pipe();
            let whereabouts = Whereabouts::default();
            let io: &dyn Io = &ReadsFirst {
                below: &threaded,
                pipe: &reader,
                whereabouts: &whereabouts,
            };
            io.scope(|scope| {
                let task = scope
                    .spawn_concurrent(|| {
                        io.scope(|inner| {
                            let wait = || io.sleep(Duration::from_secs(1000));
                            let sleeps = inner.spawn_concurrent(wait).unwrap();
                            is_canceled(&sleeps.join().unwrap_err())
                        })
                    })
                    .unwrap();
                whereabouts.await_asleep_in(SYS_POLLER);
                task.request_cancel();
                // Long enough to be disturbed by it; then it has to sleep again.
                thread::sleep(Duration::from_millis(100));
                whereabouts.await_asleep_in(SYS_POLLER);
                assert_eq!(write(&threaded, &writer, b"x").unwrap(), 1);
                assert!(task.join(), "it is forwarded once the read is over");
            });
        },
    );
}

/// Every safe code can write to the place of a record: one that names no parker
/// makes none, and ends no wait.
#[test]
fn a_place_that_names_no_parker_is_not_followed() {
    watched("a_place_that_names_no_parker_is_not_followed", || {
        let threaded = Threaded::new();
        let io: &dyn Io = &threaded;
        for place in [0, 2, 1 << 20, 1 << 30, usize::MAX] {
            let (is_there, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
            io.scope(|scope| {
                let task = scope
                    .spawn_concurrent(|| {
                        let begun = task::begin_wait(io.id(), || io.now(Clock::Monotonic));
                        begun.unwrap();
                        task::with_current(io.id(), |record| {
                            record.unwrap().place().store(place, Ordering::Relaxed);
                        });
                        is_there.store(true, Ordering::SeqCst);
                        eventually("the request", || is_over.load(Ordering::SeqCst));
                        task::end_wait(io.id());
                        is_canceled(&io.checkpoint().unwrap_err())
                    })
                    .unwrap();
                eventually("the wait", || is_there.load(Ordering::SeqCst));
                let used = thread_cpu_time();
                task.request_cancel();
                let used = thread_cpu_time() - used;
                assert!(used < Duration::from_millis(20), "{place}: {used:?}");
                is_over.store(true, Ordering::SeqCst);
                assert!(task.join());
            });
        }
    });
}
