//! What a person reads: a row for each executor, and the digest below. The rows
//! come from `main.rs`; `json.rs` says the same to machines.

use std::collections::BTreeSet;
use std::io::{self, Write};

use blake3::Hash;
use pluggable_io::Backend;

use crate::list::escaped;
use crate::measure::Measured;

/// What became of one executor.
pub(crate) struct Row {
    pub(crate) backend: Backend,
    /// What it made of the trees, or why it can not be had.
    pub(crate) outcome: io::Result<Measured>,
}

/// The rows of the executors that could be had.
pub(crate) fn measured(rows: &[Row]) -> impl Iterator<Item = &Measured> {
    rows.iter().filter_map(|row| row.outcome.as_ref().ok())
}

/// What could not be read, and why: a line for each, sorted, whoever met it.
pub(crate) fn failures(rows: &[Row]) -> BTreeSet<String> {
    let failures = measured(rows).flat_map(|row| &row.hashed.failures);
    failures
        .map(|failure| format!("{}: {}", escaped(&failure.path).1, failure.error))
        .collect()
}

/// The digest of the trees, if all executors agree on it.
pub(crate) fn agreed_digest(rows: &[Row]) -> Option<Hash> {
    let mut digests = measured(rows).map(|row| row.digest);
    let first = digests.next()?;
    digests.all(|digest| digest == first).then_some(first)
}

/// How many times as fast as the blocking executor `row` was.
pub(crate) fn ratio_to_blocking(rows: &[Row], row: &Measured) -> Option<f64> {
    let blocking = rows.iter().find(|row| row.backend == Backend::Blocking)?;
    let blocking = blocking.outcome.as_ref().ok()?;
    Some(blocking.elapsed.as_secs_f64() / row.elapsed.as_secs_f64())
}

/// Megabytes (10^6 bytes) in a second.
pub(crate) fn megabytes_per_second(row: &Measured) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "one digit of it is shown")]
    let bytes = row.bytes as f64;
    bytes / 1e6 / row.elapsed.as_secs_f64()
}

/// Prints the table, and the digest below it.
///
/// # Errors
/// The output's.
pub(crate) fn print(rows: &[Row], output: &mut dyn Write) -> io::Result<()> {
    let heads = [
        "backend",
        "files",
        "bytes",
        "seconds",
        "MB/s",
        "operations",
        "threads",
        "x blocking",
    ];
    print_line(output, &heads.map(str::to_owned))?;
    for row in rows {
        match &row.outcome {
            Ok(measured) => print_line(output, &cells(rows, row.backend, measured))?,
            Err(reason) => writeln!(output, "{:<10}  unavailable: {reason}", row.backend)?,
        }
    }
    writeln!(output)?;
    match agreed_digest(rows) {
        Some(digest) => match measured(rows).count() {
            1 => writeln!(output, "digest  {digest}"),
            count => writeln!(output, "digest  {digest}  (the same on all {count})"),
        },
        None => print_digests(rows, output),
    }
}

fn cells(rows: &[Row], backend: Backend, row: &Measured) -> [String; 8] {
    let unknown = || "?".to_owned();
    [
        backend.to_string(),
        grouped(row.hashed.files.len() as u64),
        grouped(row.bytes),
        format!("{:.3}", row.elapsed.as_secs_f64()),
        format!("{:.1}", megabytes_per_second(row)),
        grouped(row.operations),
        row.threads.to_string(),
        ratio_to_blocking(rows, row).map_or_else(unknown, |ratio| format!("{ratio:.2}")),
    ]
}

fn print_line(output: &mut dyn Write, cells: &[String; 8]) -> io::Result<()> {
    let [
        backend,
        files,
        bytes,
        seconds,
        speed,
        operations,
        threads,
        ratio,
    ] = cells;
    writeln!(
        output,
        "{backend:<10}  {files:>9}  {bytes:>15}  {seconds:>8}  {speed:>8}  {operations:>10}  \
         {threads:>7}  {ratio:>10}"
    )
}

fn print_digests(rows: &[Row], output: &mut dyn Write) -> io::Result<()> {
    writeln!(output, "THE DIGESTS DIFFER")?;
    for row in rows {
        if let Ok(measured) = &row.outcome {
            writeln!(output, "{:<10}  {}", row.backend, measured.digest)?;
        }
    }
    Ok(())
}

/// The number with a comma after each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
