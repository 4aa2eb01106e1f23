//! The sync chapter: locks and conditions, over this executor's waits.

pub(crate) mod conditions;
pub(crate) mod locks;
