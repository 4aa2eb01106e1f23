//! Checks in a process of their own, since what they do to one is for good:
//! filters, limits, an end by a signal. The test binary starts itself again with
//! that one test. (A fork would inherit each lock that another test holds.)

#![expect(unsafe_code, reason = "sets limits and filters of the process")]

use std::any::type_name;
use std::ffi::c_long;
use std::os::unix::process::ExitStatusExt;
use std::panic::Location;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

/// Names the place of the check that a child runs, and the number of its case.
const CHILD: &str = "IO_EVLOOP_TEST_CHILD";
/// A check that takes longer hangs.
const CHILD_SECONDS_MAX: u32 = 100;
/// The exit code of a child whose check came to its end.
const CAME_TO_ITS_END: i32 = 42;

/// How a child ended, what it wrote to stderr, and how long it took.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) text: String,
    pub(crate) took: Duration,
}

impl Ended {
    #[track_caller]
    fn assert_held(&self) {
        let Ended { status, text, .. } = self;
        let has_held = status.code() == Some(CAME_TO_ITS_END);
        assert!(has_held, "the check failed or hung: {status}\n{text}");
    }

    /// The process was aborted with one message of ours, which has these words.
    #[track_caller]
    pub(crate) fn assert_aborted(&self, words: &[&str]) {
        let Ended { status, text, .. } = self;
        assert_eq!(status.signal(), Some(libc::SIGABRT), "{status}: {text}");
        for word in words {
            assert!(text.contains(word), "no {word:?} in: {text}");
        }
        assert_eq!(text.matches("io-evloop-uring: ").count(), 1, "{text}");
    }
}

/// Runs `check`, a closure of the test itself, in a process of its own. Fails if it
/// panics or does not end.
#[track_caller]
pub(crate) fn in_child<F: Fn()>(check: F) {
    let test = test_around::<F>();
    run_each(test, [()], |()| check(), |(), ended| ended.assert_held());
}

/// Runs `check`, a closure of the test itself, with each of `cases` in a process of
/// its own. `judge` gets how each ended.
#[track_caller]
pub(crate) fn each_in_child<C: Copy, F: Fn(C)>(
    cases: impl IntoIterator<Item = C>,
    check: F,
    judge: impl Fn(C, &Ended),
) {
    run_each(test_around::<F>(), cases, check, judge);
}

/// The name of the test whose closure `F` is.
fn test_around<F>() -> &'static str {
    let path = type_name::<F>();
    let (_crate, path) = path.split_once("::").expect("a path");
    path.split_once("::{{closure}}").expect("a closure").0
}

#[track_caller]
fn run_each<C: Copy>(
    test: &str,
    cases: impl IntoIterator<Item = C>,
    check: impl Fn(C),
    judge: impl Fn(C, &Ended),
) {
    let place = Location::caller();
    let own = std::env::var(CHILD).ok();
    for (number, case) in cases.into_iter().enumerate() {
        let id = format!("{place}, case {number}");
        match &own {
            None => judge(case, &start_again(test, &id)),
            Some(own) if *own == id => {
                // SAFETY: no requirements; ends this process if the check hangs.
                unsafe { libc::alarm(CHILD_SECONDS_MAX) };
                check(case);
                // SAFETY: ends this process without what else would run.
                unsafe { libc::_exit(CAME_TO_ITS_END) };
            }
            Some(_) => {}
        }
    }
}

fn start_again(test: &str, id: &str) -> Ended {
    let began = Instant::now();
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, id)
        .output()
        .expect("the test binary starts again");
    Ended {
        status: output.status,
        text: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: began.elapsed(),
    }
}

/// From here on the system call `number` fails with `errno` on this thread and
/// those that it starts, as it does in many containers (seccomp(2)).
pub(crate) fn refuse(number: c_long, errno: i32) {
    let statement = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: u16::try_from(code).expect("a short code"),
        jt,
        jf,
        k,
    };
    let number = u32::try_from(number).expect("a small number");
    let answer = libc::SECCOMP_RET_ERRNO | errno.cast_unsigned();
    let mut program = [
        // The number of the system call lies at offset 0 of seccomp_data.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, answer),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog {
        len: 4,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: no requirements; allows a filter to be set.
    let allowed = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(allowed, 0);
    // SAFETY: the program is valid and is copied.
    let set = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const filter,
        )
    };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

/// From here on neither this thread nor those that it starts can start a thread,
/// as where a limit on processes is reached. (With a limit that would be the
/// machine's affair: what else runs for the same user counts.)
pub(crate) fn refuse_threads() {
    refuse(libc::SYS_clone3, libc::EAGAIN);
    refuse(libc::SYS_clone, libc::EAGAIN);
    std::thread::Builder::new()
        .spawn(|| ())
        .expect_err("no thread can be started");
}

/// From here on this process may have no further thread, nor may the kernel start
/// one for it. A limit on processes does not bind root, so it is somebody else's.
pub(crate) fn refuse_kernel_threads() {
    const NOBODY: libc::uid_t = 65_534;
    set_limit(libc::RLIMIT_NPROC, 1);
    // SAFETY: changes who this process is.
    if unsafe { libc::geteuid() } == 0 {
        // SAFETY: as above.
        assert_eq!(unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) }, 0);
    }
    std::thread::Builder::new()
        .spawn(|| ())
        .expect_err("no thread can be started");
}

pub(crate) fn set_limit(resource: libc::__rlimit_resource_t, value: u64) {
    let limit = libc::rlimit {
        rlim_cur: value,
        rlim_max: libc::RLIM_INFINITY,
    };
    let mut before = limit;
    // SAFETY: writes the limit that is in force.
    assert_eq!(unsafe { libc::getrlimit(resource, &raw mut before) }, 0);
    let limit = libc::rlimit {
        rlim_max: before.rlim_max,
        ..limit
    };
    // SAFETY: reads the new limit.
    assert_eq!(unsafe { libc::setrlimit(resource, &raw const limit) }, 0);
}
