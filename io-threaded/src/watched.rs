//! What the watch of this executor counts and looks at. A job is active from
//! before it has a thread until it is over, and rests while it waits for a wake
//! alone; so is a thread of the program, from its first use of the executor on.
//! `io_blocking::watch` tells the rest.

use std::sync::Arc;

use io_blocking::watch::{Examination, Watch, Watched};
use io_core::watch::WaitingTask;

use crate::shared::Shared;

impl Shared {
    /// Starts the watch, if anything is watched.
    pub(crate) fn start_watch(self: &Arc<Shared>) {
        if let Some(watch) = &self.watch {
            watch.start(|| Arc::clone(self) as Arc<dyn Watched>);
        }
    }

    /// The calling thread, unless it is one of the pool, may wake a task.
    #[inline]
    pub(crate) fn enter_thread(&self) {
        if let Some(watch) = &self.watch {
            watch.enter_thread();
        }
    }

    /// The calling thread is one of the pool: its jobs are counted.
    pub(crate) fn adopt_thread(&self) {
        if let Some(watch) = &self.watch {
            watch.leave_uncounted();
        }
    }

    pub(crate) fn begin_job(&self) {
        if let Some(watch) = &self.watch {
            watch.go_on();
        }
    }

    pub(crate) fn end_job(&self) {
        if let Some(watch) = &self.watch {
            watch.rest();
        }
    }
}

impl Watched for Shared {
    fn watch(&self) -> &Watch {
        self.watch.as_ref().expect("its thread calls this")
    }

    fn name(&self) -> &'static str {
        "threaded"
    }

    fn examine(&self) -> Examination {
        let waiting = self.watch().resting_threads();
        // Who has been woken is off the queue, though it may not know yet.
        let is_settled =
            waiting.len() == self.lot.len() && !waiting.iter().any(WaitingTask::may_be_woken);
        Examination {
            waiting: is_settled.then_some(waiting),
            disturbed_count: 0,
        }
    }
}
