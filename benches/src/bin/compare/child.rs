//! One measurement: a process that runs one contender once, or lets so many tasks
//! sleep, and says what it took.

use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use benches::{
    Asleep, Contender, DATA_DIRECTORY, Scale, Sleepers, assume_prepared, cpu_time, data_directory,
    pin_to_first,
};

/// The largest step from one trial to the next, which is longer.
const GROWTH_MAX: u64 = 20;

/// The least CPU time that is told: ratios need a number that is not 0.
const CPU_NANOS_MIN: f64 = 0.01;

/// What one contender took for one operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) nanos: f64,
    /// Of user and system time, of all CPUs.
    pub(crate) cpu_nanos: f64,
}

/// What a measurement is to run.
pub(crate) struct Asked<'a> {
    pub(crate) program: &'a Path,
    pub(crate) scale: Scale,
    pub(crate) workload: &'a str,
    pub(crate) parameter: u64,
    pub(crate) contender: &'a str,
}

/// How long a contender's iterations take, and what a process costs beside them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Calibration {
    /// The time of one iteration, in nanoseconds.
    pub(crate) iteration_nanos: f64,
    /// What starting, preparing and ending takes, in nanoseconds.
    pub(crate) beside_nanos: f64,
}

impl Asked<'_> {
    /// Finds out how long an iteration takes, by trials up to `wanted`.
    ///
    /// # Errors
    /// As [`sample`](Asked::sample).
    pub(crate) fn calibrate(&self, wanted: Duration) -> io::Result<Calibration> {
        let begin = Instant::now();
        let numbers = self.run("--calibrate", wanted.as_nanos())?;
        let wall = begin.elapsed();
        let [iteration_nanos, measured_nanos] = numbers[..] else {
            return Err(io::Error::other("it said something else"));
        };
        Ok(Calibration {
            iteration_nanos,
            beside_nanos: (wall.as_secs_f64() * 1e9 - measured_nanos).max(0.0),
        })
    }

    /// Measures so many iterations in a process of its own.
    ///
    /// # Errors
    /// It can not be started, or failed: with what it said.
    pub(crate) fn sample(&self, iterations: u64) -> io::Result<Sample> {
        let numbers = self.run("--measure", iterations.into())?;
        let [nanos, cpu_nanos] = numbers[..] else {
            return Err(io::Error::other("it said something else"));
        };
        Ok(Sample { nanos, cpu_nanos })
    }

    fn run(&self, what: &str, number: u128) -> io::Result<Vec<f64>> {
        let mut command = Command::new(self.program);
        command
            .args([what, self.workload, &self.parameter.to_string()])
            .args([self.contender, &format!("{:?}", self.scale)])
            .arg(number.to_string());
        numbers_of(&mut command)
    }
}

/// Lets `count` of them sleep in a process of its own.
///
/// # Errors
/// It can not be started, or failed: with what it said.
pub(crate) fn sleep(program: &Path, sleepers: Sleepers, count: u64) -> io::Result<Asleep> {
    let mut command = Command::new(program);
    command.args(["--sleep", sleepers.name(), &count.to_string()]);
    let numbers = numbers_of(&mut command)?;
    asleep_of(&numbers).ok_or_else(|| io::Error::other("it said something else"))
}

/// The numbers in the order in which [`perform_if_asked`] writes them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was a count"
)]
pub(crate) fn asleep_of(numbers: &[f64]) -> Option<Asleep> {
    let [
        bytes,
        table_bytes,
        address_bytes,
        mappings,
        start_nanos,
        end_nanos,
        timer_nanos,
        ratio,
        low,
        high,
    ] = *numbers
    else {
        return None;
    };
    Some(Asleep {
        bytes,
        table_bytes,
        address_bytes,
        mappings: mappings as u64,
        start_nanos,
        end_nanos,
        timer_nanos,
        timer_ratio: [ratio, low, high],
    })
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn numbers_of_asleep(asleep: &Asleep) -> Vec<f64> {
    let mut numbers = vec![
        asleep.bytes,
        asleep.table_bytes,
        asleep.address_bytes,
        asleep.mappings as f64,
        asleep.start_nanos,
        asleep.end_nanos,
        asleep.timer_nanos,
    ];
    numbers.extend(asleep.timer_ratio);
    numbers
}

fn numbers_of(command: &mut Command) -> io::Result<Vec<f64>> {
    // Another revision's program would look for its data elsewhere.
    let output = command.env(DATA_DIRECTORY, data_directory()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Result<Vec<f64>, _> = text.split_whitespace().map(str::parse).collect();
    match (output.status.success(), numbers) {
        (true, Ok(numbers)) => Ok(numbers),
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
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--sleep", name, count] = arguments[..] {
        let all = Sleepers::all();
        let (sleepers, _) = all.iter().find(|(known, _)| known.name() == name)?;
        pin_to_first(1).expect("CPUs can be chosen");
        let asleep = sleepers.measure(count.parse().ok()?);
        say(&numbers_of_asleep(&asleep.expect("they sleep")));
    }
    let [
        what @ ("--measure" | "--calibrate"),
        workload,
        parameter,
        name,
        scale,
        number,
    ] = arguments[..]
    else {
        return None;
    };
    assume_prepared();
    let scale = if scale == "Full" {
        Scale::Full
    } else {
        Scale::Small
    };
    let workloads = benches::all();
    let workload = workloads.iter().find(|known| known.name == workload);
    let contenders = (workload?.contenders)(scale, parameter.parse().ok()?);
    let contender = contenders.iter().find(|known| known.name == name)?;
    let number = number.parse().ok()?;
    pin_to_first(contender.cpus).expect("CPUs can be chosen");
    let numbers = if what == "--measure" {
        let sample = sample(contender, number).expect("CPU time is counted");
        [sample.nanos, sample.cpu_nanos]
    } else {
        calibrate(contender, Duration::from_nanos(number))
    };
    // What the workload keeps is removed.
    drop(contenders);
    say(&numbers);
}

/// Tells who asked, and ends: what still sleeps is not waited for.
fn say(numbers: &[f64]) -> ! {
    let texts: Vec<String> = numbers.iter().map(f64::to_string).collect();
    println!("{}", texts.join(" "));
    std::process::exit(0)
}

/// The time of an iteration, and of everything that was measured for it.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn calibrate(contender: &Contender, wanted: Duration) -> [f64; 2] {
    let mut iterations = 1;
    let mut measured = Duration::ZERO;
    loop {
        let time = contender.measure(iterations);
        measured += time;
        if time * 2 >= wanted {
            let iteration_nanos = time.as_secs_f64() * 1e9 / iterations as f64;
            return [iteration_nanos, measured.as_secs_f64() * 1e9];
        }
        let factor = wanted.as_nanos() / time.as_nanos().max(1);
        let factor = u64::try_from(factor).unwrap_or(GROWTH_MAX);
        iterations *= factor.clamp(2, GROWTH_MAX);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn sample(contender: &Contender, iterations: u64) -> io::Result<Sample> {
    let cpu_before = cpu_time()?;
    let time = contender.measure(iterations);
    let cpu = cpu_time()? - cpu_before;
    let nanos_each = |time: Duration, iterations: u64| {
        let operations = iterations * contender.operations_per_iteration;
        time.as_secs_f64() * 1e9 / operations as f64
    };
    let nanos = nanos_each(time, iterations);
    if iterations == 1 {
        // What preparation costs is no part of an operation, and not known.
        let cpu_nanos = CPU_NANOS_MIN;
        return Ok(Sample { nanos, cpu_nanos });
    }
    let cpu_before = cpu_time()?;
    std::hint::black_box(contender.measure(1));
    let cpu_of_one = cpu_time()? - cpu_before;
    Ok(Sample {
        nanos,
        cpu_nanos: nanos_each(cpu.saturating_sub(cpu_of_one), iterations - 1).max(CPU_NANOS_MIN),
    })
}
