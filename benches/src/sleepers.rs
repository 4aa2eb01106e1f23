//! What sleeping tasks cost: memory, mappings, the time to start and to end them,
//! and what one more timer costs while so many are armed. Measured in a process of
//! its own, by whoever calls [`Sleepers::measure`] in one.

use std::fs;
use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use io_core::{Clock, FutexAddress, FutexWord, Io};

use crate::executor::Executor;
use crate::statistics::{Estimate, median};

/// Who sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleepers {
    /// Fibers of one worker of the event loop.
    EventLoop,
    /// Threads.
    Threads,
    /// Tasks of another runtime, by its name in `peers`.
    Peer(&'static str),
}

/// What so many of them cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Asleep {
    /// Resident memory and page tables, in bytes for each.
    pub bytes: f64,
    /// Page tables alone, in bytes for each.
    pub table_bytes: f64,
    /// Address space, in bytes for each.
    pub address_bytes: f64,
    /// Mappings (VMAs) that were added.
    pub mappings: u64,
    /// Nanoseconds to start one.
    pub start_nanos: f64,
    /// Nanoseconds to cancel and end one; 0 if they can not be ended.
    pub end_nanos: f64,
    /// Nanoseconds to arm and cancel one more timer; 0 if not measured.
    pub timer_nanos: f64,
    /// The same beside a loop in which a thousand sleep, as a ratio of turns taken
    /// in pairs: median, and the ends of its 95 % interval. 0 if not measured.
    pub timer_ratio: [f64; 3],
}

const IN_AN_HOUR: Duration = Duration::from_secs(3600);
/// Turns of the timers that are paired.
const TURNS: usize = 31;
const ROUND_TRIPS_PER_TURN: u64 = 2_000;
/// How many sleep in the loop that the timers are compared with.
const FEW: u64 = 1_000;

impl Sleepers {
    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Sleepers::EventLoop => "event-loop-1",
            Sleepers::Threads => "std-threads",
            Sleepers::Peer(name) => name,
        }
    }

    /// Everybody who can sleep here, and the most that it is asked for: what
    /// needs a mapping or a thread for each can not have a million.
    #[must_use]
    pub fn all() -> Vec<(Sleepers, u64)> {
        let mut all = vec![(Sleepers::Threads, 10_000)];
        if Executor::EventLoop1.refusal().is_none() {
            all.push((Sleepers::EventLoop, 1_000_000));
        }
        let peers = crate::peers::sleepers().iter();
        all.extend(peers.map(|(name, most, _)| (Sleepers::Peer(name), *most)));
        all
    }

    /// Lets `count` tasks sleep. Once in a process: memory that was used before
    /// would not be counted.
    ///
    /// # Errors
    /// The system's, as by reading `/proc`.
    pub fn measure(self, count: u64) -> io::Result<Asleep> {
        match self {
            Sleepers::EventLoop => event_loop(count),
            Sleepers::Threads => threads(count),
            Sleepers::Peer(name) => {
                let mut peers = crate::peers::sleepers().iter();
                let (_, _, sleep) = peers
                    .find(|(known, ..)| *known == name)
                    .ok_or_else(|| io::Error::other("no such peer"))?;
                let mut asleep = Asleep::default();
                let before = Memory::now()?;
                let begin = Instant::now();
                let mut measured = Ok(());
                let end = sleep(count, &mut || {
                    asleep.start_nanos = each(begin.elapsed(), count);
                    measured = before.add_to(&mut asleep, count);
                    Instant::now()
                });
                measured?;
                if let Some(end) = end {
                    asleep.end_nanos = each(end.elapsed(), count);
                }
                Ok(asleep)
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e9 / count as f64
}

/// What `/proc/self` says of memory, in bytes.
struct Memory {
    resident: u64,
    tables: u64,
    address: u64,
    mappings: u64,
}

impl Memory {
    fn now() -> io::Result<Memory> {
        let status = fs::read_to_string("/proc/self/status")?;
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number =
                line.and_then(|line| line.trim_end_matches("kB").trim().parse::<u64>().ok());
            let number = number.ok_or_else(|| io::Error::other(format!("no {name}")))?;
            io::Result::Ok(number * 1024)
        };
        let maps = fs::read_to_string("/proc/self/maps")?;
        Ok(Memory {
            resident: kilobytes("VmRSS:")?,
            tables: kilobytes("VmPTE:")?,
            address: kilobytes("VmSize:")?,
            mappings: maps.lines().count() as u64,
        })
    }

    /// Puts down what came since.
    fn add_to(&self, asleep: &mut Asleep, count: u64) -> io::Result<()> {
        let now = Memory::now()?;
        #[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
        let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / count as f64;
        asleep.table_bytes = each(now.tables, self.tables);
        asleep.bytes = each(now.resident, self.resident) + asleep.table_bytes;
        asleep.address_bytes = each(now.address, self.address);
        asleep.mappings = now.mappings.saturating_sub(self.mappings);
        Ok(())
    }
}

fn event_loop(count: u64) -> io::Result<Asleep> {
    Executor::EventLoop1.run(|io| {
        let mut asleep = Asleep::default();
        let before = Memory::now()?;
        let begin = Instant::now();
        let mut end = begin;
        let measured = while_asleep(io, count, || {
            asleep.start_nanos = each(begin.elapsed(), count);
            before.add_to(&mut asleep, count)?;
            timers(io, &mut asleep);
            end = Instant::now();
            io::Result::Ok(())
        });
        measured?;
        asleep.end_nanos = each(end.elapsed(), count);
        Ok(asleep)
    })
}

/// Runs `body` while so many tasks sleep; then they are canceled.
fn while_asleep<T>(io: &dyn Io, count: u64, body: impl FnOnce() -> T) -> T {
    let asleep = AtomicU64::new(0);
    io.scope(|scope| {
        for _ in 0..count {
            let task = scope.spawn_concurrent(|| {
                // Relaxed: one worker.
                asleep.fetch_add(1, Ordering::Relaxed);
                let woken = io.sleep(IN_AN_HOUR);
                assert!(woken.is_err(), "it is canceled");
            });
            drop(task.expect("there is room for one more"));
        }
        while asleep.load(Ordering::Relaxed) < count {
            io.yield_now().expect("nobody cancels the body");
        }
        let value = body();
        scope.cancel();
        value
    })
}

/// What one more timer costs here, and beside a loop of a thread of its own in
/// which a few sleep.
fn timers(io: &dyn Io, asleep: &mut Asleep) {
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            Executor::EventLoop1.run(|io| {
                while_asleep(io, FEW, || {
                    while asked.recv().is_ok() {
                        answer.send(timer_nanos(io)).expect("the other receives");
                    }
                });
            });
        });
        let turns = (0..TURNS).map(|_| {
            // This blocks the worker, on which nobody else wants to run.
            ask.send(()).expect("the other receives");
            let of_few = answered.recv().expect("the other answers");
            (timer_nanos(io), of_few)
        });
        let (many, few): (Vec<f64>, Vec<f64>) = turns.skip(1).unzip();
        drop(ask);
        let ratio = Estimate::of_ratio(&many, &few);
        asleep.timer_nanos = median(&many);
        asleep.timer_ratio = [ratio.median, ratio.low, ratio.high];
    });
}

/// Two tasks that wake each other, each wait with a timer that is canceled: so a
/// wake and a switch are part of it.
fn timer_nanos(io: &dyn Io) -> f64 {
    let turn = AtomicU32::new(0);
    let deadline = io.now(Clock::Monotonic).saturating_add(IN_AN_HOUR);
    let play = |own: u32| {
        for _ in 0..ROUND_TRIPS_PER_TURN {
            while turn.load(Ordering::Acquire) != own {
                io.futex_wait(FutexWord::of(&turn), 1 - own, Some(deadline))
                    .expect("an hour is long");
            }
            turn.store(1 - own, Ordering::Release);
            io.futex_wake(FutexAddress::of(&turn), 1);
        }
    };
    let begin = Instant::now();
    io.scope(|scope| {
        scope.spawn(|| play(0));
        scope.spawn(|| play(1));
    });
    each(begin.elapsed(), 2 * ROUND_TRIPS_PER_TURN)
}

/// Threads that wait; the smallest stack that std has a default for is kept.
fn threads(count: u64) -> io::Result<Asleep> {
    let mut asleep = Asleep::default();
    let before = Memory::now()?;
    let begin = Instant::now();
    let end = Barrier::new(usize::try_from(count).expect("they fit in memory") + 1);
    let begun = AtomicU64::new(0);
    let ended = thread::scope(|scope| {
        for index in 0..count {
            let thread = thread::Builder::new().spawn_scoped(scope, || {
                // Relaxed: it is only counted.
                begun.fetch_add(1, Ordering::Relaxed);
                end.wait();
            });
            // Those that wait would wait for ever: only a panic of the process
            // ends them.
            if let Err(error) = thread {
                eprintln!("after {index} threads: {error}");
                std::process::exit(1);
            }
        }
        while begun.load(Ordering::Relaxed) < count {
            thread::yield_now();
        }
        asleep.start_nanos = each(begin.elapsed(), count);
        let measured = before.add_to(&mut asleep, count);
        let now = Instant::now();
        end.wait();
        measured.map(|()| now)
    })?;
    asleep.end_nanos = each(ended.elapsed(), count);
    Ok(asleep)
}
