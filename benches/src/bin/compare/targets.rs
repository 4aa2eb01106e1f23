//! What was aimed at, and whether it is reached: a target is reached when the upper
//! end of the interval of the paired ratio is below it, and missed when the lower
//! end is above.

use benches::Estimate;

use crate::rounds::{Case, paired};
use crate::table::number;

/// A contender is to take at most so much of another's time.
struct Target {
    workload: &'static str,
    parameter: u64,
    contender: &'static str,
    reference: &'static str,
    at_most: f64,
}

const fn target(
    workload: &'static str,
    parameter: u64,
    contender: &'static str,
    reference: &'static str,
    at_most: f64,
) -> Target {
    Target {
        workload,
        parameter,
        contender,
        reference,
        at_most,
    }
}

const ONE: &str = "event-loop-1";
const TWO: &str = "event-loop-2";

/// "Not slower" is 1.05: what is equally fast has no interval below 1.
const TARGETS: &[Target] = &[
    target("mutex", 1, ONE, "std-mutex", 1.2),
    target("queue", 1, ONE, "std-threads-1-cpu", 0.2),
    target("queue", 1, ONE, "std-threads-2-cpus", 0.2),
    target("switch", 2, ONE, "bare-coroutine", 3.0),
    target("switch", 10_000, ONE, "bare-coroutine", 3.0),
    target("spawn-join", 1, ONE, "bare-coroutine", 1.3),
    target("spawn-join", 1000, TWO, "monoio-1", 1.5),
    target("spawn-join", 1000, ONE, "monoio-1", 1.5),
    target("fan-out", 100_000, TWO, "rayon-2", 1.0),
    target("fan-out", 100_000, TWO, "tokio-2", 1.0),
    target("fan-out", 100_000, TWO, "smol-2", 1.0),
    target("cached-read", 1, ONE, "std-1-thread", 1.1),
    target("cached-read", 32, TWO, "std-2-threads", 1.15),
    target("cached-read", 256, TWO, "std-2-threads", 1.15),
    target("cached-read", 32, ONE, "std-1-thread", 1.05),
    target("cached-read", 32, ONE, "raw-ring", 1.05),
    target("direct-read", 1, ONE, "raw-ring", 1.05),
    target("direct-read", 32, ONE, "raw-ring", 1.05),
    target("direct-read", 128, ONE, "raw-ring", 1.05),
    target("small-files", 1, ONE, "std-1-thread", 1.1),
    target("small-files", 64, TWO, "std-2-threads", 1.11),
    target("small-files-synced", 64, TWO, "monoio-1", 1.0),
    target("small-files-synced", 64, TWO, "compio-1", 1.0),
    target("sequential-read", 4096, ONE, "std-1-thread", 1.05),
    target("sequential-write", 4096, ONE, "std-1-thread", 1.05),
    target("append-sync", 1, ONE, "std-thread-each", 1.05),
    target("append-sync", 16, TWO, "std-thread-each", 1.05),
    target("wake", 2, "event-loop-2-apart", "raw-msg-ring", 1.1),
    target("wake", 2, "event-loop-2-apart", "raw-futex", 1.1),
    target("tree-hash", 1, ONE, "blocking", 1.05),
    target("tree-hash", 32, TWO, "threaded", 1.05),
    target("tree-hash", 32, TWO, "std-2-threads", 1.053),
    target("copy-tree", 1, ONE, "blocking", 1.05),
    target("copy-tree", 32, TWO, "threaded", 1.05),
    target("copy-tree", 32, TWO, "std-2-threads", 1.053),
];

/// A target in nanoseconds: what two tasks of one worker need to wake each other.
const WAKE_NANOS_MAX: f64 = 60.0;

/// The targets of which both sides were measured, as rows of a Markdown table.
pub(crate) fn rows(cases: &[Case]) -> Vec<String> {
    let mut rows: Vec<String> = TARGETS
        .iter()
        .filter_map(|target| row(target, cases))
        .collect();
    let wake = cases.iter().find(|case| case.workload == "wake");
    if let Some(nanos) = wake.and_then(|case| case.find(ONE)?.nanos()) {
        let verdict = if nanos <= WAKE_NANOS_MAX {
            "reached"
        } else {
            "**missed**"
        };
        rows.push(format!(
            "| wake | {ONE} | in ns | {WAKE_NANOS_MAX} | {} | | | {verdict} |",
            number(nanos)
        ));
    }
    rows
}

fn row(target: &Target, cases: &[Case]) -> Option<String> {
    let case = cases
        .iter()
        .find(|case| case.workload == target.workload && case.parameter == target.parameter)?;
    let (series, reference) = (case.find(target.contender)?, case.find(target.reference)?);
    let ratio = paired(series, reference, |sample| sample.nanos);
    let cpu = paired(series, reference, |sample| sample.cpu_nanos);
    Some(format!(
        "| {}, {} | {} | {} | {} | {} | {} to {} | {} | {} |",
        target.workload,
        target.parameter,
        target.contender,
        target.reference,
        target.at_most,
        number(ratio.median),
        number(ratio.low),
        number(ratio.high),
        number(cpu.median),
        verdict(ratio, target.at_most),
    ))
}

fn verdict(ratio: Estimate, at_most: f64) -> &'static str {
    if ratio.high <= at_most {
        "reached"
    } else if ratio.low > at_most {
        "**missed**"
    } else {
        "open"
    }
}

#[test]
fn the_interval_decides() {
    let estimate = |low, high| Estimate {
        median: f64::midpoint(low, high),
        low,
        high,
    };
    assert_eq!(verdict(estimate(0.8, 1.0), 1.0), "reached");
    assert_eq!(verdict(estimate(0.8, 1.1), 1.0), "open");
    assert_eq!(verdict(estimate(1.01, 1.1), 1.0), "**missed**");
}

#[test]
fn every_target_names_a_workload() {
    let all = benches::all();
    for target in TARGETS {
        let workload = all.iter().find(|known| known.name == target.workload);
        let workload = workload.unwrap_or_else(|| panic!("{}", target.workload));
        let parameters = (workload.parameters)(benches::Scale::Full);
        assert!(
            parameters.contains(&target.parameter),
            "{}",
            target.workload
        );
    }
}
