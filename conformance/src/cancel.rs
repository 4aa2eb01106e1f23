//! The cancellation chapter. Its core is the case table: what a task waits in
//! (the rows, in `waits`) x when the request comes (the groups below), one claim
//! for each cell. The deadline chapter uses the same rows.
//!
//! ```text
//!                    request                     the wait answers
//! before_start       before the task began       Canceled, at its first point
//! pending_at_entry   before the call             Canceled
//! ready_at_entry     before the call, which      Canceled; a lock or queue call:
//!                    would not have to wait      its result, the request stays
//! while_it_waits     during the wait             Canceled
//! as_it_completes    beside the result           either, and nothing is lost
//! after_completion   after the result            its result, the request stays
//! protected          any time, in `protect`      its result, the request stays
//! rearmed            put back after Canceled     Canceled again
//! pending_at_*       pending when another task   Canceled; the other task has then
//!                    begins to wait for this     none pending
//! during_*           to the task that waits for  Canceled; as above
//!                    the one that waits here
//! ```
//! `delivery`, `points`, `progress`, `races` and `forwarding` hold what is about
//! requests and not about waits.
//!
//! Each cell also checks that the request is delivered once, that the same wait
//! works afterwards, and that no token, permit or byte is lost or left over.

pub(crate) mod nested;
#[doc(hidden)]
pub mod race;
pub(crate) mod trial;
pub(crate) mod waits;

pub(crate) mod after_completion;
pub(crate) mod as_it_completes;
pub(crate) mod before_start;
pub(crate) mod beside_another;
pub(crate) mod pending_at_entry;
pub(crate) mod protected;
pub(crate) mod ready_at_entry;
pub(crate) mod rearmed;
pub(crate) mod while_it_waits;

pub(crate) mod during_inline;
pub(crate) mod during_join;
pub(crate) mod during_offload;
pub(crate) mod during_scope_end;
pub(crate) mod pending_at_inline;
pub(crate) mod pending_at_join;
pub(crate) mod pending_at_offload;
pub(crate) mod pending_at_scope_end;

pub(crate) mod cost;
pub(crate) mod delivery;
pub(crate) mod forwarding;
pub(crate) mod leaks;
pub(crate) mod points;
pub(crate) mod progress;
pub(crate) mod races;
