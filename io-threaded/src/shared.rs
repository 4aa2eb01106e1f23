//! [`Shared`]: what all threads that use one executor share. Made by `lib.rs`,
//! used by every chapter, from any thread.

use std::sync::Arc;

use io_blocking::watch::Watch;
use io_core::IoId;

use crate::futex::Lot;
use crate::options::Options;
use crate::parker::{CurrentParker, Parkers};
use crate::pool::Pool;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) pool: Pool,
    pub(crate) lot: Lot,
    pub(crate) parkers: Parkers,
    /// If anything is watched.
    pub(crate) watch: Option<Arc<Watch>>,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Shared {
        Shared {
            watch: Watch::new(options.watch.clone()),
            options,
            pool: Pool::new(),
            lot: Lot::new(),
            parkers: Parkers::new(),
        }
    }

    /// The parker of the calling thread, which is about to wait.
    pub(crate) fn parker(&self) -> CurrentParker<'_> {
        self.enter_thread();
        self.parkers.current()
    }

    /// The executor's id: the threads of the pool know the shared part only.
    pub(crate) fn id(&self) -> IoId {
        IoId::of(self)
    }
}
