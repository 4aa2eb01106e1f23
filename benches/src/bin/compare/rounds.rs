//! The rounds: every contender once in each, in random order; and what came of it.

use std::io;
use std::path::{Path, PathBuf};

use benches::{Estimate, Executor, Random, median};

use crate::Options;
use crate::child::{self, Sample};

/// A workload with one parameter, and what its contenders took.
pub(crate) struct Case {
    pub(crate) workload: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) parameter_name: &'static str,
    pub(crate) parameter: u64,
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
                if options
                    .only
                    .as_ref()
                    .is_some_and(|only| !id.contains(only.as_str()))
                {
                    continue;
                }
                let contenders = (workload.contenders)(benches::Scale::Small, *parameter);
                let series = contenders
                    .iter()
                    .map(|known| Series::new(known.name, &program));
                cases.push(Case {
                    workload: workload.name,
                    operation: workload.operation,
                    parameter_name: workload.parameter.unwrap_or("case"),
                    parameter: *parameter,
                    reference: workload.reference.to_owned(),
                    series: series.collect(),
                });
            }
        }
        if cases.is_empty() {
            return Err(io::Error::other("no such case"));
        }
        Ok(Plan { cases })
    }

    /// Leaves our executors only, each beside the one of another program.
    pub(crate) fn add_other(&mut self, program: &Path, revision: &str) {
        for case in &mut self.cases {
            let is_ours =
                |series: &Series| Executor::ALL.iter().any(|own| own.name() == series.name);
            case.series.retain(is_ours);
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
    }

    pub(crate) fn measure(mut self, options: &Options) -> io::Result<Vec<Case>> {
        let seed = std::process::id().into();
        println!("{} rounds, order from seed {seed}", options.rounds);
        let mut random = Random::new(seed);
        for case in &mut self.cases {
            eprint!("{}/{} ", case.workload, case.parameter);
            for _ in 0..options.rounds {
                let mut order: Vec<usize> = (0..case.series.len()).collect();
                random.shuffle(&mut order);
                for index in order {
                    case.take_sample(index, options);
                }
                eprint!(".");
            }
            eprintln!();
        }
        Ok(self.cases)
    }
}

impl Series {
    fn new(contender: &'static str, program: &Path) -> Series {
        Series {
            name: contender.to_owned(),
            contender,
            program: program.to_path_buf(),
            samples: Vec::new(),
            failure: None,
            compared_with: None,
        }
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
    fn take_sample(&mut self, index: usize, options: &Options) {
        let series = &mut self.series[index];
        if series.failure.is_some() {
            return;
        }
        let (workload, parameter) = (self.workload, self.parameter);
        match child::measure(
            &series.program,
            options.scale,
            workload,
            parameter,
            series.contender,
        ) {
            Ok(sample) => series.samples.push(sample),
            Err(error) => series.failure = Some(error.to_string()),
        }
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
        let reference = self.series.iter().find(|known| known.name == *reference)?;
        if series.failure.is_some() || reference.failure.is_some() {
            return None;
        }
        Some(Estimate::of_ratio(
            &series.column(&of),
            &reference.column(&of),
        ))
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
