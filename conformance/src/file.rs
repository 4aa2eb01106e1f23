//! The file chapter: what operations on files, directories and handles promise.

pub(crate) mod batch;
pub(crate) mod directories;
pub(crate) mod durability;
pub(crate) mod fifo;
pub(crate) mod handles;
pub(crate) mod links;
pub(crate) mod metadata;
pub(crate) mod opening;
pub(crate) mod paths;
pub(crate) mod reading;
pub(crate) mod resources;
pub(crate) mod whole;
pub(crate) mod writing;
