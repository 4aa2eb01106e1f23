//! compio: tasks of one thread over io_uring.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use compio::buf::{IntoInner, IoBuf};
use compio::fs::{File, OpenOptions};
use compio::io::{AsyncReadAt, AsyncWriteAtExt};
use compio::runtime::{JoinError, Runtime};

use super::{AlignedVec, WARM_UP};
use crate::data::{Access, CachedFile, Offsets, READ_BYTES};
use crate::workload::small_files::{CONTENT, Durability};

fn block_on<T>(body: impl Future<Output = T>) -> T {
    let built = Runtime::new();
    built.expect("io_uring is allowed").block_on(body)
}

fn ended<T>(answer: Result<T, JoinError>) -> T {
    answer.unwrap_or_else(|_| panic!("a task panicked"))
}

super::yields_of_one_thread!(compio::runtime::spawn);
super::of_one_thread!(compio::runtime::spawn);

pub(super) fn reads(cached: &CachedFile, access: Access, tasks: u64, each: u64) -> Duration {
    block_on(async {
        let opened = OpenOptions::new()
            .read(true)
            .custom_flags(access.flags())
            .open(&cached.path)
            .await;
        let file: Rc<File> = Rc::new(opened.expect("it was written"));
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
                        let block = bytes.slice(start..start + READ_BYTES);
                        let answer = file.read_at(block, offsets.next_offset()).await;
                        assert_eq!(answer.0.expect("it can be read"), READ_BYTES);
                        bytes = answer.1.into_inner();
                    }
                }
            };
            let all: Vec<_> = (0..tasks)
                .map(|seed| compio::runtime::spawn(read_often(seed)))
                .collect();
            for task in all {
                ended(task.await);
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
                .map(|path| compio::runtime::spawn(of_one_task(path.clone(), durability, each)))
                .collect();
            for task in all {
                ended(task.await).expect("there is room");
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
        file.write_all_at(CONTENT.as_slice(), 0).await.0?;
        if durability == Durability::Synced {
            file.sync_all().await?;
        }
        file.close().await?;
        compio::fs::remove_file(&path).await?;
    }
    Ok(())
}
