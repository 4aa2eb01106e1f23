//! The file chapter: what operations on files, directories and handles promise.

pub(crate) mod handles;
pub(crate) mod opening;
pub(crate) mod reading;
