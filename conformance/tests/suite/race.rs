//! A short run of the races that `cancel-race` runs for long.

use conformance::race::{self, Agents, Counts, Series};

const ROUNDS: u64 = 60;

#[track_caller]
fn check(name: &str) {
    let seed = conformance::seed();
    for kind in race::kinds() {
        for agents in [Agents::Threads, Agents::Tasks] {
            let backend = crate::backends::find(name).expect("the name is in backends.rs");
            let series = Series {
                kind,
                agents,
                rounds: ROUNDS,
                seed,
            };
            eprintln!("{name}, {series:?}");
            match race::run(backend.as_ref(), series) {
                Some(Counts { results, canceled }) => assert_eq!(results + canceled, ROUNDS),
                None => eprintln!("NOT RUN: {name} with {agents:?}"),
            }
        }
    }
}

#[test]
fn the_event_loop_loses_nothing() {
    check("event-loop");
}

#[test]
fn threaded_loses_nothing() {
    check("threaded");
}

#[test]
fn blocking_loses_nothing() {
    check("blocking");
}
