//! Locks and channels of others: `parking_lot`, tokio, crossbeam, async-channel.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;

use crate::contender::Contender;

pub(crate) fn mutex() -> Vec<Contender> {
    let parking_lot = |count| {
        let mutex = parking_lot::Mutex::new(0_u64);
        timed(count, || *black_box(&mutex).lock() += 1)
    };
    let tokio = |count| {
        let mutex = tokio::sync::Mutex::new(0_u64);
        super::tokio::runtime(1).block_on(async {
            let begin = Instant::now();
            for _ in 0..count {
                *black_box(&mutex).lock().await += 1;
            }
            begin.elapsed()
        })
    };
    vec![
        Contender::new("parking-lot", 1, parking_lot),
        Contender::new("tokio-1", 1, tokio),
    ]
}

pub(crate) fn read() -> Vec<Contender> {
    let parking_lot = |count| {
        let lock = parking_lot::RwLock::new(0_u64);
        timed(count, || {
            black_box(*black_box(&lock).read());
        })
    };
    let tokio = |count| {
        let lock = tokio::sync::RwLock::new(0_u64);
        super::tokio::runtime(1).block_on(async {
            let begin = Instant::now();
            for _ in 0..count {
                black_box(*black_box(&lock).read().await);
            }
            begin.elapsed()
        })
    };
    vec![
        Contender::new("parking-lot", 1, parking_lot),
        Contender::new("tokio-1", 1, tokio),
    ]
}

pub(crate) fn write() -> Vec<Contender> {
    let parking_lot = |count| {
        let lock = parking_lot::RwLock::new(0_u64);
        timed(count, || *black_box(&lock).write() += 1)
    };
    let tokio = |count| {
        let lock = tokio::sync::RwLock::new(0_u64);
        super::tokio::runtime(1).block_on(async {
            let begin = Instant::now();
            for _ in 0..count {
                *black_box(&lock).write().await += 1;
            }
            begin.elapsed()
        })
    };
    vec![
        Contender::new("parking-lot", 1, parking_lot),
        Contender::new("tokio-1", 1, tokio),
    ]
}

pub(crate) fn semaphore() -> Vec<Contender> {
    let tokio = |count| {
        let semaphore = tokio::sync::Semaphore::new(2);
        super::tokio::runtime(1).block_on(async {
            let begin = Instant::now();
            for _ in 0..count {
                drop(black_box(&semaphore).acquire().await.expect("it is open"));
            }
            begin.elapsed()
        })
    };
    vec![Contender::new("tokio-1", 1, tokio)]
}

pub(crate) fn queue() -> Vec<Contender> {
    vec![
        Contender::new("crossbeam-threads-1-cpu", 1, crossbeam),
        Contender::new("crossbeam-threads-2-cpus", 1, crossbeam).on_cpus(2),
        Contender::new("tokio-1", 1, of_tokio),
        Contender::new("smol-1", 1, of_smol),
        Contender::new("may-1", 1, super::may::to_and_fro),
    ]
}

fn timed(count: u64, mut turn: impl FnMut()) -> Duration {
    let begin = Instant::now();
    for _ in 0..count {
        turn();
    }
    begin.elapsed()
}

fn crossbeam(rounds: u64) -> Duration {
    let (there, from_there) = crossbeam_channel::bounded(1);
    let (back, from_back) = crossbeam_channel::bounded(1);
    thread::scope(|scope| {
        scope.spawn(move || {
            while let Ok(number) = from_there.recv() {
                if back.send(number).is_err() {
                    break;
                }
            }
        });
        let round_trip = |number: u64| {
            there.send(number).expect("the other receives");
            assert_eq!(from_back.recv(), Ok(number));
        };
        round_trip(0);
        let begin = Instant::now();
        (0..rounds).for_each(round_trip);
        let time = begin.elapsed();
        drop(there);
        time
    })
}

fn of_tokio(rounds: u64) -> Duration {
    super::tokio::runtime(1).block_on(async {
        let (there, mut from_there) = tokio::sync::mpsc::channel(1);
        let (back, mut from_back) = tokio::sync::mpsc::channel(1);
        let second = tokio::spawn(async move {
            while let Some(number) = from_there.recv().await {
                back.send(number).await.expect("the other receives");
            }
        });
        let first = tokio::spawn(async move {
            let begin = Instant::now();
            for number in 0..rounds {
                there.send(number).await.expect("the other receives");
                assert_eq!(from_back.recv().await, Some(number));
            }
            begin.elapsed()
        });
        let time = first.await.expect("no panic");
        second.await.expect("no panic");
        time
    })
}

fn of_smol(rounds: u64) -> Duration {
    let executor = LocalExecutor::new();
    block_on(executor.run(async {
        let (there, from_there) = async_channel::bounded(1);
        let (back, from_back) = async_channel::bounded(1);
        let second = executor.spawn(async move {
            while let Ok(number) = from_there.recv().await {
                back.send(number).await.expect("the other receives");
            }
        });
        let first = executor.spawn(async move {
            let begin = Instant::now();
            for number in 0..rounds {
                there.send(number).await.expect("the other receives");
                assert_eq!(from_back.recv().await, Ok(number));
            }
            begin.elapsed()
        });
        let time = first.await;
        second.await;
        time
    }))
}
