//! Guides, as documentation alone: their programs are compiled and run with
//! the documentation's tests.

#[doc = include_str!("guide/spawning.md")]
pub mod spawning {}

#[doc = include_str!("guide/cancellation.md")]
pub mod cancellation {}

#[doc = include_str!("guide/futures.md")]
pub mod futures {}

#[doc = include_str!("guide/stuck.md")]
pub mod stuck {}

#[doc = include_str!("guide/slow.md")]
pub mod slow {}
