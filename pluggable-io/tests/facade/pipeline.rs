//! `pipeline` counts what std and a fold count, and ends as it says when it is
//! sent signals, on every executor.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use crate::kernel::{make_fifo, refuse_io_uring};
use crate::program::{RUN_TIME_MAX, backends, example, run, run_example};
use crate::running::Running;
use crate::sample::Sample;

/// How often a run is stopped at some moment, on each executor and in each way.
const ROUNDS: usize = 12;

/// The line for a file.
fn expected_line(path: &Path, content: &[u8]) -> Vec<u8> {
    let is_space = |byte: &u8| b" \t\n\x0b\x0c\r".contains(byte);
    let words = content.split(is_space).filter(|word| !word.is_empty());
    let lines = content.iter().filter(|byte| **byte == b'\n').count();
    let mut line = format!("{lines} {} {} ", words.count(), content.len()).into_bytes();
    line.extend(path.as_os_str().as_bytes());
    line.push(b'\n');
    line
}

/// The regular files below a directory.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let file_type = entry.file_type().unwrap();
        if file_type.is_dir() {
            files.extend(files_below(&entry.path()));
        } else if file_type.is_file() {
            files.push(entry.path());
        }
    }
    files
}

/// The lines of all of them, sorted as [`sorted`] does it.
fn expected_lines(files: &[PathBuf]) -> Vec<Vec<u8>> {
    let lines = files
        .iter()
        .flat_map(|path| expected_line(path, &fs::read(path).unwrap()));
    sorted(&lines.collect::<Vec<u8>>())
}

/// Sorted pieces between ends of line, which names may contain.
fn sorted(text: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces: Vec<Vec<u8>> = text
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    pieces.sort();
    pieces
}

/// The numbers of files done, failed, broken off and not begun, as it tells them.
fn summary(messages: &[Vec<u8>]) -> [usize; 4] {
    let text = String::from_utf8(messages.last().unwrap().clone()).unwrap();
    let numbers: Vec<usize> = text
        .split([' ', ','])
        .filter_map(|word| word.parse().ok())
        .collect();
    assert!(text.contains(" broken off, "), "{text}");
    numbers[..4].try_into().unwrap()
}

fn pipeline(backend: &str) -> Command {
    let mut command = example("pipeline");
    command.args(["--backend", backend]);
    command
}

#[test]
fn every_file_is_counted_once() {
    let sample = Sample::with_special_files();
    let files = files_below(sample.path());
    let expected = expected_lines(&files);
    for backend in backends() {
        for [workers, queue] in [["1", "1"], ["3", "2"], ["100", "64"]] {
            let mut command = pipeline(backend);
            command.args(["--workers", workers, "--queue", queue]);
            let ran = run(command.arg(sample.path())).expect_code(0);
            assert_eq!(sorted(&ran.stdout), expected, "{backend}");
            let message = format!("pipeline: {} done, 0 failed, ", files.len());
            assert!(ran.stderr.starts_with(&message), "{}", ran.stderr);
        }
    }
}

#[test]
fn paths_come_from_standard_input_too() {
    let sample = Sample::new();
    let many = files_below(&sample.path().join("many"));
    let below = files_below(&sample.path().join("directory"));
    let both: Vec<PathBuf> = many.iter().chain(&below).cloned().collect();
    for backend in backends() {
        let mut command = pipeline(backend);
        let directory = sample.path().join("directory");
        let mut running = Running::start(command.arg("-").arg(directory));
        let mut input = running.input.take().unwrap();
        let lines = many.iter().map(|path| path.to_str().unwrap());
        let lines = lines.collect::<Vec<_>>().join("\n");
        input.write_all(lines.as_bytes()).unwrap();
        // The last line has no end.
        drop(input);
        let output = running.output.rest().concat();
        assert_eq!(sorted(&output), expected_lines(&both), "{backend}");
        assert_eq!(running.wait().code(), Some(0));
    }
}

#[test]
fn what_can_not_be_read_is_named_and_the_rest_counted() {
    let sample = Sample::new();
    let expected = expected_lines(&files_below(sample.path()));
    for backend in backends() {
        let mut command = pipeline(backend);
        command.args(["missing", "/proc/self/mem"]);
        let ran = run(command.arg(sample.path())).expect_code(1);
        assert_eq!(sorted(&ran.stdout), expected, "{backend}");
        for text in [
            "pipeline: missing: No such file or directory (os error 2)\n",
            "pipeline: /proc/self/mem: Input/output error (os error 5)\n",
            " 2 failed, ",
        ] {
            assert!(ran.stderr.contains(text), "{backend}: {}", ran.stderr);
        }
    }
}

/// A FIFO that a pipeline has begun to read, and files that wait behind it.
struct Begun {
    running: Running,
    fifo: PathBuf,
    writer: File,
    _directory: tempfile::TempDir,
}

impl Begun {
    fn new(backend: &str) -> Begun {
        let directory = tempfile::tempdir().unwrap();
        let fifo = directory.path().join("fifo");
        make_fifo(&fifo);
        let mut command = pipeline(backend);
        let mut running = Running::start(command.args(["--workers=1", "--queue=2", "-"]));
        let input = running.input.as_mut().unwrap();
        writeln!(input, "{}", fifo.display()).unwrap();
        for _ in 0..20 {
            writeln!(input, "/dev/null").unwrap();
        }
        let writer = open_for_writing(fifo.clone());
        Begun {
            running,
            fifo,
            writer,
            _directory: directory,
        }
    }

    /// Sends the first signal, and sees that it was understood. On `blocking`
    /// nobody can say so before the file is done.
    fn stop(&self, backend: &str) {
        self.running.signal(libc::SIGINT);
        if backend != "blocking" {
            let text = self.running.messages.next_text();
            assert!(text.starts_with("pipeline: SIGINT: finishing "), "{text}");
        }
    }
}

/// Opens a FIFO, which waits until somebody has opened it for reading.
fn open_for_writing(fifo: PathBuf) -> File {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(OpenOptions::new().write(true).open(fifo)));
    let opened = receiver.recv_timeout(RUN_TIME_MAX);
    opened.expect("nobody opens it for reading").unwrap()
}

#[test]
fn after_a_signal_what_is_begun_is_finished_and_nothing_else_begun() {
    for backend in backends() {
        let mut begun = Begun::new(backend);
        begun.writer.write_all(b"one two\n").unwrap();
        begun.stop(backend);
        begun.writer.write_all(b"three\n").unwrap();
        drop(begun.writer);
        let running = &mut begun.running;
        let output = running.output.rest().concat();
        let expected = expected_line(&begun.fifo, b"one two\nthree\n");
        assert_eq!(output, expected, "{backend}");
        let messages = running.messages.rest();
        assert_eq!(messages[0], b"pipeline: stopped by SIGINT\n", "{backend}");
        let [done, failed, broken_off, unbegun] = summary(&messages);
        assert_eq!([done, failed, broken_off], [1, 0, 0], "{backend}");
        // Two in the queue, and one that the producer holds.
        assert!(unbegun <= 3, "{backend}: {unbegun}");
        assert_eq!(running.wait().code(), Some(130), "{backend}");
    }
}

#[test]
fn a_second_signal_breaks_off_what_is_begun() {
    for backend in backends() {
        let mut begun = Begun::new(backend);
        begun.writer.write_all(b"one two\n").unwrap();
        begun.stop(backend);
        // Another one, since two of one kind may arrive as one.
        begun.running.signal(libc::SIGTERM);
        let running = &mut begun.running;
        assert_eq!(running.output.rest(), Vec::<Vec<u8>>::new(), "{backend}");
        let messages = running.messages.rest();
        let status = running.wait().code();
        if backend == "blocking" {
            // Whichever of the two came second.
            assert!(matches!(status, Some(130 | 143)), "{status:?}");
            continue;
        }
        assert_eq!(messages[0], b"pipeline: stopped by SIGINT\n", "{backend}");
        let [done, failed, broken_off, _] = summary(&messages);
        assert_eq!([done, failed, broken_off], [0, 0, 1], "{backend}");
        assert_eq!(status, Some(130), "{backend}");
    }
}

#[test]
fn a_signal_ends_the_wait_for_input() {
    let signals = [(libc::SIGINT, 130), (libc::SIGTERM, 143)];
    for backend in backends() {
        for (signal, code) in signals {
            let mut running = Running::start(pipeline(backend).args(["-", "missing"]));
            let input = running.input.as_mut().unwrap();
            input.write_all(b"/dev/null\n").unwrap();
            // Now it has caught the signals.
            assert_eq!(running.output.next_text(), "0 0 0 /dev/null\n");
            running.signal(signal);
            let messages = running.messages.rest();
            assert_eq!(summary(&messages), [1, 0, 0, 0], "{backend}");
            assert_eq!(running.wait().code(), Some(code), "{backend}");
        }
    }
}

#[test]
fn signals_at_any_moment_lose_and_invent_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let content = b"a line\nand another one\n";
    fs::write(&path, content).unwrap();
    let expected = expected_line(&path, content);
    for backend in backends() {
        for round in 0..ROUNDS {
            for signals in [1, 2] {
                let mut command = pipeline(backend);
                let workers = (1 + round % 4).to_string();
                let queue = (1 + round % 3).to_string();
                command.args(["--workers", &workers, "--queue", &queue, "-"]);
                let mut running = Running::start(&mut command);
                running.feed_for_ever(&path);
                let before = 1 + round * 13;
                for _ in 0..before {
                    assert_eq!(running.output.next().unwrap(), expected);
                }
                for _ in 0..signals {
                    running.signal(libc::SIGINT);
                }
                let rest = running.output.rest();
                let messages = running.messages.rest();
                assert_eq!(running.wait().code(), Some(130), "{backend}");
                let whole = rest.iter().filter(|line| **line == expected).count();
                assert!(whole + 1 >= rest.len(), "{backend}: {rest:?}");
                if signals == 2 && backend == "blocking" {
                    continue;
                }
                let [done, failed, broken_off, unbegun] = summary(&messages);
                assert_eq!(failed, 0, "{backend}: {messages:?}");
                assert!(unbegun <= 1 + 1 + round % 3, "{backend}: {messages:?}");
                if signals == 1 {
                    assert_eq!(whole, rest.len(), "{backend}");
                    assert_eq!([done, broken_off], [before + whole, 0], "{backend}");
                } else {
                    assert!(done <= before + whole, "{backend}: {messages:?}");
                }
            }
        }
    }
}

#[test]
fn an_output_that_nobody_reads_ends_it() {
    for backend in backends() {
        let mut command = pipeline(backend);
        let (mut running, output) = Running::start_with_output(command.arg("-"));
        running.feed_for_ever(Path::new("/dev/null"));
        let mut line = String::new();
        let mut output = BufReader::new(output);
        output.read_line(&mut line).unwrap();
        assert_eq!(line, "0 0 0 /dev/null\n");
        drop(output);
        let messages = running.messages.rest();
        assert_eq!(messages.len(), 1, "{messages:?}");
        summary(&messages);
        assert_eq!(running.wait().code(), Some(1), "{backend}");
    }
}

#[test]
fn without_io_uring_auto_stops_as_well() {
    let mut command = pipeline("auto");
    let mut running = Running::start(refuse_io_uring(command.arg("-"), libc::EPERM));
    let text = running.messages.next_text();
    assert!(
        text.starts_with("pipeline: running on threaded, "),
        "{text}"
    );
    running.feed_for_ever(Path::new("/dev/null"));
    running.output.next_text();
    running.signal(libc::SIGINT);
    assert_eq!(running.wait().code(), Some(130));
}

#[test]
fn without_arguments_it_says_how_it_is_used() {
    let ran = run_example::<&str>("pipeline", &[]).expect_code(2);
    for word in [
        "Usage: pipeline",
        "PATH",
        "--backend",
        "--workers",
        "--queue",
    ] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
}
