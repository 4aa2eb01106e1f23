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
//! forwarded_*        to a task that waits for    Canceled, and the waiter for the
//!                    the one that waits here     task nothing
//! ```
//! Each cell also checks that the request is delivered once, that the same wait
//! works afterwards, and that no token, permit or byte is lost or left over.

mod trial;
pub(crate) mod waits;

pub(crate) mod after_completion;
pub(crate) mod as_it_completes;
pub(crate) mod before_start;
pub(crate) mod pending_at_entry;
pub(crate) mod protected;
pub(crate) mod ready_at_entry;
pub(crate) mod rearmed;
pub(crate) mod while_it_waits;
