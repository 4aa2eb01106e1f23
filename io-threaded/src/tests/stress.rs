//! Random trees of tasks that wait in every way and are canceled at any time, on
//! small pools whose threads end all the time. A longer run:
//! `IO_THREADED_STRESS_ROUNDS=10000 cargo test -p io-threaded stress`.

use super::*;

use std::sync::atomic::{AtomicU32, AtomicU64};

use io_core::{FutexAddress, FutexWord, is_canceled, is_deadline};

/// Rounds of a run, unless the environment says otherwise.
const ROUNDS: u64 = 150;

/// Tasks below tasks, at most so deep.
const DEPTH_MAX: u32 = 4;

/// A generator of numbers that are random enough here (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

/// What all tasks of a round use.
struct World<'a> {
    io: &'a dyn Io,
    reader: Handle,
    writer: Handle,
    fifo: Fifo,
    word: AtomicU32,
    /// Bytes written and read.
    balance: [AtomicU64; 2],
    /// Tasks begun and ended.
    tasks: [AtomicU64; 2],
}

impl World<'_> {
    /// A task that waits under deadlines and has children.
    fn branch(&self, depth: u32, seed: u64) {
        self.tasks[0].fetch_add(1, Ordering::Relaxed);
        let mut random = Random(seed | 1);
        for _ in 0..random.below(4) {
            if depth < DEPTH_MAX && random.below(3) == 0 {
                self.children(depth, &mut random);
            } else {
                let timeout = Duration::from_micros(random.below(300));
                check(self.io.with_timeout(timeout, || self.wait(&mut random)));
            }
        }
        self.tasks[1].fetch_add(1, Ordering::Relaxed);
    }

    /// A task whose one wait only its one request ends, as the case may be. It
    /// does not run inside `spawn`, where nobody could cancel it yet.
    fn leaf(&self, seed: u64) {
        self.tasks[0].fetch_add(1, Ordering::Relaxed);
        check(self.wait(&mut Random(seed | 1)));
        self.tasks[1].fetch_add(1, Ordering::Relaxed);
    }

    fn children(&self, depth: u32, random: &mut Random) {
        self.io.scope(|scope| {
            let mut tasks = Vec::new();
            for _ in 0..=random.below(4) {
                let seed = random.below(u64::MAX);
                let branch = move || self.branch(depth + 1, seed);
                match random.below(3) {
                    0 => tasks.push(scope.spawn(branch)),
                    1 => tasks.extend(scope.spawn_concurrent(branch)),
                    _ => tasks.extend(scope.spawn_concurrent(move || self.leaf(seed))),
                }
            }
            if random.below(6) == 0 {
                scope.cancel();
            }
            for task in tasks {
                match random.below(3) {
                    0 => task.cancel(),
                    1 => task.request_cancel(),
                    _ => drop(task),
                }
            }
            // Leaves wait for ever otherwise.
            scope.cancel();
        });
    }

    /// Waits in some way; some end only by a request or deadline.
    fn wait(&self, random: &mut Random) -> io::Result<()> {
        let io = self.io;
        match random.below(8) {
            0 => io.sleep(Duration::from_micros(random.below(200))),
            1 => read(io, &self.reader, &mut [0]).map(|count| {
                self.balance[1].fetch_add(count as u64, Ordering::Relaxed);
            }),
            2 | 3 => write(io, &self.writer, b"x").map(|count| {
                self.balance[0].fetch_add(count as u64, Ordering::Relaxed);
            }),
            4 => open(io, &self.fifo.path, read_only()).map(drop),
            5 => io.futex_wait(FutexWord::of(&self.word), 0, None),
            6 => {
                io.futex_wake(FutexAddress::of(&self.word), 1);
                Ok(())
            }
            _ => io.yield_now(),
        }
    }
}

fn check(answer: io::Result<()>) {
    if let Err(error) = answer {
        assert!(is_canceled(&error) || is_deadline(&error), "{error}");
    }
}

#[test]
fn random_trees_end_and_leave_nothing() {
    let rounds = std::env::var("IO_THREADED_STRESS_ROUNDS");
    let rounds = rounds.map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos();
    let mut random = Random(u64::from(seed) | 1);
    for round in 0..rounds {
        watched("random_trees_end_and_leave_nothing", || {
            let threaded = Threaded::builder()
                .spawn_threads(usize::try_from(random.below(4)).unwrap())
                .concurrent_threads(usize::try_from(random.below(40)).unwrap())
                .idle_timeout(Duration::from_micros(random.below(200)))
                .build();
            let (reader, writer) = pipe();
            let world = World {
                io: &threaded,
                reader,
                writer,
                fifo: Fifo::new(),
                word: AtomicU32::new(0),
                balance: [AtomicU64::new(0), AtomicU64::new(0)],
                tasks: [AtomicU64::new(0), AtomicU64::new(0)],
            };
            let mut trunk = Random(random.below(u64::MAX));
            for _ in 0..5 {
                world.children(0, &mut trunk);
            }
            let [begun, ended] = world
                .tasks
                .each_ref()
                .map(|count| count.load(Ordering::Relaxed));
            assert_eq!(begun, ended, "round {round} of seed {seed}");
            assert!(
                threaded.shared.lot.is_empty(),
                "round {round} of seed {seed}"
            );
            let [written, read_before] = world
                .balance
                .each_ref()
                .map(|count| count.load(Ordering::Relaxed));
            let mut rest = vec![0; 1 << 16];
            let left = if written > read_before {
                read(&threaded, &world.reader, &mut rest).unwrap()
            } else {
                0
            };
            assert_eq!(
                written,
                read_before + left as u64,
                "round {round} of seed {seed}"
            );
        });
    }
}
