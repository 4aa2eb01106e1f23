//! Other runtimes as contenders, each as its own documentation uses it: tokio
//! (one thread, and two workers), async-executor ("smol"), monoio, compio, glommio,
//! may, rayon; and the locks and channels of others. Only with the feature
//! `peers`, so that a plain build stays small.

/// The yields of tasks that take turns, for a runtime of one thread, from its functions
/// `block_on` and `ended` (what a joined task answers) and its `spawn`.
macro_rules! yields_of_one_thread {
    ($spawn:path) => {
        pub(super) fn yields(fibers: u64, rounds: u64) -> std::time::Duration {
            let together = std::sync::Arc::new(crate::workload::Together::new(fibers));
            block_on(async {
                let take_turns = |together: std::sync::Arc<crate::workload::Together>| async move {
                    let yield_now = futures_lite::future::yield_now;
                    together.yields_async(rounds, yield_now).await;
                };
                let start = |_| $spawn(take_turns(std::sync::Arc::clone(&together)));
                let tasks: Vec<_> = (0..fibers).map(start).collect();
                for task in tasks {
                    ended(task.await);
                }
            });
            together.time()
        }
    };
}
pub(crate) use yields_of_one_thread;

/// The other workloads without files for a runtime of one thread, from the same.
macro_rules! of_one_thread {
    ($spawn:path) => {
        pub(super) fn tasks(batch: u64, iterations: u64) -> std::time::Duration {
            block_on(async {
                let mut time = std::time::Duration::ZERO;
                for iterations in [1 + crate::peers::WARM_UP / batch, iterations] {
                    let begin = std::time::Instant::now();
                    for _ in 0..iterations {
                        let tasks: Vec<_> = (0..batch)
                            .map(|_| $spawn(crate::peers::small_body()))
                            .collect();
                        for task in tasks {
                            assert_eq!(ended(task.await), 7);
                        }
                    }
                    time = begin.elapsed();
                }
                time
            })
        }

        pub(super) fn fan_out(tasks: u64, iterations: u64) -> std::time::Duration {
            block_on(async {
                let begin = std::time::Instant::now();
                for _ in 0..iterations {
                    let all: Vec<_> = (0..tasks)
                        .map(|seed| $spawn(crate::peers::fan_out_body(seed)))
                        .collect();
                    for task in all {
                        ended(task.await);
                    }
                }
                begin.elapsed()
            })
        }
    };
}
pub(crate) use of_one_thread;

mod compio;
mod glommio;
mod locks;
mod may;
mod monoio;
mod rayon;
mod smol;
mod tokio;

pub(crate) use locks::{mutex, queue, read, semaphore, write};

use std::hint::black_box;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::contender::Contender;
use crate::data::{Access, CachedFile, READ_BYTES, work};
use crate::workload::small_files::{Durability, directory_of};

/// Tasks before the clock starts.
const WARM_UP: u64 = 16;

/// Without monoio: a task of it that yields in this way is polled again before the
/// others are, so they take no turns.
pub(crate) fn switch(fibers: u64) -> Vec<Contender> {
    let of = |name, yields: fn(u64, u64) -> Duration| {
        Contender::new(name, fibers, move |rounds| yields(fibers, rounds))
    };
    vec![
        of("tokio-1", tokio::yields),
        of("smol-1", smol::yields),
        of("compio-1", compio::yields),
        of("glommio-1", glommio::yields),
        of("may-1", may::yields),
    ]
}

pub(crate) fn wake() -> Vec<Contender> {
    vec![
        Contender::new("tokio-1", 1, tokio::wakes),
        Contender::new("may-1", 1, may::wakes),
    ]
}

pub(crate) fn spawn_join(batch: u64) -> Vec<Contender> {
    vec![
        Contender::new("tokio-1", batch, move |count| tokio::tasks(1, batch, count)),
        Contender::new("tokio-2", batch, move |count| tokio::tasks(2, batch, count)).on_cpus(2),
        Contender::new("smol-1", batch, move |count| smol::tasks(batch, count)),
        Contender::new("monoio-1", batch, move |count| monoio::tasks(batch, count)),
        Contender::new("compio-1", batch, move |count| compio::tasks(batch, count)),
        Contender::new("glommio-1", batch, move |count| {
            glommio::tasks(batch, count)
        }),
        Contender::new("may-2", batch, move |count| may::tasks(2, batch, count))
            .on_cpus(2)
            .alone(),
        Contender::new("rayon-2", batch, move |count| rayon::tasks(batch, count)).on_cpus(2),
    ]
}

pub(crate) fn fan_out(tasks: u64) -> Vec<Contender> {
    vec![
        Contender::new("tokio-1", tasks, move |count| {
            tokio::fan_out(1, tasks, count)
        }),
        Contender::new("tokio-2", tasks, move |count| {
            tokio::fan_out(2, tasks, count)
        })
        .on_cpus(2),
        Contender::new("smol-1", tasks, move |count| smol::fan_out(tasks, count)),
        Contender::new("smol-2", tasks, move |count| {
            smol::fan_out_on_two(tasks, count)
        })
        .on_cpus(2),
        Contender::new("monoio-1", tasks, move |count| {
            monoio::fan_out(tasks, count)
        }),
        Contender::new("compio-1", tasks, move |count| {
            compio::fan_out(tasks, count)
        }),
        Contender::new("glommio-1", tasks, move |count| {
            glommio::fan_out(tasks, count)
        }),
        Contender::new("may-2", tasks, move |count| may::fan_out(2, tasks, count))
            .on_cpus(2)
            .alone(),
        Contender::new("rayon-2", tasks, move |count| rayon::fan_out(tasks, count)).on_cpus(2),
    ]
}

/// Reads of a file, through the cache or past it.
pub(crate) fn reads(file: &Rc<CachedFile>, tasks: u64, access: Access) -> Vec<Contender> {
    type Reads = fn(&CachedFile, Access, u64, u64) -> Duration;
    let of = |name, reads: Reads| {
        let file = Rc::clone(file);
        Contender::new(name, tasks, move |each| reads(&file, access, tasks, each))
    };
    vec![
        of("tokio-2-blocking", tokio::reads).on_cpus(2),
        of("monoio-1", monoio::reads),
        of("compio-1", compio::reads),
        of("glommio-1", glommio::reads),
    ]
}

/// Small files: created, written, synced where asked, closed and removed.
pub(crate) fn small_files(
    directory: &Rc<TempDir>,
    tasks: u64,
    durability: Durability,
) -> Vec<Contender> {
    type Files = fn(&[PathBuf], Durability, u64) -> Duration;
    let of = |name, files: Files| {
        let directory = Rc::clone(directory);
        Contender::new(name, tasks, move |each| {
            let paths: Vec<_> = (0..tasks)
                .map(|index| directory_of(&directory, index))
                .collect();
            files(&paths, durability, each)
        })
    };
    vec![
        of("tokio-2-fs", tokio::small_files).on_cpus(2),
        of("monoio-1", monoio::small_files),
        of("compio-1", compio::small_files),
    ]
}

/// Starts so many tasks that sleep, calls back when they do, and ends them; says
/// when that began, if it can.
pub(crate) type Sleep = fn(u64, &mut dyn FnMut() -> Instant) -> Option<Instant>;

/// Names, the most that each can have, and how.
pub(crate) fn sleepers() -> &'static [(&'static str, u64, Sleep)] {
    &[
        ("tokio-1", 1_000_000, tokio::sleep),
        ("may-1", 10_000, may::sleep),
    ]
}

/// The body of a task that is spawned and joined.
async fn small_body() -> u64 {
    black_box(7)
}

/// The body of a task of a fan-out.
async fn fan_out_body(seed: u64) {
    black_box(work(seed));
}

/// A buffer of which a part is aligned as reads past the cache want it.
struct AlignedVec {
    bytes: Vec<u8>,
    /// Where the aligned part starts.
    start: usize,
}

impl AlignedVec {
    fn new() -> AlignedVec {
        let bytes = vec![0; 2 * READ_BYTES];
        let start = bytes.as_ptr().align_offset(READ_BYTES);
        AlignedVec { bytes, start }
    }
}
