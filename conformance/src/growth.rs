//! Whether something leaks: a count grows each time that the same is done again.
//! For claims in a process of their own.
//!
//! An executor opens descriptors of its own when it is first used, and later for
//! each thread that it starts or that waits for the first time. How many these
//! are nobody else can know, but they become no more for ever. So the first of the
//! series that leaves as many as there were before ends the matter.

use crate::system;

/// How many series may leave more than there was: each of a few threads that
/// come late may do so once.
const SERIES_MAX: usize = 10;

/// Panics if `series` leaves descriptors each time that it runs.
#[track_caller]
pub(crate) fn assert_no_descriptors_left(mut series: impl FnMut()) {
    let mut counts = Vec::new();
    for _ in 0..SERIES_MAX {
        series();
        let count = system::descriptors().len();
        if counts.last().is_some_and(|&before| count <= before) {
            return;
        }
        counts.push(count);
    }
    panic!("more descriptors after each series: {counts:?}");
}
