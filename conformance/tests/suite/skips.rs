//! The skips that are expected: what each executor may lack. A capability that
//! gets lost would otherwise turn claims into skips that nobody notices.

use std::collections::BTreeSet;

use conformance::{ALL, Need};

/// What the executors do not provide, by the beginning of their names.
const EXPECTED: &[(&str, &[Need])] = &[
    ("event-loop", &[]),
    ("threaded", &[]),
    ("blocking", &[Need::Concurrency, Need::Interrupts]),
];

/// How many claims an executor may declare that it does not meet.
const DECLARED_MAX: usize = 3;

#[test]
fn only_expected_claims_are_skipped() {
    let names = crate::backends::names().into_iter();
    for name in names.chain(crate::backends::crossed_names()) {
        let backend = crate::backends::find(&name).expect("it has just been named");
        let expected = EXPECTED.iter().find(|(prefix, _)| name.starts_with(prefix));
        let (_, expected) = expected.expect("every executor is in the list");
        let expected: BTreeSet<_> = expected.iter().map(|need| need.description()).collect();
        let mut unmet = BTreeSet::new();
        let mut look = |io: &dyn io_core::Io| {
            let capabilities = io.capabilities();
            let needs = ALL.iter().flat_map(|claim| claim.needs);
            let missing = needs.filter(|need| !need.is_met_by(&capabilities));
            // The runs say which claims the machine does not let be seen.
            let missing = missing.filter(|need| !need.is_of_the_machine());
            unmet = missing.map(|need| need.description()).collect();
        };
        match backend.run(&mut look) {
            Ok(()) => assert_eq!(unmet, expected, "{name} skips other claims"),
            Err(unavailable) => eprintln!("NOT RUN: {name}: {unavailable}"),
        }
        let declared = backend.skips().len();
        assert!(declared <= DECLARED_MAX, "{name} declares {declared} skips");
    }
}
