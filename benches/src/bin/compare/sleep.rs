//! Sleeping tasks: so many of each kind, in a process of its own, once. What is
//! measured hardly varies but for the times.

use std::io;

use benches::{Asleep, Scale, Sleepers};

use crate::child;
use crate::curve::{self, Line};
use crate::journal::Journal;
use crate::table::number;

/// What so many of a kind cost, or why it is not known.
pub(crate) struct Row {
    name: &'static str,
    count: u64,
    asleep: Result<Asleep, String>,
}

/// A fiber may have so many bytes: a page of its stack and 512 bytes, and a third.
const BYTES_MAX: f64 = 1.3 * (4096.0 + 512.0);
/// A timer beside a million others may cost so much of one beside a thousand.
const TIMER_RATIO_MAX: f64 = 2.0;

pub(crate) fn measure(scale: Scale, journal: &mut Journal) -> io::Result<Vec<Row>> {
    let program = std::env::current_exe()?;
    let counts: &[u64] = match scale {
        Scale::Small => &[100],
        Scale::Full => &[1_000, 10_000, 100_000, 1_000_000],
    };
    let mut rows = Vec::new();
    for (sleepers, most) in Sleepers::all() {
        for count in counts.iter().filter(|count| **count <= most) {
            eprintln!("{count} of {} sleep", sleepers.name());
            let mut failure = None;
            let key = format!("asleep/{count}/{}", sleepers.name());
            let answer = journal.ask(&key, || {
                let asleep = child::sleep(&program, sleepers, *count).inspect_err(|error| {
                    failure = Some(error.to_string());
                })?;
                Ok(child::numbers_of_asleep(&asleep))
            });
            let asleep = match (answer, failure) {
                (_, Some(failure)) => Err(failure),
                (answer, None) => child::asleep_of(&answer?).ok_or_else(String::new),
            };
            rows.push(Row {
                name: sleepers.name(),
                count: *count,
                asleep,
            });
        }
    }
    Ok(rows)
}

/// As a table in Markdown.
pub(crate) fn text(rows: &[Row]) -> String {
    let mut text = String::from(
        "### asleep\n\nSo many tasks that sleep, in bytes and nanoseconds for each. Bytes are resident memory \
         and page tables. A timer is armed and canceled by a wait that is woken; its ratio is to the \
         same where 1000 sleep.\n\n\
         | who | tasks | bytes | of page tables | address space | mappings | start | end | timer | ratio | 95 % |\n\
         |---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let cells = match &row.asleep {
            Err(failure) => format!("failed: {failure} | | | | | | | | "),
            Ok(asleep) => {
                let [ratio, low, high] = asleep.timer_ratio;
                let timer = if asleep.timer_nanos > 0.0 {
                    format!(
                        "{} | {} | {} to {}",
                        number(asleep.timer_nanos),
                        number(ratio),
                        number(low),
                        number(high)
                    )
                } else {
                    "- | - | -".to_owned()
                };
                format!(
                    "{} | {} | {} | {} | {} | {} | {timer}",
                    number(asleep.bytes),
                    number(asleep.table_bytes),
                    number(asleep.address_bytes),
                    asleep.mappings,
                    number(asleep.start_nanos),
                    number(asleep.end_nanos),
                )
            }
        };
        text.push_str(&format!("| {} | {} | {cells} |\n", row.name, row.count));
    }
    text.push('\n');
    text
}

/// The rows of the table of targets.
pub(crate) fn targets(rows: &[Row]) -> Vec<String> {
    let million = rows
        .iter()
        .find(|row| row.count == 1_000_000 && row.name == "event-loop-1");
    let Some(Row {
        asleep: Ok(asleep), ..
    }) = million
    else {
        return Vec::new();
    };
    let verdict = |holds| if holds { "reached" } else { "**missed**" };
    let [ratio, low, high] = asleep.timer_ratio;
    vec![
        format!(
            "| asleep, 1000000 | event-loop-1 | in bytes | {BYTES_MAX:.0} | {} | | | {} |",
            number(asleep.bytes),
            verdict(asleep.bytes <= BYTES_MAX)
        ),
        format!(
            "| timer, 1000000 | event-loop-1 | beside 1000 | {TIMER_RATIO_MAX} | {} | {} to {} | | {} |",
            number(ratio),
            number(low),
            number(high),
            verdict(high <= TIMER_RATIO_MAX)
        ),
    ]
}

/// How a value of each grows with their number, as a picture; `None` if nobody has it.
pub(crate) fn svg(title: &str, rows: &[Row], of: impl Fn(&Asleep) -> f64) -> Option<String> {
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let Some(value) = row
            .asleep
            .as_ref()
            .ok()
            .map(&of)
            .filter(|value| *value > 0.0)
        else {
            continue;
        };
        #[expect(clippy::cast_precision_loss, reason = "a million is far below 2^52")]
        let point = (row.count as f64, value);
        match lines.iter_mut().find(|(name, _)| name == row.name) {
            Some((_, points)) => points.push(point),
            None => lines.push((row.name.to_owned(), vec![point])),
        }
    }
    (!lines.is_empty()).then(|| curve::svg(title, "sleeping tasks", &lines))
}
