//! What a stamped `#[test]` does: runs its claim, here or in a process of its
//! own, and turns the verdict into the test's. Called by the code that
//! [`conformance_suite!`](crate::conformance_suite) writes, by nobody else.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::claim::Claim;
use crate::registry::ALL;
use crate::run::{Verdict, claim_limit, find, run, run_alone, seed, skip_reason};

/// Set in a child to the name of the one test that it was started for.
const CHILD: &str = "CONFORMANCE_CHILD";

/// How the line begins that says that the executor could not be had.
const NOT_RUN: &str = "NOT RUN:";

/// Runs a claim as the test at `module`, which is the path that Rust gives.
///
/// # Panics
/// If the claim fails, or holds although a skip is declared.
pub fn check(backend: &dyn Backend, name: &str, module: &str, function: &str) {
    let claim = find(name).expect("a stamped claim is in the registry");
    let skip = skip_reason(backend, claim);
    let test = test_name(module, function);
    let is_child = std::env::var(CHILD).is_ok_and(|child| child == test);
    let seed = seed();
    if is_child {
        judge(backend, claim, seed, run_alone(backend, claim, seed));
        return;
    }
    // A claim that does not apply needs no process to say so.
    if (!claim.needs_own_process() || !applies(backend, claim)) && skip.is_none() {
        judge(backend, claim, seed, run(backend, claim, seed));
        return;
    }
    let (succeeded, said) = run_in_child(&test, seed);
    match skip {
        _ if said.contains(NOT_RUN) => {}
        None => assert!(succeeded, "{name} fails in a process of its own (above)"),
        Some(reason) => {
            let backend = backend.name();
            assert!(
                !succeeded,
                "{backend} declares that it does not meet {name}, and does"
            );
            eprintln!("skipped: {name} on {backend}: {reason}");
        }
    }
}

/// Fails if nothing applies to the executor, or if a declared skip names no claim.
///
/// # Panics
/// As said.
pub fn check_selection(backend: &dyn Backend) {
    for skip in backend.skips() {
        assert!(
            find(skip.claim).is_some(),
            "{} declares a skip of {}, which is no claim",
            backend.name(),
            skip.claim
        );
    }
    let mut applicable = 0;
    let mut count = |io: &dyn io_core::Io| {
        let capabilities = io.capabilities();
        let is_run = |claim: &&Claim| claim.unmet(&capabilities).is_none();
        applicable = ALL.iter().filter(is_run).count();
    };
    match backend.run(&mut count) {
        Ok(()) => assert!(
            applicable > backend.skips().len(),
            "nothing of the suite applies to {}",
            backend.name()
        ),
        Err(unavailable) => eprintln!("{}: {unavailable}", backend.name()),
    }
}

/// Whether the executor can be had and its capabilities meet the claim's needs.
#[must_use]
pub fn applies(backend: &dyn Backend, claim: &Claim) -> bool {
    let mut applies = false;
    let mut look = |io: &dyn io_core::Io| applies = claim.unmet(&io.capabilities()).is_none();
    // That it can not be had is said by who runs the claim.
    drop(backend.run(&mut look));
    applies
}

fn judge(backend: &dyn Backend, claim: &Claim, seed: u64, verdict: Verdict) {
    let (name, backend) = (claim.name, backend.name());
    match verdict {
        Verdict::Passed => {}
        Verdict::Failed(message) => {
            panic!("{name} fails on {backend} (CONFORMANCE_SEED={seed}): {message}")
        }
        Verdict::Skipped(reason) => eprintln!("skipped: {name} on {backend}: {reason}"),
        Verdict::Unavailable(reason) => {
            eprintln!("{NOT_RUN} {name} on {backend}: unavailable: {reason}");
        }
    }
}

/// The name of a test for libtest: its path without the crate.
fn test_name(module: &str, function: &str) -> String {
    let path = module.split_once("::").map_or("", |(_crate, path)| path);
    format!("{path}::{function}")
}

/// Runs one test in a process of its own; returns whether it succeeded in time,
/// and what it said.
fn run_in_child(test: &str, seed: u64) -> (bool, String) {
    let program = std::env::current_exe().expect("a test knows its program");
    let mut command = Command::new(program);
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, test)
        .env("CONFORMANCE_SEED", seed.to_string());
    let ended = run_bounded(&mut command, claim_limit() * 2);
    let ran = ended.said.contains("test result: ok. 1 passed");
    eprint!("{}", ended.said);
    (ended.code == Some(0) && ran, ended.said)
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; `None` if a signal or the time limit ended it.
    pub code: Option<i32>,
    /// What it wrote, to either stream, and a line about a violent end.
    pub said: String,
}

/// Runs a program with a time limit.
///
/// # Panics
/// If it can not be started.
#[must_use]
pub fn run_bounded(command: &mut Command, limit: Duration) -> Ended {
    const POLL: Duration = Duration::from_millis(2);
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let copy = writer.try_clone().expect("a second handle of a pipe");
    let command = command.stdin(Stdio::null()).stdout(writer).stderr(copy);
    let mut child = command.spawn().expect("the program starts");
    // The command holds the pipe's other ends: without them the read ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let said = std::thread::spawn(move || {
        let mut said = Vec::new();
        let read = reader.read_to_end(&mut said);
        read.expect("a pipe can be read to its end");
        String::from_utf8_lossy(&said).into_owned()
    });
    let until = Instant::now() + limit;
    let status = loop {
        match child.try_wait().expect("a child can be waited for") {
            Some(status) => break Some(status),
            None if Instant::now() > until => {
                child.kill().expect("a child can be killed");
                child.wait().expect("a killed child ends");
                break None;
            }
            None => std::thread::sleep(POLL),
        }
    };
    let mut said = said.join().expect("the reader does not panic");
    let code = status.and_then(|status| status.code());
    match status {
        Some(status) if code.is_none() => said.push_str(&format!("the process: {status}\n")),
        Some(_) => {}
        None => said.push_str(&format!("the process was ended after {limit:?}\n")),
    }
    Ended { code, said }
}
