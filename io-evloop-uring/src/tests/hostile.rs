//! Programs without unsafe code that do what well-behaved ones do not: they panic
//! in destructors, wait while they unwind, forget handles, keep wakers for ever.
//! What is wrong in memory shows under the address sanitizer.

#![forbid(unsafe_code)]

use std::any::Any;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use io_core::Io;
use io_core::fs::File;
use io_core::sync::{Condvar, Event, Mutex, Queue};
use io_core::task::{self, TaskLocal};

use super::{Watchdog, build};
use crate::EventLoop;

const SHORT: Duration = Duration::from_micros(50);
const DEPTH_MAX: u32 = 5;

/// Wakers of futures that ended long ago.
static KEPT: StdMutex<Vec<Waker>> = StdMutex::new(Vec::new());
static LOCAL: TaskLocal<Canary> = TaskLocal::new();

/// Where what nobody drops lies: forgotten by the program, not by who looks for leaks.
static FORGOTTEN: StdMutex<Vec<usize>> = StdMutex::new(Vec::new());

fn forget<T>(value: T) {
    let place = std::ptr::from_mut(Box::leak(Box::new(value)));
    let mut forgotten = FORGOTTEN.lock().expect("nobody panics with it");
    forgotten.push(place.expose_provenance());
}

/// Tells whether memory is what it was.
#[derive(Clone)]
struct Canary(Box<[u64; 4]>);

impl Canary {
    fn new(number: u64) -> Canary {
        Canary(Box::new([number, !number, number, !number]))
    }

    fn sing(&self) {
        let [first, second, third, fourth] = *self.0;
        assert!(first == third && second == fourth && first == !second);
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.sing();
    }
}

/// What everybody shares, borrowed from the frame of the test.
struct World<'a> {
    io: &'a dyn Io,
    lock: Mutex<Canary>,
    changed: Condvar,
    queue: Queue<Noisy<'a>>,
    done_count: AtomicUsize,
}

/// Waits wherever it is dropped, also while a thread unwinds.
struct Noisy<'a> {
    io: &'a dyn Io,
    canary: Canary,
    level: u32,
}

impl Drop for Noisy<'_> {
    fn drop(&mut self) {
        self.canary.sing();
        match self.level % 4 {
            0 => drop(self.io.sleep(SHORT)),
            1 => drop(self.io.yield_now()),
            2 => {
                let io = self.io;
                let canary = &self.canary;
                let answer = io.scope(|scope| scope.spawn(|| canary.clone()).join());
                answer.sing();
            }
            _ => {}
        }
    }
}

/// A payload whose own end panics.
struct Bomb(Canary, bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.sing();
        if self.1 && !std::thread::panicking() {
            resume_unwind(Box::new(Canary::new(7)));
        }
    }
}

/// A generator that every task has of its own (Marsaglia's xorshift).
struct Random(Cell<u64>);

impl Random {
    fn below(&self, limit: u64) -> u64 {
        let mut state = self.0.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.set(state);
        (state >> 11) % limit
    }
}

fn noisy<'a>(world: &World<'a>, random: &Random) -> Noisy<'a> {
    Noisy {
        io: world.io,
        canary: Canary::new(random.below(1 << 40)),
        level: u32::try_from(random.below(4)).expect("small"),
    }
}

fn outlived(answer: Result<Canary, Box<dyn Any + Send>>) {
    match answer {
        Ok(canary) => canary.sing(),
        // Its drop may panic: that ends nobody but this.
        Err(payload) => drop(catch_unwind(AssertUnwindSafe(|| drop(payload)))),
    }
}

/// A task: does a few things and returns something of its own.
fn live(world: &World<'_>, seed: u64, depth: u32) -> Canary {
    let random = Random(Cell::new(seed | 1));
    let own = Rc::new(noisy(world, &random));
    for _ in 0..=random.below(3) {
        act(world, &random, depth);
        own.canary.sing();
    }
    world.done_count.fetch_add(1, Ordering::Relaxed);
    Canary::new(seed)
}

fn act(world: &World<'_>, random: &Random, depth: u32) {
    let io = world.io;
    let seed = random.below(u64::MAX >> 12);
    if depth >= DEPTH_MAX {
        return wait(world, random);
    }
    let child = move || live(world, seed, depth + 1);
    match random.below(12) {
        0 => io.scope(|scope| scope.spawn(child).join()).sing(),
        1 => io.scope(|scope| {
            forget(scope.spawn(child));
            drop(scope.spawn(child));
        }),
        2 => io.scope(|scope| {
            let task = scope.spawn(move || {
                let _noisy = noisy(world, &Random(Cell::new(seed | 1)));
                child();
                resume_unwind(Box::new(Bomb(Canary::new(1), seed.is_multiple_of(2))))
            });
            wait(world, random);
            outlived(task.try_join());
        }),
        3 => io.scope(|scope| {
            let task = scope.spawn(child);
            wait(world, random);
            task.request_cancel();
            outlived(task.try_join());
        }),
        4 => LOCAL.with_value(io, Canary::new(seed), || {
            io.scope(|scope| drop(scope.spawn(child)));
            LOCAL.with(io, |local| local.expect("bound").sing());
        }),
        5 => raise(world, random, child),
        6 => io.offload(child).sing(),
        7 => await_once(io, child, seed.is_multiple_of(3)),
        8 => io.offload(|| {
            std::thread::scope(|threads| {
                let wait = || io.scope(|scope| scope.spawn(child).join());
                threads.spawn(wait).join().expect("no panic").sing();
            });
        }),
        9 => io.with_timeout(SHORT, || {
            outlived(Ok(child()));
        }),
        10 => io.protect(child).sing(),
        _ => {
            let event = Event::new();
            io.scope(|scope| {
                let waits = scope.spawn(|| event.wait(io).map(|()| Canary::new(4)));
                drop(scope.spawn(child));
                if seed.is_multiple_of(2) {
                    event.set(io);
                } else {
                    waits.request_cancel();
                }
                drop(waits.join());
            });
        }
    }
}

/// A scope whose body panics beside its members, with something that waits.
fn raise(world: &World<'_>, random: &Random, child: impl FnOnce() -> Canary + Send + Copy) {
    let io = world.io;
    let body = || {
        io.scope(|scope| {
            drop(scope.spawn(child));
            drop(scope.spawn(child));
            let _noisy = noisy(world, random);
            resume_unwind(Box::new(Bomb(Canary::new(2), true)))
        })
    };
    outlived(catch_unwind(AssertUnwindSafe(body)));
}

/// Awaits a task, or forgets its future when it was polled once; its waker is kept.
fn await_once(io: &dyn Io, child: impl FnOnce() -> Canary + Send, is_forgotten: bool) {
    io.scope(|scope| {
        let mut future = Some(Box::pin(scope.spawn_future(child)));
        let polled = poll_fn(|context| {
            KEPT.lock()
                .expect("nobody panics with it")
                .push(context.waker().clone());
            let answer = match &mut future {
                Some(future) => future.as_mut().poll(context),
                None => Poll::Pending,
            };
            if answer.is_pending() && is_forgotten {
                forget(future.take());
                return Poll::Ready(Canary::new(3));
            }
            answer
        });
        task::block_on(io, polled).sing();
    });
}

fn wait(world: &World<'_>, random: &Random) {
    let io = world.io;
    match random.below(8) {
        0 => drop(io.sleep(SHORT)),
        1 => drop(io.yield_now()),
        2 => io.no_suspend(&mut || drop(io.sleep(SHORT))),
        3 => {
            if let Ok(guard) = world.lock.lock(io) {
                guard.sing();
                drop(io.yield_now());
                guard.sing();
                world.changed.notify_one(io);
            }
        }
        4 => {
            let mut guard = world.lock.lock_uncancelable(io);
            drop(world.changed.wait_timeout(&mut guard, SHORT));
            guard.sing();
            *guard = Canary::new(random.below(1 << 40));
        }
        5 => drop(world.queue.try_put(io, noisy(world, random))),
        6 => drop(world.queue.try_get(io)),
        _ => {
            let (reader, writer) = std::io::pipe().expect("two descriptors");
            let reader = File::from_fd(io, reader.into());
            let mut buffer = vec![0; 64];
            let read = io.with_timeout(SHORT, || {
                io.scope(|scope| scope.spawn(|| (&reader).read_some(&mut buffer)).join())
            });
            assert!(read.is_err(), "nobody writes");
            drop(writer);
            let mut woken = mem::take(&mut *KEPT.lock().expect("nobody panics with it"));
            woken.iter().for_each(Waker::wake_by_ref);
            woken.truncate(32);
            KEPT.lock()
                .expect("nobody panics with it")
                .append(&mut woken);
        }
    }
}

trait ReadSome {
    fn read_some(self, buffer: &mut [u8]) -> std::io::Result<usize>;
}

impl ReadSome for &File<'_> {
    fn read_some(mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        std::io::Read::read(&mut self, buffer)
    }
}

fn storm(event_loop: &EventLoop, rounds: u64) {
    let io: &dyn Io = event_loop;
    let world = World {
        io,
        lock: Mutex::new(Canary::new(0)),
        changed: Condvar::new(),
        queue: Queue::bounded(4),
        done_count: AtomicUsize::new(0),
    };
    let world = &world;
    let body = || {
        for round in 1..=rounds {
            outlived(catch_unwind(AssertUnwindSafe(|| {
                let seed = round.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                io.scope(|scope| {
                    for part in 0..4 {
                        drop(scope.spawn(move || live(world, seed.rotate_left(part * 7), 0)));
                    }
                    live(world, seed, 0)
                })
            })));
        }
    };
    event_loop.run(|_| body()).expect("a ring");
    body();
    assert!(world.done_count.load(Ordering::Relaxed) > 0);
}

#[test]
fn programs_that_panic_forget_and_keep_break_nothing() {
    let _watchdog = Watchdog::new();
    for workers in [1, 2, 4] {
        storm(&build(EventLoop::builder().workers(workers)), 8);
    }
    storm(
        &build(EventLoop::builder().workers(2).switch_everywhere(5)),
        10,
    );
}
