//! CONTRACT.md and the claims fit each other.

use std::collections::HashSet;

use conformance::{ALL, FREEDOMS, Strength, clauses};

/// Clauses that the compiler checks, by programs that must not compile.
const BY_THE_COMPILER: &[&str] = &["H11"];

#[test]
fn what_the_compiler_checks_has_programs() {
    let programs = include_str!("../../src/compile.rs");
    for clause in BY_THE_COMPILER {
        let marker = format!("//! {clause}: ");
        let (_, after) = programs.split_once(&marker).expect("the clause is there");
        assert!(
            after.contains("```compile_fail,E"),
            "{clause} has no program"
        );
    }
}

#[test]
fn every_must_is_claimed() {
    let claimed: HashSet<&str> = ALL
        .iter()
        .flat_map(|claim| claim.clauses)
        .copied()
        .collect();
    let unclaimed: Vec<String> = clauses()
        .into_iter()
        .filter(|clause| clause.strength == Strength::Must)
        .map(|clause| clause.id)
        .filter(|id| !claimed.contains(id.as_str()))
        .filter(|id| !BY_THE_COMPILER.contains(&id.as_str()))
        .collect();
    assert!(unclaimed.is_empty(), "no claim checks {unclaimed:?}");
}

/// How a clause says that no wrapper takes its freedom, before it says why.
const NO_WRAPPER: &str = "*No wrapper:* ";

#[test]
fn every_may_has_a_freedom_or_a_reason() {
    let mut wrong = Vec::new();
    let may = |clause: &conformance::Clause| clause.strength == Strength::May;
    for clause in clauses().into_iter().filter(may) {
        let has_freedom = FREEDOMS
            .iter()
            .any(|freedom| freedom.clauses.contains(&clause.id.as_str()));
        let reason = clause.text.split_once(NO_WRAPPER);
        match (has_freedom, reason) {
            (true, None) => {}
            (false, Some((_, reason))) if reason.len() > 10 => {}
            (true, Some(_)) => wrong.push(format!("{} has both", clause.id)),
            (false, _) => wrong.push(format!("{} has neither", clause.id)),
        }
    }
    assert!(wrong.is_empty(), "of a wrapper and a reason {wrong:?}");
}

#[test]
fn every_freedom_is_one_of_the_contract() {
    let clauses = clauses();
    for freedom in FREEDOMS {
        assert!(!freedom.clauses.is_empty(), "{} takes none", freedom.name);
        for id in freedom.clauses {
            let clause = clauses.iter().find(|clause| clause.id == *id);
            let strength = clause.map(|clause| clause.strength);
            assert_eq!(strength, Some(Strength::May), "{}: {id}", freedom.name);
        }
    }
}

#[test]
fn every_claim_names_a_clause_that_exists() {
    let known: HashSet<String> = clauses().into_iter().map(|clause| clause.id).collect();
    for claim in ALL {
        for clause in claim.clauses {
            assert!(known.contains(*clause), "{}: no {clause}", claim.name);
        }
    }
}

#[test]
fn names_and_numbers_are_unique() {
    let mut names = HashSet::new();
    for claim in ALL {
        assert!(names.insert(claim.name), "{} is there twice", claim.name);
    }
    let mut ids = HashSet::new();
    for clause in clauses() {
        assert!(!clause.text.is_empty(), "{} says nothing", clause.id);
        assert!(
            ids.insert(clause.id.clone()),
            "{} is there twice",
            clause.id
        );
    }
}
