//! Our executors of another revision, under the benches of this one: built in a
//! work tree of its own, so that both sides are asked the same questions.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::directory;

/// This package, which the other revision gets.
const BENCHES: &str = env!("CARGO_MANIFEST_DIR");

/// Builds it; its path.
///
/// # Errors
/// There is no such revision, or its executors have another interface.
pub(crate) fn build(revision: &str) -> io::Result<PathBuf> {
    let tree = directory().join("against");
    let text = tree
        .to_str()
        .ok_or_else(|| io::Error::other("the path is no text"))?;
    // In the other tree `HEAD` would be that tree's.
    let commit = git(
        BENCHES,
        &["rev-parse", "--verify", &format!("{revision}^{{commit}}")],
    )?;
    let commit = commit.trim();
    if tree.exists() {
        git(
            text,
            &["checkout", "--quiet", "--force", "--detach", commit],
        )?;
    } else {
        fs::create_dir_all(directory())?;
        // A tree that somebody deleted is still known.
        git(BENCHES, &["worktree", "prune"])?;
        git(
            BENCHES,
            &["worktree", "add", "--quiet", "--detach", text, commit],
        )?;
    }
    let package = tree.join("benches");
    fs::remove_dir_all(&package)?;
    copy(Path::new(BENCHES), &package)?;
    let target = tree.join("target");
    // Not locked: what the benches of this revision need may be new to the other.
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--release",
        "--package",
        "benches",
        "--bin",
        "compare",
    ]);
    cargo.arg("--manifest-path").arg(tree.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(&target);
    let status = cargo.status()?;
    if !status.success() {
        return Err(io::Error::other(format!("{cargo:?}: {status}")));
    }
    Ok(target.join("release/compare"))
}

/// What git answers in a work tree.
fn git(tree: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new("git")
        .args(["-C", tree])
        .args(arguments)
        .output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let complaint = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("git {arguments:?}: {complaint}")))
    }
}

/// A directory with all that is below it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(from, to)?;
        }
    }
    Ok(())
}

#[test]
fn another_revision_is_found_and_its_benches_replaced() {
    let revision = git(BENCHES, &["rev-parse", "--verify", "HEAD^{commit}"]);
    assert_eq!(revision.expect("it is a checkout").trim().len(), 40);
    let missing = git(
        BENCHES,
        &["rev-parse", "--verify", "no-such-revision^{commit}"],
    );
    let complaint = missing.expect_err("there is none").to_string();
    assert!(complaint.contains("no-such-revision"), "{complaint}");

    let place = tempfile::tempdir().expect("there is room");
    let copied = place.path().join("benches");
    copy(Path::new(BENCHES), &copied).expect("there is room");
    let here = fs::read(Path::new(BENCHES).join("src/bin/compare/main.rs"));
    let there = fs::read(copied.join("src/bin/compare/main.rs"));
    assert_eq!(here.expect("it is there"), there.expect("it was copied"));
}
