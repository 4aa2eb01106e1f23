//! The workloads, one file each, and the list of them.

mod append;
mod copy_tree;
mod dispatch;
mod fan_out;
mod growth;
pub(crate) mod locks;
mod pipe;
pub(crate) mod queue;
mod reads;
mod sequential;
pub(crate) mod small_files;
mod spawn_join;
mod switch;
mod tree_hash;
mod wake;

use std::time::Duration;

use io_core::Io;

use crate::contender::{Contender, Workload};
use crate::executor::Executor;
#[cfg(feature = "peers")]
pub(crate) use switch::Together;

/// Every workload, in the order of the tables.
#[must_use]
pub fn all() -> Vec<Workload> {
    let mut all = vec![
        dispatch::workload(),
        switch::workload(),
        wake::workload(),
        pipe::workload(),
        queue::workload(),
        locks::mutex(),
        locks::read(),
        locks::write(),
        locks::semaphore(),
        spawn_join::workload(),
        fan_out::workload(),
        reads::cached(),
        reads::direct(),
        sequential::read(),
        sequential::write(),
        append::workload(),
        small_files::cached(),
        small_files::synced(),
        tree_hash::workload(),
        copy_tree::workload(),
    ];
    all.extend(growth::all());
    all
}

/// A contender for each executor that the system does not refuse.
fn of_executors(
    wanted: &[Executor],
    operations_per_iteration: u64,
    measure: impl Fn(&dyn Io, u64) -> Duration + Clone + 'static,
) -> impl Iterator<Item = Contender> {
    available(wanted).into_iter().map(move |executor| {
        let measure = measure.clone();
        Contender::new(executor.name(), operations_per_iteration, move |count| {
            executor.run(|io| measure(io, count))
        })
        .on_cpus(executor.cpus())
    })
}

/// The executors that the system does not refuse; says aloud which it does.
fn available(wanted: &[Executor]) -> Vec<Executor> {
    let mut found = Vec::new();
    for executor in wanted {
        match executor.refusal() {
            None => found.push(*executor),
            Some(reason) => eprintln!("!!! {} is left out: {reason}", executor.name()),
        }
    }
    found
}
