//! How costs grow: curves over the number of tasks, of workers, of entries in the
//! ring, and over the size of a file. (Timers and sleeping tasks: `sleepers.rs`.)

use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_core::{Io, fs};

use super::{available, fan_out, of_executors, reads};
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::data::{Access, CachedFile, READ_BYTES, new_directory};
use crate::executor::{Executor, RING_ENTRIES, run_event_loop};

pub(super) fn all() -> [Workload; 5] {
    [tasks(), workers(), reading_workers(), ring(), file_size()]
}

fn tasks() -> Workload {
    Workload {
        name: "growth-tasks",
        operation: "one of so many tasks of about 50 ns",
        parameter: Some("tasks"),
        parameters: |scale| match scale {
            Scale::Small => &[1, 100],
            Scale::Full => &[1, 10, 100, 1000, 10_000, 100_000, 1_000_000],
        },
        reference: "event-loop-1",
        contenders: |_, tasks| {
            let wanted = [Executor::EventLoop1, Executor::EventLoop2];
            let ours = move |io: &dyn Io, iterations| fan_out::spawns(io, tasks, iterations);
            let peers = crate::peers::fan_out(tasks).into_iter();
            let mut all: Vec<_> = of_executors(&wanted, tasks, ours).collect();
            all.extend(peers.filter(|peer| matches!(peer.name, "tokio-1" | "monoio-1")));
            all
        },
        shape: Shape::Curve,
    }
}

/// So many workers; more than CPUs have to share them.
const WORKERS: &[u64] = &[1, 2, 3, 4, 6, 8];

fn workers() -> Workload {
    Workload {
        name: "growth-workers",
        operation: "one of 100,000 tasks of about 50 ns on so many workers",
        parameter: Some("workers"),
        parameters: of_workers,
        reference: "event-loop",
        contenders: |scale, workers| {
            let tasks = match scale {
                Scale::Small => 1000,
                Scale::Full => 100_000,
            };
            event_loop(workers, tasks, move |io, count| {
                fan_out::spawns(io, tasks, count)
            })
        },
        shape: Shape::Curve,
    }
}

fn reading_workers() -> Workload {
    Workload {
        name: "growth-workers-reading",
        operation: "one cached read of 4 KiB by 256 tasks on so many workers",
        parameter: Some("workers"),
        parameters: of_workers,
        reference: "event-loop",
        contenders: |scale, workers| {
            let file = CachedFile::new(scale);
            event_loop(workers, 256, move |io, each| {
                reads::reads(io, &file, Access::Cached, 256, each)
            })
        },
        shape: Shape::Curve,
    }
}

fn of_workers(scale: Scale) -> &'static [u64] {
    match scale {
        Scale::Small => &[1, 3],
        Scale::Full => WORKERS,
    }
}

/// The event loop with so many workers, on two CPUs.
fn event_loop(
    workers: u64,
    operations_per_iteration: u64,
    measure: impl Fn(&dyn Io, u64) -> Duration + 'static,
) -> Vec<Contender> {
    let workers = usize::try_from(workers).expect("there are few");
    if available(&[Executor::EventLoop1]).is_empty() {
        return Vec::new();
    }
    let contender = Contender::new("event-loop", operations_per_iteration, move |count| {
        run_event_loop(workers, RING_ENTRIES, |io| measure(io, count))
    });
    vec![contender.on_cpus(2)]
}

fn ring() -> Workload {
    Workload {
        name: "growth-ring",
        operation: "one read of 4 KiB past the page cache by 128 tasks on one worker",
        parameter: Some("entries"),
        parameters: |scale| match scale {
            Scale::Small => &[4, 64],
            Scale::Full => &[4, 16, 64, 256, 1024, 4096],
        },
        reference: "event-loop",
        contenders: |scale, entries| {
            let file = CachedFile::new(scale);
            let entries = u32::try_from(entries).expect("rings are small");
            if available(&[Executor::EventLoop1]).is_empty() {
                return Vec::new();
            }
            vec![Contender::new("event-loop", 128, move |each| {
                run_event_loop(1, entries, |io| {
                    reads::reads(io, &file, Access::Direct, 128, each)
                })
            })]
        },
        shape: Shape::Curve,
    }
}

fn file_size() -> Workload {
    Workload {
        name: "growth-file",
        operation: "4 KiB of a cached file of so many, which is opened and read whole",
        parameter: Some("pages"),
        parameters: |scale| match scale {
            Scale::Small => &[1, 16],
            Scale::Full => &[1, 4, 16, 64, 256, 1024, 4096, 16384],
        },
        reference: "std-1-thread",
        contenders: |_, pages| {
            let directory = Rc::new(new_directory());
            let path = directory.path().join("file");
            let bytes = usize::try_from(pages).expect("it fits in memory") * READ_BYTES;
            std::fs::write(&path, vec![0x5a; bytes]).expect("there is room on the disk");
            // Writing it back later would disturb.
            let written = File::open(&path).and_then(|file| file.sync_all());
            written.expect("there is room on the disk");
            let whole = move |path: &Path, read: &dyn Fn(&Path) -> std::io::Result<Vec<u8>>| {
                let content = black_box(read(path).expect("it was written"));
                assert_eq!(content.len(), bytes);
            };
            let (shared, kept) = (path.clone(), Rc::clone(&directory));
            let mut all = vec![Contender::new("std-1-thread", pages, move |count| {
                let _directory = &kept;
                timed(count, || whole(&shared, &|path| std::fs::read(path)))
            })];
            let ours = move |io: &dyn Io, count| {
                let _directory = &directory;
                timed(count, || whole(&path, &|path| fs::read(io, path)))
            };
            let wanted = [Executor::Blocking, Executor::EventLoop1];
            all.extend(of_executors(&wanted, pages, ours));
            all
        },
        shape: Shape::Curve,
    }
}

fn timed(count: u64, body: impl Fn()) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        body();
    }
    begin.elapsed()
}
