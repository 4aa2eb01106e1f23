//! The same program of another revision, built in a work tree of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::directory;

/// Builds it; its path.
///
/// # Errors
/// There is no such revision, or it does not build.
pub(crate) fn build(revision: &str) -> io::Result<PathBuf> {
    let tree = directory().join("against");
    let text = tree
        .to_str()
        .ok_or_else(|| io::Error::other("the path is no text"))?;
    if tree.exists() {
        run(
            "git",
            &["-C", text, "checkout", "--quiet", "--detach", revision],
        )?;
    } else {
        std::fs::create_dir_all(directory())?;
        run(
            "git",
            &["worktree", "add", "--quiet", "--detach", text, revision],
        )?;
    }
    let manifest = tree.join("Cargo.toml");
    let target = tree.join("target");
    let flags = [
        Path::new("--manifest-path"),
        &manifest,
        Path::new("--target-dir"),
        &target,
    ];
    let mut cargo = Command::new("cargo");
    cargo.args([
        "build",
        "--release",
        "--locked",
        "-p",
        "benches",
        "--bin",
        "compare",
    ]);
    succeed(cargo.args(flags))?;
    Ok(target.join("release/compare"))
}

fn run(program: &str, arguments: &[&str]) -> io::Result<()> {
    succeed(Command::new(program).args(arguments))
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("{command:?}: {status}")))
    }
}
