//! The time chapter: clocks and sleeping; and randomness, the other thing that
//! comes from outside.

pub(crate) mod clocks;
pub(crate) mod random;
pub(crate) mod sleeping;
