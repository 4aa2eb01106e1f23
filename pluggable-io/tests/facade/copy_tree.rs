//! `copy-tree` makes what std sees as the same tree, on every executor, and
//! leaves nothing half done behind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::kernel::{limit_file_size, refuse_io_uring};
use crate::program::{Ran, backends, example, run, run_example};
use crate::sample::Sample;

fn copy(backend: &str, source: &Path, destination: &Path) -> Ran {
    let mut command = example("copy-tree");
    run(command
        .args(["--backend", backend])
        .args([source, destination]))
}

/// What is at each path below `top`: its type and mode, and what it says.
fn tree(top: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![PathBuf::new()];
    while let Some(relative) = open.pop() {
        let path = top.join(&relative);
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_symlink() {
            fs::read_link(&path)
                .unwrap()
                .into_os_string()
                .into_encoded_bytes()
        } else if metadata.is_dir() {
            let entries = fs::read_dir(&path).unwrap();
            open.extend(entries.map(|entry| relative.join(entry.unwrap().file_name())));
            Vec::new()
        } else if metadata.is_file() {
            fs::read(&path).unwrap()
        } else {
            Vec::new()
        };
        found.insert(relative, (metadata.mode(), content));
    }
    found
}

#[track_caller]
fn assert_same_tree(copy: &Path, original: &Path) {
    let (copy, original) = (tree(copy), tree(original));
    let names = |tree: &BTreeMap<PathBuf, _>| tree.keys().cloned().collect::<Vec<PathBuf>>();
    assert_eq!(names(&copy), names(&original));
    for (path, (mode, content)) in &original {
        let (copied_mode, copied_content) = &copy[path];
        assert_eq!(format!("{copied_mode:o}"), format!("{mode:o}"), "{path:?}");
        assert!(copied_content == content, "{path:?}");
    }
}

/// A place for copies.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let destination = directory.path().join("copy");
    (directory, destination)
}

#[test]
fn the_copy_is_the_same_tree() {
    let sample = Sample::new();
    let read_only = sample.path().join("read-only");
    fs::create_dir_all(read_only.join("too")).unwrap();
    fs::write(read_only.join("too/file"), b"kept").unwrap();
    for directory in [read_only.join("too"), read_only.clone()] {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o555)).unwrap();
    }
    for backend in backends() {
        for tasks in ["1", "32"] {
            let (_place, destination) = place();
            let mut command = example("copy-tree");
            command.args(["--backend", backend, "--tasks", tasks]);
            let ran = run(command.args([sample.path(), &destination])).expect_code(0);
            assert_same_tree(&destination, sample.path());
            let counts = "716 files, 68 directories, 4 links, ";
            assert!(ran.text().starts_with(counts), "{}", ran.text());
            unlock(&destination.join("read-only"));
        }
    }
    unlock(&read_only);
}

/// Lets a read-only tree be removed by who is not root.
fn unlock(directory: &Path) {
    for path in [directory.to_owned(), directory.join("too")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn special_files_are_named_and_skipped() {
    let special = Sample::with_special_files();
    let plain = Sample::new();
    for backend in backends() {
        let (_place, destination) = place();
        let ran = copy(backend, special.path(), &destination).expect_code(1);
        assert_same_tree(&destination, plain.path());
        for name in ["fifo", "socket"] {
            let path = special.path().join(name);
            let line = format!("copy-tree: {path:?}: skipped, a FIFO, socket or device\n");
            assert!(ran.stderr.contains(&line), "{}", ran.stderr);
        }
        assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
    }
}

#[test]
fn an_existing_destination_is_refused_and_left_alone() {
    let sample = Sample::new();
    let (place, _) = place();
    let directory = place.path().join("directory");
    fs::create_dir(&directory).unwrap();
    let file = place.path().join("file");
    fs::write(&file, b"mine").unwrap();
    let link = place.path().join("link");
    symlink("nowhere", &link).unwrap();
    let before = tree(place.path());
    for destination in [
        &directory,
        &file,
        &link,
        &PathBuf::from("/"),
        &PathBuf::from(".."),
    ] {
        let ran = copy("auto", sample.path(), destination).expect_code(1);
        assert_eq!(ran.text(), "");
        assert!(
            ran.stderr.contains("File exists (os error 17)"),
            "{}",
            ran.stderr
        );
    }
    let ran = copy("auto", &directory, &directory).expect_code(1);
    assert!(
        ran.stderr.contains("File exists (os error 17)"),
        "{}",
        ran.stderr
    );
    assert!(tree(place.path()) == before);
}

#[test]
fn a_destination_inside_the_source_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let source = place.path().join("source");
    fs::create_dir_all(source.join("below/further")).unwrap();
    symlink("source/below", place.path().join("way in")).unwrap();
    let before = tree(place.path());
    for destination in ["source/copy", "source/below/further/copy", "way in/copy"] {
        let ran = copy("auto", &source, &place.path().join(destination)).expect_code(1);
        let reason = "copy\": lies inside what is to be copied\n";
        assert!(ran.stderr.ends_with(reason), "{}", ran.stderr);
    }
    let mut command = example("copy-tree");
    let ran = run(command.args([".", "copy"]).current_dir(&source)).expect_code(1);
    assert!(ran.stderr.contains("lies inside"), "{}", ran.stderr);
    assert!(tree(place.path()) == before);
    // Beside it, with a name that begins alike, is not inside.
    let beside = place.path().join("source copy");
    copy("auto", &source, &beside).expect_code(0);
    assert_same_tree(&beside, &source);
}

#[test]
fn what_can_not_be_begun_leaves_nothing() {
    let (place, destination) = place();
    let file = place.path().join("file");
    fs::write(&file, b"no tree").unwrap();
    let missing = place.path().join("missing");
    let cases: [(&Path, &Path, &str); 3] = [
        (&missing, &destination, "os error 2"),
        (&file, &destination, "not a directory"),
        (place.path(), Path::new("/nowhere/copy"), "os error 2"),
    ];
    for (source, destination, reason) in cases {
        let ran = copy("auto", source, destination).expect_code(1);
        assert!(ran.stderr.contains(reason), "{}", ran.stderr);
        assert!(!destination.exists());
    }
}

/// The place is full after so many bytes of a file.
const FILE_BYTES_MAX: u64 = 150_000;

#[test]
fn no_file_that_failed_keeps_a_name() {
    let sample = Sample::new();
    for backend in backends() {
        let (_place, destination) = place();
        let mut command = example("copy-tree");
        command.args(["--backend", backend]);
        command.args([sample.path(), &destination]);
        let ran = run(limit_file_size(&mut command, FILE_BYTES_MAX)).expect_code(1);
        let mut expected = tree(sample.path());
        expected.retain(|_, (_, content)| content.len() as u64 <= FILE_BYTES_MAX);
        let copied = tree(&destination);
        let names: Vec<&PathBuf> = copied.keys().collect();
        assert_eq!(names, expected.keys().collect::<Vec<_>>());
        assert!(copied == expected);
        assert!(
            ran.stderr.contains("File too large (os error 27)"),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn a_set_id_bit_is_not_given_to_another_owner() {
    let (place, destination) = place();
    let source = place.path().join("source");
    fs::create_dir(&source).unwrap();
    let program = source.join("program");
    fs::write(&program, b"#!").unwrap();
    let is_given_away = std::os::unix::fs::chown(&program, Some(1), Some(1)).is_ok();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o6755)).unwrap();
    copy("auto", &source, &destination).expect_code(0);
    let mode = fs::metadata(destination.join("program")).unwrap().mode() & 0o7777;
    // Who is not root can not make the case; then the bits stay.
    assert_eq!(mode, if is_given_away { 0o755 } else { 0o6755 });
}

#[test]
fn where_io_uring_is_refused_auto_copies_all_the_same() {
    let sample = Sample::new();
    let (_place, destination) = place();
    let mut command = example("copy-tree");
    command.args([sample.path(), &destination]);
    let ran = run(refuse_io_uring(&mut command, libc::EPERM)).expect_code(0);
    assert!(
        ran.stderr.contains("since io_uring cannot be used"),
        "{}",
        ran.stderr
    );
    assert_same_tree(&destination, sample.path());
    let (_place, destination) = place();
    let mut command = example("copy-tree");
    command
        .arg("--backend=event-loop")
        .args([sample.path(), &destination]);
    let ran = run(refuse_io_uring(&mut command, libc::EPERM)).expect_code(1);
    assert!(
        ran.stderr.starts_with("copy-tree: io_uring cannot be used"),
        "{}",
        ran.stderr
    );
    assert!(!destination.exists());
}

#[test]
fn wrong_arguments_are_refused() {
    let ran = run_example::<&str>("copy-tree", &[]).expect_code(2);
    assert!(ran.stderr.contains("Usage: copy-tree"), "{}", ran.stderr);
    for arguments in [
        &["one"][..],
        &["--backend", "all", "a", "b"],
        &["a", "b", "c"],
    ] {
        let ran = run_example("copy-tree", arguments).expect_code(2);
        assert!(ran.stderr.starts_with("error: "), "{}", ran.stderr);
    }
}
