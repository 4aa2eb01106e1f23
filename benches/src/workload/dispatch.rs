//! What a call through the trait object costs, in time; the program
//! `contract-cost` counts the instructions.

use std::time::Instant;

use crate::contender::{Contender, Workload};
use crate::dispatch::Dispatch;

pub(super) fn workload() -> Workload {
    Workload {
        name: "dispatch",
        operation: "one byte of /dev/zero read by `perform` on the blocking executor",
        reference: "concrete",
        contenders: |_, _| Dispatch::ALL.map(contender).into(),
        ..Workload::of_one_case()
    }
}

fn contender(dispatch: Dispatch) -> Contender {
    Contender::new(dispatch.name(), 1, move |count| {
        let begin = Instant::now();
        dispatch.perform(count);
        begin.elapsed()
    })
}
