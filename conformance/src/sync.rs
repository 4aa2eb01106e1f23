//! The sync chapter: locks, conditions, queues and signals, over this executor's waits.

pub(crate) mod conditions;
pub(crate) mod locks;
pub(crate) mod queues;
pub(crate) mod readers_writers;
pub(crate) mod semaphores;
pub(crate) mod signals;
