//! Step 1 of the protocol: a short search before a worker sleeps. Called by the
//! run loop; imports `sleepers`.

use super::sleepers::Sleepers;
use std::hint;
use std::time::{Duration, Instant};

/// The longest search. Putting a processor to sleep and waking it costs about
/// 40 us in a virtual machine, so a search of half that is never a bad bet by
/// more than half.
pub(crate) const SEARCH_MAX: Duration = Duration::from_micros(20);

/// Looks between two readings of the clock, which cost about 30 ns each.
const LOOKS_PER_READING: u32 = 16;

impl Sleepers {
    /// Looks for work until `has_work` says so or `limit` has passed; at once
    /// `false` if another worker searches. Either way the caller goes on as after
    /// a [`Search`](super::Search).
    pub(crate) fn search(&self, limit: Duration, mut has_work: impl FnMut() -> bool) -> bool {
        if limit.is_zero() {
            return false;
        }
        let Some(_search) = self.begin_search() else {
            return false;
        };
        let start = Instant::now();
        loop {
            for _ in 0..LOOKS_PER_READING {
                if has_work() {
                    return true;
                }
                hint::spin_loop();
            }
            if start.elapsed() >= limit {
                return false;
            }
        }
    }
}
