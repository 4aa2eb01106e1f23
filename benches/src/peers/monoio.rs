//! monoio: tasks of one thread over io_uring.

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures_lite::future::yield_now;
use monoio::fs::File;
use monoio::{IoUringDriver, RuntimeBuilder};

use super::{WARM_UP, fan_out_body, small_body};
use crate::data::{CachedFile, Offsets, READ_BYTES};

fn block_on<T>(body: impl Future<Output = T>) -> T {
    let built = RuntimeBuilder::<IoUringDriver>::new()
        .with_entries(512)
        .build();
    built.expect("io_uring is allowed").block_on(body)
}

pub(super) fn yields(fibers: u64, rounds: u64) -> Duration {
    block_on(async {
        let mut time = Duration::ZERO;
        for rounds in [1, rounds] {
            let begin = Instant::now();
            let yield_often = move || async move {
                for _ in 0..rounds {
                    yield_now().await;
                }
            };
            let tasks: Vec<_> = (0..fibers).map(|_| monoio::spawn(yield_often())).collect();
            for task in tasks {
                task.await;
            }
            time = begin.elapsed();
        }
        time
    })
}

pub(super) fn tasks(batch: u64, iterations: u64) -> Duration {
    block_on(async {
        let mut time = Duration::ZERO;
        for iterations in [1 + WARM_UP / batch, iterations] {
            let begin = Instant::now();
            for _ in 0..iterations {
                let tasks: Vec<_> = (0..batch).map(|_| monoio::spawn(small_body())).collect();
                for task in tasks {
                    assert_eq!(task.await, 7);
                }
            }
            time = begin.elapsed();
        }
        time
    })
}

pub(super) fn fan_out(tasks: u64, iterations: u64) -> Duration {
    block_on(async {
        let begin = Instant::now();
        for _ in 0..iterations {
            let all: Vec<_> = (0..tasks)
                .map(|seed| monoio::spawn(fan_out_body(seed)))
                .collect();
            for task in all {
                task.await;
            }
        }
        begin.elapsed()
    })
}

pub(super) fn reads(cached: &CachedFile, tasks: u64, each: u64) -> Duration {
    block_on(async {
        let file = Rc::new(File::open(&cached.path).await.expect("it was written"));
        let bytes = cached.bytes;
        let mut time = Duration::ZERO;
        for each in [WARM_UP, each] {
            let begin = Instant::now();
            let read_often = |seed: u64| {
                let file = Rc::clone(&file);
                async move {
                    let mut offsets = Offsets::new(seed, bytes);
                    let mut buffer = vec![0; READ_BYTES];
                    for _ in 0..each {
                        let (count, used) = file.read_at(buffer, offsets.next_offset()).await;
                        assert_eq!(count.expect("it can be read"), READ_BYTES);
                        buffer = used;
                    }
                }
            };
            let all: Vec<_> = (0..tasks)
                .map(|seed| monoio::spawn(read_often(seed)))
                .collect();
            for task in all {
                task.await;
            }
            time = begin.elapsed();
        }
        time
    })
}
