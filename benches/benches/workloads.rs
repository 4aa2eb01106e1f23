//! The workloads as criterion groups: a group is a workload, an id is
//! contender/parameter, the baselines beside the executors.
//!
//! `cargo bench -p benches` measures; `cargo test -p benches` runs each
//! once, with little data.

use std::time::Duration;

use benches::{Scale, Workload};
use criterion::{BenchmarkId, Criterion, Throughput};

fn main() {
    // As criterion has it: cargo bench says `--bench`, cargo test nothing.
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let is_test = has("--test") || !has("--bench");
    let scale = if is_test { Scale::Small } else { Scale::Full };
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for workload in benches::all() {
        for parameter in (workload.parameters)(scale) {
            measure(&mut criterion, &workload, scale, *parameter);
        }
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, workload: &Workload, scale: Scale, parameter: u64) {
    let mut group = criterion.benchmark_group(workload.name);
    for contender in (workload.contenders)(scale, parameter) {
        if contender.needs_own_process {
            eprintln!(
                "NOT RUN: {}/{}: only `compare` has a process for it alone",
                workload.name, contender.name
            );
            continue;
        }
        group.throughput(Throughput::Elements(contender.operations_per_iteration));
        let id = BenchmarkId::new(contender.name, parameter);
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|iterations| contender.measure(iterations));
        });
    }
    group.finish();
}
