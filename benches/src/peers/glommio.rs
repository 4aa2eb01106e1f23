//! glommio: tasks of one thread over three io_urings.

use std::rc::Rc;
use std::time::{Duration, Instant};

use glommio::io::{BufferedFile, DmaFile};
use glommio::{LocalExecutorBuilder, Placement};

use super::WARM_UP;
use crate::data::{Access, CachedFile, Offsets, READ_BYTES};

fn block_on<T>(body: impl Future<Output = T>) -> T {
    let built = LocalExecutorBuilder::new(Placement::Unbound)
        .ring_depth(512)
        .make();
    built.expect("io_uring is allowed").run(body)
}

fn ended<T>(value: T) -> T {
    value
}

super::yields_of_one_thread!(glommio::spawn_local);
super::of_one_thread!(glommio::spawn_local);

/// Its two kinds of files.
enum File {
    Cached(BufferedFile),
    Direct(DmaFile),
}

impl File {
    async fn open(cached: &CachedFile, access: Access) -> glommio::Result<File, ()> {
        Ok(match access {
            Access::Cached => File::Cached(BufferedFile::open(&cached.path).await?),
            Access::Direct => File::Direct(DmaFile::open(&cached.path).await?),
        })
    }

    async fn read_at(&self, offset: u64) -> glommio::Result<usize, ()> {
        let read = match self {
            File::Cached(file) => file.read_at(offset, READ_BYTES).await?,
            File::Direct(file) => file.read_at_aligned(offset, READ_BYTES).await?,
        };
        Ok(read.len())
    }

    async fn close(self) -> glommio::Result<(), ()> {
        match self {
            File::Cached(file) => file.close().await,
            File::Direct(file) => file.close().await,
        }
    }
}

pub(super) fn reads(cached: &CachedFile, access: Access, tasks: u64, each: u64) -> Duration {
    block_on(async {
        let file = Rc::new(File::open(cached, access).await.expect("it was written"));
        let bytes = cached.bytes;
        let mut time = Duration::ZERO;
        for each in [WARM_UP, each] {
            let begin = Instant::now();
            let read_often = |seed: u64| {
                let file = Rc::clone(&file);
                async move {
                    let mut offsets = Offsets::new(seed, bytes);
                    for _ in 0..each {
                        let count = file.read_at(offsets.next_offset()).await;
                        assert_eq!(count.expect("it can be read"), READ_BYTES);
                    }
                }
            };
            let all: Vec<_> = (0..tasks)
                .map(|seed| glommio::spawn_local(read_often(seed)))
                .collect();
            for task in all {
                task.await;
            }
            time = begin.elapsed();
        }
        let file = Rc::into_inner(file).expect("every task has ended");
        file.close().await.expect("it is open");
        time
    })
}
