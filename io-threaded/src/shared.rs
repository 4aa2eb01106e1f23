//! [`Shared`]: what all threads that use one executor share. Made by `lib.rs`,
//! used by every chapter, from any thread.

use io_core::IoId;

use crate::futex::Lot;
use crate::options::Options;
use crate::parker::Parkers;
use crate::pool::Pool;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) pool: Pool,
    pub(crate) lot: Lot,
    pub(crate) parkers: Parkers,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Shared {
        Shared {
            options,
            pool: Pool::new(),
            lot: Lot::new(),
            parkers: Parkers::new(),
        }
    }

    /// The executor's id: the threads of the pool know the shared part only.
    pub(crate) fn id(&self) -> IoId {
        IoId::of(self)
    }
}
