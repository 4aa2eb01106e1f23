//! Runs the examples as a user does: as programs. `cargo test` builds them.

use std::ffi::OsStr;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// A program that runs longer than this hangs.
pub(crate) const RUN_TIME_MAX: Duration = Duration::from_secs(120);

/// What a program left behind.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Ran {
    /// What it printed, which has to be text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// Fails unless it ended with `code`.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Ran {
        let ended = self.status.code();
        assert_eq!(ended, Some(code), "{}\n{}", self.stderr, self.text());
        self
    }
}

/// The command that starts an example.
pub(crate) fn example(name: &str) -> Command {
    // target/<profile>/deps/facade-... is this test.
    let own = std::env::current_exe().unwrap();
    let path: PathBuf = own.ancestors().nth(2).unwrap().join("examples").join(name);
    assert!(path.exists(), "first: cargo build --examples ({path:?})");
    Command::new(path)
}

/// Runs an example with arguments.
pub(crate) fn run_example<A: AsRef<OsStr>>(name: &str, arguments: &[A]) -> Ran {
    run(example(name).args(arguments))
}

/// Runs a command to its end, which has to come soon.
pub(crate) fn run(command: &mut Command) -> Ran {
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdout = read_all(child.stdout.take().unwrap());
    let stderr = read_all(child.stderr.take().unwrap());
    let outputs = [stdout, stderr].map(|output| output.recv_timeout(RUN_TIME_MAX));
    if outputs.iter().any(Result::is_err) {
        child.kill().unwrap();
        panic!("{command:?} hangs");
    }
    let [stdout, stderr] = outputs.map(Result::unwrap);
    Ran {
        status: child.wait().unwrap(),
        stdout,
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

fn read_all(mut output: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        output.read_to_end(&mut all).unwrap();
        // Nobody receives it if the test has failed meanwhile.
        drop(sender.send(all));
    });
    receiver
}

/// The executors that can be had here, as `--backend` takes them. If io_uring is
/// refused this says so, and fails where it must not be.
pub(crate) fn backends() -> Vec<&'static str> {
    let mut all = vec!["threaded", "blocking", "auto"];
    let event_loop = pluggable_io::Backend::EventLoop;
    match kernel::event_loop_refusal() {
        None => all.push(event_loop.name()),
        Some(refusal) => {
            let is_required = std::env::var("IO_REQUIRE_URING").is_ok_and(|value| value == "1");
            assert!(!is_required, "IO_REQUIRE_URING=1, but {refusal}");
            eprintln!("SKIPPED: the event loop, since {refusal}");
        }
    }
    all
}

use crate::kernel;
