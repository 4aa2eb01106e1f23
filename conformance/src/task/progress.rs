//! Who waits for whom, and for how long at most.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use io_core::fs::{self, File};

use crate::fixture::{Fixture, Works};

/// Generous, for machines that do much else. A runtime that looks at timers and
/// completions only when nothing is ready never gets there.
const DELAY_MAX: Duration = Duration::from_secs(5);

pub(crate) fn two_yielding_tasks_delay_no_timer_and_no_file(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", [b'x'; 4096]);
    let is_over = AtomicBool::new(false);
    io.scope(|scope| {
        for _ in 0..2 {
            let yields = || {
                while !is_over.load(Ordering::Relaxed) {
                    io.yield_now().works();
                }
            };
            scope.spawn_concurrent(yields).works();
        }
        let timer = || fixture.time(|| io.sleep(Duration::from_millis(20)));
        let file = || {
            fixture.time(|| {
                let file = File::open(io, &path)?;
                let count = file.read_at(&mut [0; 4096], 0)?;
                file.sync_all().map(|()| count)
            })
        };
        let timer = scope.spawn_concurrent(timer).works();
        let file = scope.spawn_concurrent(file).works();
        let (timer, file) = (timer.join(), file.join());
        is_over.store(true, Ordering::Relaxed);
        timer.0.works();
        assert!(file.0.works() > 0);
        assert!(timer.1 < DELAY_MAX, "the timer took {:?}", timer.1);
        assert!(file.1 < DELAY_MAX, "the file took {:?}", file.1);
    });
}

/// Operations that complete at once, over and over, are no excuse either.
pub(crate) fn tasks_that_always_do_something_delay_no_timer(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let file = fixture.open("file", [b'x'; 4096]);
    let is_over = AtomicBool::new(false);
    io.scope(|scope| {
        for _ in 0..2 {
            let reads = || {
                while !is_over.load(Ordering::Relaxed) {
                    file.read_at(&mut [0; 512], 0).works();
                    io.yield_now().works();
                }
            };
            scope.spawn_concurrent(reads).works();
        }
        let (result, took) = fixture.time(|| io.sleep(Duration::from_millis(10)));
        is_over.store(true, Ordering::Relaxed);
        result.works();
        assert!(took < DELAY_MAX, "the timer took {took:?}");
    });
}

/// A pipe's reader is served although others are always ready.
pub(crate) fn yielding_tasks_delay_no_pipe(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (reader, writer) = fixture.pipe();
    let is_over = AtomicBool::new(false);
    io.scope(|scope| {
        let yields = || {
            while !is_over.load(Ordering::Relaxed) {
                io.yield_now().works();
            }
        };
        scope.spawn_concurrent(yields).works();
        let echo = || {
            let mut buffer = [0; 1];
            for _ in 0..20 {
                reader.read_fully(&mut buffer).result.works();
            }
        };
        let echo = scope.spawn_concurrent(echo).works();
        let ((), took) = fixture.time(|| {
            for _ in 0..20 {
                writer.write_fully(b"x").result.works();
                fixture.pause();
            }
            echo.join();
        });
        is_over.store(true, Ordering::Relaxed);
        assert!(took < DELAY_MAX * 4, "twenty bytes took {took:?}");
    });
}

pub(crate) fn a_yield_lets_others_run(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let turns = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let is_over = AtomicBool::new(false);
    io.scope(|scope| {
        for turn in &turns {
            let take_turns = || {
                while !is_over.load(Ordering::Relaxed) {
                    turn.fetch_add(1, Ordering::Relaxed);
                    io.yield_now().works();
                }
            };
            scope.spawn_concurrent(take_turns).works();
        }
        let enough = || turns.iter().all(|turn| turn.load(Ordering::Relaxed) > 100);
        while !enough() {
            io.yield_now().works();
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

/// What is not Send may live across waits, since a task keeps its thread.
pub(crate) fn a_started_task_keeps_its_thread(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let file = fixture.open("file", "0123");
    io.scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                let local = Rc::new(std::thread::current().id());
                for _ in 0..5 {
                    io.yield_now().works();
                    io.sleep(Duration::from_micros(100)).works();
                    file.read_at(&mut [0; 4], 0).works();
                    io.scope(|scope| scope.spawn(|| io.yield_now()).join())
                        .works();
                    assert_eq!(*local, std::thread::current().id());
                }
            });
        }
    });
}

pub(crate) fn more_operations_than_any_queue_holds(fixture: &Fixture<'_>) {
    const TASKS: u64 = 1500;
    let io = fixture.io();
    let content = fixture.random().bytes(1500 * 16);
    let file = fixture.open("file", &content);
    io.scope(|scope| {
        for index in 0..TASKS {
            let (file, content) = (&file, &content);
            scope.spawn(move || {
                let mut buffer = [0; 16];
                file.read_exact_at(&mut buffer, index * 16).works();
                let start = usize::try_from(index * 16).expect("it is small");
                assert_eq!(buffer, content[start..start + 16]);
            });
        }
    });
}

/// Reads that all wait at once, more than the queues of a small ring hold, and
/// each gets the byte of its own pipe.
pub(crate) fn many_reads_in_flight_get_each_their_own(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let count = fixture.capabilities().concurrent_tasks_max.min(200);
    let pipes: Vec<_> = (0..count).map(|_| fixture.pipe()).collect();
    io.scope(|scope| {
        let mut tasks = Vec::new();
        for (reader, _) in &pipes {
            let read = || {
                let mut byte = [0; 2];
                reader.read_fully(&mut byte).result.works();
                u16::from_le_bytes(byte)
            };
            tasks.push(scope.spawn_concurrent(read).works());
        }
        fixture.pause();
        for (index, (_, writer)) in (0_u16..).zip(&pipes) {
            writer.write_fully(&index.to_le_bytes()).result.works();
        }
        for (index, task) in (0_u16..).zip(tasks) {
            assert_eq!(task.join(), index);
        }
    });
}

pub(crate) fn tasks_work_on_many_files_at_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    io.scope(|scope| {
        for index in 0..100 {
            scope.spawn(move || {
                let path = fixture.path(format!("file-{index}"));
                fs::write(io, &path, format!("content {index}")).works();
                let text = fs::read_to_string(io, &path).works();
                assert_eq!(text, format!("content {index}"));
                fs::remove_file(io, &path).works();
            });
        }
    });
    assert_eq!(fs::read_dir(io, fixture.directory()).works().count(), 0);
}

pub(crate) fn no_suspend_runs_its_body_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let file = fixture.open("file", "0123");
    io.scope(|scope| {
        let other = scope.spawn(|| io.yield_now().works());
        let mut runs = 0;
        io.no_suspend(&mut || {
            runs += 1;
            file.read_exact_at(&mut [0; 4], 0).works();
            io.sleep(Duration::from_millis(1)).works();
            io.yield_now().works();
        });
        assert_eq!(runs, 1);
        other.join();
    });
}
