//! Every executor of the list of broken ones is caught: the claim that is named,
//! one of the clause, holds on the executor below and fails on the broken one as
//! the list says.

use std::collections::HashSet;
use std::process::Command;
use std::time::{Duration, Instant};

use conformance::stamp::{Ended, run_bounded};
use conformance::{BROKEN, Broken, Symptom, find};

use crate::at_once::complaints;

/// How long a claim may take that passes or fails. Where it waits for what does
/// not come, it lets itself go on after a sixth.
const LIMIT: Duration = Duration::from_secs(30);
/// How long a claim has to hang: so long, and so many times what it takes on the
/// correct executor.
const HANG_MIN: Duration = Duration::from_secs(3);
const HANG_TIMES: u32 = 6;
/// What the program answers for a claim that holds, fails, or is skipped.
const PASSED: Option<i32> = Some(0);
const FAILED: Option<i32> = Some(1);
const SKIPPED: Option<i32> = Some(3);

fn all() -> Vec<&'static Broken> {
    BROKEN.iter().copied().flatten().collect()
}

/// Runs a claim on an executor, in a process of its own.
fn run(backend: &str, claim: &str, limit: Duration) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(["--child", "--backend", backend, "--claim", claim]);
    command.env("CONFORMANCE_LIMIT_SECONDS", limit.as_secs().to_string());
    command.env("RUST_BACKTRACE", "0");
    run_bounded(&mut command, limit * 2)
}

/// Whether an assertion of the claim's own chapter failed, and nothing else did.
fn failed_by_itself(claim: &str, ended: &Ended) -> bool {
    let (chapter, _) = claim.split_once("::").expect("a name is a path");
    let of_the_claim = format!("conformance/src/{chapter}/");
    let mut places = ended
        .said
        .lines()
        .filter_map(|line| line.split_once("panicked at ").map(|(_, place)| place));
    ended.code == FAILED
        && places
            .next()
            .is_some_and(|it| it.starts_with(&of_the_claim))
        && places.all(|place| place.starts_with("conformance/src/"))
}

/// Says what is wrong with an entry, if something is.
fn problem(broken: &Broken) -> Option<String> {
    let Broken {
        name,
        claim,
        symptom,
        ..
    } = broken;
    // The first executor that has what the claim needs.
    let passes = |backend: &&str| {
        let began = Instant::now();
        let passed = run(backend, claim, LIMIT).code == PASSED;
        passed.then(|| (backend.to_string(), began.elapsed()))
    };
    let Some((backend, took)) = ["blocking", "threaded"].iter().find_map(passes) else {
        let needs = find(claim).map_or(&[][..], |claim| claim.needs);
        if needs.iter().any(|need| need.is_of_the_machine())
            && run("blocking", claim, LIMIT).code == SKIPPED
        {
            eprintln!("NOT RUN: {name}: the machine does not let {claim} be seen");
            return None;
        }
        return Some(format!("{claim} holds on no correct executor"));
    };
    let broken = format!("{backend}+{name}");
    let (is_caught, ended) = match symptom {
        Symptom::Fails => {
            let ended = run(&broken, claim, LIMIT);
            (failed_by_itself(claim, &ended), ended)
        }
        Symptom::Hangs => {
            let ended = run(&broken, claim, HANG_MIN.max(took * HANG_TIMES));
            let hangs = format!("the claim {claim} hangs on {broken}");
            (ended.said.contains(&hangs), ended)
        }
    };
    let Ended { code, said } = ended;
    (!is_caught).then(|| format!("{broken}: {claim} ends with {code:?}: {said}"))
}

#[test]
fn every_broken_executor_is_caught() {
    let problems = complaints(&all(), 8, |broken| problem(broken));
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_list_of_broken_executors_is_right() {
    let all = all();
    assert!(all.len() >= 50, "{} faults", all.len());
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
