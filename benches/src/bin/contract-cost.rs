//! What the contract costs: a cached 4 KiB `read_at` through `&dyn Io` on the
//! blocking executor beside std's, which is pread(2).
//!
//! ```text
//! cargo run --release -p benches --bin contract-cost [-- --instructions]
//! ```
//!
//! Time: the two alternate in random order within every round, a round is its
//! median turn, and the ratio of each round counts: what disturbs a round
//! disturbs both, and a burst of noise none. Instructions: user space
//! only, by callgrind, and by the processor's counter where it may be asked.
//! The same of one call of `perform` by a loop that knows the executor's type, by
//! one that is generic over it and by one that has `&dyn Io`.
//! Exits with 1 if a limit is passed; `--instructions` leaves the clock out.

use std::cell::RefCell;
use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::process::ExitCode;
use std::time::Instant;

use benches::{
    CachedFile, Counter, Dispatch, Estimate, Random, Scale, asked, median, per_operation,
};
use io_blocking::Blocking;
use io_core::{Io, fs};

/// The most that the contract may cost.
const RATIO_MAX: f64 = 1.05;
const INSTRUCTIONS_MAX: f64 = 150.0;
/// The most that a call through the trait object may cost above a known type's.
const DISPATCH_MAX: f64 = 15.0;

const ROUNDS: usize = 45;
/// Turns of each way within a round, so that a burst of noise hits both.
const TURNS: usize = 20;
const READS_PER_TURN: u64 = 1_500;
const READ_BYTES: usize = 4096;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Std,
    Contract,
}

impl Way {
    const ALL: [Way; 2] = [Way::Std, Way::Contract];

    fn name(self) -> &'static str {
        match self {
            Way::Std => "std",
            Way::Contract => "contract",
        }
    }
}

fn main() -> ExitCode {
    let cached = CachedFile::new(Scale::Small);
    let file = File::open(&cached.path).expect("it was written");
    let blocking = Blocking::new();
    // Nothing is known of the executor where it is used.
    let io: &dyn Io = black_box(&blocking);
    let ours = fs::File::open(io, &cached.path).expect("it was written");
    let buffer = RefCell::new(Page([0; READ_BYTES]));
    let read = |way, count| match way {
        Way::Std => read_std(&file, &mut buffer.borrow_mut(), count),
        Way::Contract => read_contract(&ours, &mut buffer.borrow_mut(), count),
    };
    if let Some((case, count)) = asked() {
        if let Some(dispatch) = Dispatch::ALL.iter().find(|known| known.name() == case) {
            dispatch.perform(count);
            return ExitCode::SUCCESS;
        }
        let way = Way::ALL.into_iter().find(|way| way.name() == case);
        read(way.expect("per_operation asks for what it is told"), count);
        return ExitCode::SUCCESS;
    }
    let mut holds = instructions(read) & dispatch();
    if !std::env::args().any(|argument| argument == "--instructions") {
        holds &= time(read);
    }
    if holds {
        ExitCode::SUCCESS
    } else {
        println!("A LIMIT IS PASSED");
        ExitCode::FAILURE
    }
}

/// The buffer of both: the kernel's copy is slower to some addresses.
#[repr(align(4096))]
struct Page([u8; READ_BYTES]);

/// The block is the same every time: the fastest pread(2) there is.
#[inline(never)]
fn read_std(file: &File, buffer: &mut Page, count: u64) {
    for _ in 0..count {
        let count = file.read_at(black_box(&mut buffer.0), black_box(0));
        assert_eq!(count.expect("it can be read"), READ_BYTES);
    }
}

#[inline(never)]
fn read_contract(file: &fs::File<'_>, buffer: &mut Page, count: u64) {
    for _ in 0..count {
        let count = file.read_at(black_box(&mut buffer.0), black_box(0));
        assert_eq!(count.expect("it can be read"), READ_BYTES);
    }
}

fn time(read: impl Fn(Way, u64)) -> bool {
    let mut random = Random::new(std::process::id().into());
    let mut nanos: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let mut round: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        let mut turns: Vec<Way> = Way::ALL.repeat(TURNS);
        random.shuffle(&mut turns);
        for way in turns {
            let begin = Instant::now();
            read(way, READS_PER_TURN);
            round[way as usize].push(begin.elapsed().as_secs_f64() * 1e9);
        }
        for (series, turns) in nanos.iter_mut().zip(round) {
            series.push(median(&turns));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let reads = READS_PER_TURN as f64;
    for way in Way::ALL {
        let series = &nanos[way as usize];
        println!(
            "{:10} {:8.1} ns per read, median of {ROUNDS} rounds",
            way.name(),
            median(series) / reads
        );
    }
    let ratio = Estimate::of_ratio(&nanos[Way::Contract as usize], &nanos[Way::Std as usize]);
    let Estimate { median, low, high } = ratio;
    println!("ratio      {median:8.4} (95 %: {low:.4} to {high:.4}), at most {RATIO_MAX}");
    high <= RATIO_MAX
}

fn instructions(read: impl Fn(Way, u64)) -> bool {
    let by_callgrind = Way::ALL.map(|way| per_operation(way.name()));
    let by_processor = Way::ALL.map(|way| count(|| read(way, READS_PER_TURN)));
    let mut holds = true;
    for (who, counts) in [("callgrind", by_callgrind), ("processor", by_processor)] {
        match counts {
            [Ok(std), Ok(contract)] => {
                let more = contract - std;
                println!(
                    "{who}: std {std:.1}, contract {contract:.1}: {more:.1} more instructions per read, at most {INSTRUCTIONS_MAX}"
                );
                holds &= more <= INSTRUCTIONS_MAX;
            }
            [Err(error), _] | [_, Err(error)] => println!("{who}: not available: {error}"),
        }
    }
    holds
}

/// What a call costs by how the executor is known; the instructions in user space.
fn dispatch() -> bool {
    let counts = Dispatch::ALL.map(|dispatch| per_operation(dispatch.name()));
    match counts {
        [Ok(concrete), Ok(generic), Ok(by_object)] => {
            let more = by_object - concrete;
            println!(
                "callgrind: concrete {concrete:.1}, generic {generic:.1}, dyn {by_object:.1}: {more:.1} more instructions per call, at most {DISPATCH_MAX}"
            );
            more <= DISPATCH_MAX
        }
        [Err(error), ..] | [_, Err(error), _] | [.., Err(error)] => {
            println!("callgrind: not available: {error}");
            true
        }
    }
}

/// Instructions per read, by the processor's own count.
fn count(body: impl Fn()) -> std::io::Result<f64> {
    body();
    let mut counter = Counter::open()?;
    let before = counter.count()?;
    body();
    let count = counter.count()? - before;
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let per_read = count as f64 / READS_PER_TURN as f64;
    Ok(per_read)
}
