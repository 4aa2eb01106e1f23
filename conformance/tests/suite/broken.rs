//! Every executor of the list of broken ones is caught: the claim that is named,
//! one of the clause, holds on the executor below and fails on the broken one as
//! the list says.

use std::collections::HashSet;
use std::process::Command;
use std::time::Duration;

use conformance::stamp::{Ended, run_bounded};
use conformance::{BROKEN, Broken, Symptom, find};

use crate::at_once::complaints;

/// How long a claim may take that passes or fails. What it waits for and does not
/// come it lets come after a sixtieth in which nothing happens.
const LIMIT: Duration = Duration::from_secs(90);
/// How long a claim may take that has to hang, which is seen after a tenth in
/// which nothing happens.
const HANG_LIMIT: Duration = Duration::from_secs(30);
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
    // Deadlines have the rows and trials of the chapter before.
    let shared = ["cancel", "deadline"];
    let chapters = match shared.contains(&chapter) {
        true => &shared[..],
        false => &[chapter],
    };
    let is_of_the_claim = |place: &str| {
        let file = place.strip_prefix("conformance/src/").unwrap_or_default();
        chapters.contains(&file.split('/').next().unwrap_or_default())
    };
    let mut places = ended
        .said
        .lines()
        .filter_map(|line| line.split_once("panicked at ").map(|(_, place)| place));
    ended.code == FAILED
        && places.next().is_some_and(is_of_the_claim)
        && places.all(|place| place.starts_with("conformance/src/"))
}

/// What comes of the claim on an executor of that name with the fault: what it
/// says instead, if it is not caught.
fn uncaught_on(backend: &str, broken: &Broken) -> Option<String> {
    let (name, claim) = (format!("{backend}+{}", broken.name), broken.claim);
    let (is_caught, ended) = match broken.symptom {
        Symptom::Fails => {
            let ended = run(&name, claim, LIMIT);
            (failed_by_itself(claim, &ended), ended)
        }
        Symptom::Hangs => {
            let ended = run(&name, claim, HANG_LIMIT);
            let hangs = format!("the claim {claim} hangs on {name}");
            (ended.said.contains(&hangs), ended)
        }
    };
    let Ended { code, said } = ended;
    (!is_caught).then(|| format!("{name}: {claim} ends with {code:?}: {said}"))
}

/// Says what is wrong with an entry, if something is.
fn problem(broken: &Broken) -> Option<String> {
    let Broken { name, claim, .. } = broken;
    // On the executors that have what the claim needs; to be caught on one will do.
    let mut complaints = Vec::new();
    for backend in ["blocking", "threaded"] {
        if run(backend, claim, LIMIT).code == PASSED {
            complaints.push(uncaught_on(backend, broken)?);
        }
    }
    if !complaints.is_empty() {
        return Some(complaints.join("\n"));
    }
    let needs = find(claim).map_or(&[][..], |claim| claim.needs);
    if needs.iter().any(|need| need.is_of_the_machine())
        && run("blocking", claim, LIMIT).code == SKIPPED
    {
        eprintln!("NOT RUN: {name}: the machine does not let {claim} be seen");
        return None;
    }
    Some(format!("{claim} holds on no correct executor"))
}

#[test]
fn every_broken_executor_is_caught() {
    // What has to hang takes longest, and waits: it comes first, all at once.
    let mut all = all();
    all.sort_by_key(|broken| broken.symptom != Symptom::Hangs);
    let problems = complaints(&all, 12, |broken| problem(broken));
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_list_of_broken_executors_is_right() {
    let all = all();
    assert!(all.len() >= 75, "{} faults", all.len());
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

/// The list as a table, for readers.
fn table() -> String {
    let mut text = String::from(
        "# Broken executors\n\n\
         What each does wrong, the clause of [CONTRACT.md](../CONTRACT.md) that it breaks, and\n\
         the claim of that clause that catches it. Written by `tests/suite/broken.rs` from\n\
         `src/broken/`; a test runs them all.\n\n\
         | what is wrong | clause | caught by | which |\n|---|---|---|---|\n",
    );
    for Broken {
        name,
        clause,
        claim,
        symptom,
        ..
    } in all()
    {
        let symptom = match symptom {
            Symptom::Fails => "fails",
            Symptom::Hangs => "hangs",
        };
        text += &format!("| {name} | {clause} | `{claim}` | {symptom} |\n");
    }
    text
}

#[test]
fn the_table_of_broken_executors_is_current() {
    let (path, table) = (concat!(env!("CARGO_MANIFEST_DIR"), "/BROKEN.md"), table());
    if std::fs::read_to_string(path).unwrap_or_default() != table {
        std::fs::write(path, table).expect("the table can be written");
        panic!("conformance/BROKEN.md was not current; it has been written anew");
    }
}
