//! Threads that the executor knows nothing of may use all of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use io_core::sync::{Condvar, Mutex};
use io_core::{Clock, FutexAddress, FutexWord, fs};

use crate::fixture::{Fixture, Works, assert_deadline, assert_errno};

pub(crate) fn a_foreign_thread_performs_operations(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let use_it = || {
        let path = fixture.path("file");
        fs::write(io, &path, "foreign").works();
        assert_eq!(fs::read(io, &path).works(), b"foreign");
        assert_errno(fs::read(io, fixture.path("missing")), libc::ENOENT);
        assert_eq!(fs::read_dir(io, fixture.directory()).works().count(), 1);
        fs::rename(io, &path, fixture.path("other")).works();
        let file = fs::File::open(io, fixture.path("other")).works();
        file.sync_all().works();
        file.try_clone().works().close().works();
        file.close().works();
    };
    fixture.beside(use_it, || ());
}

pub(crate) fn a_foreign_thread_spawns_and_joins(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let spawn = || {
        io.scope(|scope| {
            let tasks: Vec<_> = (0..200_u64).map(|n| scope.spawn(move || n)).collect();
            tasks.into_iter().map(|task| task.join()).sum::<u64>()
        })
    };
    let (there, here) = fixture.beside(spawn, spawn);
    assert_eq!((there, here), (19_900, 19_900));
}

pub(crate) fn a_foreign_thread_spawns_concurrently(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let work = || {
        io.scope(|scope| {
            let (reader, writer) = fixture.pipe();
            let write = move || writer.write_fully(b"text").result.works();
            let task = scope.spawn_concurrent(write).works();
            let mut buffer = [0; 4];
            reader.read_fully(&mut buffer).result.works();
            task.join();
            buffer
        })
    };
    assert_eq!(&fixture.beside(work, || ()).0, b"text");
}

pub(crate) fn a_foreign_thread_sleeps_and_yields(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let work = || {
        let (result, took) = fixture.time(|| io.sleep(Duration::from_millis(3)));
        result.works();
        assert!(took >= Duration::from_millis(3), "{took:?}");
        io.yield_now().works();
        io.checkpoint().works();
        assert_eq!(io.offload(|| 7), 7);
        let mut bytes = [0; 32];
        io.random(&mut bytes);
        assert_ne!(bytes, [0; 32]);
        io.now(Clock::Boot)
    };
    fixture.beside(work, || ());
}

pub(crate) fn a_foreign_thread_has_deadlines(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let work = || {
        io.with_timeout(Duration::from_millis(2), || {
            assert_deadline(io.sleep(Duration::from_secs(100)));
            assert_deadline(io.checkpoint());
            io.protect(|| io.checkpoint()).works();
            io.scope(|scope| {
                let task = scope.spawn(|| io.checkpoint());
                assert_deadline(task.join());
            });
        });
        io.checkpoint().works();
    };
    fixture.beside(work, || ());
}

pub(crate) fn foreign_threads_and_tasks_share_a_lock(fixture: &Fixture<'_>) {
    const ROUNDS: u32 = 300;
    let io = fixture.io();
    let count = Mutex::new(0_u32);
    let add = || {
        for _ in 0..ROUNDS {
            let mut count = count.lock(io).works();
            let before = *count;
            if before % 8 == 0 {
                io.yield_now().works();
            }
            *count = before + 1;
        }
    };
    let tasks = || {
        io.scope(|scope| {
            scope.spawn(add);
            scope.spawn(add);
        });
    };
    fixture.beside(
        || thread::scope(|threads| drop([threads.spawn(add), threads.spawn(add)])),
        tasks,
    );
    assert_eq!(count.into_inner(), 4 * ROUNDS);
}

pub(crate) fn a_foreign_thread_and_a_task_wake_each_other(fixture: &Fixture<'_>) {
    const ROUNDS: u32 = 300;
    let io = fixture.io();
    let word = AtomicU32::new(0);
    let turns = |parity: u32| {
        for _ in 0..ROUNDS {
            loop {
                let seen = word.load(Ordering::Acquire);
                if seen % 2 == parity {
                    break;
                }
                io.futex_wait(FutexWord::of(&word), seen, None).works();
            }
            word.fetch_add(1, Ordering::AcqRel);
            io.futex_wake(FutexAddress::of(&word), u32::MAX);
        }
    };
    fixture.beside(
        || turns(1),
        || io.scope(|scope| scope.spawn(|| turns(0)).join()),
    );
    assert_eq!(word.into_inner(), 2 * ROUNDS);
}

pub(crate) fn a_foreign_thread_is_notified(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (value, changed) = (Mutex::new(0), Condvar::new());
    let wait = || {
        let mut value = value.lock(io).works();
        changed.wait_while(&mut value, |value| *value == 0).works();
        *value
    };
    let notify = || {
        fixture.pause();
        *value.lock(io).works() = 42;
        changed.notify_all(io);
    };
    assert_eq!(fixture.beside(wait, notify).0, 42);
}

pub(crate) fn a_foreign_thread_joins_a_task_of_another(fixture: &Fixture<'_>) {
    let io = fixture.io();
    io.scope(|scope| {
        let task = scope.spawn(|| {
            io.sleep(Duration::from_millis(2)).works();
            42
        });
        let (joined, ()) = fixture.beside(move || task.join(), || ());
        assert_eq!(joined, 42);
    });
}

pub(crate) fn many_foreign_threads_at_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let work = |index: usize| {
        for round in 0..5 {
            let path = fixture.path(format!("file-{index}-{round}"));
            let text = format!("{index} {round}");
            io.scope(|scope| {
                let write = scope.spawn(|| fs::write(io, &path, &text).works());
                write.join();
                assert_eq!(fs::read_to_string(io, &path).works(), text);
            });
        }
    };
    let threads = || {
        thread::scope(|threads| {
            for index in 0..8 {
                threads.spawn(move || work(index));
            }
        });
    };
    fixture.beside(threads, || work(8));
    assert_eq!(fs::read_dir(io, fixture.directory()).works().count(), 45);
}

/// A thread that the executor has served ends; its thread-locals go with it.
pub(crate) fn foreign_threads_come_and_go(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    let threads = || {
        for _ in 0..50 {
            thread::scope(|threads| {
                threads.spawn(|| {
                    fs::read(io, &path).works();
                    io.scope(|scope| scope.spawn(|| ()).join());
                    io.sleep(Duration::from_micros(10)).works();
                });
            });
        }
    };
    fixture.beside(threads, || ());
}
