//! Instructions per operation, where a clock is too noisy: counted by callgrind,
//! which needs no permission, or by the processor (`counter.rs`), which not every
//! machine lets one ask.
//!
//! A program measures itself: it runs its own executable under callgrind twice,
//! with few and with many operations, and divides the difference. What starts
//! and ends the program cancels out.

mod counter;

pub use counter::Counter;

use std::env;
use std::io;
use std::process::Command;

/// Operations of the two runs. Callgrind is some 50 times slower than the machine.
const FEW: u64 = 2_000;
const MANY: u64 = 12_000;
const RUN_SECONDS_MAX: &str = "60";

/// User-space instructions per operation of `case`: this executable is started
/// as `PROGRAM --perform CASE COUNT` and has to perform just that.
///
/// # Errors
/// Callgrind is missing (`NotFound`), or it or the case failed.
pub fn per_operation(case: &str) -> io::Result<f64> {
    let few = whole_run(case, FEW)?;
    let many = whole_run(case, MANY)?;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let difference = many.saturating_sub(few) as f64;
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let operations = (MANY - FEW) as f64;
    Ok(difference / operations)
}

fn whole_run(case: &str, count: u64) -> io::Result<u64> {
    let program = env::current_exe()?;
    // A run takes a second or two; one that hangs should not take the day.
    let output = Command::new("timeout")
        .args(["--signal=KILL", RUN_SECONDS_MAX, "valgrind"])
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["--perform", case, &count.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let failed = || io::Error::other(format!("{case} under callgrind: {}\n{text}", output.status));
    if !output.status.success() {
        return Err(failed());
    }
    collected(&text).ok_or_else(failed)
}

/// The number in callgrind's line `==1== Collected : 123`.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains("Collected :"))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// What the command line asks this program to perform, if it is run by
/// [`per_operation`].
#[must_use]
pub fn asked() -> Option<(String, u64)> {
    let mut arguments = env::args().skip(1);
    if arguments.next()? != "--perform" {
        return None;
    }
    let case = arguments.next()?;
    Some((case, arguments.next()?.parse().ok()?))
}

#[test]
fn the_count_is_found() {
    let text = "==7== Events    : Ir\n==7== Collected : 26124517\n==7== \n";
    assert_eq!(collected(text), Some(26_124_517));
    assert_eq!(collected("==7== nothing"), None);
}
