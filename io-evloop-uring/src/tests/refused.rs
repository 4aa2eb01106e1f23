//! What the system refuses, and what is left behind: each check in a process
//! of its own, since filters and limits are for good.

#![expect(unsafe_code, reason = "constructs event loops")]

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};

use io_core::Io;

use super::build;
use super::child::{in_child, refuse, set_limit};
use crate::{EventLoop, Waker, os_code};

fn count(directory: &str) -> usize {
    std::fs::read_dir(directory).expect("procfs").count()
}

fn refused(builder: crate::Builder) -> std::io::Error {
    // SAFETY: these checks keep no thread-local scope open across a wait.
    let result = unsafe { builder.build() };
    result.expect_err("it is refused")
}

#[test]
fn a_refused_ring_is_an_error_that_names_the_cause_and_the_way_out() {
    in_child(|| {
        refuse(libc::SYS_io_uring_setup, libc::EPERM);
        let error = refused(EventLoop::builder());
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(os_code(&error), Some(libc::EPERM));
        let text = error.to_string();
        assert!(
            text.contains("seccomp") && text.contains("Backend::Threaded"),
            "{text}"
        );
    });
    in_child(|| {
        refuse(libc::SYS_io_uring_setup, libc::ENOSYS);
        let error = refused(EventLoop::builder());
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(os_code(&error), Some(libc::ENOSYS));
        let text = error.to_string();
        assert!(
            text.contains("sandbox") && text.contains("Backend::Auto"),
            "{text}"
        );
    });
}

#[test]
fn rings_refused_later_mean_fewer_workers_and_no_lost_task() {
    in_child(|| {
        let event_loop = build(EventLoop::builder().workers(4));
        let io: &dyn Io = &event_loop;
        refuse(libc::SYS_io_uring_setup, libc::EPERM);
        let error = event_loop.run(|_| unreachable!("it has no ring"));
        assert_eq!(os_code(&error.expect_err("refused")), Some(libc::EPERM));
        // No worker at all: tasks run on their spawner.
        let sum: u32 = io.scope(|scope| {
            assert!(scope.spawn_concurrent(|| ()).is_err());
            let tasks: Vec<_> = (0..100).map(|n| scope.spawn(move || n)).collect();
            tasks.into_iter().map(io_core::task::Task::join).sum()
        });
        assert_eq!(sum, 4950);
    });
    in_child(|| {
        // Worker 0 has its ring; no other gets one.
        let event_loop = build(EventLoop::builder().workers(4));
        let io: &dyn Io = &event_loop;
        let sum = event_loop.run(|_| {
            refuse(libc::SYS_io_uring_setup, libc::EPERM);
            io.scope(|scope| {
                let spawn = |n| {
                    scope
                        .spawn_concurrent(move || n)
                        .expect("worker 0 takes it")
                };
                let tasks: Vec<_> = (0..100_u32).map(spawn).collect();
                tasks
                    .into_iter()
                    .map(io_core::task::Task::join)
                    .sum::<u32>()
            })
        });
        assert_eq!(sum.expect("a ring"), 4950);
    });
}

#[test]
fn without_descriptors_new_and_run_say_so_and_work_again_afterwards() {
    in_child(|| {
        let event_loop = build(EventLoop::builder().workers(2));
        set_limit(libc::RLIMIT_NOFILE, 200);
        let mut all = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            all.push(file);
        }
        let error = refused(EventLoop::builder());
        assert_eq!(os_code(&error), Some(libc::EMFILE));
        assert!(error.to_string().contains("ulimit -n"), "{error}");
        let mut failures = 0;
        loop {
            // With each spare descriptor it fails at a later step.
            match event_loop.run(|_| ()) {
                Ok(()) => break,
                Err(error) => assert_eq!(os_code(&error), Some(libc::EMFILE), "{error}"),
            }
            failures += 1;
            all.pop();
        }
        assert!(failures >= 2, "a ring and an eventfd are needed");
        drop(all);
        for round in 0..3 {
            assert_eq!(event_loop.run(|_| round).expect("descriptors"), round);
        }
    });
}

#[test]
fn locked_memory_is_no_limit_or_is_named() {
    in_child(|| {
        set_limit(libc::RLIMIT_MEMLOCK, 0);
        // SAFETY: nothing runs on it.
        match unsafe { EventLoop::builder().ring_entries(4096).build() } {
            Ok(event_loop) => assert_eq!(event_loop.run(|_| 7).expect("a ring"), 7),
            Err(error) => assert!(error.to_string().contains("ulimit -l"), "{error}"),
        }
    });
}

#[test]
fn without_memory_for_stacks_tasks_wait_for_their_turn() {
    in_child(|| {
        let event_loop = build(EventLoop::builder().workers(2));
        let io: &dyn Io = &event_loop;
        let pages = std::fs::read_to_string("/proc/self/statm").expect("procfs");
        let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
        set_limit(libc::RLIMIT_AS, pages * 4096 + (100 << 20));
        let done = AtomicUsize::new(0);
        event_loop
            .run(|_| {
                io.scope(|scope| {
                    for _ in 0..2000 {
                        scope.spawn(|| {
                            io.sleep(std::time::Duration::from_millis(20))
                                .expect("nobody cancels");
                            done.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                });
            })
            .expect("a ring");
        assert_eq!(done.into_inner(), 2000);
    });
}

#[test]
fn a_loop_leaves_neither_descriptors_nor_threads() {
    in_child(|| {
        let cycle = |number: usize| {
            let waker = Waker::ALL[number % 3];
            let event_loop = build(EventLoop::builder().workers(1 + number % 3).waker(waker));
            let io: &dyn Io = &event_loop;
            let work = || {
                io.scope(|scope| {
                    for _ in 0..20 {
                        scope.spawn(|| {
                            io.yield_now().expect("nobody cancels");
                            io.offload(|| ());
                        });
                    }
                });
            };
            work();
            event_loop.run(|_| work()).expect("a ring");
        };
        cycle(0);
        let (files, threads) = (count("/proc/self/fd"), count("/proc/self/task"));
        (0..30).for_each(cycle);
        assert_eq!(count("/proc/self/fd"), files);
        // A thread that was joined may show for another moment.
        super::wait_until(|| count("/proc/self/task") == threads);
    });
}
