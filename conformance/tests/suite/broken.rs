//! Every executor of the list of broken ones is caught, by the claim that is
//! named and by that claim's clause.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use conformance::stamp::run_bounded;
use conformance::{BROKEN, Broken, find};

/// How long a claim may hang on a broken executor, in seconds: that is caught too.
const HANG_SECONDS: u64 = 4;
/// What the program answers for a claim that holds, fails, or is skipped.
const PASSED: Option<i32> = Some(0);
const SKIPPED: Option<i32> = Some(3);

fn all() -> Vec<&'static Broken> {
    BROKEN.iter().copied().flatten().collect()
}

/// The exit status of a claim on an executor, in a process of its own.
fn run(backend: &str, claim: &str, seconds: u64) -> Option<i32> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(["--child", "--backend", backend, "--claim", claim]);
    command.env("CONFORMANCE_LIMIT_SECONDS", seconds.to_string());
    run_bounded(&mut command, Duration::from_secs(seconds * 2)).code
}

/// Says what is wrong with an entry, if something is.
fn problem(broken: &Broken) -> Option<String> {
    let Broken { name, claim, .. } = broken;
    // The first executor that has what the claim needs.
    let plain = |backend: &&&str| run(backend, claim, 60) == PASSED;
    let Some(backend) = ["blocking", "threaded"].iter().find(plain) else {
        return Some(format!("{claim} holds on no correct executor"));
    };
    let code = run(&format!("{backend}+{name}"), claim, HANG_SECONDS);
    let is_caught = code != PASSED && code != SKIPPED;
    (!is_caught).then(|| format!("`{name}` is not caught by {claim} on {backend}"))
}

#[test]
fn every_broken_executor_is_caught() {
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let all = all();
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(|| {
                while let Some(broken) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    problems.lock().unwrap().extend(problem(broken));
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_list_of_broken_executors_is_right() {
    let all = all();
    assert!(all.len() >= 30, "{} faults", all.len());
    let names: HashSet<_> = all.iter().map(|broken| broken.name).collect();
    assert_eq!(names.len(), all.len(), "a name is there twice");
    for Broken {
        name,
        clause,
        claim,
        ..
    } in all
    {
        let found = find(claim).unwrap_or_else(|| panic!("{name}: no claim {claim}"));
        assert!(
            found.clauses.contains(clause),
            "{claim} does not check {clause}"
        );
    }
}
