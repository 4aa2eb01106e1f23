//! The claims hold on an executor that takes a freedom of the contract too: no
//! claim asks for more than the contract promises.

use std::process::Command;

use conformance::stamp::{applies, run_bounded};
use conformance::{ALL, Claim, FREEDOMS, Verdict, claim_limit, skip_reason};

use crate::at_once::complaints;

/// What the program answers for a claim that holds, and for one that is skipped.
const PASSED_OR_SKIPPED: [Option<i32>; 2] = [Some(0), Some(3)];

/// What a claim says on an executor if it does not hold.
fn complaint(name: &str, claim: &Claim, seed: u64) -> Option<String> {
    let backend = crate::backends::find(name).expect("the name is in backends.rs");
    if skip_reason(backend.as_ref(), claim).is_some() {
        return None;
    }
    if !claim.needs_own_process() || !applies(backend.as_ref(), claim) {
        return match conformance::run(backend.as_ref(), claim, seed) {
            Verdict::Passed | Verdict::Skipped(_) => None,
            Verdict::Failed(said) | Verdict::Unavailable(said) => Some(said),
        };
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(["--child", "--backend", name, "--claim", claim.name]);
    command.env("CONFORMANCE_SEED", seed.to_string());
    let ended = run_bounded(&mut command, claim_limit() * 2);
    (!PASSED_OR_SKIPPED.contains(&ended.code)).then_some(ended.said)
}

fn check(freedom: &str) {
    let (name, seed) = (format!("blocking+{freedom}"), conformance::seed());
    let complaints = complaints(ALL, 4, |claim| {
        let said = complaint(&name, claim, seed)?;
        Some(format!("{}: {said}", claim.name))
    });
    assert!(
        complaints.is_empty(),
        "on {name} (CONFORMANCE_SEED={seed}):\n{}",
        complaints.join("\n")
    );
}

macro_rules! freedoms {
    ($($test:ident $name:literal;)*) => {
        $( #[test]
        fn $test() {
            check($name);
        } )*

        const TESTED: &[&str] = &[ $($name),* ];
    };
}

freedoms! {
    short_transfers "short-transfers";
    spurious_wakes "spurious-wakes";
    inline_tasks "inline-tasks";
    operations_in_any_order "operations-in-any-order";
    listings_in_any_order "listings-in-any-order";
    late_sleeps "late-sleeps";
}

#[test]
fn every_freedom_is_tested() {
    let names: Vec<&str> = FREEDOMS.iter().map(|freedom| freedom.name).collect();
    assert_eq!(TESTED, names);
}
