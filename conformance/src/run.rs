//! Running one claim on one executor, and the verdict. `stamp.rs` and the
//! matrix program call it.

use std::any::Any;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc;
use std::time::Duration;

use crate::backend::Backend;
use crate::claim::Claim;
use crate::fixture::Fixture;
use crate::registry::ALL;
use crate::standstill::{self, Patience};

/// How long one claim may take before it counts as hung. Each takes well below a
/// second on an idle machine.
const CLAIM_LIMIT: Duration = Duration::from_secs(60);

/// How long one claim may take before it counts as hung: a minute, or what
/// `CONFORMANCE_LIMIT_SECONDS` says.
///
/// # Panics
/// If the variable holds something that is no number.
#[must_use]
pub fn claim_limit() -> Duration {
    match std::env::var("CONFORMANCE_LIMIT_SECONDS") {
        Ok(text) => {
            let seconds = text.parse();
            Duration::from_secs(seconds.expect("CONFORMANCE_LIMIT_SECONDS holds a number"))
        }
        Err(_) => CLAIM_LIMIT,
    }
}

/// What came of running a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Passed,
    /// It does not, and this is what it said.
    Failed(String),
    /// The executor's capabilities do not meet a need of it.
    Skipped(String),
    /// The executor can not be had on this machine.
    Unavailable(String),
}

/// The claim with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Claim> {
    ALL.iter().find(|claim| claim.name == name)
}

/// Why `backend` declares that it does not meet `claim`, if it does.
#[must_use]
pub fn skip_reason(backend: &dyn Backend, claim: &Claim) -> Option<&'static str> {
    let mut skips = backend.skips().iter();
    skips
        .find(|skip| skip.claim == claim.name)
        .map(|skip| skip.reason)
}

/// The seed of this run: that of `CONFORMANCE_SEED`, or a new one.
///
/// # Panics
/// If the variable holds something that is no number.
#[must_use]
pub fn seed() -> u64 {
    match std::env::var("CONFORMANCE_SEED") {
        Ok(text) => text.parse().expect("CONFORMANCE_SEED holds a number"),
        Err(_) => RandomState::new().hash_one(0),
    }
}

/// As [`run`], for a process that does nothing else: a claim counts as hung also
/// if every thread of the process has been asleep for a tenth of [`claim_limit`].
#[must_use]
pub fn run_alone(backend: &dyn Backend, claim: &Claim, seed: u64) -> Verdict {
    standstill::process_has_one_claim();
    run(backend, claim, seed)
}

/// Runs `claim` on an executor of `backend`, on this thread. If it takes longer
/// than [`claim_limit`], the process ends with its name and `seed`.
#[must_use]
pub fn run(backend: &dyn Backend, claim: &Claim, seed: u64) -> Verdict {
    let _watchdog = Watchdog::start(backend, claim, seed);
    let mut verdict = None;
    let mut body = |io: &dyn io_core::Io| {
        assert!(verdict.is_none(), "the backend ran the body twice");
        if let Some(need) = claim.unmet(&io.capabilities()) {
            verdict = Some(Verdict::Skipped(format!("needs {}", need.description())));
            return;
        }
        verdict = Some(Verdict::Failed("the claim did not return".to_owned()));
        (claim.check)(&Fixture::new(io, backend, seed));
        verdict = Some(Verdict::Passed);
    };
    let result = panic::catch_unwind(AssertUnwindSafe(|| backend.run(&mut body)));
    match (result, verdict) {
        (Err(payload), _) => Verdict::Failed(message_of(payload.as_ref())),
        (Ok(Err(unavailable)), None) => Verdict::Unavailable(unavailable.0),
        (Ok(Err(unavailable)), Some(_)) => Verdict::Failed(format!(
            "the backend ran the body and then said: {unavailable}"
        )),
        (Ok(Ok(())), None) => Verdict::Failed("the backend did not run the body".to_owned()),
        (Ok(Ok(())), Some(verdict)) => verdict,
    }
}

/// What a panic said.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

/// Ends the process if it is not dropped in time.
struct Watchdog {
    _alive: mpsc::Sender<()>,
}

impl Watchdog {
    fn start(backend: &dyn Backend, claim: &Claim, seed: u64) -> Watchdog {
        let (alive, over) = mpsc::channel();
        let (name, backend, limit) = (claim.name, backend.name(), claim_limit());
        let still = limit / 10;
        let watch = move || {
            if standstill::is_stuck(&over, Patience { limit, still }) {
                let said = format!("the claim {name} hangs on {backend} (seed {seed})\n");
                // Not by the macro: a test's output is captured, and lost here.
                drop(std::io::stderr().write_all(said.as_bytes()));
                std::process::abort();
            }
        };
        let watcher = standstill::watcher().spawn(watch);
        watcher.expect("a thread can be started");
        Watchdog { _alive: alive }
    }
}
