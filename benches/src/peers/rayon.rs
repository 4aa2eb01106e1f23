//! rayon: `join` for one task at a time, `scope` for many. Its tasks can not wait.

use std::time::{Duration, Instant};

use super::WARM_UP;
use crate::data::work;
use std::hint::black_box;

fn pool() -> rayon::ThreadPool {
    let built = rayon::ThreadPoolBuilder::new().num_threads(2).build();
    built.expect("there are threads")
}

pub(super) fn tasks(batch: u64, iterations: u64) -> Duration {
    pool().install(|| {
        let mut time = Duration::ZERO;
        for iterations in [1 + WARM_UP / batch, iterations] {
            let begin = Instant::now();
            for _ in 0..iterations {
                if batch == 1 {
                    rayon::join(|| black_box(7), || ());
                    continue;
                }
                rayon::scope(|scope| {
                    for _ in 0..batch {
                        scope.spawn(|_| {
                            black_box(7);
                        });
                    }
                });
            }
            time = begin.elapsed();
        }
        time
    })
}

pub(super) fn fan_out(tasks: u64, iterations: u64) -> Duration {
    pool().install(|| {
        let begin = Instant::now();
        for _ in 0..iterations {
            rayon::scope(|scope| {
                for seed in 0..tasks {
                    scope.spawn(move |_| {
                        black_box(work(seed));
                    });
                }
            });
        }
        begin.elapsed()
    })
}
