//! All results in one HTML file, which needs no other.

use benches::{Estimate, Shape};

use crate::Options;
use crate::chart;
use crate::rounds::Case;
use crate::table::{number, sorted};

/// The page.
pub(crate) fn html(
    machine: &[(&'static str, String)],
    options: &Options,
    cases: &[Case],
    pictures: &[String],
) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>compare</title>\n\
         <style>body{font:14px sans-serif;max-width:62em;margin:2em auto;padding:0 1em}\
         table{border-collapse:collapse;margin:1em 0}td,th{padding:2px 10px;text-align:right;\
         border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}</style>\n\
         <h1>The executors beside their baselines</h1>\n<table>\n",
    );
    let mut add = |text: String| page.push_str(&text);
    for (name, value) in machine {
        add(format!(
            "<tr><td>{name}</td><td>{}</td></tr>\n",
            escaped(value)
        ));
    }
    add(format!(
        "<tr><td>rounds</td><td>{}, {:?}</td></tr>\n</table>\n<p>Each measurement is a process of \
         its own. The ratio is the median of the ratios within each round, with its 95 % bootstrap \
         interval; whiskers go from the fastest round to the slowest.</p>\n",
        options.rounds, options.scale
    ));
    for picture in pictures {
        add(picture.clone());
    }
    for case in cases.iter().filter(|case| case.shape == Shape::Points) {
        add(format!(
            "<h2>{}, {} = {}</h2>\n",
            case.workload, case.parameter_name, case.parameter
        ));
        add(chart::svg(case));
        add("<table>\n<tr><th>contender<th>ns<th>fastest<th>slowest<th>CPU ns<th>ratio<th>95 %<th>CPU ratio<th>95 %</tr>\n".into());
        for series in sorted(case) {
            add(row(case, series));
        }
        add("</table>\n".into());
    }
    page
}

fn row(case: &Case, series: &crate::rounds::Series) -> String {
    let Some(nanos) = series.nanos() else {
        let reason = series.failure.as_deref().unwrap_or_default();
        return format!(
            "<tr><td>{}<td colspan=8>failed: {}</tr>\n",
            series.name,
            escaped(reason)
        );
    };
    let (low, high) = series.spread();
    let cells = |ratio: Option<Estimate>| {
        ratio.map_or("<td><td>".to_owned(), |ratio| {
            let (median, low, high) = (ratio.median, ratio.low, ratio.high);
            format!(
                "<td>{}<td>{} to {}",
                number(median),
                number(low),
                number(high)
            )
        })
    };
    let (ratio, cpu_ratio) = (cells(case.ratio(series)), cells(case.cpu_ratio(series)));
    format!(
        "<tr><td>{}<td>{}<td>{}<td>{}<td>{}{ratio}{cpu_ratio}</tr>\n",
        series.name,
        number(nanos),
        number(low),
        number(high),
        number(series.cpu_nanos())
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
