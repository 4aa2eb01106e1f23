//! Locks and channels of others: `parking_lot`, tokio, crossbeam, async-channel.

use std::hint::black_box;
use std::time::{Duration, Instant};

use async_executor::LocalExecutor;
use futures_lite::future::block_on;

use crate::contender::Contender;
use crate::workload::locks::timed;
use crate::workload::queue::between_threads;

pub(crate) fn mutex() -> Vec<Contender> {
    let parking_lot = |count| {
        let mutex = parking_lot::Mutex::new(0_u64);
        timed(count, || *black_box(&mutex).lock() += 1)
    };
    let of_tokio = |count| {
        let mutex = tokio::sync::Mutex::new(0_u64);
        timed_by_tokio(count, async || *black_box(&mutex).lock().await += 1)
    };
    both(parking_lot, of_tokio)
}

pub(crate) fn read() -> Vec<Contender> {
    let parking_lot = |count| {
        let lock = parking_lot::RwLock::new(0_u64);
        timed(count, || {
            black_box(*black_box(&lock).read());
        })
    };
    let of_tokio = |count| {
        let lock = tokio::sync::RwLock::new(0_u64);
        timed_by_tokio(count, async || {
            black_box(*black_box(&lock).read().await);
        })
    };
    both(parking_lot, of_tokio)
}

pub(crate) fn write() -> Vec<Contender> {
    let parking_lot = |count| {
        let lock = parking_lot::RwLock::new(0_u64);
        timed(count, || *black_box(&lock).write() += 1)
    };
    let of_tokio = |count| {
        let lock = tokio::sync::RwLock::new(0_u64);
        timed_by_tokio(count, async || *black_box(&lock).write().await += 1)
    };
    both(parking_lot, of_tokio)
}

pub(crate) fn semaphore() -> Vec<Contender> {
    let of_tokio = |count| {
        let semaphore = tokio::sync::Semaphore::new(2);
        timed_by_tokio(count, async || {
            drop(black_box(&semaphore).acquire().await.expect("it is open"));
        })
    };
    vec![Contender::new("tokio-1", 1, of_tokio)]
}

fn both(parking_lot: fn(u64) -> Duration, of_tokio: fn(u64) -> Duration) -> Vec<Contender> {
    vec![
        Contender::new("parking-lot", 1, parking_lot),
        Contender::new("tokio-1", 1, of_tokio),
    ]
}

fn timed_by_tokio(count: u64, mut turn: impl AsyncFnMut()) -> Duration {
    super::tokio::runtime(1).block_on(async {
        let begin = Instant::now();
        for _ in 0..count {
            turn().await;
        }
        begin.elapsed()
    })
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

fn crossbeam(rounds: u64) -> Duration {
    let (there, from_there) = crossbeam_channel::bounded(1);
    let (back, from_back) = crossbeam_channel::bounded(1);
    let echo = move || {
        while from_there
            .recv()
            .is_ok_and(|number| back.send(number).is_ok())
        {}
    };
    between_threads(rounds, echo, move |number| {
        there.send(number).expect("the other receives");
        assert_eq!(from_back.recv(), Ok(number));
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
