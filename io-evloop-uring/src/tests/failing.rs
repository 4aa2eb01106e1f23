//! What happens when the kernel fails a worker that is under way: for good, or
//! for a time. Each check in a process of its own.

#![expect(unsafe_code, reason = "closes what the loop needs")]

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use io_core::fs::File;
use io_core::{Handle, Io};

use super::build;
use super::child::{
    each_in_child, in_child, refuse, refuse_kernel_threads, refuse_threads, set_limit,
};
use crate::ring::{EnterFaults, Ring};
use crate::{Builder, EventLoop, Waker};

/// Where a worker's ring fails.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// On the caller of `run`, whose fiber parks.
    Caller,
    /// On a worker thread.
    Thread,
    /// On the caller, in a fiber that must not park.
    NoSuspend,
}

const PLACES: [Place; 3] = [Place::Caller, Place::Thread, Place::NoSuspend];

/// For how long a ring of these checks may be refused everything.
const REFUSED_TIME: Duration = Duration::from_millis(500);

/// Each error in each place.
fn with_each_place<const N: usize>(errnos: [i32; N]) -> Vec<(Place, i32)> {
    let pairs = |place: Place| errnos.map(|errno| (place, errno));
    PLACES.into_iter().flat_map(pairs).collect()
}

/// Lets `fail` hit the thread of a worker on which a task is about to wait for a
/// pipe, while another task of it waits already, and then sends the bytes.
fn read_after(builder: Builder, place: Place, fail: impl Fn(&EventLoop) + Sync) {
    let event_loop = build(builder.workers(1));
    let io: &dyn Io = &event_loop;
    let pipe = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        (File::from_fd(io, reader.into()), writer)
    };
    let ((first, mut first_end), (second, mut second_end)) = (pipe(), pipe());
    let is_there = AtomicBool::new(false);
    let read = |mut file: &File<'_>| {
        let mut bytes = [0; 5];
        file.read_exact(&mut bytes).expect("the writer writes");
        assert_eq!(&bytes, b"hello");
    };
    let body = || {
        io.scope(|scope| {
            let waits = scope.spawn(|| read(&first));
            let fails = scope.spawn(|| {
                // The other one waits now.
                io.sleep(Duration::from_millis(5)).expect("nobody cancels");
                fail(&event_loop);
                is_there.store(true, Ordering::Release);
                match place {
                    Place::Caller | Place::Thread => read(&second),
                    Place::NoSuspend => io.no_suspend(&mut || read(&second)),
                }
            });
            fails.join();
            waits.join();
        });
    };
    std::thread::scope(|threads| {
        threads.spawn(|| {
            super::wait_until(|| is_there.load(Ordering::Acquire));
            std::thread::sleep(Duration::from_millis(20));
            first_end.write_all(b"hello").expect("room");
            second_end.write_all(b"hello").expect("room");
        });
        match place {
            Place::Caller | Place::NoSuspend => event_loop.run(|_| body()).expect("a ring"),
            Place::Thread => body(),
        }
    });
}

fn on_worker<R>(event_loop: &EventLoop, body: impl FnOnce(&mut Ring) -> R) -> R {
    crate::worker::with_current(&event_loop.shared, |worker| {
        body(&mut worker.ring.borrow_mut())
    })
    .expect("a worker")
}

#[test]
fn a_ring_that_is_forbidden_later_ends_the_process_with_a_message() {
    each_in_child(
        with_each_place([libc::EPERM, libc::ENOSYS]),
        |(place, errno)| {
            read_after(EventLoop::builder(), place, |_| {
                refuse(libc::SYS_io_uring_enter, errno);
            });
        },
        |(place, errno), ended| {
            let index = match place {
                Place::Thread => "worker 1",
                Place::Caller | Place::NoSuspend => "worker 0",
            };
            let code = format!("os error {errno}");
            ended.assert_aborted(&[index, &code, "seccomp", "io_uring_enter", "Threaded"]);
        },
    );
}

#[test]
fn a_ring_that_was_closed_ends_the_process_with_a_message() {
    each_in_child(
        PLACES,
        |place| {
            read_after(EventLoop::builder(), place, |event_loop| {
                on_worker(event_loop, Ring::close_for_test);
            });
        },
        |_, ended| ended.assert_aborted(&["descriptor", "os error 9", "close"]),
    );
}

#[test]
fn a_ring_that_stays_without_memory_ends_the_process_with_a_message() {
    each_in_child(
        with_each_place([libc::ENOMEM, libc::EAGAIN, libc::EBUSY]),
        |(place, errno)| {
            let mut builder = EventLoop::builder();
            builder.options.ring.refused_time_max = REFUSED_TIME;
            read_after(builder, place, |_| {
                refuse(libc::SYS_io_uring_enter, errno);
            });
        },
        |(_, errno), ended| {
            ended.assert_aborted(&[&format!("os error {errno}"), "memory"]);
            assert!(ended.took >= REFUSED_TIME, "after {:?}", ended.took);
        },
    );
}

#[test]
fn a_ring_that_fails_at_the_end_ends_the_process_with_a_message() {
    each_in_child(
        [()],
        |()| {
            let event_loop = build(EventLoop::builder().workers(1).waker(Waker::Futex));
            let ran = event_loop.run(|io| {
                // Its thread has to sleep once, so that something is armed; on a busy
                // machine a time may be over before it does.
                while super::enters_of_this_worker(&event_loop) == 0 {
                    io.sleep(Duration::from_millis(1)).expect("nobody cancels");
                }
                refuse(libc::SYS_io_uring_enter, libc::EPERM);
            });
            unreachable!("it went on: {ran:?}");
        },
        |(), ended| ended.assert_aborted(&["worker 0", "os error 1", "seccomp"]),
    );
}

#[test]
fn a_panic_of_the_run_loop_itself_ends_the_process_with_a_message() {
    each_in_child(
        [Place::Caller, Place::Thread],
        |place| {
            read_after(EventLoop::builder(), place, |event_loop| {
                on_worker(event_loop, |ring| {
                    ring.fail_enters_for_test(EnterFaults::Panic)
                });
            });
        },
        |_, ended| ended.assert_aborted(&["panic", "bug of the event loop"]),
    );
}

#[test]
fn a_wake_that_no_way_can_carry_ends_the_process_with_a_message() {
    each_in_child(
        [()],
        |()| {
            let event_loop = build(EventLoop::builder().workers(1).waker(Waker::EventFd));
            let io: &dyn Io = &event_loop;
            io.scope(|scope| {
                scope.spawn(|| ()).join();
                // Somebody closes what is not theirs.
                // SAFETY: nothing of the check itself is open there.
                unsafe { libc::close_range(3, u32::MAX, 0) };
                std::thread::sleep(Duration::from_millis(50));
                scope.spawn(|| ()).join();
            });
        },
        |(), ended| ended.assert_aborted(&["woken", "os error 9", "close"]),
    );
}

#[test]
fn a_ring_without_memory_for_a_time_loses_nothing() {
    in_child(|| {
        for place in PLACES {
            for errno in [libc::ENOMEM, libc::EAGAIN, libc::EBUSY, libc::EINTR] {
                read_after(EventLoop::builder(), place, |event_loop| {
                    on_worker(event_loop, |ring| {
                        ring.fail_enters_for_test(EnterFaults::Next { errno, count: 50 });
                    });
                });
            }
        }
    });
}

#[test]
fn a_lack_of_descriptors_costs_no_worker_for_good() {
    in_child(|| {
        let event_loop = build(EventLoop::builder().workers(4));
        let io: &dyn Io = &event_loop;
        let work = || {
            let sum: u32 = io.scope(|scope| {
                let spawn = |n| scope.spawn_concurrent(move || n).expect("no limit");
                let tasks: Vec<_> = (0..50).map(spawn).collect();
                tasks.into_iter().map(io_core::task::Task::join).sum()
            });
            assert_eq!(sum, 1225);
        };
        let takers = || event_loop.shared.places.taker_count();
        let ran = event_loop.run(|_| {
            set_limit(libc::RLIMIT_NOFILE, 100);
            let mut all = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                all.push(file);
            }
            // A ring and an eventfd are needed.
            for _ in 0..2 {
                for _ in 0..20 {
                    work();
                }
                assert_eq!(takers(), 1);
                std::thread::sleep(Duration::from_millis(120));
                drop(all.pop());
            }
            drop(all);
            // Now there are enough, and the places are taken.
            while takers() < 4 {
                work();
                io.sleep(Duration::from_millis(1)).expect("nobody cancels");
            }
        });
        ran.expect("a ring");
    });
}

/// Work that would like further threads: workers, and both lanes of the pool.
fn work_that_wants_threads(event_loop: &EventLoop) {
    let io: &dyn Io = event_loop;
    let directory = tempfile::tempdir_in("/tmp").expect("a place for files");
    let sum: u32 = io.scope(|scope| {
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let path = directory.path().join(n.to_string());
                let task = scope.spawn_concurrent(move || {
                    let mut file = File::create(io, path).expect("a place for files");
                    file.write_all(b"x").expect("room");
                    file.sync_all().expect("a disk");
                    io.sleep(Duration::from_millis(1)).expect("nobody cancels");
                    io.offload(move || n)
                });
                task.expect("worker 0 takes it")
            })
            .collect();
        tasks.into_iter().map(io_core::task::Task::join).sum()
    });
    assert_eq!(sum, 1225);
}

#[test]
fn without_further_threads_the_threads_there_are_do_the_work() {
    in_child(|| {
        for is_fallback in [true, false] {
            let mut builder = EventLoop::builder().workers(4);
            if is_fallback {
                builder = builder.force_fallbacks();
            }
            let event_loop = build(builder);
            let ran = event_loop.run(|_| {
                if is_fallback {
                    refuse_threads();
                }
                work_that_wants_threads(&event_loop);
            });
            ran.expect("a ring");
        }
    });
}

#[test]
fn without_kernel_threads_operations_go_another_way_or_say_so() {
    in_child(|| {
        let directory = tempfile::tempdir_in("/tmp").expect("a place for files");
        let fifo = directory.path().join("fifo");
        super::files::make_fifo(&fifo);
        let event_loop = build(EventLoop::builder().workers(4));
        let ran = event_loop.run(|io| {
            refuse_kernel_threads();
            work_that_wants_threads(&event_loop);
            // Nobody can wait for the other end, and nobody has canceled.
            let error = File::open(io, &fifo).expect_err("no thread can wait");
            assert_eq!(error.raw_os_error(), Some(libc::EAGAIN), "{error}");
        });
        ran.expect("a ring");
    });
}

#[test]
fn a_close_that_the_kernel_has_no_thread_for_touches_no_number() {
    in_child(|| {
        let event_loop = build(EventLoop::builder().workers(1));
        let ran = event_loop.run(|_| {
            refuse_kernel_threads();
            let file = std::fs::File::open("/dev/null").expect("a device");
            let number = file.as_raw_fd();
            let handle = Handle::from_fd(file.into());
            let close = |worker: &_| crate::file::close_on_kernel_thread(worker, handle);
            let answer = crate::worker::with_current(&event_loop.shared, close);
            let error = answer.expect("worker 0").expect_err("nobody closes it");
            assert_eq!(error.raw_os_error(), Some(libc::EIO), "{error}");
            // SAFETY: asks only.
            let is_open = unsafe { libc::fcntl(number, libc::F_GETFD) } >= 0;
            assert!(is_open, "it could be another's by now");
        });
        ran.expect("a ring");
    });
}
