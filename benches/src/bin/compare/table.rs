//! The results as text: a table to read, and every sample as CSV.

use std::fmt::Write;

use benches::Estimate;

use crate::rounds::Case;

/// The tables, in Markdown.
pub(crate) fn text(cases: &[Case]) -> String {
    let mut text = String::new();
    for case in cases {
        line(
            &mut text,
            format_args!(
                "### {}, {} = {}\n",
                case.workload, case.parameter_name, case.parameter
            ),
        );
        line(
            &mut text,
            format_args!(
                "An operation is {}. The ratio is to {}.\n",
                case.operation, case.reference
            ),
        );
        line(
            &mut text,
            format_args!(
                "| contender | ns | fastest | slowest | CPU ns | ratio | 95 % | CPU ratio | 95 % |"
            ),
        );
        line(
            &mut text,
            format_args!("|---|---|---|---|---|---|---|---|---|"),
        );
        for series in sorted(case) {
            match (series.nanos(), case.ratio(series)) {
                (Some(nanos), ratio) => {
                    let (low, high) = series.spread();
                    line(
                        &mut text,
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
                        &mut text,
                        format_args!("| {} | failed: {reason} | | | | | | | |", series.name),
                    );
                }
            }
        }
        text.push('\n');
    }
    text
}

fn two_cells(ratio: Option<Estimate>) -> String {
    ratio.map_or(" | ".to_owned(), |ratio| {
        let (median, low, high) = (ratio.median, ratio.low, ratio.high);
        format!("{} | {} to {}", number(median), number(low), number(high))
    })
}

/// The fastest first; what failed last.
pub(crate) fn sorted(case: &Case) -> Vec<&crate::rounds::Series> {
    let mut all: Vec<_> = case.series.iter().collect();
    let key = |series: &crate::rounds::Series| series.nanos().unwrap_or(f64::INFINITY);
    all.sort_by(|a, b| key(a).partial_cmp(&key(b)).expect("times are numbers"));
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
