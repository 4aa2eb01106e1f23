//! Paths that are missing, too long, no text, cyclic, or hold a NUL.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use io_core::fs::{self, Dir, File};

use crate::fixture::{Fixture, Works, assert_errno};

/// Every operation on a path, with its answer for `path`.
fn on_every_operation(fixture: &Fixture<'_>, path: &Path, check: impl Fn(&str, io::Result<()>)) {
    let io = fixture.io();
    let other = fixture.path("other");
    check("open", File::open(io, path).map(drop));
    check("create", File::create(io, path).map(drop));
    check("create_new", File::create_new(io, path).map(drop));
    check("open_dir", Dir::open(io, path).map(drop));
    check("metadata", fs::metadata(io, path).map(drop));
    check("symlink_metadata", fs::symlink_metadata(io, path).map(drop));
    check("set_permissions", fs::set_permissions(io, path, 0o600));
    check("create_dir", fs::create_dir(io, path));
    check("remove_dir", fs::remove_dir(io, path));
    check("remove_file", fs::remove_file(io, path));
    check("rename from", fs::rename(io, path, &other));
    check("symlink", fs::symlink(io, "x", path));
    check("read_link", fs::read_link(io, path).map(drop));
    check("hard_link from", fs::hard_link(io, path, &other));
    check("read_dir", fs::read_dir(io, path).map(drop));
    let file = fixture.make_file("source", "0123");
    check("rename to", fs::rename(io, &file, path));
    check("hard_link to", fs::hard_link(io, &file, path));
}

fn expect_errno(fixture: &Fixture<'_>, path: &Path, code: i32) {
    on_every_operation(fixture, path, |name, result| {
        let answer = result.map_err(|error| error.raw_os_error());
        assert_eq!(answer, Err(Some(code)), "{name} of {path:?}");
    });
}

pub(crate) fn an_empty_path_is_enoent(fixture: &Fixture<'_>) {
    expect_errno(fixture, Path::new(""), libc::ENOENT);
}

pub(crate) fn a_missing_directory_is_enoent(fixture: &Fixture<'_>) {
    expect_errno(fixture, &fixture.path("missing/name"), libc::ENOENT);
}

pub(crate) fn a_file_on_the_way_is_enotdir(fixture: &Fixture<'_>) {
    fixture.make_file("file", "0123");
    expect_errno(fixture, &fixture.path("file/name"), libc::ENOTDIR);
}

pub(crate) fn a_name_that_is_too_long_is_enametoolong(fixture: &Fixture<'_>) {
    expect_errno(fixture, &fixture.path("n".repeat(256)), libc::ENAMETOOLONG);
}

pub(crate) fn a_path_that_is_too_long_is_enametoolong(fixture: &Fixture<'_>) {
    let long = fixture.path("d/".repeat(3000));
    expect_errno(fixture, &long, libc::ENAMETOOLONG);
}

pub(crate) fn a_cycle_of_links_is_eloop(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fs::symlink(io, "second", fixture.path("first")).works();
    fs::symlink(io, "first", fixture.path("second")).works();
    expect_errno(fixture, &fixture.path("first/name"), libc::ELOOP);
    assert_errno(File::open(io, fixture.path("first")), libc::ELOOP);
    assert_errno(fs::metadata(io, fixture.path("first")), libc::ELOOP);
}

pub(crate) fn a_path_with_a_nul_is_einval(fixture: &Fixture<'_>) {
    let path = fixture.path(OsStr::from_bytes(b"be\0fore"));
    expect_errno(fixture, &path, libc::EINVAL);
    let long = PathBuf::from(format!("{}\0", "d/".repeat(1000)));
    expect_errno(fixture, &long, libc::EINVAL);
    assert!(
        !fixture.path("be").exists(),
        "nothing was made of its beginning"
    );
}

pub(crate) fn a_link_that_says_a_nul_is_einval(fixture: &Fixture<'_>) {
    let target = Path::new(OsStr::from_bytes(b"be\0fore"));
    assert_errno(
        fs::symlink(fixture.io(), target, fixture.path("link")),
        libc::EINVAL,
    );
}

pub(crate) fn names_need_not_be_text(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let name = OsStr::from_bytes(b"\xff\xfe new\nline \x80");
    let path = fixture.path(name);
    fs::write(io, &path, "0123").works();
    assert_eq!(fs::read(io, &path).works(), b"0123");
    let mut listing = fs::read_dir(io, fixture.directory()).works();
    let entry = listing.next().expect("there is one").works();
    assert_eq!(entry.file_name(), name);
    fs::symlink(io, name, fixture.path("link")).works();
    let target = fs::read_link(io, fixture.path("link")).works();
    assert_eq!(target.as_os_str(), name);
    fs::remove_file(io, &path).works();
}

pub(crate) fn the_longest_name_works(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("n".repeat(255));
    fs::write(io, &path, "0123").works();
    assert_eq!(fs::metadata(io, &path).works().len(), 4);
    // Longer than what is copied to a stack as a rule.
    let deep = fixture.path(format!("{}file", "./".repeat(1500)));
    fs::write(io, &deep, "deep").works();
    assert_eq!(fixture.content(fixture.path("file")), b"deep");
}

pub(crate) fn a_relative_path_starts_at_the_working_directory(fixture: &Fixture<'_>) {
    let io = fixture.io();
    std::env::set_current_dir(fixture.directory()).expect("it is there");
    fs::write(io, "file", "0123").works();
    assert_eq!(fixture.content(fixture.path("file")), b"0123");
    fs::create_dir_all(io, "a/b").works();
    assert!(fs::metadata(io, fixture.path("a/b")).works().is_dir());
    assert_eq!(fs::read_dir(io, ".").works().count(), 2);
    std::env::set_current_dir("/").expect("it is there");
}

pub(crate) fn a_path_starts_at_its_directory_wherever_that_moves(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fs::create_dir(io, fixture.path("before")).works();
    fixture.make_file("before/file", "0123");
    let directory = Dir::open(io, fixture.path("before")).works();
    fs::rename(io, fixture.path("before"), fixture.path("after")).works();
    assert_eq!(directory.metadata("file").works().len(), 4);
    directory.create_dir("sub").works();
    directory.rename("file", &directory, "sub/file").works();
    directory.symlink("sub/file", "link").works();
    assert_eq!(directory.read_link("link").works(), Path::new("sub/file"));
    let sub = directory.open_dir("sub").works();
    sub.hard_link("file", &directory, "second").works();
    assert_eq!(fixture.content(fixture.path("after/second")), b"0123");
    directory.remove_file("second").works();
    directory.set_permissions("sub/file", 0o600).works();
    sub.remove_file("file").works();
    directory.remove_dir("sub").works();
    assert!(directory.symlink_metadata("link").works().is_symlink());
    assert_errno(directory.metadata("link"), libc::ENOENT);
}
