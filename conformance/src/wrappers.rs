//! The wrappers chapter: executors around executors; and what an executor says
//! of itself.

pub(crate) mod capabilities;
pub(crate) mod forwarding;
