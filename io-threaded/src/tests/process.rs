//! What concerns the whole process: the signal's handler, descriptors, threads.
//! Each check runs in a process of its own.

use super::*;

use std::process::Command;
use std::sync::atomic::AtomicUsize;

use io_core::is_canceled;

use crate::signal;

/// Says to the test that it is the only one in its process.
const ALONE: &str = "IO_THREADED_ALONE";

/// Runs a check alone in a child process: this test, again.
/// `name` is its path below the tests.
#[track_caller]
pub(super) fn alone(name: &'static str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return watched(name, body);
    }
    let path = format!("tests::{name}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &path, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{text}");
    assert!(said.contains("1 passed"), "it did not run: {said}");
}

fn descriptor_count() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn thread_count() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn cancel_fifo_open(threaded: &Threaded) {
    let io: &dyn Io = threaded;
    let fifo = Fifo::new();
    let whereabouts = Whereabouts::default();
    io.scope(|scope| {
        let task = scope.spawn_concurrent(|| {
            whereabouts.tell();
            open(io, &fifo.path, read_only())
        });
        whereabouts.await_asleep_in(libc::SYS_openat);
        assert!(is_canceled(&task.unwrap().cancel().unwrap_err()));
    });
}

/// The handler of the signal.
#[expect(unsafe_code, reason = "asks the system for a handler")]
fn handler() -> usize {
    // SAFETY: a sigaction of zeros is valid, and is written to.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: changes nothing.
    unsafe { libc::sigaction(signal::SIGNAL, std::ptr::null(), &raw mut action) };
    action.sa_sigaction
}

#[test]
fn the_handler_is_installed_if_needed_and_restored() {
    alone(
        "process::the_handler_is_installed_if_needed_and_restored",
        || {
            let before = handler();
            let (first, second) = (Threaded::new(), Threaded::new());
            let io: &dyn Io = &first;
            io.scope(|scope| {
                scope
                    .spawn(|| io.sleep(Duration::from_secs(1000)))
                    .cancel()
                    .unwrap_err();
                scope
                    .spawn(|| open(io, Path::new("/dev/null"), read_only()))
                    .join()
                    .unwrap();
            });
            assert_eq!(handler(), before, "nothing has needed it");
            cancel_fifo_open(&first);
            let ours = handler();
            assert_ne!(ours, before);
            cancel_fifo_open(&second);
            drop(first);
            assert_eq!(handler(), ours, "the second executor needs it");
            drop(second);
            assert_eq!(handler(), before);
        },
    );
}

static FOREIGN_SIGNALS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn foreign_handler(_signal: libc::c_int) {
    FOREIGN_SIGNALS.fetch_add(1, Ordering::SeqCst);
}

#[expect(unsafe_code, reason = "installs a handler and raises a signal")]
fn install_and_raise() {
    let handler = foreign_handler as *const () as libc::sighandler_t;
    // SAFETY: the handler only counts.
    unsafe { libc::signal(signal::SIGNAL, handler) };
    raise();
}

#[expect(unsafe_code, reason = "raises a signal")]
fn raise() {
    // SAFETY: a signal with a handler, or one that is ignored.
    unsafe { libc::raise(signal::SIGNAL) };
}

#[test]
fn a_program_s_own_handler_is_called_and_restored() {
    alone(
        "process::a_program_s_own_handler_is_called_and_restored",
        || {
            install_and_raise();
            assert_eq!(FOREIGN_SIGNALS.load(Ordering::SeqCst), 1);
            let before = handler();
            let threaded = Threaded::new();
            cancel_fifo_open(&threaded);
            assert_ne!(handler(), before);
            assert_eq!(
                FOREIGN_SIGNALS.load(Ordering::SeqCst),
                1,
                "ours are not its"
            );
            raise();
            assert_eq!(
                FOREIGN_SIGNALS.load(Ordering::SeqCst),
                2,
                "its own still are"
            );
            drop(threaded);
            assert_eq!(handler(), before);
            raise();
            assert_eq!(FOREIGN_SIGNALS.load(Ordering::SeqCst), 3);
        },
    );
}

#[test]
fn no_descriptor_and_no_thread_is_left() {
    alone("process::no_descriptor_and_no_thread_is_left", || {
        let before = (descriptor_count(), thread_count());
        let threaded = Threaded::builder()
            .idle_timeout(Duration::from_millis(1))
            .build();
        let io: &dyn Io = &threaded;
        for _ in 0..3 {
            let (reader, _writer) = pipe();
            io.scope(|scope| {
                let tasks: Vec<_> = (0..50)
                    .map(|_| {
                        scope
                            .spawn_concurrent(|| read(io, &reader, &mut [0]))
                            .unwrap()
                    })
                    .collect();
                for task in tasks {
                    assert!(is_canceled(&task.cancel().unwrap_err()));
                }
            });
            io.with_timeout(Duration::from_millis(1), || read(io, &reader, &mut [0]))
                .unwrap_err();
            // The threads end, and with them their pollers, a few excepted.
            eventually("the end of idle threads", || {
                threaded.shared.pool.counts() == (0, 0)
            });
            eventually("the end of pollers", || {
                descriptor_count() <= before.0 + 2 + 2 * 9
            });
        }
        cancel_fifo_open(&threaded);
        drop(threaded);
        assert_eq!(descriptor_count(), before.0);
        // The kernel lists a thread for a moment after it was joined.
        eventually("the end of threads", || thread_count() == before.1);
    });
}

#[test]
fn without_descriptors_waits_work_and_are_ended() {
    alone(
        "process::without_descriptors_waits_work_and_are_ended",
        || {
            let threaded = Threaded::new();
            let io: &dyn Io = &threaded;
            let (reader, writer) = pipe();
            let nonblocking = std::os::unix::net::UnixDatagram::pair().unwrap();
            nonblocking.0.set_nonblocking(true).unwrap();
            let nonblocking = (Handle::from_fd(OwnedFd::from(nonblocking.0)), nonblocking.1);
            let whereabouts = [Whereabouts::default(), Whereabouts::default()];
            let is_hoarded = AtomicBool::new(false);
            let enter = |whereabouts: &Whereabouts| {
                whereabouts.tell();
                eventually("the hoard", || is_hoarded.load(Ordering::Acquire));
            };
            io.scope(|scope| {
                let plain = scope.spawn_concurrent(|| {
                    enter(&whereabouts[0]);
                    read(io, &reader, &mut [0; 4])
                });
                let other = scope.spawn_concurrent(|| {
                    enter(&whereabouts[1]);
                    read(io, &nonblocking.0, &mut [0; 4])
                });
                eventually("both tasks", || {
                    whereabouts.iter().all(Whereabouts::is_told)
                });
                let mut hoard = Vec::new();
                while let Ok(file) = fs::File::open("/dev/null") {
                    hoard.push(file);
                }
                is_hoarded.store(true, Ordering::Release);
                whereabouts[0].await_asleep_in(libc::SYS_read);
                whereabouts[1].await_asleep_in(libc::SYS_ppoll);
                assert!(is_canceled(&plain.unwrap().cancel().unwrap_err()));
                assert!(is_canceled(&other.unwrap().cancel().unwrap_err()));
                let answer =
                    io.with_timeout(Duration::from_millis(5), || read(io, &reader, &mut [0]));
                assert!(io_core::is_deadline(&answer.unwrap_err()));
                let task = scope.spawn_concurrent(|| read(io, &reader, &mut [0; 4]));
                assert_eq!(write(io, &writer, b"abc").unwrap(), 3);
                assert_eq!(task.unwrap().join().unwrap(), 3);
            });
        },
    );
}

/// Whether the signal is blocked on this thread, after blocking it if asked to.
#[expect(unsafe_code, reason = "std knows no signal masks")]
fn is_blocked(block: bool) -> bool {
    // SAFETY: zeros are a valid set, and everything below is given valid sets.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    let mut before = set;
    if block {
        // SAFETY: as above.
        unsafe { libc::sigaddset(&raw mut set, signal::SIGNAL) };
    }
    // SAFETY: as above.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
    // SAFETY: as above.
    unsafe { libc::sigismember(&raw const before, signal::SIGNAL) == 1 }
}

/// Whether the signal waits for this thread.
#[expect(unsafe_code, reason = "std knows no signals")]
fn is_pending() -> bool {
    // SAFETY: zeros are a valid set.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: writes to a local set.
    unsafe { libc::sigpending(&raw mut set) };
    // SAFETY: the set was filled.
    unsafe { libc::sigismember(&raw const set, signal::SIGNAL) == 1 }
}

#[test]
fn a_thread_that_blocks_the_signal_is_interrupted_all_the_same() {
    alone(
        "process::a_thread_that_blocks_the_signal_is_interrupted_all_the_same",
        || {
            is_blocked(true);
            let threaded = Threaded::builder().spawn_threads(0).build();
            let io: &dyn Io = &threaded;
            let fifo = Fifo::new();
            for _ in 0..20 {
                let wait = || open(io, &fifo.path, read_only());
                let answer = io.with_timeout(Duration::from_millis(2), wait);
                assert!(io_core::is_deadline(&answer.unwrap_err()));
                assert!(is_blocked(false), "the mask is the thread's");
                assert!(!is_pending(), "nothing is left over");
            }
            // And so is a thread of the pool, which inherits the mask.
            cancel_fifo_open(&threaded);
        },
    );
}

#[expect(unsafe_code, reason = "std knows no limits")]
fn forbid_timers() {
    let limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: reads a local value.
    let answer = unsafe { libc::setrlimit(libc::RLIMIT_SIGPENDING, &raw const limit) };
    assert_eq!(answer, 0);
}

#[test]
fn without_timers_a_request_still_ends_the_opening_of_a_fifo() {
    alone(
        "process::without_timers_a_request_still_ends_the_opening_of_a_fifo",
        || {
            forbid_timers();
            let threaded = Threaded::new();
            let io: &dyn Io = &threaded;
            cancel_fifo_open(&threaded);
            // A deadline can not, and does no harm.
            io.with_timeout(Duration::from_secs(100), || {
                open(io, Path::new("/dev/null"), read_only())
            })
            .unwrap();
        },
    );
}

/// Signals that a handler was called for with the description of a signal.
static DESCRIBED_SIGNALS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn describing_handler(
    signal: libc::c_int,
    description: *mut libc::siginfo_t,
    _context: *mut libc::c_void,
) {
    #[expect(unsafe_code, reason = "looks at what the system passes")]
    // SAFETY: installed with SA_SIGINFO: a valid description.
    let description = unsafe { &*description };
    assert_eq!((signal, description.si_signo), (signal::SIGNAL, signal));
    DESCRIBED_SIGNALS.fetch_add(1, Ordering::SeqCst);
}

#[expect(unsafe_code, reason = "installs a handler")]
fn install_describing() {
    // SAFETY: a sigaction of zeros is a valid value of it.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = describing_handler as *const () as libc::sighandler_t;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: the handler looks at its arguments and counts.
    unsafe { libc::sigaction(signal::SIGNAL, &raw const action, std::ptr::null_mut()) };
}

#[test]
fn each_replaced_handler_is_called_in_its_own_way() {
    alone(
        "process::each_replaced_handler_is_called_in_its_own_way",
        || {
            for round in 1..=3 {
                install_and_raise();
                let threaded = Threaded::new();
                cancel_fifo_open(&threaded);
                raise();
                drop(threaded);
                assert_eq!(FOREIGN_SIGNALS.load(Ordering::SeqCst), 2 * round);
                install_describing();
                let threaded = Threaded::new();
                cancel_fifo_open(&threaded);
                raise();
                assert_eq!(DESCRIBED_SIGNALS.load(Ordering::SeqCst), round);
            }
        },
    );
}

/// A thread-local of a thread of the pool owns the executor, and is its last owner.
#[test]
fn an_executor_may_end_with_a_thread_of_its_own() {
    thread_local! {
        static OWNED: std::cell::RefCell<Option<Arc<Threaded>>> =
            const { std::cell::RefCell::new(None) };
    }
    alone(
        "process::an_executor_may_end_with_a_thread_of_its_own",
        || {
            let threads = thread_count();
            for _ in 0..20 {
                let idle = Duration::from_millis(20);
                let threaded = Arc::new(Threaded::builder().idle_timeout(idle).build());
                let io: &dyn Io = &*threaded;
                io.scope(|scope| {
                    for _ in 0..3 {
                        let owner = Arc::clone(&threaded);
                        let task = scope.spawn_concurrent(move || OWNED.set(Some(owner)));
                        drop(task.unwrap());
                    }
                });
                let left = Arc::downgrade(&threaded);
                drop(threaded);
                while left.strong_count() > 0 || thread_count() > threads {
                    thread::sleep(Duration::from_millis(1));
                }
            }
        },
    );
}
