//! Whether a claim is stuck: it takes too long, or nothing happens any more. The
//! watchdog of `run.rs` and the trials of `cancel` ask.
//!
//! Nothing happens if every thread of the process sleeps and none has run between
//! two looks. A busy machine does not look like that: a thread that wants a
//! processor and gets none is no sleeper, and one that got one for a moment has
//! run. Only a process that does nothing but one claim is looked at; beside other
//! tests there is the time alone.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::system;

/// Set once, by who knows it, before the claim begins; read by those who watch.
static IS_ALONE: AtomicBool = AtomicBool::new(false);

/// Between two looks at the threads.
const LOOK: Duration = Duration::from_millis(200);

/// The threads that watch are not looked at: by their name.
const WATCHER: &str = "claim-watcher";

/// Says that this process does nothing but run one claim.
pub(crate) fn process_has_one_claim() {
    IS_ALONE.store(true, Ordering::Release);
}

/// When something is stuck.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// After so long in any case.
    pub(crate) limit: Duration,
    /// If nothing has happened for so long.
    pub(crate) still: Duration,
}

/// Runs `watch` on a thread that is not looked at.
pub(crate) fn watcher() -> thread::Builder {
    thread::Builder::new().name(WATCHER.to_owned())
}

/// Waits until the other end of `over` is dropped (false) or the patience is at
/// its end (true). For threads that [`watcher`] makes.
pub(crate) fn is_stuck(over: &Receiver<()>, patience: Patience) -> bool {
    let began = Instant::now();
    let mut before = None;
    let mut still = Duration::ZERO;
    loop {
        let rest = patience.limit.saturating_sub(began.elapsed());
        let is_alone = IS_ALONE.load(Ordering::Acquire);
        let pause = if is_alone { rest.min(LOOK) } else { rest };
        if over.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return false;
        }
        if began.elapsed() >= patience.limit {
            return true;
        }
        let now = sleepers();
        still = match now.is_some() && now == before {
            true => still + LOOK,
            false => Duration::ZERO,
        };
        if still >= patience.still {
            return true;
        }
        before = now;
    }
}

/// The threads of the process and how often and how long each has run; `None` if
/// one is not asleep, or a child process may be what they wait for, or the claim
/// counts descriptors at the moment.
fn sleepers() -> Option<Vec<(i32, String)>> {
    let _counters_are_off = system::try_keep_counters_off()?;
    let mut sleepers = Vec::new();
    for thread in others(None) {
        let children = fs::read_to_string(format!("/proc/self/task/{}/children", thread.number));
        if !thread.is_asleep || children.is_ok_and(|children| !children.is_empty()) {
            return None;
        }
        sleepers.push((thread.number, thread.turns));
    }
    sleepers.sort_unstable();
    Some(sleepers)
}

/// A thread of the process that is no watcher.
struct Other {
    number: i32,
    is_asleep: bool,
    /// Nanoseconds that it has run, that it has waited to, and how often it ran.
    turns: String,
}

/// The threads of the process that are no watchers, without this one.
fn others(without: Option<i32>) -> Vec<Other> {
    let other = |number| {
        let read = |file| fs::read_to_string(format!("/proc/self/task/{number}/{file}"));
        // Both fail if it has ended. The name is in parentheses and may contain any
        // character (proc(5)).
        let (stat, turns) = (read("stat").ok()?, read("schedstat").ok()?);
        let (name, rest) = stat.rsplit_once(')')?;
        let is_asleep = rest.starts_with(" S ");
        (!name.ends_with(&format!("({WATCHER}"))).then_some(Other {
            number,
            is_asleep,
            turns,
        })
    };
    let mut threads = system::threads();
    threads.retain(|&thread| Some(thread) != without);
    threads.into_iter().filter_map(other).collect()
}

/// What the other threads of the process did while this one watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Activity {
    /// How long they have run.
    pub(crate) ran: Duration,
    /// How often one was not asleep, of [`Activity::LOOKS`] times. On a busy machine
    /// who wants to run is awake and may not have run at all.
    pub(crate) awake: u32,
}

impl Activity {
    pub(crate) const LOOKS: u32 = 5;

    /// Watches for a while, on this thread.
    pub(crate) fn during(time: Duration) -> Activity {
        let without = Some(system::this_thread());
        let ran = || -> u64 {
            let nanos = |thread: Other| thread.turns.split(' ').next()?.parse::<u64>().ok();
            others(without).into_iter().filter_map(nanos).sum()
        };
        let (before, mut awake) = (ran(), 0);
        for _ in 0..Activity::LOOKS {
            thread::sleep(time / Activity::LOOKS);
            awake += u32::from(others(without).iter().any(|thread| !thread.is_asleep));
        }
        let ran = Duration::from_nanos(ran().saturating_sub(before));
        Activity { ran, awake }
    }
}
