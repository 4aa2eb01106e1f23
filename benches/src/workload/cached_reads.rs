//! Reads of 4 KiB at random offsets of a file in the page cache, by so many
//! tasks at once. The limits are pread(2) on one thread and on two, and a ring
//! driven by hand with as many reads in flight.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_core::{Io, fs};

use super::of_executors;
use crate::baseline::ring::ReadRing;
use crate::baseline::threads;
use crate::contender::{Contender, Scale, Workload};
use crate::data::{CachedFile, Offsets, READ_BYTES};
use crate::executor::Executor;

/// Reads before the clock starts: stacks and threads are there then.
const WARM_UP: u64 = 16;

pub(super) fn workload() -> Workload {
    Workload {
        name: "cached-read",
        operation: "one read of 4 KiB",
        parameter: Some("tasks"),
        parameters: |_| &[1, 32, 256],
        reference: "std-1-thread",
        contenders,
    }
}

fn contenders(scale: Scale, tasks: u64) -> Vec<Contender> {
    let file = Rc::new(CachedFile::new(scale));
    let shared = Rc::clone(&file);
    let with_file = |name, measure: fn(&CachedFile, u64, u64) -> Duration| {
        let file = Rc::clone(&shared);
        Contender::new(name, tasks, move |each| measure(&file, tasks, each))
    };
    let mut all = vec![with_file("std-1-thread", |file, tasks, each| {
        std_threads(file, 1, tasks * each)
    })];
    if tasks > 1 {
        all.push(
            with_file("std-2-threads", |file, tasks, each| {
                std_threads(file, 2, tasks / 2 * each)
            })
            .on_cpus(2),
        );
    }
    match ReadRing::new(1, file.bytes) {
        Ok(_) => all.push(with_file("raw-ring", raw_ring)),
        Err(refused) => eprintln!("!!! raw-ring is left out: {refused}"),
    }
    all.extend(crate::peers::cached_reads(&file, tasks));
    let ours = move |io: &dyn Io, each| reads(io, &file, tasks, each);
    all.extend(of_executors(&Executor::ALL, tasks, ours));
    all
}

fn std_threads(cached: &CachedFile, threads: usize, each: u64) -> Duration {
    let file = File::open(&cached.path).expect("it was written");
    threads::timed(threads, |index| {
        let mut offsets = Offsets::new(index as u64, cached.bytes);
        let mut buffer = [0; READ_BYTES];
        for _ in 0..each {
            let count = file.read_at(&mut buffer, offsets.next_offset());
            assert_eq!(count.expect("it can be read"), READ_BYTES);
        }
    })
}

fn raw_ring(cached: &CachedFile, tasks: u64, each: u64) -> Duration {
    let file = File::open(&cached.path).expect("it was written");
    let slots = u32::try_from(tasks).expect("they fit in a ring");
    let mut ring = ReadRing::new(slots, cached.bytes).expect("it was tried before");
    ring.read(&file, WARM_UP).expect("it can be read");
    let begin = Instant::now();
    ring.read(&file, tasks * each).expect("it can be read");
    begin.elapsed()
}

fn reads(io: &dyn Io, cached: &CachedFile, tasks: u64, each: u64) -> Duration {
    let file = fs::File::open(io, &cached.path).expect("it was written");
    let read_often = |seed: u64, count: u64| {
        let mut offsets = Offsets::new(seed, cached.bytes);
        let mut buffer = [0; READ_BYTES];
        for _ in 0..count {
            let count = file.read_at(&mut buffer, offsets.next_offset());
            assert_eq!(count.expect("it can be read"), READ_BYTES);
        }
    };
    let mut time = Duration::ZERO;
    for each in [WARM_UP, each] {
        let begin = Instant::now();
        io.scope(|scope| {
            for index in 0..tasks {
                let read_often = &read_often;
                scope.spawn(move || read_often(index, each));
            }
        });
        time = begin.elapsed();
    }
    time
}
