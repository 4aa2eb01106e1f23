//! The suite stamped for the executors of the workspace, and the checks of the
//! suite itself.

#[path = "../../src/bin/conformance/backends.rs"]
#[allow(dead_code, reason = "the names are for the matrix program")]
mod backends;

mod at_once;
mod broken;
mod contract;
mod freedoms;
mod properties;
mod race;
mod skips;
mod stamped;
mod trees;
