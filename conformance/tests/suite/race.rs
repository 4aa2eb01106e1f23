//! A short run of the races that `cancel-race` runs for long, in a process of its
//! own, as descriptors are counted.

use std::process::Command;

use conformance::claim_limit;
use conformance::stamp::run_bounded;

#[track_caller]
fn check(name: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cancel-race"));
    command.args(["--rounds", "60", "--backend", name]);
    let ended = run_bounded(&mut command, claim_limit() * 2);
    eprint!("{}", ended.said);
    if ended.said.contains("0 series passed, 0 failed") {
        eprintln!("NOT RUN: {name} can not be had here");
        return;
    }
    assert_eq!(ended.code, Some(0), "cancel-race fails on {name}");
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
