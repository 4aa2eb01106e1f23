//! The futex chapter: waiting on a word, and waking.

pub(crate) mod waiting;
pub(crate) mod waking;
