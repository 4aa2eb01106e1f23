//! What a machine reads: the same as `report.rs`, as JSON.

use std::path::Path;

use serde_json::{Value, json};

use crate::hash::{Failure, HashedFile};
use crate::measure::Measured;
use crate::options::Options;
use crate::report::{self, Row};

/// All that is known of the trees. `digest` is null if the executors disagree;
/// `files` is there with `--list`. A path that is no UTF-8 is shown as far as it
/// is, with all its bytes beside it.
pub(crate) fn document(options: &Options, rows: &[Row]) -> Value {
    let digest = report::agreed_digest(rows);
    let mut document = json!({
        "digest": digest.map(|digest| digest.to_string()),
        "agree": digest.is_some(),
        "backends": rows.iter().map(|row| backend(rows, row)).collect::<Vec<_>>(),
    });
    if let Some(first) = report::measured(rows).next() {
        document["failures"] = first.hashed.failures.iter().map(failure).collect();
        if options.list {
            document["files"] = first.hashed.files.iter().map(file).collect();
        }
    }
    document
}

fn backend(rows: &[Row], row: &Row) -> Value {
    let name = row.backend.name();
    match &row.outcome {
        Ok(measured) => measurement(rows, name, measured),
        Err(reason) => json!({ "backend": name, "unavailable": reason.to_string() }),
    }
}

fn measurement(rows: &[Row], name: &str, row: &Measured) -> Value {
    json!({
        "backend": name,
        "files": row.hashed.files.len(),
        "bytes": row.bytes,
        "seconds": row.elapsed.as_secs_f64(),
        "megabytes_per_second": report::megabytes_per_second(row),
        "operations": row.operations,
        "threads": row.threads,
        "ratio_to_blocking": report::ratio_to_blocking(rows, row),
        "digest": row.digest.to_string(),
    })
}

fn file(file: &HashedFile) -> Value {
    let mut entry = with_path(&file.path);
    entry["digest"] = file.digest.to_string().into();
    entry["bytes"] = file.bytes.into();
    entry
}

fn failure(failure: &Failure) -> Value {
    let mut entry = with_path(&failure.path);
    entry["error"] = failure.error.to_string().into();
    entry
}

fn with_path(path: &Path) -> Value {
    let mut entry = json!({ "path": path.to_string_lossy() });
    if path.to_str().is_none() {
        entry["path_bytes"] = path.as_os_str().as_encoded_bytes().into();
    }
    entry
}
