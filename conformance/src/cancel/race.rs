//! Cancel-versus-complete races in long series, for the program `cancel-race` and
//! its short run among the tests. One task waits in a row of the case table over
//! and over; two agents let the wait end and send a request at about the same
//! time. Every round has to deliver both: the result once and the request once,
//! in either order.
//!
//! ```text
//! task      round r ──► wait ── result ──► the request is still to come: take it
//!                            └─ Canceled ► the result is still to be had: wait again
//! agents    see round r, hesitate, complete / request, say that they have
//! ```

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use io_core::Io;

use super::waits::{self, Kind, Span, Wait};
use crate::backend::Backend;
use crate::fixture::Fixture;
use crate::growth::assert_no_descriptors_left;
use crate::random::Random;

/// The rows that race.
const KINDS: &[Kind] = &[
    waits::SLEEP,
    waits::OPEN_FIFO,
    waits::PIPE_READ,
    waits::PIPE_WRITE,
    waits::WAIT_READABLE,
    waits::BATCH,
    waits::FUTEX_WAIT,
    waits::MUTEX_LOCK,
    waits::CONDVAR_WAIT,
    waits::SEMAPHORE,
    waits::QUEUE_GET,
    waits::QUEUE_PUT,
    waits::RWLOCK_READ,
    waits::RWLOCK_WRITE,
    waits::EVENT_WAIT,
    waits::ONESHOT_RECEIVE,
    waits::WATCH_CHANGED,
    waits::BARRIER_WAIT,
    waits::CELL_INIT,
    waits::RACE,
    waits::GROUP_NEXT,
    waits::JOIN,
    waits::JOIN_ALL,
    waits::SCOPE_END,
    waits::INLINE_CHILD,
    waits::OFFLOAD,
];

/// The names of all kinds of races.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// Who completes and who requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agents {
    /// Two threads that the executor knows nothing of.
    Threads,
    /// Two tasks of the same executor.
    Tasks,
}

/// What came of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rounds in which the wait gave its result, and the request came after it.
    pub results: u64,
    /// Rounds in which the wait answered Canceled, and its result came after it.
    pub canceled: u64,
}

impl Counts {
    fn rounds(&self) -> u64 {
        self.results + self.canceled
    }
}

/// A series of races.
#[derive(Clone, Copy, Debug)]
pub struct Series {
    /// Which kind, by its name.
    pub kind: &'static str,
    /// Who the agents are.
    pub agents: Agents,
    /// How many rounds.
    pub rounds: u64,
    /// For the hesitations.
    pub seed: u64,
}

/// Runs a series, in a process that opens no descriptor beside it. `None` if the executor can not be had, or has no tasks for agents.
///
/// # Panics
/// If a result or a request is lost or comes twice, or descriptors are left.
pub fn run(backend: &dyn Backend, series: Series) -> Option<Counts> {
    let mut counts = None;
    let mut body = |io: &dyn Io| {
        let capabilities = io.capabilities();
        if series.agents == Agents::Tasks && capabilities.concurrent_tasks_max < 3 {
            return;
        }
        let fixture = Fixture::new(io, backend, series.seed);
        counts = Some(run_on(&fixture, series));
    };
    backend.run(&mut body).ok()?;
    counts
}

fn run_on(fixture: &Fixture<'_>, series: Series) -> Counts {
    let mut kinds = KINDS.iter();
    let kind = kinds.find(|kind| kind.name == series.kind);
    let kind = kind.expect("a kind of races by its name");
    // In parts, for counting descriptors between them.
    const PARTS: u64 = 20;
    let mut counts = Counts::default();
    while counts.rounds() < series.rounds {
        assert_no_descriptors_left(|| {
            let rest = series.rounds - counts.rounds();
            let part = Series {
                rounds: rest.min(series.rounds.div_ceil(PARTS)),
                seed: series.seed.wrapping_add(counts.rounds()),
                ..series
            };
            let part = race(fixture, kind, part);
            counts.results += part.results;
            counts.canceled += part.canceled;
        });
    }
    counts
}

/// Where the three are. Rounds count from 1.
#[derive(Default)]
struct Progress {
    /// Written by the task, read by the agents: the round whose wait begins.
    entering: AtomicU64,
    /// Written by the one agent, read by the task.
    completed: AtomicU64,
    /// Written by the other agent, read by the task.
    requested: AtomicU64,
}

/// A round that takes longer is stuck.
const ROUND_LIMIT: Duration = Duration::from_secs(30);

/// Waits for a counter, letting others run: a thread by the system, a task by its
/// executor, protected so that no request is taken here.
fn wait_for(counter: &AtomicU64, round: u64, tasks_of: Option<&dyn Io>) {
    let mut turns = 0_u32;
    let mut since = None;
    while counter.load(Ordering::Acquire) < round {
        turns += 1;
        match tasks_of {
            Some(io) => {
                let result = io.protect(|| io.yield_now());
                result.expect("protected, and nothing bounds it");
            }
            None if turns < 200 => std::hint::spin_loop(),
            None => thread::yield_now(),
        }
        if turns.is_multiple_of(4096) {
            let since = *since.get_or_insert_with(Instant::now);
            assert!(since.elapsed() < ROUND_LIMIT, "round {round} is stuck");
        }
    }
}

/// Some turns of an empty loop; now and then more, as long as a wait takes to
/// begin in the kernel; a task also lets others run now and then.
fn hesitate(random: &mut Random, tasks_of: Option<&dyn Io>) {
    let turns = match random.below(8) {
        0 => 0,
        1 => random.below(1500),
        _ => random.below(150),
    };
    (0..turns).for_each(|_| std::hint::spin_loop());
    if let Some(io) = tasks_of {
        for _ in 0..random.below(4) {
            let result = io.protect(|| io.yield_now());
            result.expect("protected, and nothing bounds it");
        }
    }
}

fn race(fixture: &Fixture<'_>, kind: &Kind, series: Series) -> Counts {
    let rounds = series.rounds;
    let io = fixture.io();
    let tasks_of = (series.agents == Agents::Tasks).then_some(io);
    let progress = &Progress::default();
    let random = |salt: u64| Random::new(series.seed ^ (salt << 56));
    kind.with(fixture, Span::Tiny, |wait| {
        let agent = |salt, done: &AtomicU64, act: &dyn Fn()| {
            let mut random = random(salt);
            for round in 1..=rounds {
                wait_for(&progress.entering, round, tasks_of);
                hesitate(&mut random, tasks_of);
                act();
                done.store(round, Ordering::Release);
            }
        };
        let complete = || agent(1, &progress.completed, &|| wait.complete());
        let racer = || racer(io, wait, progress, rounds, tasks_of, random(3));
        io.scope(|racers| {
            let request = || agent(2, &progress.requested, &|| racers.cancel());
            match series.agents {
                Agents::Threads => thread::scope(|threads| {
                    threads.spawn(complete);
                    threads.spawn(request);
                    racers.spawn(racer).join()
                }),
                // In a scope of their own: the requests are for the racer alone.
                Agents::Tasks => io.scope(|agents| {
                    let racer = racers.spawn_concurrent(racer).expect("there are tasks");
                    agents.spawn_concurrent(complete).expect("there are tasks");
                    agents.spawn_concurrent(request).expect("there are tasks");
                    racer.join()
                }),
            }
        })
    })
}

/// The task that waits.
fn racer(
    io: &dyn Io,
    wait: &dyn Wait,
    progress: &Progress,
    rounds: u64,
    tasks_of: Option<&dyn Io>,
    mut random: Random,
) -> Counts {
    let mut counts = Counts::default();
    for round in 1..=rounds {
        progress.entering.store(round, Ordering::Release);
        hesitate(&mut random, None);
        match wait.wait() {
            Ok(()) => {
                counts.results += 1;
                wait_for(&progress.requested, round, tasks_of);
                let taken = io.checkpoint();
                assert!(is_canceled(&taken), "round {round}: the request is lost");
            }
            Err(error) => {
                assert!(io_core::is_canceled(&error), "round {round}: {error:?}");
                counts.canceled += 1;
                wait_for(&progress.completed, round, tasks_of);
                let again = wait.wait();
                assert!(again.is_ok(), "round {round}: {again:?}, not the result");
            }
        }
        wait_for(&progress.requested, round, tasks_of);
        wait_for(&progress.completed, round, tasks_of);
        let nothing = io.checkpoint();
        assert!(nothing.is_ok(), "round {round}: the request came twice");
    }
    counts
}

fn is_canceled(result: &io::Result<()>) -> bool {
    result.as_ref().is_err_and(io_core::is_canceled)
}
