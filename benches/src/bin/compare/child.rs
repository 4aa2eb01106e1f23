//! One measurement: a process that runs one contender once and says what it took.

use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use benches::{Contender, Scale, cpu_time, pin_to_first};

/// How long a measurement takes, about: long against the start of a runtime.
const FULL: Duration = Duration::from_millis(250);
const SMALL: Duration = Duration::from_millis(10);
/// The largest step from one trial to the next, which is longer.
const GROWTH_MAX: u64 = 20;

/// What one contender took for one operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) nanos: f64,
    /// Of user and system time, of all CPUs.
    pub(crate) cpu_nanos: f64,
}

/// Runs a measurement in a process of its own.
///
/// # Errors
/// It can not be started, or failed: with what it said.
pub(crate) fn measure(
    program: &Path,
    scale: Scale,
    workload: &str,
    parameter: u64,
    contender: &str,
) -> io::Result<Sample> {
    let output = Command::new(program)
        .args(["--measure", workload, &parameter.to_string(), contender])
        .arg(format!("{scale:?}"))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut numbers = text.split_whitespace().map(str::parse);
    match (output.status.success(), numbers.next(), numbers.next()) {
        (true, Some(Ok(nanos)), Some(Ok(cpu_nanos))) => Ok(Sample { nanos, cpu_nanos }),
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let line = complaint.lines().last().unwrap_or_default();
            Err(io::Error::other(format!("{}: {line}", output.status)))
        }
    }
}

/// Performs a measurement if this process was started for one.
pub(crate) fn perform_if_asked() -> Option<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ["--measure", workload, parameter, name, scale] =
        arguments.iter().map(String::as_str).collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let scale = if scale == "Full" {
        Scale::Full
    } else {
        Scale::Small
    };
    let workloads = benches::all();
    let workload = workloads.iter().find(|known| known.name == workload);
    let parameter: Option<u64> = parameter.parse().ok();
    let contenders = (workload?.contenders)(scale, parameter?);
    let contender = contenders.iter().find(|known| known.name == name)?;
    let sample = sample(contender, scale).expect("CPUs can be chosen and asked");
    println!("{} {}", sample.nanos, sample.cpu_nanos);
    Some(ExitCode::SUCCESS)
}

fn sample(contender: &Contender, scale: Scale) -> io::Result<Sample> {
    pin_to_first(contender.cpus)?;
    let wanted = if scale == Scale::Full { FULL } else { SMALL };
    let mut iterations = 1;
    loop {
        let cpu_before = cpu_time()?;
        let time = contender.measure(iterations);
        let cpu = cpu_time()? - cpu_before;
        if time * 2 >= wanted {
            // What preparation costs is no part of an operation.
            let cpu_before = cpu_time()?;
            std::hint::black_box(contender.measure(1));
            let cpu_of_one = cpu_time()? - cpu_before;
            return Ok(of(contender, iterations, time, cpu, cpu_of_one));
        }
        let factor = wanted.as_nanos() / time.as_nanos().max(1);
        let factor = u64::try_from(factor).unwrap_or(GROWTH_MAX);
        iterations *= factor.clamp(2, GROWTH_MAX);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn of(
    contender: &Contender,
    iterations: u64,
    time: Duration,
    cpu: Duration,
    cpu_of_one: Duration,
) -> Sample {
    let nanos_each = |time: Duration, iterations: u64| {
        let operations = iterations * contender.operations_per_iteration;
        time.as_secs_f64() * 1e9 / operations as f64
    };
    let cpu_nanos = if iterations == 1 {
        nanos_each(cpu, 1)
    } else {
        nanos_each(cpu.saturating_sub(cpu_of_one), iterations - 1)
    };
    Sample {
        nanos: nanos_each(time, iterations),
        cpu_nanos,
    }
}
