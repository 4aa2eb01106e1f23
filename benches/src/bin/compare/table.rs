//! The results as text: tables to read, and every sample as CSV.

use std::fmt::Write;

use benches::{Estimate, Shape};

use crate::rounds::{Case, Series};
use crate::sleep;
use crate::targets;

/// Everything, in Markdown: as it goes into BENCHMARKS.md.
pub(crate) fn text(
    machine: &[(&'static str, String)],
    rounds: usize,
    cases: &[Case],
    asleep: &[sleep::Row],
) -> String {
    let mut text = String::new();
    for (name, value) in machine {
        line(&mut text, format_args!("- {name}: {value}"));
    }
    line(&mut text, format_args!("- rounds: {rounds}\n"));
    let mut verdicts = targets::rows(cases);
    verdicts.extend(sleep::targets(asleep));
    if !verdicts.is_empty() {
        text.push_str(
            "### Targets\n\nThe ratio of the contender's time to the other's, at most. Reached if the upper \
             end of the interval is below the target, missed if the lower end is above.\n\n\
             | case | contender | beside | at most | ratio | 95 % | CPU ratio | verdict |\n\
             |---|---|---|---|---|---|---|---|\n",
        );
        for verdict in verdicts {
            line(&mut text, format_args!("{verdict}"));
        }
        text.push('\n');
    }
    let mut curve: Option<&str> = None;
    for case in cases {
        match case.shape {
            Shape::Points => points(&mut text, case),
            Shape::Curve if curve == Some(case.workload) => {}
            Shape::Curve => {
                curve = Some(case.workload);
                let all: Vec<&Case> = of_workload(cases, case.workload).collect();
                growth(&mut text, &all);
            }
        }
    }
    if !asleep.is_empty() {
        text.push_str(&sleep::text(asleep));
    }
    text
}

pub(crate) fn of_workload<'a>(
    cases: &'a [Case],
    workload: &'a str,
) -> impl Iterator<Item = &'a Case> {
    cases.iter().filter(move |case| case.workload == workload)
}

fn points(text: &mut String, case: &Case) {
    line(
        text,
        format_args!(
            "### {}, {} = {}\n",
            case.workload, case.parameter_name, case.parameter
        ),
    );
    line(
        text,
        format_args!(
            "An operation is {}. The ratio is to {}.\n",
            case.operation, case.reference
        ),
    );
    line(
        text,
        format_args!(
            "| contender | ns | fastest | slowest | CPU ns | ratio | 95 % | CPU ratio | 95 % |"
        ),
    );
    line(text, format_args!("|---|---|---|---|---|---|---|---|---|"));
    for series in sorted(case) {
        match (series.nanos(), case.ratio(series)) {
            (Some(nanos), ratio) => {
                let (low, high) = series.spread();
                line(
                    text,
                    format_args!(
                        "| {} | {} | {} | {} | {} | {} | {} |",
                        series.name,
                        number(nanos),
                        number(low),
                        number(high),
                        number(series.cpu_nanos()),
                        two_cells(ratio),
                        two_cells(case.cpu_ratio(series)),
                    ),
                );
            }
            (None, _) => {
                let reason = series.failure.as_deref().unwrap_or_default();
                line(
                    text,
                    format_args!("| {} | failed: {reason} | | | | | | | |", series.name),
                );
            }
        }
    }
    text.push('\n');
}

/// A row for each contender, a column for each parameter.
fn growth(text: &mut String, cases: &[&Case]) {
    let first = cases[0];
    line(text, format_args!("### {}\n", first.workload));
    line(
        text,
        format_args!(
            "Nanoseconds for {}, by the number of {}.\n",
            first.operation, first.parameter_name
        ),
    );
    let mut head = String::from("| contender |");
    let mut rule = String::from("|---|");
    for case in cases {
        write!(head, " {} |", case.parameter).expect("a string takes everything");
        rule.push_str("---|");
    }
    line(text, format_args!("{head}\n{rule}"));
    for series in &first.series {
        let mut row = format!("| {} |", series.name);
        for case in cases {
            let nanos = case.find(&series.name).and_then(Series::nanos);
            let cell = nanos.map_or("failed".to_owned(), number);
            write!(row, " {cell} |").expect("a string takes everything");
        }
        line(text, format_args!("{row}"));
    }
    text.push('\n');
}

fn two_cells(ratio: Option<Estimate>) -> String {
    ratio.map_or(" | ".to_owned(), |ratio| {
        let (median, low, high) = (ratio.median, ratio.low, ratio.high);
        format!("{} | {} to {}", number(median), number(low), number(high))
    })
}

/// The fastest first; what failed last.
pub(crate) fn sorted(case: &Case) -> Vec<&Series> {
    let mut all: Vec<_> = case.series.iter().collect();
    let key = |series: &Series| series.nanos().unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| key(a).total_cmp(&key(b)));
    all
}

/// Every sample.
pub(crate) fn raw(cases: &[Case]) -> String {
    let mut text = String::from("workload,parameter,contender,round,nanos,cpu_nanos\n");
    for case in cases {
        for series in &case.series {
            for (round, sample) in series.samples.iter().enumerate() {
                line(
                    &mut text,
                    format_args!(
                        "{},{},{},{round},{},{}",
                        case.workload, case.parameter, series.name, sample.nanos, sample.cpu_nanos
                    ),
                );
            }
        }
    }
    text
}

/// Three digits that matter.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{:.2}M", value / 1e6),
        value if value >= 1e4 => format!("{:.1}k", value / 1e3),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes everything");
}
