//! [`Barrier`]: tasks that wait for each other. Its state machine is in
//! `gathering.rs`.

use std::fmt;
use std::io;

use crate::atomics::Mutex;
use crate::io::Io;
use crate::sync::gathering::Gathering;
use crate::sync::line::{Lined, WaitLine};
use crate::sync::waiting::{Cancelable, Uncancelable, certain};
use crate::watch::WaitKind;

/// Lets tasks go on when a number of them have come. Then the next round begins.
///
/// They have to run at the same time: with `spawn`, which may run its task to the
/// end first, the first one waits for ever. Use
/// [`spawn_concurrent`](crate::task::Scope::spawn_concurrent).
///
/// ```
/// use io_core::sync::Barrier;
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
///
/// let barrier = Barrier::new(3);
/// let leaders = std::thread::scope(|scope| {
///     let waits: Vec<_> = (0..3).map(|_| scope.spawn(|| barrier.wait(io))).collect();
///     let results = waits.into_iter().map(|wait| wait.join().expect("no panic"));
///     results.filter(|result| result.as_ref().is_ok_and(|it| it.is_leader())).count()
/// });
/// assert_eq!(leaders, 1);
/// ```
pub struct Barrier {
    gathering: Gathering,
    needed: usize,
}

impl Barrier {
    /// A barrier for `count` tasks; one for none or one lets everybody pass.
    #[must_use]
    pub const fn new(count: usize) -> Barrier {
        let line = WaitLine::from_lock(Mutex::new(Lined::new(())));
        Barrier {
            gathering: Gathering::from_line(line),
            needed: count,
        }
    }

    /// Waits until all have come. The one that came last is the leader.
    ///
    /// # Cancellation
    /// A point if it has to wait. Who answers an error has not come: the others
    /// go on waiting for one more. Once the last has come nobody answers an error.
    ///
    /// # Errors
    /// Canceled; the deadline in force has passed.
    pub fn wait(&self, io: &dyn Io) -> io::Result<BarrierWaitResult> {
        let is_leader = self
            .gathering
            .come(&Cancelable(io, WaitKind::Barrier), self.needed)?;
        Ok(BarrierWaitResult { is_leader })
    }

    /// As [`wait`](Barrier::wait), whatever comes.
    ///
    /// # Cancellation
    /// Not a point, and no deadline applies; a request stays pending.
    pub fn wait_uncancelable(&self, io: &dyn Io) -> BarrierWaitResult {
        let is_leader = certain(
            self.gathering
                .come(&Uncancelable(io, WaitKind::Barrier), self.needed),
        );
        BarrierWaitResult { is_leader }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Barrier")
            .field("count", &self.needed)
            .finish_non_exhaustive()
    }
}

/// How a wait at a [`Barrier`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BarrierWaitResult {
    is_leader: bool,
}

impl BarrierWaitResult {
    /// Whether this one came last: true for one task of each round.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}
