//! tokio: its own `yield_now`, `spawn`, and `spawn_blocking` for files, since its
//! file type does the same with more steps.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

use super::{WARM_UP, fan_out_body, small_body};
use crate::data::{Access, Block, CachedFile, Offsets, READ_BYTES};
use crate::workload::Together;
use crate::workload::small_files::{CONTENT, Durability};

pub(super) fn runtime(workers: usize) -> Runtime {
    let built = if workers == 1 {
        Builder::new_current_thread().build()
    } else {
        Builder::new_multi_thread().worker_threads(workers).build()
    };
    built.expect("there are threads")
}

pub(super) fn yields(fibers: u64, rounds: u64) -> Duration {
    let together = Arc::new(Together::new(fibers));
    runtime(1).block_on(async {
        let take_turns = |together: Arc<Together>| async move {
            together.yields_async(rounds, tokio::task::yield_now).await;
        };
        let start = |_| tokio::spawn(take_turns(Arc::clone(&together)));
        let tasks: Vec<_> = (0..fibers).map(start).collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    });
    together.time()
}

/// Two tasks that notify each other.
pub(super) fn wakes(rounds: u64) -> Duration {
    let ends = [Arc::new(Notify::new()), Arc::new(Notify::new())];
    let [first, second] = ends;
    runtime(1).block_on(async move {
        let (own, other) = (Arc::clone(&second), Arc::clone(&first));
        let answering = tokio::spawn(async move {
            for _ in 0..rounds {
                own.notified().await;
                other.notify_one();
            }
        });
        let asking = tokio::spawn(async move {
            let begin = Instant::now();
            for _ in 0..rounds {
                second.notify_one();
                first.notified().await;
            }
            begin.elapsed()
        });
        answering.await.expect("no panic");
        asking.await.expect("no panic")
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

pub(super) fn reads(cached: &CachedFile, access: Access, tasks: u64, each: u64) -> Duration {
    let file = Arc::new(access.open(&cached.path));
    let bytes = cached.bytes;
    runtime(2).block_on(async move {
        let mut time = Duration::ZERO;
        for each in [1, each] {
            let begin = Instant::now();
            let read_often = |seed: u64| {
                let file = Arc::clone(&file);
                async move {
                    let mut offsets = Offsets::new(seed, bytes);
                    let mut block = Box::new(Block::ZERO);
                    for _ in 0..each {
                        let (file, offset) = (Arc::clone(&file), offsets.next_offset());
                        let read = move || (file.read_at(&mut block.0, offset), block);
                        let answer = tokio::task::spawn_blocking(read).await;
                        let (count, used) = answer.expect("no panic");
                        assert_eq!(count.expect("it can be read"), READ_BYTES);
                        block = used;
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

pub(super) fn small_files(paths: &[PathBuf], durability: Durability, each: u64) -> Duration {
    let paths = paths.to_vec();
    runtime(2).block_on(async move {
        let mut time = Duration::ZERO;
        for each in [1, each] {
            let begin = Instant::now();
            let all: Vec<_> = paths
                .iter()
                .map(|path| tokio::spawn(of_one_task(path.clone(), durability, each)))
                .collect();
            for task in all {
                let answer = task.await.expect("no panic");
                answer.expect("there is room");
            }
            time = begin.elapsed();
        }
        time
    })
}

async fn of_one_task(path: PathBuf, durability: Durability, each: u64) -> std::io::Result<()> {
    for number in 0..each {
        let path = path.join(format!("file-{number}"));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .await?;
        file.write_all(&CONTENT).await?;
        file.flush().await?;
        if durability == Durability::Synced {
            file.sync_all().await?;
        }
        drop(file);
        tokio::fs::remove_file(&path).await?;
    }
    Ok(())
}

/// Tasks that sleep for an hour; dropping the runtime ends them.
pub(super) fn sleep(count: u64, asleep: &mut dyn FnMut() -> Instant) -> Option<Instant> {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("it needs no thread");
    let end = runtime.block_on(async {
        let begun = Arc::new(AtomicU64::new(0));
        for _ in 0..count {
            let begun = Arc::clone(&begun);
            drop(tokio::spawn(async move {
                // Relaxed: it is only counted.
                begun.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(3600)).await;
            }));
        }
        while begun.load(Ordering::Relaxed) < count {
            tokio::task::yield_now().await;
        }
        asleep()
    });
    drop(runtime);
    Some(end)
}
