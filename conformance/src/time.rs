//! The time chapter: clocks and sleeping.

pub(crate) mod clocks;
pub(crate) mod sleeping;
