//! One case as a picture: a bar for each contender, on a logarithmic scale since
//! contenders may differ a thousandfold, with a whisker from the fastest round to
//! the slowest. Drawn by hand: bars and labels need no library.

use std::fmt::Write;

use crate::rounds::{Case, Series};
use crate::table::{number, sorted};

const ROW: f64 = 22.0;
const LABELS: f64 = 170.0;
const BARS: f64 = 480.0;
const NUMBERS: f64 = 130.0;
const TOP: f64 = 30.0;

/// The picture, as SVG that can stand alone or within a page.
pub(crate) fn svg(case: &Case) -> String {
    let rows: Vec<_> = sorted(case)
        .into_iter()
        .filter(|series| series.nanos().is_some())
        .collect();
    let lowest = rows
        .iter()
        .map(|series| series.spread().0)
        .fold(f64::INFINITY, f64::min);
    let highest = rows
        .iter()
        .map(|series| series.spread().1)
        .fold(0.0, f64::max);
    let (start, end) = ((lowest / 2.0).log10(), highest.max(lowest * 1.1).log10());
    let place = |nanos: f64| LABELS + BARS * (nanos.log10() - start) / (end - start);
    #[expect(clippy::cast_precision_loss, reason = "a few rows")]
    let height = TOP + ROW * rows.len() as f64 + 10.0;
    let width = LABELS + BARS + NUMBERS;
    let mut text = String::new();
    let mut add = |element: String| text.push_str(&element);
    add(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <text x=\"4\" y=\"18\" font-weight=\"bold\">{}, {} = {}: ns for {} (log scale)</text>\n",
        case.workload, case.parameter_name, case.parameter, case.operation
    ));
    for (index, series) in rows.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a few rows")]
        let y = TOP + ROW * index as f64;
        let nanos = series.nanos().unwrap_or_default();
        let (low, high) = series.spread();
        let ratio = case.ratio(series).map_or(String::new(), |ratio| {
            format!(" ({}x)", number(ratio.median))
        });
        let mut row = String::new();
        write!(
            row,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LABELS}\" y=\"{}\" width=\"{:.1}\" height=\"14\" fill=\"{}\"/>\n\
             <path d=\"M{:.1} {}H{:.1}\" stroke=\"#333\"/>\n\
             <text x=\"{:.1}\" y=\"{}\">{}{ratio}</text>\n",
            LABELS - 6.0,
            y + 12.0,
            series.name,
            y + 1.0,
            place(nanos) - LABELS,
            colour(series),
            place(low),
            y + 8.0,
            place(high),
            place(high) + 5.0,
            y + 12.0,
            number(nanos),
        )
        .expect("a string takes everything");
        add(row);
    }
    add("</svg>\n".to_owned());
    text
}

/// Ours stand out, the limits are dark, peers pale.
fn colour(series: &Series) -> &'static str {
    let is_limit = ["std-", "raw-", "bare-", "concrete", "generic"];
    if series.is_ours() {
        "#2a78d6"
    } else if is_limit
        .iter()
        .any(|prefix| series.name.starts_with(prefix))
    {
        "#52514e"
    } else {
        "#c3c2b7"
    }
}
