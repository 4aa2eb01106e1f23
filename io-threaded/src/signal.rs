//! Ending a system call that can not be polled: a signal that does nothing but
//! interrupt, sent by a timer that repeats it until the call has ended.
//! `parker.rs` uses it; it knows nothing of tasks.
//!
//! The signal is SIGURG. Its default action is to be ignored, so one that comes
//! when no handler is there harms nobody, and hardly any program uses it (for
//! the out-of-band data of sockets). A handler that the program has installed
//! before is called for every SIGURG that is not from a timer of ours. A program
//! that installs one later, while an executor is in use, takes away the
//! executor's way to end such calls.
//!
//! ```text
//! timer (one for a thread, made when first needed)
//!   disarmed ── repeat_from(now or deadline) ──► SIGURG to the thread every 1 ms
//!      ▲                                            │ the call ends with EINTR
//!      └────────────── disarm, by the thread ───────┘
//! ```
//! A signal that comes just before the call begins does nothing; the next one
//! finds it. Nobody waits for it: who interrupts only arms the timer.
//!
//! # Safety argument: signals
//! - *handler*: `on_signal` is async-signal-safe: it reads its arguments and
//!   atomics that are set before it is installed, and calls at most the handler
//!   that it replaced, as the system would have.
//! - *timer*: a `Timer` owns the kernel timer whose id it holds, from
//!   timer_create(2) to its drop.
//! - *memory*: what is passed by pointer is a local, initialised value that the
//!   system reads or writes during the call only.

#![expect(
    unsafe_code,
    reason = "signals and timers are system calls; the argument is in the header"
)]

use std::ffi::{c_int, c_void};
use std::io;
use std::mem::{self, MaybeUninit};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use io_blocking::system;
use io_core::Instant;

/// What interrupts a call.
pub(crate) const SIGNAL: c_int = libc::SIGURG;

/// How often it is sent until the call has ended.
const REPEAT: Duration = Duration::from_millis(1);

/// Its address marks the signals of our timers.
static MARK: u8 = 0;

/// The handler that ours has replaced; null if there is none to call. Stored under
/// the lock of `INSTALLED` before ours is installed (Release), loaded by ours
/// (Acquire). One pointer, not two words: a call of ours that is still under way
/// when another pool installs anew must not take the one's handler and the other's
/// way of calling it.
static REPLACED: AtomicPtr<Replaced> = AtomicPtr::new(ptr::null_mut());

/// A handler of the program. Never freed, since a call of ours may be at it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Replaced {
    handler: libc::sighandler_t,
    /// It was installed with SA_SIGINFO.
    takes_description: bool,
}

/// Who needs the handler, in the whole process.
static INSTALLED: Mutex<Installed> = Mutex::new(Installed {
    users: 0,
    replaced: None,
    known: Vec::new(),
});

struct Installed {
    users: usize,
    replaced: Option<libc::sigaction>,
    /// Every handler that was ever replaced: as many as the program has functions
    /// that it uses so.
    known: Vec<&'static Replaced>,
}

impl Installed {
    /// The one place of this handler, for ever.
    fn place_of(&mut self, replaced: Replaced) -> &'static Replaced {
        let known = self.known.iter().find(|known| ***known == replaced);
        if let Some(known) = known {
            return known;
        }
        let place: &Replaced = Box::leak(Box::new(replaced));
        self.known.push(place);
        place
    }
}

fn installed() -> MutexGuard<'static, Installed> {
    INSTALLED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A share in the handler: it is installed with the first and taken back with
/// the last one.
#[derive(Debug)]
pub(crate) struct HandlerShare(());

impl HandlerShare {
    /// Installs the handler if nobody has.
    pub(crate) fn new() -> HandlerShare {
        let mut installed = installed();
        if installed.users == 0 {
            let replaced = install(&mut installed);
            installed.replaced = Some(replaced);
        }
        installed.users += 1;
        HandlerShare(())
    }
}

impl Drop for HandlerShare {
    fn drop(&mut self) {
        let mut installed = installed();
        installed.users -= 1;
        if installed.users == 0
            && let Some(replaced) = installed.replaced.take()
            // One that the program has put over ours stays.
            && current_action().sa_sigaction == our_handler()
        {
            replace_action(Some(&replaced));
        }
    }
}

fn our_handler() -> libc::sighandler_t {
    on_signal as *const () as libc::sighandler_t
}

/// Installs the handler; returns what was there.
fn install(installed: &mut Installed) -> libc::sigaction {
    let replaced = current_action();
    let handler = replaced.sa_sigaction;
    let place = match handler {
        libc::SIG_DFL | libc::SIG_IGN => ptr::null(),
        _ => ptr::from_ref(installed.place_of(Replaced {
            handler,
            takes_description: replaced.sa_flags & libc::SA_SIGINFO != 0,
        })),
    };
    REPLACED.store(place.cast_mut(), Ordering::Release);
    // SAFETY: a sigaction of zeros is a valid value of it: no flags, empty mask.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = our_handler();
    // No SA_RESTART: the call has to end.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    replace_action(Some(&action));
    replaced
}

fn current_action() -> libc::sigaction {
    replace_action(None)
}

/// sigaction(2): what was there before.
fn replace_action(action: Option<&libc::sigaction>) -> libc::sigaction {
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    let action = action.map_or(ptr::null(), ptr::from_ref);
    // SAFETY: *memory*; the handler is ours (*handler*) or was there before.
    let answer = unsafe { libc::sigaction(SIGNAL, action, before.as_mut_ptr()) };
    assert_eq!(answer, 0, "SIGURG may have a handler");
    // SAFETY: zeros are a valid sigaction, and the system wrote over them.
    unsafe { before.assume_init() }
}

/// Does nothing: that it was called ends the system call of this thread.
extern "C" fn on_signal(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: *handler*: the system passes a valid description of the signal.
    let description = unsafe { &*info };
    let is_from_timer = description.si_code == libc::SI_TIMER && {
        // SAFETY: a signal of a timer carries the timer's value.
        let value = unsafe { description.si_value() };
        ptr::eq(value.sival_ptr.cast_const(), mark())
    };
    // SAFETY: *handler*: null, or a place that is never freed and never changes.
    let replaced = unsafe { REPLACED.load(Ordering::Acquire).as_ref() };
    let Some(replaced) = replaced.filter(|_| !is_from_timer) else {
        return;
    };
    if replaced.takes_description {
        type Handler = extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
        // SAFETY: with SA_SIGINFO the number is a function of this type.
        let handler = unsafe { mem::transmute::<libc::sighandler_t, Handler>(replaced.handler) };
        handler(signal, info, context);
    } else {
        type Handler = extern "C" fn(c_int);
        // SAFETY: without it, it is a function of this type.
        let handler = unsafe { mem::transmute::<libc::sighandler_t, Handler>(replaced.handler) };
        handler(signal);
    }
}

fn mark() -> *const c_void {
    (&raw const MARK).cast()
}

/// The system's number of the calling thread (gettid(2)).
pub(crate) fn thread_number() -> i32 {
    // SAFETY: takes nothing and can not fail.
    unsafe { libc::gettid() }
}

/// Sends the signal to a thread of this process once (tgkill(2)): where there is
/// no timer.
pub(crate) fn send(thread_number: i32) {
    let process = std::process::id();
    // SAFETY: takes numbers only. A thread that is gone is no target; the caller
    // sees to it that the number is not another thread's by now.
    unsafe { libc::syscall(libc::SYS_tgkill, process, thread_number, SIGNAL) };
}

/// Lets the signal through on the calling thread, for good: for threads of ours.
pub(crate) fn unblock() {
    change_mask(libc::SIG_UNBLOCK);
}

/// Runs `body` with the signal let through on the calling thread.
pub(crate) fn unblocked<R>(body: impl FnOnce() -> R) -> R {
    struct BlockAgain(bool);
    impl Drop for BlockAgain {
        fn drop(&mut self) {
            if self.0 {
                change_mask(libc::SIG_BLOCK);
            }
        }
    }
    let _block_again = BlockAgain(change_mask(libc::SIG_UNBLOCK));
    body()
}

/// pthread_sigmask(3) for the one signal: whether it was blocked before.
fn change_mask(how: c_int) -> bool {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: *memory*.
    unsafe { libc::sigemptyset(set.as_mut_ptr()) };
    // SAFETY: *memory*: the set was just emptied.
    unsafe { libc::sigaddset(set.as_mut_ptr(), SIGNAL) };
    // SAFETY: *memory*: two initialised sets.
    let code = unsafe { libc::pthread_sigmask(how, set.as_ptr(), before.as_mut_ptr()) };
    assert_eq!(code, 0, "a mask of one signal is valid");
    // SAFETY: *memory*: the system wrote the set.
    unsafe { libc::sigismember(before.as_ptr(), SIGNAL) == 1 }
}

/// Sends the signal to one thread, again and again once it is armed.
#[derive(Debug)]
pub(crate) struct Timer {
    id: libc::timer_t,
}

// SAFETY: *timer*: the id names a timer of the process; every thread may use it.
unsafe impl Send for Timer {}

impl Timer {
    /// A disarmed timer for the thread with this number. The caller has a
    /// [`HandlerShare`] for as long as the timer is armed.
    ///
    /// # Errors
    /// `EAGAIN`: no further timer can be had (`RLIMIT_SIGPENDING`).
    pub(crate) fn new(thread_number: i32) -> io::Result<Timer> {
        // SAFETY: a sigevent of zeros and null pointers is a valid value of it.
        let mut event: libc::sigevent = unsafe { mem::zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = SIGNAL;
        event.sigev_value.sival_ptr = mark().cast_mut();
        event.sigev_notify_thread_id = thread_number;
        let mut id = ptr::null_mut();
        // SAFETY: *memory*.
        let answer =
            unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut id) };
        if answer == 0 {
            Ok(Timer { id })
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// Sends from `at` (monotonic) on, or from now on.
    pub(crate) fn repeat_from(&self, at: Option<Instant>) {
        // Zero would disarm it; a time that has passed means at once.
        let first = at.map_or(1, |at| at.as_nanos().max(1));
        self.set(
            first,
            u64::try_from(REPEAT.as_nanos()).expect("it is short"),
        );
    }

    /// Sends no more. Called by the thread itself, no signal is left over: one
    /// that was sent before is handled when this call ends.
    pub(crate) fn disarm(&self) {
        self.set(0, 0);
    }

    fn set(&self, first_nanos: u64, repeat_nanos: u64) {
        let times = libc::itimerspec {
            it_value: system::to_timespec(first_nanos),
            it_interval: system::to_timespec(repeat_nanos),
        };
        let absolute = libc::TIMER_ABSTIME;
        // SAFETY: *timer* and *memory*.
        let answer =
            unsafe { libc::timer_settime(self.id, absolute, &raw const times, ptr::null_mut()) };
        assert_eq!(answer, 0, "a timer that exists takes every valid time");
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // SAFETY: *timer*: the owner is done with it.
        let answer = unsafe { libc::timer_delete(self.id) };
        debug_assert_eq!(answer, 0, "the timer is ours and exists");
    }
}
