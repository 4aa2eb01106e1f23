//! Verdicts of `fiber/SOUNDNESS.md` that need the whole event loop.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use io_core::fs::File;
use io_core::task::{self, TaskRecord};
use io_core::{Clock, FutexWord, Io, forward_io, is_canceled};

use super::{Watchdog, build, wait_until, with_workers};
use crate::EventLoop;

const SOON: Duration = Duration::from_millis(2);

thread_local! {
    /// A scope that relies on nesting: whoever enters puts its number here and
    /// restores the former one.
    static SCOPE: Cell<u32> = const { Cell::new(0) };
}

/// H1: inside `no_suspend` a thread-local scope may be open across a wait.
#[test]
fn scopes_of_a_thread_nest_inside_no_suspend() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for number in 1..=5 {
                    scope.spawn(move || {
                        io.no_suspend(&mut || {
                            let before = SCOPE.replace(number);
                            io.sleep(SOON).expect("nobody cancels");
                            assert_eq!(SCOPE.replace(before), number);
                            assert_eq!(before, 0);
                        });
                    });
                }
            });
        })
        .expect("a ring");
}

/// H2: the same for the initialiser of a thread-local.
#[test]
fn a_thread_local_may_be_initialised_by_a_wait_inside_no_suspend() {
    thread_local! {
        static COUNT: AtomicUsize = const { AtomicUsize::new(0) };
        static FIRST: usize = COUNT.with(|count| count.fetch_add(1, Ordering::Relaxed));
    }
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        io.no_suspend(&mut || {
                            io.sleep(SOON).expect("nobody cancels");
                            assert_eq!(FIRST.with(|first| *first), 0);
                        });
                    });
                }
            });
        })
        .expect("a ring");
}

/// P9: a wait for another task inside `no_suspend` can not end, so it panics.
#[test]
fn a_wait_for_a_task_inside_no_suspend_fails_loudly() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    event_loop
        .run(|io| {
            let word = AtomicU32::new(0);
            let mut wait = || drop(io.futex_wait(FutexWord::of(&word), 0, None));
            let payload = catch_unwind(AssertUnwindSafe(|| io.no_suspend(&mut wait)));
            let message = payload.expect_err("it panics");
            let message = message.downcast_ref::<&str>().expect("a text");
            assert!(message.contains("no_suspend"), "{message}");
            // It is over: this waits again.
            io.sleep(SOON).expect("nobody cancels");
        })
        .expect("a ring");
}

/// P9: at the end of a scope it can not panic either, as members borrow what that
/// would free. The process says why and ends.
#[test]
fn the_end_of_a_scope_inside_no_suspend_ends_the_process() {
    const CHILD: &str = "IO_EVLOOP_CHILD_SCOPE_IN_NO_SUSPEND";
    let test = "tests::soundness::the_end_of_a_scope_inside_no_suspend_ends_the_process";
    if std::env::var_os(CHILD).is_some() {
        with_workers(1)
            .run(|io| {
                io.no_suspend(&mut || {
                    io.scope(|scope| drop(scope.spawn(|| io.sleep(SOON))));
                });
            })
            .expect("a ring");
        return;
    }
    let output = std::process::Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .expect("the test binary starts again");
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{text}");
    assert!(text.contains("inside no_suspend"), "{text}");
}

/// Sleeps when it is dropped, and says so meanwhile.
struct Sleeps<'a>(&'a dyn Io, &'a AtomicBool);

impl Drop for Sleeps<'_> {
    fn drop(&mut self) {
        self.1.store(true, Ordering::Relaxed);
        self.0.sleep(SOON).expect("nobody cancels");
        self.1.store(false, Ordering::Relaxed);
    }
}

/// H3: a wait for the kernel while a thread unwinds lets no sibling run, which
/// would take the panic for its own and poison its locks.
#[test]
fn a_wait_while_unwinding_poisons_no_lock_of_a_sibling() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let lock = Mutex::new(0);
    let is_unwinding = AtomicBool::new(false);
    event_loop
        .run(|_| {
            io.scope(|scope| {
                let panics = scope.spawn(|| {
                    let _sleeps = Sleeps(io, &is_unwinding);
                    panic!("on purpose");
                });
                scope.spawn(|| {
                    for _ in 0..100 {
                        assert!(!is_unwinding.load(Ordering::Relaxed));
                        *lock.lock().expect("nobody panics with it") += 1;
                        io.yield_now().expect("nobody cancels");
                    }
                });
                assert!(panics.try_join().is_err());
            });
        })
        .expect("a ring");
    assert_eq!(lock.into_inner().expect("nobody panicked with it"), 100);
}

/// H7: the thread-locals of a worker go after its last fiber.
#[test]
fn thread_locals_of_a_worker_outlive_its_fibers() {
    struct Note(Arc<AtomicUsize>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local! {
        static NOTE: RefCell<Option<Note>> = const { RefCell::new(None) };
    }
    let _watchdog = Watchdog::new();
    let dropped = Arc::new(AtomicUsize::new(0));
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    io.scope(|scope| {
        scope.spawn(|| {
            NOTE.with_borrow_mut(|note| *note = Some(Note(Arc::clone(&dropped))));
            io.sleep(SOON).expect("nobody cancels");
            assert_eq!(dropped.load(Ordering::SeqCst), 0);
        });
    });
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(event_loop);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

/// H7: a thread-local of a thread of the pool owns the loop, and is its last owner.
#[test]
fn a_loop_may_end_with_a_thread_of_its_own_pool() {
    /// Dropped from the first field on.
    struct Owner {
        _until: Until,
        _event_loop: Arc<EventLoop>,
        _is_over: mpsc::Sender<()>,
    }
    struct Until(Arc<AtomicBool>, mpsc::Receiver<()>);
    impl Drop for Until {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
            self.1.recv().expect("the test says when");
        }
    }
    thread_local! {
        static OWNER: RefCell<Option<Owner>> = const { RefCell::new(None) };
    }
    let _watchdog = Watchdog::new();
    let event_loop = Arc::new(build(EventLoop::builder().workers(1).offload_threads(1)));
    let io: &dyn Io = &*event_loop;
    let (may_end, until) = mpsc::channel();
    let (is_over, over) = mpsc::channel();
    let is_ending = Arc::new(AtomicBool::new(false));
    let owner = Owner {
        _until: Until(Arc::clone(&is_ending), until),
        _event_loop: Arc::clone(&event_loop),
        _is_over: is_over,
    };
    let (event, goes_on) = (&io_core::sync::Event::new(), &AtomicBool::new(false));
    io.scope(|scope| {
        // A job that waits gives its place to another; then there is one thread too
        // many, and the first that has nothing to do ends.
        let waits = || {
            event.wait(io).expect("nobody cancels");
            goes_on.store(true, Ordering::Relaxed);
            wait_until(|| is_ending.load(Ordering::Relaxed));
        };
        let ends = move || {
            OWNER.set(Some(owner));
            event.set(io);
            wait_until(|| goes_on.load(Ordering::Relaxed));
        };
        scope.spawn(move || io.offload(waits));
        scope.spawn(move || io.offload(ends));
    });
    drop(event_loop);
    may_end.send(()).expect("the thread-local waits for it");
    assert!(over.recv().is_err(), "it is dropped last");
}

/// H9, H13, H24: scoped threads, `Rc` and lock guards across a wait.
#[test]
fn what_is_not_send_stays_where_it_was() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for number in 0..50 {
                    scope.spawn(move || {
                        let own = Rc::new(number);
                        let lock = Mutex::new(Rc::clone(&own));
                        let guard = lock.lock().expect("nobody panics with it");
                        let thread = std::thread::current().id();
                        io.sleep(SOON).expect("nobody cancels");
                        assert_eq!(std::thread::current().id(), thread);
                        let doubled = std::thread::scope(|threads| {
                            let number = **guard;
                            threads.spawn(move || number * 2).join().expect("no panic")
                        });
                        assert_eq!(doubled, *own * 2);
                    });
                }
            });
        })
        .expect("a ring");
}

/// H25: a child process is started while rings are in use.
#[test]
fn a_fiber_starts_a_process() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(2);
    let io: &dyn Io = &event_loop;
    event_loop
        .run(|_| {
            io.scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        let output = std::process::Command::new("true").status();
                        assert!(output.expect("it starts").success());
                        io.sleep(SOON).expect("the ring is ours still");
                    });
                }
            });
        })
        .expect("a ring");
}

/// H3: a task that waits for another one while it unwinds lets siblings run; what
/// these wait for must be able to happen.
#[test]
fn a_task_wait_while_unwinding_stops_no_sibling() {
    struct Locks<'a>(&'a dyn Io, &'a io_core::sync::Mutex<()>, &'a AtomicU32);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            self.2.store(2, Ordering::Relaxed);
            drop(self.1.lock_uncancelable(self.0));
        }
    }
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let (lock, step) = (io_core::sync::Mutex::new(()), AtomicU32::new(0));
    let until = |wanted| {
        while step.load(Ordering::Relaxed) != wanted {
            io.yield_now().expect("nobody cancels");
        }
    };
    event_loop
        .run(|_| {
            let (reader, mut writer) = std::io::pipe().expect("two descriptors");
            io.scope(|scope| {
                scope.spawn(|| {
                    let guard = lock.lock(io).expect("nobody cancels");
                    step.store(1, Ordering::Relaxed);
                    until(2);
                    step.store(3, Ordering::Relaxed);
                    let mut reader = File::from_fd(io, reader.into());
                    reader.read_exact(&mut [0]).expect("the writer writes");
                    drop(guard);
                });
                let panics = scope.spawn(|| {
                    until(1);
                    let _locks = Locks(io, &lock, &step);
                    resume_unwind(Box::new("on purpose"));
                });
                scope.spawn(|| {
                    until(3);
                    writer.write_all(&[1]).expect("the reader reads");
                });
                assert!(panics.try_join().is_err());
            });
        })
        .expect("a ring");
}

/// P7: who parked beside a task that unwound does not unwind itself. While it is
/// parked, the next one that unwinds stops its siblings as any other does.
#[test]
fn a_wait_beside_one_that_unwound_counts_for_nobody() {
    struct Locks<'a>(&'a dyn Io, &'a io_core::sync::Mutex<()>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            drop(self.1.lock_uncancelable(self.0));
        }
    }
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let (lock, end) = (io_core::sync::Mutex::new(()), io_core::sync::Event::new());
    let (has_begun, is_unwinding) = (AtomicBool::new(false), AtomicBool::new(false));
    event_loop
        .run(|_| {
            io.scope(|scope| {
                let guard = lock.lock(io).expect("nobody cancels");
                let first = scope.spawn(|| {
                    let _locks = Locks(io, &lock);
                    has_begun.store(true, Ordering::Relaxed);
                    resume_unwind(Box::new("on purpose"));
                });
                while !has_begun.load(Ordering::Relaxed) {
                    io.yield_now().expect("nobody cancels");
                }
                // It waits for the lock while it unwinds. This one parks now.
                assert!(std::thread::panicking());
                scope.spawn(|| {
                    drop(guard);
                    end.wait(io).expect("nobody cancels");
                });
                assert!(first.try_join().is_err());
                assert!(!std::thread::panicking());
                let second = scope.spawn(|| {
                    let _sleeps = Sleeps(io, &is_unwinding);
                    resume_unwind(Box::new("on purpose"));
                });
                scope.spawn(|| {
                    for _ in 0..100 {
                        assert!(!is_unwinding.load(Ordering::Relaxed));
                        io.yield_now().expect("nobody cancels");
                    }
                });
                drop(second.try_join());
                end.set(io);
            });
        })
        .expect("a ring");
}

/// P10: the frames of the caller's own stack are there again after `run`.
#[test]
fn the_caller_of_run_is_the_same_task_afterwards() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let blocking = io_blocking::Blocking::new();
    let other: &dyn Io = &blocking;
    let bodies: [fn(&dyn Io); 2] = [|_| (), |io| io.sleep(SOON).expect("nobody cancels")];
    for body in bodies {
        other.scope(|scope| {
            scope
                .task("the caller")
                .spawn(|| {
                    event_loop.run(body).expect("a ring");
                    assert_eq!(other.task_name().as_deref(), Some("the caller"));
                    scope.cancel();
                    let answer = other.checkpoint();
                    assert!(is_canceled(&answer.expect_err("it was canceled")));
                })
                .join();
        });
    }
}

/// Every safe code can write to the place of a record: one that names no fiber is
/// not followed.
#[test]
fn a_place_that_names_no_fiber_is_not_followed() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let io: &dyn Io = &event_loop;
    let (is_there, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    event_loop
        .run(|_| {
            for place in [8, usize::MAX - 1, usize::MAX, 1] {
                is_there.store(false, Ordering::Relaxed);
                is_over.store(false, Ordering::Relaxed);
                io.scope(|scope| {
                    let task = scope.spawn(|| {
                        let begun = task::begin_wait(io.id(), || io.now(Clock::Monotonic));
                        begun.expect("nothing is due");
                        task::with_current(io.id(), |record| {
                            let record = record.expect("a task");
                            record.place().store(place, Ordering::Relaxed);
                        });
                        is_there.store(true, Ordering::Relaxed);
                        while !is_over.load(Ordering::Relaxed) {
                            drop(io.yield_now());
                        }
                        task::end_wait(io.id());
                    });
                    while !is_there.load(Ordering::Relaxed) {
                        io.yield_now().expect("nobody cancels");
                    }
                    std::thread::scope(|threads| {
                        threads.spawn(|| task.request_cancel());
                    });
                    is_over.store(true, Ordering::Relaxed);
                    task.join();
                });
            }
        })
        .expect("a ring");
}

/// A wrapper that performs an operation while it waits for a task, and then only
/// when that wait has to end.
struct Syncs<'a> {
    below: &'a dyn Io,
    file: &'a File<'a>,
    waits: &'a AtomicBool,
    is_requested: &'a AtomicBool,
}

impl Io for Syncs<'_> {
    forward_io!(self => self.below; except wait_task);

    fn wait_task(&self, task: &TaskRecord) {
        if !self.waits.swap(true, Ordering::Relaxed) {
            while !self.is_requested.load(Ordering::Relaxed) {
                self.below
                    .yield_now()
                    .expect("a wait for a task is no point");
            }
            self.file.sync_all().expect("nothing ends it early");
        }
        self.below.wait_task(task);
    }
}

#[test]
fn a_wrapper_may_perform_operations_while_it_waits_for_a_task() {
    let _watchdog = Watchdog::new();
    let event_loop = with_workers(1);
    let below: &dyn Io = &event_loop;
    let (waits, is_requested) = (AtomicBool::new(false), AtomicBool::new(false));
    let path = std::env::temp_dir().join(format!("evloop-wrapper-{}", std::process::id()));
    event_loop
        .run(|_| {
            let file = File::create(below, &path).expect("a file");
            let io: &dyn Io = &Syncs {
                below,
                file: &file,
                waits: &waits,
                is_requested: &is_requested,
            };
            io.scope(|scope| {
                let task = scope.spawn(|| {
                    io.scope(|inner| {
                        let sleeps = inner.spawn(|| io.sleep(Duration::from_secs(600)));
                        is_canceled(&sleeps.join().expect_err("it is forwarded"))
                    })
                });
                while !waits.load(Ordering::Relaxed) {
                    io.yield_now().expect("nobody cancels");
                }
                task.request_cancel();
                is_requested.store(true, Ordering::Relaxed);
                assert!(task.join());
            });
        })
        .expect("a ring");
    std::fs::remove_file(&path).expect("it was created");
}
