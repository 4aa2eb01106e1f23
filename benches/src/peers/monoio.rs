//! monoio: tasks of one thread over io_uring.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use monoio::buf::IoBufMut;
use monoio::fs::{File, OpenOptions};
use monoio::{IoUringDriver, RuntimeBuilder};

use super::{AlignedVec, WARM_UP};
use crate::data::{Access, CachedFile, Offsets, READ_BYTES};
use crate::workload::small_files::{CONTENT, Durability};

fn block_on<T>(body: impl Future<Output = T>) -> T {
    let built = RuntimeBuilder::<IoUringDriver>::new()
        .with_entries(512)
        .build();
    built.expect("io_uring is allowed").block_on(body)
}

fn ended<T>(value: T) -> T {
    value
}

super::of_one_thread!(monoio::spawn);

pub(super) fn reads(cached: &CachedFile, access: Access, tasks: u64, each: u64) -> Duration {
    block_on(async {
        let opened = File::from_std(access.open(&cached.path));
        let file = Rc::new(opened.expect("a file is taken over"));
        let bytes = cached.bytes;
        let mut time = Duration::ZERO;
        for each in [WARM_UP, each] {
            let begin = Instant::now();
            let read_often = |seed: u64| {
                let file = Rc::clone(&file);
                async move {
                    let mut offsets = Offsets::new(seed, bytes);
                    let AlignedVec { mut bytes, start } = AlignedVec::new();
                    for _ in 0..each {
                        let block = bytes.slice_mut(start..start + READ_BYTES);
                        let (count, used) = file.read_at(block, offsets.next_offset()).await;
                        assert_eq!(count.expect("it can be read"), READ_BYTES);
                        bytes = used.into_inner();
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

pub(super) fn small_files(paths: &[PathBuf], durability: Durability, each: u64) -> Duration {
    block_on(async {
        let mut time = Duration::ZERO;
        for each in [1, each] {
            let begin = Instant::now();
            let all: Vec<_> = paths
                .iter()
                .map(|path| monoio::spawn(of_one_task(path.clone(), durability, each)))
                .collect();
            for task in all {
                task.await.expect("there is room");
            }
            time = begin.elapsed();
        }
        time
    })
}

async fn of_one_task(path: PathBuf, durability: Durability, each: u64) -> std::io::Result<()> {
    for number in 0..each {
        let path = path.join(format!("file-{number}"));
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .await?;
        file.write_all_at(CONTENT.as_slice(), 0).await.0?;
        if durability == Durability::Synced {
            file.sync_all().await?;
        }
        file.close().await?;
        monoio::fs::remove_file(&path).await?;
    }
    Ok(())
}
