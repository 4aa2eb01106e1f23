//! may: stackful coroutines that move between its workers, over epoll. It has no
//! file I/O of its own: a coroutine that reads a file blocks its worker.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use may::coroutine;
use may::sync::mpsc;

use super::WARM_UP;
use crate::data::work;
use crate::workload::Together;
use std::hint::black_box;

/// may has one scheduler a process, configured before the first use.
fn configure(workers: usize) {
    static CONFIGURED: OnceLock<usize> = OnceLock::new();
    let before = CONFIGURED.get_or_init(|| {
        may::config().set_workers(workers);
        workers
    });
    assert_eq!(*before, workers, "a process has one scheduler");
}

/// Runs `body` on a coroutine and waits for its end.
fn run<T: Send + 'static>(workers: usize, body: impl FnOnce() -> T + Send + 'static) -> T {
    configure(workers);
    let main = spawn(body);
    main.join().expect("no panic")
}

#[expect(unsafe_code, reason = "may::coroutine::spawn is unsafe")]
fn spawn<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> coroutine::JoinHandle<T> {
    // SAFETY: no body here uses thread-locals or more stack than it has.
    unsafe { coroutine::spawn(body) }
}

pub(super) fn yields(fibers: u64, rounds: u64) -> Duration {
    run(1, move || {
        let together = Arc::new(Together::new(fibers));
        let start = |_| {
            let together = Arc::clone(&together);
            spawn(move || together.yields(rounds, coroutine::yield_now))
        };
        let tasks: Vec<_> = (0..fibers).map(start).collect();
        for task in tasks {
            task.join().expect("no panic");
        }
        together.time()
    })
}

pub(super) fn tasks(workers: usize, batch: u64, iterations: u64) -> Duration {
    run(workers, move || {
        let mut time = Duration::ZERO;
        for iterations in [1 + WARM_UP / batch, iterations] {
            let begin = Instant::now();
            for _ in 0..iterations {
                let tasks: Vec<_> = (0..batch).map(|_| spawn(|| black_box(7))).collect();
                for task in tasks {
                    assert_eq!(task.join().expect("no panic"), 7);
                }
            }
            time = begin.elapsed();
        }
        time
    })
}

/// In slices: each coroutine has a mapping for its stack, of which there are
/// at most `vm.max_map_count`.
pub(super) fn fan_out(workers: usize, tasks: u64, iterations: u64) -> Duration {
    const AT_ONCE: u64 = 10_000;
    run(workers, move || {
        let begin = Instant::now();
        for _ in 0..iterations {
            for start in (0..tasks).step_by(usize::try_from(AT_ONCE).expect("it is small")) {
                let all: Vec<_> = (start..tasks.min(start + AT_ONCE))
                    .map(|seed| spawn(move || black_box(work(seed))))
                    .collect();
                for task in all {
                    task.join().expect("no panic");
                }
            }
        }
        begin.elapsed()
    })
}

/// Two coroutines that park and unpark.
pub(super) fn wakes(rounds: u64) -> Duration {
    run(1, move || {
        let turn = Arc::new(AtomicU32::new(0));
        let first = coroutine::current();
        let shared = Arc::clone(&turn);
        let wait_for = |turn: &AtomicU32, own: u32| {
            while turn.load(Ordering::Acquire) != own {
                coroutine::park();
            }
        };
        let second = spawn(move || {
            for _ in 0..rounds {
                wait_for(&shared, 1);
                shared.store(0, Ordering::Release);
                first.unpark();
            }
        });
        let begin = Instant::now();
        for _ in 0..rounds {
            turn.store(1, Ordering::Release);
            second.coroutine().unpark();
            wait_for(&turn, 0);
        }
        let time = begin.elapsed();
        second.join().expect("no panic");
        time
    })
}

pub(super) fn to_and_fro(rounds: u64) -> Duration {
    run(1, move || {
        let (there, from_there) = mpsc::channel();
        let (back, from_back) = mpsc::channel();
        let second = spawn(move || {
            while let Ok(number) = from_there.recv() {
                back.send(number).expect("the other receives");
            }
        });
        let begin = Instant::now();
        for number in 0..rounds {
            there.send(number).expect("the other receives");
            assert_eq!(from_back.recv(), Ok(number));
        }
        let time = begin.elapsed();
        drop(there);
        second.join().expect("no panic");
        time
    })
}

/// Coroutines that sleep for an hour. They are never ended: the process is.
pub(super) fn sleep(count: u64, asleep: &mut dyn FnMut() -> Instant) -> Option<Instant> {
    configure(1);
    let begun = Arc::new(AtomicU64::new(0));
    for _ in 0..count {
        let begun = Arc::clone(&begun);
        drop(spawn(move || {
            // Relaxed: it is only counted.
            begun.fetch_add(1, Ordering::Relaxed);
            coroutine::sleep(Duration::from_secs(3600));
        }));
    }
    while begun.load(Ordering::Relaxed) < count {
        std::thread::yield_now();
    }
    asleep();
    None
}
