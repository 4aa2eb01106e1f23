//! What the baselines stand on: the limit that an executor can come close to.
//! Used by `workload/`.

pub(crate) mod coroutine;
pub(crate) mod readiness;
pub(crate) mod ring;
pub(crate) mod threads;
pub(crate) mod wakes;
