//! What waits uses no processor: a process whose task waits in a row of the table
//! runs for less than a hundredth of the time, as far as that can be measured.

use std::thread;
use std::time::Duration;

use super::trial::{Pause, settle, trial};
use super::waits::{self, Kind, Span};
use crate::fixture::Fixture;
use crate::standstill::Activity;

waits::claims! { check: sleep SLEEP }
waits::claims_of_operations!(check);
waits::claims_of_words!(check);
waits::claims_of_tasks!(check);
waits::claims_of_groups!(check);

/// How long it is observed, how long it may run then (a hundredth), and how often
/// be seen awake. Where that is too much it is observed again, for longer, and may
/// do something for another reason.
const OBSERVED: [(Duration, Duration, u32); 4] = [
    (Duration::from_millis(50), Duration::from_micros(500), 0),
    AGAIN,
    AGAIN,
    AGAIN,
];
/// On a busy machine, who was woken once may be awake for long before it runs.
const AGAIN: (Duration, Duration, u32) = (
    Duration::from_millis(150),
    Duration::from_millis(3),
    Activity::LOOKS - 1,
);

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    let io = fixture.io();
    trial(fixture, kind, Span::Long, |wait| {
        io.scope(|scope| {
            let task = scope.spawn_concurrent(|| wait.wait());
            let task = task.expect("needs Concurrency");
            settle(io, Pause::Short);
            let too_much = |(time, ran_max, awake_max)| {
                let activity = Activity::during(time);
                let is_little = activity.ran <= ran_max && activity.awake <= awake_max;
                (!is_little).then_some(activity)
            };
            // As a thread and not as a task: nothing of the executor need run for it.
            let too_much = io.offload(|| {
                thread::sleep(Duration::from_millis(10));
                let each = OBSERVED.into_iter().map(too_much);
                each.collect::<Option<Vec<Activity>>>()
            });
            drop(task.cancel());
            assert!(too_much.is_none(), "{too_much:?} instead of {OBSERVED:?}");
        });
    });
}
