//! tokio: its own `yield_now`, `spawn`, and `spawn_blocking` for files, since its
//! file type does the same with more steps.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::{WARM_UP, fan_out_body, small_body};
use crate::data::{CachedFile, Offsets, READ_BYTES};

fn runtime(workers: usize) -> Runtime {
    let built = if workers == 1 {
        Builder::new_current_thread().build()
    } else {
        Builder::new_multi_thread().worker_threads(workers).build()
    };
    built.expect("there are threads")
}

pub(super) fn yields(fibers: u64, rounds: u64) -> Duration {
    runtime(1).block_on(async {
        let mut time = Duration::ZERO;
        for rounds in [1, rounds] {
            let begin = Instant::now();
            let yield_often = move || async move {
                for _ in 0..rounds {
                    tokio::task::yield_now().await;
                }
            };
            let tasks: Vec<_> = (0..fibers).map(|_| tokio::spawn(yield_often())).collect();
            for task in tasks {
                task.await.expect("no panic");
            }
            time = begin.elapsed();
        }
        time
    })
}

pub(super) fn tasks(workers: usize, batch: u64, iterations: u64) -> Duration {
    // Within a task, as the others: from `block_on` each spawn is from outside.
    let timed = async move {
        let mut time = Duration::ZERO;
        for iterations in [1 + WARM_UP / batch, iterations] {
            let begin = Instant::now();
            for _ in 0..iterations {
                let tasks: Vec<_> = (0..batch).map(|_| tokio::spawn(small_body())).collect();
                for task in tasks {
                    assert_eq!(task.await.expect("no panic"), 7);
                }
            }
            time = begin.elapsed();
        }
        time
    };
    runtime(workers).block_on(async { tokio::spawn(timed).await.expect("no panic") })
}

pub(super) fn fan_out(workers: usize, tasks: u64, iterations: u64) -> Duration {
    let timed = async move {
        let begin = Instant::now();
        for _ in 0..iterations {
            let all: Vec<_> = (0..tasks)
                .map(|seed| tokio::spawn(fan_out_body(seed)))
                .collect();
            for task in all {
                task.await.expect("no panic");
            }
        }
        begin.elapsed()
    };
    runtime(workers).block_on(async { tokio::spawn(timed).await.expect("no panic") })
}

pub(super) fn reads(cached: &CachedFile, tasks: u64, each: u64) -> Duration {
    let file = Arc::new(File::open(&cached.path).expect("it was written"));
    let bytes = cached.bytes;
    runtime(2).block_on(async move {
        let mut time = Duration::ZERO;
        for each in [1, each] {
            let begin = Instant::now();
            let read_often = |seed: u64| {
                let file = Arc::clone(&file);
                async move {
                    let mut offsets = Offsets::new(seed, bytes);
                    let mut buffer = vec![0; READ_BYTES];
                    for _ in 0..each {
                        let (file, offset) = (Arc::clone(&file), offsets.next_offset());
                        let read = move || (file.read_at(&mut buffer, offset), buffer);
                        let answer = tokio::task::spawn_blocking(read).await;
                        let (count, used) = answer.expect("no panic");
                        assert_eq!(count.expect("it can be read"), READ_BYTES);
                        buffer = used;
                    }
                }
            };
            let all: Vec<_> = (0..tasks)
                .map(|seed| tokio::spawn(read_often(seed)))
                .collect();
            for task in all {
                task.await.expect("no panic");
            }
            time = begin.elapsed();
        }
        time
    })
}
