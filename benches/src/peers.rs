//! Other runtimes as contenders, each as its own documentation uses it: tokio
//! (one thread, and two workers), async-executor ("smol"), monoio, rayon. Only
//! with the feature `peers`, so that a plain build stays small.

mod monoio;
mod rayon;
mod smol;
mod tokio;

use std::hint::black_box;
use std::rc::Rc;

use crate::contender::Contender;
use crate::data::{CachedFile, work};

/// Tasks before the clock starts.
const WARM_UP: u64 = 16;

pub(crate) fn switch(fibers: u64) -> Vec<Contender> {
    vec![
        Contender::new("tokio-1", fibers, move |rounds| {
            tokio::yields(fibers, rounds)
        }),
        Contender::new("smol-1", fibers, move |rounds| smol::yields(fibers, rounds)),
        Contender::new("monoio-1", fibers, move |rounds| {
            monoio::yields(fibers, rounds)
        }),
    ]
}

pub(crate) fn spawn_join(batch: u64) -> Vec<Contender> {
    vec![
        Contender::new("tokio-1", batch, move |count| tokio::tasks(1, batch, count)),
        Contender::new("tokio-2", batch, move |count| tokio::tasks(2, batch, count)).on_cpus(2),
        Contender::new("smol-1", batch, move |count| smol::tasks(batch, count)),
        Contender::new("monoio-1", batch, move |count| monoio::tasks(batch, count)),
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
        Contender::new("rayon-2", tasks, move |count| rayon::fan_out(tasks, count)).on_cpus(2),
    ]
}

pub(crate) fn cached_reads(file: &Rc<CachedFile>, tasks: u64) -> Vec<Contender> {
    let (for_tokio, for_monoio) = (Rc::clone(file), Rc::clone(file));
    vec![
        Contender::new("tokio-2-blocking", tasks, move |each| {
            tokio::reads(&for_tokio, tasks, each)
        })
        .on_cpus(2),
        Contender::new("monoio-1", tasks, move |each| {
            monoio::reads(&for_monoio, tasks, each)
        }),
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
