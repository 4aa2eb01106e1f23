//! Reads of 4 KiB at random offsets of a file, by so many tasks at once: from the
//! page cache, and past it, where the device is the limit. Beside them pread(2) on
//! one thread, on two, and on as many threads as there are tasks; preadv2(2) that does
//! not wait; and a ring driven by hand with as many reads in flight.

use std::io::IoSliceMut;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use io_blocking::system;
use io_core::{Handle, Io, fs};

use super::of_executors;
use crate::baseline::ring::ReadRing;
use crate::baseline::threads;
use crate::contender::{Contender, Scale, Shape, Workload};
use crate::data::{Access, Block, CachedFile, Offsets, READ_BYTES};
use crate::executor::Executor;

/// Reads before the clock starts: stacks and threads are there then.
const WARM_UP: u64 = 16;

pub(super) fn cached() -> Workload {
    Workload {
        name: "cached-read",
        operation: "one read of 4 KiB",
        parameter: Some("tasks"),
        parameters: |_| &[1, 32, 256],
        reference: "std-1-thread",
        contenders: |scale, tasks| {
            contenders(Access::Cached, Rc::new(CachedFile::new(scale)), tasks)
        },
        shape: Shape::Points,
    }
}

pub(super) fn direct() -> Workload {
    Workload {
        name: "direct-read",
        operation: "one read of 4 KiB past the page cache",
        parameter: Some("tasks"),
        parameters: |scale| match scale {
            Scale::Small => &[1, 32],
            Scale::Full => &[1, 32, 128],
        },
        reference: "raw-ring",
        contenders: |scale, tasks| {
            contenders(Access::Direct, Rc::new(CachedFile::new(scale)), tasks)
        },
        shape: Shape::Points,
    }
}

fn contenders(access: Access, file: Rc<CachedFile>, tasks: u64) -> Vec<Contender> {
    let shared = Rc::clone(&file);
    let of_threads = |name, count: u64| {
        let file = Rc::clone(&shared);
        Contender::new(name, tasks, move |each| {
            std_threads(&file, access, count, tasks / count * each)
        })
    };
    let mut all = vec![of_threads("std-1-thread", 1)];
    if access == Access::Cached {
        let file = Rc::clone(&shared);
        let nowait = move |each| without_waiting(&file, tasks * each);
        all.push(Contender::new("raw-nowait", tasks, nowait));
    }
    if tasks > 1 && access == Access::Cached {
        all.push(of_threads("std-2-threads", 2).on_cpus(2));
    }
    if tasks > 1 && access == Access::Direct {
        all.push(of_threads("std-thread-each", tasks).on_cpus(2));
    }
    match ReadRing::new(1, file.bytes) {
        Ok(_) => {
            let file = Rc::clone(&file);
            let ring = Contender::new("raw-ring", tasks, move |each| {
                raw_ring(&file, access, tasks, each)
            });
            all.push(ring);
        }
        Err(refused) => eprintln!("!!! raw-ring is left out: {refused}"),
    }
    all.extend(crate::peers::reads(&file, tasks, access));
    let ours = move |io: &dyn Io, each| reads(io, &file, access, tasks, each);
    all.extend(of_executors(&Executor::ALL, tasks, ours));
    all
}

fn std_threads(cached: &CachedFile, access: Access, threads: u64, each: u64) -> Duration {
    let file = access.open(&cached.path);
    let count = usize::try_from(threads).expect("there are few threads");
    threads::timed(count, |index| {
        let mut offsets = Offsets::new(index as u64, cached.bytes);
        let mut block = Block::ZERO;
        for _ in 0..each {
            let count = file.read_at(&mut block.0, offsets.next_offset());
            assert_eq!(count.expect("it can be read"), READ_BYTES);
        }
    })
}

/// What the kernel takes for a read that must not wait: preadv2(2) with `RWF_NOWAIT`,
/// called by hand, and pread(2) in those rare cases in which it would have to (when the
/// file's time of access is due, say).
fn without_waiting(cached: &CachedFile, reads: u64) -> Duration {
    let file = Access::Cached.open(&cached.path);
    let handle = Handle::from_fd(file.try_clone().expect("a descriptor").into());
    threads::timed(1, |_| {
        let mut offsets = Offsets::new(0, cached.bytes);
        let mut block = Block::ZERO;
        for _ in 0..reads {
            let offset = offsets.next_offset();
            let buffers = &mut [IoSliceMut::new(&mut block.0)];
            let count = match system::read_cached(&handle, buffers, Some(offset)) {
                Err(error) if system::would_wait(&error) => file.read_at(&mut block.0, offset),
                answer => answer,
            };
            assert_eq!(count.expect("it can be read"), READ_BYTES);
        }
    })
}

fn raw_ring(cached: &CachedFile, access: Access, tasks: u64, each: u64) -> Duration {
    let file = access.open(&cached.path);
    let slots = u32::try_from(tasks).expect("they fit in a ring");
    let mut ring = ReadRing::new(slots, cached.bytes).expect("it was tried before");
    ring.read(&file, WARM_UP).expect("it can be read");
    let begin = Instant::now();
    ring.read(&file, tasks * each).expect("it can be read");
    begin.elapsed()
}

pub(super) fn reads(
    io: &dyn Io,
    cached: &CachedFile,
    access: Access,
    tasks: u64,
    each: u64,
) -> Duration {
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(access.flags())
        .open(io, &cached.path)
        .expect("it was written");
    let read_often = |seed: u64, count: u64| {
        let mut offsets = Offsets::new(seed, cached.bytes);
        let mut block = Block::ZERO;
        for _ in 0..count {
            let count = file.read_at(&mut block.0, offsets.next_offset());
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
