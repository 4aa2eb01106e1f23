//! `search` finds what grep finds, on every executor.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::kernel::{event_loop_refusal, make_fifo, refuse_io_uring};
use crate::program::{Ran, backends, example, run, run_example};
use crate::running::Running;
use crate::sample::{Sample, make_too_deep};
use crate::tidy::workspace;

fn search(backend: &str, directory: &Path, arguments: &[&str]) -> Ran {
    let mut command = example("search");
    command.current_dir(directory);
    run(command.args(["--backend", backend]).args(arguments))
}

/// What grep finds; in the POSIX locale every byte is a character.
fn grep(directory: &Path, arguments: &[&str]) -> Ran {
    let mut command = Command::new("grep");
    command.current_dir(directory).env("LC_ALL", "C");
    run(command.args(["-rnIE", "--"]).args(arguments))
}

fn sorted_lines(output: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = output.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines
}

/// Files with what a search by lines can stumble over.
fn make_texts(root: &Path) {
    let long = "x".repeat(100_000);
    let texts: &[(&str, &str)] = &[
        ("empty", ""),
        ("one line", "needle"),
        ("one empty line", "\n"),
        ("ends", "needle\n\nneedle\nno\r\nneedle\r\n"),
        (
            "long",
            &format!("{long}\n{long}needle{long}\nneedle\n{long}"),
        ),
        ("hidden/.file", "a needle below\n"),
        ("na:me", "needle: 1:2\n"),
        ("binary", "needle\n\0needle\n"),
    ];
    for (name, text) in texts {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    // A line across the border of each block.
    let lines: String = (0..40_000)
        .map(|n| format!("needle in line {n}\n"))
        .collect();
    fs::write(root.join("blocks"), lines).unwrap();
    symlink("one line", root.join("link")).unwrap();
    symlink("hidden", root.join("link to a directory")).unwrap();
    symlink("nowhere", root.join("link to nothing")).unwrap();
}

#[test]
fn it_finds_what_grep_finds() {
    let texts = tempfile::tempdir().unwrap();
    make_texts(texts.path());
    let sample = Sample::with_special_files();
    let workspace = workspace();
    let cases: &[(&Path, &[&str])] = &[
        (texts.path(), &["needle", "."]),
        (texts.path(), &["^needle$", "."]),
        (texts.path(), &["^$", "./"]),
        (texts.path(), &["line [0-9]*99$", "blocks", "ends", "na:me"]),
        (texts.path(), &["needle", "link", "link to a directory"]),
        (texts.path(), &["nowhere to be found", "."]),
        (sample.path(), &["e", "."]),
        (&workspace, &["fn [a-z_]+<", "io-core", "io-blocking/src"]),
    ];
    for backend in backends() {
        for (directory, arguments) in cases {
            let expected = grep(directory, arguments);
            let found = search(backend, directory, arguments);
            let [found_lines, expected_lines] =
                [&found, &expected].map(|ran| sorted_lines(&ran.stdout));
            assert!(found_lines == expected_lines, "{backend}: {arguments:?}");
            assert_eq!(found.status.code(), expected.status.code());
            assert_eq!(found.stderr, "");
        }
    }
}

#[test]
fn the_number_of_tasks_changes_nothing() {
    let texts = tempfile::tempdir().unwrap();
    make_texts(texts.path());
    let expected = grep(texts.path(), &["needle", "."]);
    for backend in backends() {
        for tasks in ["--tasks=1", "--tasks=3", "--tasks=1000"] {
            let found = search(backend, texts.path(), &[tasks, "needle", "."]).expect_code(0);
            assert!(sorted_lines(&found.stdout) == sorted_lines(&expected.stdout));
        }
    }
}

#[test]
fn the_lines_of_a_file_stay_together() {
    let directory = tempfile::tempdir().unwrap();
    let text: String = (0..20_000).map(|n| format!("needle {n}\n")).collect();
    for name in ["a", "b", "c", "d"] {
        fs::write(directory.path().join(name), &text).unwrap();
    }
    for backend in backends() {
        let found = search(backend, directory.path(), &["needle", "."]).expect_code(0);
        let mut paths: Vec<&str> = found
            .text()
            .lines()
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(paths.len(), 80_000);
        paths.dedup();
        assert_eq!(paths.len(), 4, "{backend}");
    }
}

#[test]
fn a_binary_file_is_searched_to_its_first_nul_block() {
    let directory = tempfile::tempdir().unwrap();
    let mut late = b"needle\n".repeat(100_000);
    late.extend(b"\0\nneedle\n");
    fs::write(directory.path().join("late"), late).unwrap();
    fs::write(directory.path().join("early"), b"needle\n\0").unwrap();
    for backend in backends() {
        let found = search(backend, directory.path(), &["needle", "early"]).expect_code(1);
        assert_eq!(found.text(), "");
        let found = search(backend, directory.path(), &["needle", "late"]).expect_code(0);
        let count = found.text().lines().count();
        assert!((1..=100_000).contains(&count), "{count}");
    }
}

#[test]
fn what_can_not_be_read_is_named_and_the_rest_searched() {
    let directory = tempfile::tempdir().unwrap();
    make_too_deep(directory.path());
    fs::write(directory.path().join("file"), b"needle").unwrap();
    let locked = directory.path().join("locked");
    fs::write(&locked, b"needle").unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read it all the same.
    let is_locked = fs::read(&locked).is_err();
    if !is_locked {
        fs::remove_file(&locked).unwrap();
    }
    for backend in backends() {
        let arguments = ["needle", "missing", "/proc/self/mem", "."];
        let found = search(backend, directory.path(), &arguments).expect_code(2);
        assert_eq!(found.text(), "./file:1:needle\n", "{backend}");
        let says = |text: &str| assert!(found.stderr.contains(text), "{}", found.stderr);
        says("search: missing: No such file or directory (os error 2)\n");
        says("search: /proc/self/mem: Input/output error (os error 5)\n");
        says(": File name too long (os error 36)\n");
        if is_locked {
            says("search: ./locked: Permission denied (os error 13)\n");
        }
        let found = search(backend, directory.path(), &["no such", "missing"]).expect_code(2);
        assert_eq!(found.text(), "");
        // As `grep -q`: what is found is found.
        let arguments = ["--first", "needle", "missing", "file"];
        search(backend, directory.path(), &arguments).expect_code(0);
        let arguments = ["--first", "no such", "missing", "file"];
        search(backend, directory.path(), &arguments).expect_code(2);
    }
}

#[test]
fn a_line_may_have_so_many_bytes_and_no_more() {
    const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    for (bytes, code) in [
        (LINE_BYTES_MAX - 1, 0),
        (LINE_BYTES_MAX, 0),
        (LINE_BYTES_MAX + 1, 2),
    ] {
        let mut line = vec![b'x'; bytes];
        line[bytes - 6..].copy_from_slice(b"needle");
        fs::write(&path, line).unwrap();
        let found = search("blocking", directory.path(), &["needle", "file"]).expect_code(code);
        let is_named = found.stderr == "search: file: a line of more than 16 MiB\n";
        assert_eq!(is_named, code == 2, "{}", found.stderr);
        assert_eq!(found.stdout.is_empty(), code == 2);
    }
}

#[test]
fn the_first_match_is_one_of_all_and_the_only_one() {
    let texts = tempfile::tempdir().unwrap();
    make_texts(texts.path());
    let all = grep(texts.path(), &["needle", "."]);
    let all = sorted_lines(&all.stdout);
    for backend in backends() {
        for tasks in ["--tasks=1", "--tasks=8", "--tasks=200"] {
            let arguments = ["--first", tasks, "needle", "."];
            let found = search(backend, texts.path(), &arguments).expect_code(0);
            let line = found.stdout.strip_suffix(b"\n").unwrap();
            assert!(all.binary_search(&line).is_ok(), "{}", found.text());
            let arguments = ["--first", tasks, "nowhere to be found", "."];
            let found = search(backend, texts.path(), &arguments).expect_code(1);
            assert_eq!(found.text(), "");
        }
    }
}

/// Two FIFOs that nobody writes to, each before or behind a file with a match: a
/// task that waits for one is canceled.
#[test]
fn the_first_match_ends_tasks_that_wait() {
    let directory = tempfile::tempdir().unwrap();
    make_fifo(&directory.path().join("fifo"));
    fs::write(directory.path().join("file"), b"needle").unwrap();
    let paths = ["fifo", "fifo", "file", "fifo"];
    for backend in backends().into_iter().filter(|name| *name != "blocking") {
        for _ in 0..20 {
            let mut arguments = vec!["--first", "needle"];
            arguments.extend(paths);
            let found = search(backend, directory.path(), &arguments).expect_code(0);
            assert_eq!(found.text(), "file:1:needle\n", "{backend}");
        }
    }
}

#[test]
fn an_output_that_nobody_reads_ends_it() {
    let texts = tempfile::tempdir().unwrap();
    make_texts(texts.path());
    for backend in backends() {
        let mut command = example("search");
        command.args(["--backend", backend, "needle"]);
        let (mut running, output) = Running::start_with_output(command.arg(texts.path()));
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).unwrap();
        assert_eq!(running.wait().code(), Some(2), "{backend}");
        assert_eq!(running.messages.rest(), Vec::<Vec<u8>>::new());
    }
}

#[test]
fn without_io_uring_auto_searches_as_well() {
    let texts = tempfile::tempdir().unwrap();
    make_texts(texts.path());
    let mut command = example("search");
    command.current_dir(texts.path()).args(["needle", "."]);
    let found = run(refuse_io_uring(&mut command, libc::EPERM)).expect_code(0);
    let expected = grep(texts.path(), &["needle", "."]);
    assert!(sorted_lines(&found.stdout) == sorted_lines(&expected.stdout));
    let reason = "search: running on threaded, since io_uring cannot be used";
    assert!(found.stderr.starts_with(reason), "{}", found.stderr);
    if event_loop_refusal().is_none() {
        let found = search("auto", texts.path(), &["needle", "."]).expect_code(0);
        assert_eq!(found.stderr, "");
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let ran = run_example::<&str>("search", &[]).expect_code(2);
    for word in [
        "Usage: search",
        "PATTERN",
        "PATH",
        "--backend",
        "--tasks",
        "--first",
    ] {
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
    }
    for arguments in [
        ["--backend=fast", "needle", "."],
        ["--tasks=0", "needle", "."],
        ["--first", "(", "."],
    ] {
        let ran = run_example("search", &arguments).expect_code(2);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}
