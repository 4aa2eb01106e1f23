//! Executors with one fault each: the proof that the suite is worth running. A
//! test runs the named claim on each, around an executor that is correct, and
//! wants it to fail; around nothing it has to hold.
//!
//! | to understand | read |
//! |---|---|
//! | how a fault is written | `faulty.rs` |
//! | the faults | `files.rs`, `names.rs`, `tasks.rs`, `waits.rs`, `requests.rs`, `deadlines.rs` |

mod deadlines;
mod faulty;
mod files;
mod names;
mod requests;
mod tasks;
mod waits;

use crate::wrapped::Wrap;

/// An executor with one fault, the clause that it breaks and the claim that has
/// to catch it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Broken {
    /// What it does wrong.
    pub name: &'static str,
    /// The clause that it breaks.
    pub clause: &'static str,
    /// The claim of that clause that fails on it.
    pub claim: &'static str,
    /// How the claim notices.
    pub symptom: Symptom,
    /// How it is put around an executor that is correct.
    pub wrap: Wrap,
}

/// How a claim notices a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symptom {
    /// An assertion of it fails.
    Fails,
    /// It waits for ever: the fault is that something does not come.
    Hangs,
}

/// The list, by chapter.
pub const BROKEN: &[&[Broken]] = &[
    files::ALL,
    names::ALL,
    tasks::ALL,
    waits::ALL,
    requests::ALL,
    deadlines::ALL,
];

/// One entry of a list: what is wrong, the clause, what becomes of the claim, and
/// the methods that differ from those of the executor below.
macro_rules! broken {
    ($( $name:literal breaks $clause:ident, $symptom:ident $claim:literal: { $($hook:ident: $function:expr),+ $(,)? } )*) => {
        pub(super) const ALL: &[crate::broken::Broken] = &[ $( crate::broken::Broken {
            name: $name,
            clause: stringify!($clause),
            claim: $claim,
            symptom: crate::broken::symptom!($symptom),
            wrap: |below, body| body(&crate::broken::faulty::Faulty::new(
                below,
                crate::broken::faulty::Hooks {
                    $($hook: $function,)+
                    ..crate::broken::faulty::Hooks::CORRECT
                },
            )),
        }, )* ];
    };
}

macro_rules! symptom {
    (fails) => {
        crate::broken::Symptom::Fails
    };
    (hangs) => {
        crate::broken::Symptom::Hangs
    };
}

pub(crate) use {broken, symptom};
