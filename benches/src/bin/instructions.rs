//! User-space instructions per operation on the paths that matter most, on one
//! worker of the event loop: what a clock on a noisy machine can not show.
//!
//! ```text
//! cargo run --release -p benches --bin instructions              print them
//! cargo run --release -p benches --bin instructions -- --record  and write benches/instructions.txt
//! cargo run --release -p benches --bin instructions -- --check   and fail if one grew by 3 %
//! ```
//!
//! The loop looks at the clock: on a loaded machine it polls more often, which
//! adds up to one percent and never takes away. So a path that seems to have
//! grown is counted again, and its least count decides. A path that shrank by as
//! much is no failure, but is to be recorded, or it may grow back unseen.
//!
//! Counts of another compiler say nothing: with one that is not the recorded one
//! `--check` says so and compares nothing. Without valgrind it fails; where io_uring
//! is refused it says so, and fails if IO_REQUIRE_URING is 1.
//! Valgrind 3.19 lets no other thread run while one waits in io_uring_enter(2), so
//! a path must not need a second one: nothing here opens a file through `Io`,
//! which a slow moment would send to the offload pool.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use benches::{CachedFile, Executor, Scale, asked, per_operation};
use io_core::sync::Mutex;
use io_core::{Clock, FutexAddress, FutexWord, Instant, Io, fs};

/// How much a path may grow before `--check` fails.
const GROWTH_MAX: f64 = 1.03;
/// ... and by so many instructions at least, so that a tiny path may change by one.
const GROWTH_INSTRUCTIONS_MAX: f64 = 3.0;

/// A path's name, and its loop over so many operations.
type NamedPath = (&'static str, fn(&dyn Io, u64));

const PATHS: [NamedPath; 7] = [
    ("spawn-join", spawn_join),
    ("yield", yields),
    ("lock", locks),
    ("cached-read", cached_reads),
    ("wake-ping-pong", wake_ping_pong),
    ("pipe-ping-pong", pipe_ping_pong),
    ("timer", timers),
];

/// Counts of a path before it is said to have grown.
const COUNTS_MAX: usize = 3;
/// Paths that are counted at once: callgrind keeps one CPU busy.
const COUNTED_AT_ONCE: usize = 2;

fn main() -> ExitCode {
    if let Some((name, count)) = asked() {
        let path = PATHS.iter().find(|(known, _)| *known == name);
        let (_, perform) = path.expect("per_operation asks for what it is told");
        Executor::EventLoop1.run(|io| perform(io, count));
        return ExitCode::SUCCESS;
    }
    if let Some(refusal) = Executor::EventLoop1.refusal() {
        eprintln!("!!! no instructions are counted, the event loop is refused: {refusal}");
        let is_required = std::env::var("IO_REQUIRE_URING").is_ok_and(|value| value == "1");
        return ExitCode::from(u8::from(is_required));
    }
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("no instructions are counted (is valgrind there?): {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints every path; false if `--check` finds one that grew.
fn measure() -> io::Result<bool> {
    let has = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let compiler = compiler();
    let recorded = if has("--record") {
        String::new()
    } else {
        std::fs::read_to_string(record_path())?
    };
    let is_comparable = recorded.lines().next() == Some(compiler.as_str());
    if !is_comparable && !has("--record") {
        println!("!!! this is not the compiler of the record: nothing is compared");
        println!("{compiler}");
    }
    let limit = |name: &str| {
        let before = find(&recorded, name).filter(|_| is_comparable)?;
        Some((before * GROWTH_MAX).max(before + GROWTH_INSTRUCTIONS_MAX))
    };
    let counted = count_all(limit)?;
    println!("{:16} {:>9} {:>9}", "path", "now", "recorded");
    let mut record = format!("{compiler}\n");
    let mut holds = true;
    for ((name, _), now) in PATHS.iter().zip(counted) {
        writeln!(record, "{name} {now:.1}").expect("a string takes everything");
        let before = find(&recorded, name);
        let shown = before.map_or("-".to_owned(), |before| format!("{before:.1}"));
        let has_grown = limit(name).is_some_and(|limit| now > limit);
        let has_shrunk = is_comparable && before.is_some_and(|before| now * GROWTH_MAX < before);
        let remark = match (has_grown, has_shrunk) {
            (true, _) => "  GREW",
            (_, true) => "  shrank: record it",
            _ => "",
        };
        println!("{name:16} {now:9.1} {shown:>9}{remark}");
        holds &= before.is_some() && !has_grown;
    }
    if has("--record") {
        std::fs::write(record_path(), record)?;
        println!("written to {}", record_path().display());
    }
    Ok(holds || !has("--check"))
}

/// What the counts depend on besides the source, as the record's first line.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output();
    let version = output.map_or_else(
        |_| "unknown".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    );
    format!("# {version}, {}", std::env::consts::ARCH)
}

/// The count of each path, in their order.
fn count_all(limit: impl Fn(&str) -> Option<f64> + Sync) -> io::Result<Vec<f64>> {
    let next = AtomicUsize::new(0);
    let count_some = || {
        let mut counted = Vec::new();
        // Relaxed: the index alone is shared.
        while let Some((name, _)) = PATHS.get(next.fetch_add(1, Ordering::Relaxed)) {
            counted.push((*name, count(name, limit(name))?));
        }
        io::Result::Ok(counted)
    };
    let mut counted = HashMap::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..COUNTED_AT_ONCE)
            .map(|_| scope.spawn(count_some))
            .collect();
        for thread in threads {
            counted.extend(thread.join().expect("counting does not panic")?);
        }
        io::Result::Ok(())
    })?;
    Ok(PATHS.iter().map(|(name, _)| counted[name]).collect())
}

/// The least count: more are made while it is above `limit`.
fn count(name: &str, limit: Option<f64>) -> io::Result<f64> {
    let mut least = per_operation(name)?;
    for _ in 1..COUNTS_MAX {
        if limit.is_none_or(|limit| least <= limit) {
            break;
        }
        least = least.min(per_operation(name)?);
    }
    Ok(least)
}

fn record_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.txt")
}

fn find(recorded: &str, name: &str) -> Option<f64> {
    let line = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
    recorded.lines().find_map(line)
}

fn spawn_join(io: &dyn Io, count: u64) {
    io.scope(|scope| {
        for index in 0..count {
            assert_eq!(scope.spawn(move || index).join(), index);
        }
    });
}

/// Two fibers that yield to each other.
fn yields(io: &dyn Io, count: u64) {
    io.scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..count / 2 {
                    io.yield_now().expect("nobody cancels");
                }
            });
        }
    });
}

/// A lock that is free.
fn locks(io: &dyn Io, count: u64) {
    let mutex = Mutex::new(0);
    for _ in 0..count {
        *mutex.lock(io).expect("nobody cancels") += 1;
    }
    assert_eq!(mutex.into_inner(), count);
}

fn cached_reads(io: &dyn Io, count: u64) {
    let cached = CachedFile::new(Scale::Small);
    let opened = std::fs::File::open(&cached.path).expect("it was written");
    let file = fs::File::from_fd(io, opened.into());
    let mut buffer = [0; 4096];
    for _ in 0..count {
        let count = file.read_at(&mut buffer, 0);
        assert_eq!(count.expect("it can be read"), buffer.len());
    }
}

fn wake_ping_pong(io: &dyn Io, count: u64) {
    ping_pong(io, count, None);
}

/// As the wake, each wait with a timer that is disarmed.
fn timers(io: &dyn Io, count: u64) {
    let in_an_hour = io
        .now(Clock::Monotonic)
        .saturating_add(Duration::from_secs(3600));
    ping_pong(io, count, Some(in_an_hour));
}

/// Two fibers that wake each other; an operation is one round trip.
fn ping_pong(io: &dyn Io, count: u64, deadline: Option<Instant>) {
    let turn = AtomicU32::new(0);
    let play = |own: u32| {
        for _ in 0..count {
            while turn.load(Ordering::Acquire) != own {
                io.futex_wait(FutexWord::of(&turn), 1 - own, deadline)
                    .expect("an hour is long");
            }
            turn.store(1 - own, Ordering::Release);
            io.futex_wake(FutexAddress::of(&turn), 1);
        }
    };
    io.scope(|scope| {
        scope.spawn(|| play(0));
        scope.spawn(|| play(1));
    });
}

/// Two fibers, a pipe each way, a byte each time; an operation is one round trip.
fn pipe_ping_pong(io: &dyn Io, count: u64) {
    let (there_read, there_write) = io::pipe().expect("there are descriptors");
    let (back_read, back_write) = io::pipe().expect("there are descriptors");
    let play = |from: fs::File<'_>, to: fs::File<'_>, begins: bool| {
        let mut byte = [7];
        for index in 0..count {
            if begins || index > 0 {
                io::Write::write_all(&mut &to, &byte).expect("the other reads");
            }
            io::Read::read_exact(&mut &from, &mut byte).expect("the other writes");
        }
        if !begins {
            io::Write::write_all(&mut &to, &byte).expect("the other reads");
        }
    };
    io.scope(|scope| {
        let file = |fd: std::os::fd::OwnedFd| fs::File::from_fd(io, fd);
        let (first, second) = (file(back_read.into()), file(there_write.into()));
        scope.spawn(move || play(first, second, true));
        let (first, second) = (file(there_read.into()), file(back_write.into()));
        scope.spawn(move || play(first, second, false));
    });
}
