//! The rounds: every contender once in each, in random order; and what came of it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use benches::{Estimate, Executor, Random, Scale, Shape, Workload, median};

use crate::Options;
use crate::child::{Asked, Calibration, Sample};
use crate::journal::Journal;
use crate::pace::{self, Part};

/// A curve shows how something grows, for which fewer rounds do.
const ROUNDS_OF_CURVES: usize = 3;
/// How long the trials of a contender may become.
const TRIAL: Duration = Duration::from_millis(8);

/// A workload with one parameter, and what its contenders took.
pub(crate) struct Case {
    pub(crate) workload: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) parameter_name: &'static str,
    pub(crate) parameter: u64,
    pub(crate) shape: Shape,
    pub(crate) reference: String,
    pub(crate) series: Vec<Series>,
}

/// What one contender took, round by round.
pub(crate) struct Series {
    /// As shown.
    pub(crate) name: String,
    /// As its program knows it.
    contender: &'static str,
    program: PathBuf,
    calibration: Option<Calibration>,
    pub(crate) samples: Vec<Sample>,
    /// Why it has no more samples.
    pub(crate) failure: Option<String>,
    /// What it is compared with, if not with the case's reference.
    compared_with: Option<String>,
}

/// What is to be measured.
pub(crate) struct Plan {
    cases: Vec<Case>,
}

impl Plan {
    pub(crate) fn new(options: &Options) -> io::Result<Plan> {
        let program = std::env::current_exe()?;
        let mut cases = Vec::new();
        for workload in benches::all() {
            for parameter in (workload.parameters)(options.scale) {
                let id = format!("{}/{parameter}", workload.name);
                let wanted = options.only.as_ref();
                if wanted.is_some_and(|only| !id.contains(only.as_str())) {
                    continue;
                }
                eprintln!("preparing {id}");
                cases.push(Case::new(&workload, options.scale, *parameter, &program));
            }
        }
        if cases.is_empty() && !options.has_sleepers() {
            return Err(io::Error::other("no such case"));
        }
        Ok(Plan { cases })
    }

    /// Leaves our executors only, each beside the one of another program.
    pub(crate) fn add_other(&mut self, program: &Path, revision: &str) {
        for case in &mut self.cases {
            case.series.retain(Series::is_ours);
            let others: Vec<Series> = case
                .series
                .iter_mut()
                .map(|series| {
                    let mut other = Series::new(series.contender, program);
                    other.name = format!("{}@{revision}", series.contender);
                    series.compared_with = Some(other.name.clone());
                    other
                })
                .collect();
            case.series.extend(others);
        }
        self.cases.retain(|case| !case.series.is_empty());
    }

    /// Measures everything by `end`, if there is one and it is not too soon.
    pub(crate) fn measure(
        mut self,
        options: &Options,
        journal: &mut Journal,
        end: Option<Instant>,
    ) -> io::Result<Vec<Case>> {
        self.calibrate(options, journal)?;
        let parts = self.parts(options);
        let limit = end.map(|end| end.saturating_duration_since(Instant::now()));
        let limit = limit.map(|limit| limit.as_secs_f64() * 1e9);
        let longest = match options.scale {
            Scale::Small => TRIAL.as_secs_f64() * 1e9,
            Scale::Full => pace::measurement_nanos(&parts, limit),
        };
        // A run that goes on measures as it did before.
        let nanos = journal.ask("measurement", || Ok(vec![longest]))?[0];
        eprintln!(
            "a measurement takes {:.0} ms, all of them about {:.1} minutes",
            nanos / 1e6,
            pace::total(&parts, nanos) / 60e9
        );
        let seed = std::process::id().into();
        eprintln!("{} rounds, order from seed {seed}", options.rounds);
        let mut random = Random::new(seed);
        let count = self.cases.len();
        for (index, case) in self.cases.iter_mut().enumerate() {
            eprint!(
                "{}/{count} {}/{} ",
                index + 1,
                case.workload,
                case.parameter
            );
            for round in 0..case.rounds(options) {
                let mut order: Vec<usize> = (0..case.series.len()).collect();
                random.shuffle(&mut order);
                for index in order {
                    case.take_sample(index, round, nanos, (options, &mut *journal))?;
                }
                eprint!(".");
            }
            eprintln!();
        }
        Ok(self.cases)
    }

    fn calibrate(&mut self, options: &Options, journal: &mut Journal) -> io::Result<()> {
        for case in &mut self.cases {
            eprint!("trying {}/{} ", case.workload, case.parameter);
            for index in 0..case.series.len() {
                case.calibrate(index, options, journal)?;
                eprint!(".");
            }
            eprintln!();
        }
        Ok(())
    }

    fn parts(&self, options: &Options) -> Vec<Part> {
        let of = |case: &Case| {
            let (rounds, least) = (case.rounds(options), case.iterations_min());
            let known = case.series.iter().filter_map(|series| series.calibration);
            let parts = known.map(|calibration| Part {
                calibration,
                rounds,
                least,
            });
            parts.collect::<Vec<_>>()
        };
        self.cases.iter().flat_map(of).collect()
    }
}

impl Series {
    fn new(contender: &'static str, program: &Path) -> Series {
        Series {
            name: contender.to_owned(),
            contender,
            program: program.to_path_buf(),
            calibration: None,
            samples: Vec::new(),
            failure: None,
            compared_with: None,
        }
    }

    /// Whether it is one of our executors, of whatever revision.
    pub(crate) fn is_ours(&self) -> bool {
        Executor::is_name(self.contender)
    }

    fn column(&self, of: impl Fn(&Sample) -> f64) -> Vec<f64> {
        self.samples.iter().map(of).collect()
    }

    /// The median time of an operation; `None` if it failed.
    pub(crate) fn nanos(&self) -> Option<f64> {
        self.failure
            .is_none()
            .then(|| median(&self.column(|sample| sample.nanos)))
    }

    /// The shortest and the longest.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let times = self.column(|sample| sample.nanos);
        times
            .iter()
            .fold((f64::INFINITY, 0.0), |(low, high), time| {
                (f64::min(low, *time), f64::max(high, *time))
            })
    }

    /// The median CPU time of an operation.
    pub(crate) fn cpu_nanos(&self) -> f64 {
        median(&self.column(|sample| sample.cpu_nanos))
    }
}

impl Case {
    fn new(workload: &Workload, scale: Scale, parameter: u64, program: &Path) -> Case {
        // Of the right scale: its files are there then, and read once.
        let contenders = (workload.contenders)(scale, parameter);
        let series = contenders
            .iter()
            .map(|known| Series::new(known.name, program));
        Case {
            workload: workload.name,
            operation: workload.operation,
            parameter_name: workload.parameter.unwrap_or("case"),
            parameter,
            shape: workload.shape,
            reference: workload.reference.to_owned(),
            series: series.collect(),
        }
    }

    fn rounds(&self, options: &Options) -> usize {
        match self.shape {
            Shape::Points => options.rounds,
            Shape::Curve => options.rounds.min(ROUNDS_OF_CURVES),
        }
    }

    /// CPU time is what one iteration more has cost: it takes two to tell. A curve
    /// does not show it.
    fn iterations_min(&self) -> u64 {
        match self.shape {
            Shape::Points => 2,
            Shape::Curve => 1,
        }
    }

    fn asked<'a>(&'a self, index: usize, options: &Options) -> (Asked<'a>, String) {
        let series = &self.series[index];
        let asked = Asked {
            program: &series.program,
            scale: options.scale,
            workload: self.workload,
            parameter: self.parameter,
            contender: series.contender,
        };
        let key = format!("{}/{}/{}", self.workload, self.parameter, series.name);
        (asked, key)
    }

    fn calibrate(
        &mut self,
        index: usize,
        options: &Options,
        journal: &mut Journal,
    ) -> io::Result<()> {
        let (asked, key) = self.asked(index, options);
        let mut failure = None;
        let answer = journal.ask(&format!("{key} trial"), || {
            let calibration = asked.calibrate(TRIAL).inspect_err(|error| {
                failure = Some(error.to_string());
            })?;
            Ok(vec![calibration.iteration_nanos, calibration.beside_nanos])
        });
        let series = &mut self.series[index];
        match answer {
            Ok(numbers) => {
                series.calibration = Some(Calibration {
                    iteration_nanos: numbers[0],
                    beside_nanos: numbers[1],
                });
            }
            Err(error) if failure.is_none() => return Err(error),
            Err(_) => series.failure = failure,
        }
        Ok(())
    }

    fn take_sample(
        &mut self,
        index: usize,
        round: usize,
        nanos: f64,
        (options, journal): (&Options, &mut Journal),
    ) -> io::Result<()> {
        let Some(calibration) = self.series[index].calibration else {
            return Ok(());
        };
        if self.series[index].failure.is_some() {
            return Ok(());
        }
        let least = self.iterations_min();
        let (asked, key) = self.asked(index, options);
        let mut failure = None;
        let answer = journal.ask(&format!("{key} round {round}"), || {
            let iterations = pace::iterations(&calibration, nanos, least);
            let sample = asked.sample(iterations).inspect_err(|error| {
                failure = Some(error.to_string());
            })?;
            Ok(vec![sample.nanos, sample.cpu_nanos])
        });
        let series = &mut self.series[index];
        match answer {
            Ok(numbers) => series.samples.push(Sample {
                nanos: numbers[0],
                cpu_nanos: numbers[1],
            }),
            Err(error) if failure.is_none() => return Err(error),
            Err(_) => series.failure = failure,
        }
        Ok(())
    }

    /// The contender of this name, if it was measured.
    pub(crate) fn find(&self, name: &str) -> Option<&Series> {
        let found = self.series.iter().find(|known| known.name == name);
        found.filter(|series| series.failure.is_none() && !series.samples.is_empty())
    }

    /// How a contender's time compares with the reference's, round by round.
    pub(crate) fn ratio(&self, series: &Series) -> Option<Estimate> {
        self.ratio_of(series, |sample| sample.nanos)
    }

    /// As [`ratio`](Case::ratio), of CPU times: what a loaded machine spoils less.
    pub(crate) fn cpu_ratio(&self, series: &Series) -> Option<Estimate> {
        self.ratio_of(series, |sample| sample.cpu_nanos)
    }

    fn ratio_of(&self, series: &Series, of: impl Fn(&Sample) -> f64) -> Option<Estimate> {
        let reference = series.compared_with.as_ref().unwrap_or(&self.reference);
        let reference = self.find(reference)?;
        if series.failure.is_some() {
            return None;
        }
        Some(paired(series, reference, of))
    }

    /// Whether one of ours is slower than its other revision, beyond the noise.
    pub(crate) fn is_slower(&self) -> bool {
        const NOISE: f64 = 1.03;
        self.series.iter().any(|series| {
            let ratio = series
                .compared_with
                .as_ref()
                .and_then(|_| self.ratio(series));
            ratio.is_some_and(|ratio| ratio.low > NOISE)
        })
    }
}

/// The ratio of two series within their rounds.
pub(crate) fn paired(series: &Series, reference: &Series, of: impl Fn(&Sample) -> f64) -> Estimate {
    Estimate::of_ratio(&series.column(&of), &reference.column(&of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &'static str, nanos: &[f64]) -> Series {
        let mut series = Series::new(name, Path::new("program"));
        let sample = |nanos: &f64| Sample {
            nanos: *nanos,
            cpu_nanos: *nanos,
        };
        series.samples = nanos.iter().map(sample).collect();
        series
    }

    /// One of ours beside its other revision.
    fn case(now: &[f64], before: &[f64]) -> Case {
        let mut now = series("event-loop-1", now);
        let mut other = series("event-loop-1", before);
        other.name = "event-loop-1@before".to_owned();
        now.compared_with = Some(other.name.clone());
        Case {
            workload: "w",
            operation: "o",
            parameter_name: "p",
            parameter: 1,
            shape: Shape::Points,
            reference: "absent".to_owned(),
            series: vec![now, other],
        }
    }

    #[test]
    fn what_is_slower_beyond_the_noise_is_found() {
        let before: Vec<f64> = (0..15_u32)
            .map(|round| 100.0 + f64::from(round % 5))
            .collect();
        let times = |factor: f64| {
            before
                .iter()
                .map(|nanos| nanos * factor)
                .collect::<Vec<_>>()
        };
        assert!(case(&times(1.2), &before).is_slower());
        assert!(!case(&times(1.02), &before).is_slower());
        assert!(!case(&times(0.8), &before).is_slower());
        // One bad round of fifteen is noise.
        let mut noisy = times(1.0);
        noisy[7] *= 9.0;
        assert!(!case(&noisy, &before).is_slower());
    }

    #[test]
    fn what_failed_is_compared_with_nothing() {
        let mut case = case(&[200.0], &[100.0]);
        case.series[1].failure = Some("it did".to_owned());
        assert!(!case.is_slower());
        assert!(case.find("event-loop-1@before").is_none());
    }
}
