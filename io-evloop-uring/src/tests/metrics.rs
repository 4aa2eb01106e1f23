//! What the loop counts.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use io_core::Io;
use io_core::fs::File;

use super::{Watchdog, with_workers};
use crate::Metrics;

#[test]
fn each_kind_of_event_is_counted_once() {
    const COUNT: u64 = 100;
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    assert_eq!(event_loop.metrics(), Metrics::default());
    let mut cached = tempfile::tempfile().expect("a file");
    cached.write_all(&[7; 4096]).expect("room");
    event_loop
        .run(|_| {
            let began = event_loop.metrics();
            for _ in 0..COUNT {
                io.scope(|scope| scope.spawn(|| ()).join());
            }
            let joined = event_loop.metrics();
            assert_eq!(joined.spawns - began.spawns, COUNT);
            assert_eq!(joined.joined_in_place - began.joined_in_place, COUNT);

            io.scope(|scope| {
                for _ in 0..COUNT {
                    drop(scope.spawn(|| io.yield_now()));
                }
            });
            let yielded = event_loop.metrics();
            assert_eq!(yielded.joined_in_place, joined.joined_in_place);
            let switches = yielded.switches - joined.switches;
            // One ends each yield; what begins a task may be saved.
            assert!((COUNT..3 * COUNT).contains(&switches), "{switches}");
            assert!(yielded.fibers_max > joined.fibers_max);

            io.scope(|scope| {
                for _ in 0..COUNT {
                    drop(scope.spawn(|| ()));
                }
            });
            let run_on = event_loop.metrics();
            let switches = run_on.switches - yielded.switches;
            assert!(switches < COUNT / 2, "one after another, {switches}");

            let cached = File::from_fd(io, cached.into());
            for _ in 0..COUNT {
                assert_eq!(cached.read_at(&mut [0; 16], 0).expect("cached"), 16);
            }
            let read = event_loop.metrics();
            let inline = read.inline_operations - yielded.inline_operations;
            assert_eq!(inline, COUNT);
            assert_eq!(read.submissions, yielded.submissions);

            // It waits in the ring, and the worker sleeps for it. On a busy machine it
            // may begin late: then it waits for a further byte.
            let began_at = Instant::now();
            let waited = loop {
                let (reader, writer) = std::io::pipe().expect("two descriptors");
                let (mut reader, writer) = (File::from_fd(io, reader.into()), writer);
                std::thread::scope(|threads| {
                    threads.spawn(|| {
                        std::thread::sleep(Duration::from_millis(20));
                        (&writer).write_all(b"x").expect("somebody reads");
                    });
                    reader.read_exact(&mut [0]).expect("a byte comes");
                });
                let waited = event_loop.metrics();
                if waited.asleep - read.asleep >= Duration::from_millis(10) {
                    break waited;
                }
            };
            assert!(waited.submissions > read.submissions);
            assert!(waited.enters > read.enters);
            assert!(waited.sleeps > read.sleeps);
            assert!(waited.asleep - read.asleep <= began_at.elapsed());
            assert_eq!((waited.steals, waited.offloads), (0, 0));
        })
        .expect("a ring");
}

#[test]
fn a_wake_from_elsewhere_is_counted_as_sent_or_saved() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    // The worker is a thread that sleeps in between.
    for _ in 0..10 {
        io.scope(|scope| drop(scope.spawn(|| ())));
        std::thread::sleep(Duration::from_millis(2));
    }
    let metrics = event_loop.metrics();
    assert_eq!(metrics.spawns, 10);
    assert!(metrics.wakes > 0, "{metrics:?}");
    assert!(metrics.wakes + metrics.wakes_saved >= 10, "{metrics:?}");
}
