//! What the system refuses, and what is left behind: each check in a fork of its
//! own, since filters and limits are for good.

#![expect(unsafe_code, reason = "sets limits and filters of a forked process")]

use std::io::ErrorKind;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};

use io_core::Io;

use super::build;
use crate::{EventLoop, Waker, os_code};

/// A check that takes longer hangs.
const FORK_SECONDS_MAX: u32 = 100;

/// Runs `check` in a fork of this process, which has one thread, and fails if it
/// panics or does not end.
fn in_fork(check: impl FnOnce()) {
    // SAFETY: the child uses what the C library keeps usable across a fork (its
    // allocator), no lock of this program, and leaves by _exit.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork: {}", std::io::Error::last_os_error());
    if child == 0 {
        // SAFETY: no requirements; ends the child if the check hangs.
        unsafe { libc::alarm(FORK_SECONDS_MAX) };
        let result = std::panic::catch_unwind(AssertUnwindSafe(check));
        // SAFETY: ends the child without running what belongs to its parent.
        unsafe { libc::_exit(i32::from(result.is_err())) };
    }
    let mut status = 0;
    // SAFETY: waits for our own child and writes its status.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(waited, child);
    assert_eq!(status, 0, "the fork's check failed or hung (above)");
}

/// From here on io_uring_setup(2) fails with `errno` in this process, as it does
/// in many containers (seccomp(2)).
fn refuse_rings(errno: i32) {
    let statement = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).expect("a short code"),
        jt,
        jf,
        k,
    };
    let setup = u32::try_from(libc::SYS_io_uring_setup).expect("a small number");
    let answer = libc::SECCOMP_RET_ERRNO | errno.cast_unsigned();
    let mut program = [
        // The number of the system call lies at offset 0 of seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, setup),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, answer),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: 4,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: no requirements; allows a filter to be set.
    let allowed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(allowed, 0);
    // SAFETY: the program is valid and is copied.
    let set = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const filter,
        )
    };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

fn set_limit(resource: libc::__rlimit_resource_t, value: u64) {
    let limit = libc::rlimit {
        rlim_cur: value,
        rlim_max: libc::RLIM_INFINITY,
    };
    let mut before = limit;
    // SAFETY: writes the limit that is in force.
    assert_eq!(unsafe { libc::getrlimit(resource, &raw mut before) }, 0);
    let limit = libc::rlimit {
        rlim_max: before.rlim_max,
        ..limit
    };
    // SAFETY: reads the new limit.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}

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
    in_fork(|| {
        refuse_rings(libc::EPERM);
        let error = refused(EventLoop::builder());
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert_eq!(os_code(&error), Some(libc::EPERM));
        let text = error.to_string();
        assert!(
            text.contains("seccomp") && text.contains("Backend::Threaded"),
            "{text}"
        );
    });
    in_fork(|| {
        refuse_rings(libc::ENOSYS);
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
    in_fork(|| {
        let event_loop = build(EventLoop::builder().workers(4));
        let io: &dyn Io = &event_loop;
        refuse_rings(libc::EPERM);
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
    in_fork(|| {
        // Worker 0 has its ring; no other gets one.
        let event_loop = build(EventLoop::builder().workers(4));
        let io: &dyn Io = &event_loop;
        let sum = event_loop.run(|_| {
            refuse_rings(libc::EPERM);
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
    in_fork(|| {
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
    in_fork(|| {
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
    in_fork(|| {
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
    in_fork(|| {
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
