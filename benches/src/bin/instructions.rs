//! User-space instructions per operation on the paths that matter most, on one
//! worker of the event loop: what a clock on a noisy machine can not show.
//!
//! ```text
//! cargo run --release -p benches --bin instructions              print them
//! cargo run --release -p benches --bin instructions -- --record  and write benches/instructions.txt
//! cargo run --release -p benches --bin instructions -- --check   and fail if one grew by 3 %
//! ```
//!
//! Needs valgrind; `--check` says aloud if it is missing, and fails then too.
//! Valgrind 3.19 lets no other thread run while one waits in io_uring_enter(2), so
//! a path must not need a second one: nothing here opens a file through `Io`,
//! which a slow moment would send to the offload pool.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering};
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

fn main() -> ExitCode {
    if let Some((name, count)) = asked() {
        let path = PATHS.iter().find(|(known, _)| *known == name);
        let (_, perform) = path.expect("per_operation asks for what it is told");
        Executor::EventLoop1.run(|io| perform(io, count));
        return ExitCode::SUCCESS;
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
    let recorded = if has("--record") {
        String::new()
    } else {
        std::fs::read_to_string(record_path()).unwrap_or_default()
    };
    let mut record = String::new();
    let mut holds = true;
    println!("{:16} {:>9} {:>9}", "path", "now", "recorded");
    for (name, _) in PATHS {
        let now = per_operation(name)?;
        writeln!(record, "{name} {now:.1}").expect("a string takes everything");
        let before = find(&recorded, name);
        let may = |before: f64| (before * GROWTH_MAX).max(before + GROWTH_INSTRUCTIONS_MAX);
        let has_grown = before.is_some_and(|before| now > may(before));
        let shown = before.map_or("-".to_owned(), |before| format!("{before:.1}"));
        let remark = if has_grown { "  GREW" } else { "" };
        println!("{name:16} {now:9.1} {shown:>9}{remark}");
        holds &= before.is_some() && !has_grown;
    }
    if has("--record") {
        std::fs::write(record_path(), record)?;
        println!("written to {}", record_path().display());
    }
    Ok(holds || !has("--check"))
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
