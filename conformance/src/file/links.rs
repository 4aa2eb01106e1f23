//! Renaming, symbolic and hard links.

use std::ffi::OsStr;
use std::path::Path;

use io_core::fs;

use crate::fixture::{Fixture, Works, assert_errno};

pub(crate) fn a_rename_replaces_what_is_there(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("from", "new");
    fixture.make_file("to", "old");
    fs::rename(io, fixture.path("from"), fixture.path("to")).works();
    assert_eq!(fixture.content(fixture.path("to")), b"new");
    assert_errno(fs::metadata(io, fixture.path("from")), libc::ENOENT);
}

/// Whoever opens the name while it is replaced finds the old or the new file,
/// never nothing and never a part.
pub(crate) fn a_rename_is_atomic(fixture: &Fixture<'_>) {
    const ROUNDS: usize = 200;
    let io = fixture.io();
    let target = fixture.make_file("file", "a".repeat(100));
    let replace = || {
        for round in 0..ROUNDS {
            let letter = if round % 2 == 0 { "b" } else { "a" };
            let path = fixture.path(format!("new-{round}"));
            fs::write(io, &path, letter.repeat(100)).works();
            fs::rename(io, &path, &target).works();
        }
    };
    let read = || {
        for _ in 0..ROUNDS {
            let content = fs::read(io, &target).works();
            assert_eq!(content.len(), 100);
            assert!(content.iter().all(|byte| *byte == content[0]));
        }
    };
    fixture.beside(replace, read);
}

pub(crate) fn a_rename_refuses_what_does_not_fit(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::create_dir_all(io, fixture.path("dir/below")).works();
    fs::create_dir(io, fixture.path("empty")).works();
    let rename = |from: &str, to: &str| fs::rename(io, fixture.path(from), fixture.path(to));
    assert_errno(rename("file", "dir"), libc::EISDIR);
    assert_errno(rename("dir", "file"), libc::ENOTDIR);
    assert_errno(rename("empty", "dir"), libc::ENOTEMPTY);
    assert_errno(rename("dir", "dir/below/dir"), libc::EINVAL);
    assert_errno(rename("missing", "file"), libc::ENOENT);
    assert_eq!(fixture.content(fixture.path("file")), b"0123", "untouched");
    rename("dir", "empty").works();
    assert!(
        fs::metadata(io, fixture.path("empty/below"))
            .works()
            .is_dir()
    );
}

pub(crate) fn a_rename_onto_itself_does_nothing(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    fs::rename(io, &path, &path).works();
    fs::hard_link(io, &path, fixture.path("second")).works();
    fs::rename(io, &path, fixture.path("second")).works();
    assert_eq!(fixture.content(&path), b"0123", "both names stay");
    assert_eq!(fixture.content(fixture.path("second")), b"0123");
}

pub(crate) fn a_rename_moves_a_link_itself(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::symlink(io, "file", fixture.path("link")).works();
    fs::rename(io, fixture.path("link"), fixture.path("moved")).works();
    assert_eq!(
        fs::read_link(io, fixture.path("moved")).works(),
        Path::new("file")
    );
    assert_eq!(fixture.content(fixture.path("file")), b"0123");
}

pub(crate) fn a_symbolic_link_says_what_it_was_told(fixture: &Fixture<'_>) {
    let io = fixture.io();
    // Longer than any first guess at its length.
    let long = "d/".repeat(2000);
    for (index, target) in ["file", "/nowhere/at all", ".", &long].iter().enumerate() {
        let link = fixture.path(format!("link-{index}"));
        fs::symlink(io, target, &link).works();
        assert_eq!(
            fs::read_link(io, &link).works().as_os_str(),
            OsStr::new(target)
        );
    }
    assert_errno(fs::symlink(io, "x", fixture.path("link-0")), libc::EEXIST);
    assert_errno(fs::symlink(io, "", fixture.path("new")), libc::ENOENT);
}

/// The lengths at which a buffer that grows could be mistaken for full.
pub(crate) fn a_link_of_any_length_is_read_whole(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for length in [1, 255, 256, 257, 511, 512, 513, 1024, 2048, 4095] {
        let target = "t".repeat(length);
        let link = fixture.path(format!("link-{length}"));
        fs::symlink(io, &target, &link).works();
        let said = fs::read_link(io, &link).works();
        assert_eq!(said.as_os_str().len(), length);
        assert_eq!(said.as_os_str(), OsStr::new(&target));
    }
}

pub(crate) fn only_a_link_is_read_as_a_link(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    assert_errno(fs::read_link(io, fixture.path("file")), libc::EINVAL);
    assert_errno(fs::read_link(io, fixture.directory()), libc::EINVAL);
    assert_errno(fs::read_link(io, fixture.path("missing")), libc::ENOENT);
}

pub(crate) fn removing_a_link_leaves_its_target(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::symlink(io, "file", fixture.path("link")).works();
    fs::remove_file(io, fixture.path("link")).works();
    assert_eq!(fixture.content(fixture.path("file")), b"0123");
    fs::create_dir(io, fixture.path("dir")).works();
    fs::symlink(io, "dir", fixture.path("link")).works();
    fs::remove_file(io, fixture.path("link")).works();
    assert!(fs::metadata(io, fixture.path("dir")).works().is_dir());
}

pub(crate) fn a_hard_link_is_a_second_name(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    let second = fixture.path("second");
    fs::hard_link(io, &path, &second).works();
    let (a, b) = (
        fs::metadata(io, &path).works(),
        fs::metadata(io, &second).works(),
    );
    assert_eq!((a.inode, a.link_count), (b.inode, 2));
    fs::write(io, &second, "changed").works();
    assert_eq!(fixture.content(&path), b"changed");
    fs::remove_file(io, &path).works();
    assert_eq!(fixture.content(&second), b"changed");
}

pub(crate) fn a_hard_link_does_not_follow_a_link(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::symlink(io, "file", fixture.path("link")).works();
    fs::hard_link(io, fixture.path("link"), fixture.path("second")).works();
    let second = fs::symlink_metadata(io, fixture.path("second")).works();
    assert!(second.is_symlink());
    assert_eq!(second.link_count, 2);
}

pub(crate) fn a_hard_link_refuses_what_does_not_fit(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    fixture.make_file("other", "4567");
    assert_errno(
        fs::hard_link(io, &path, fixture.path("other")),
        libc::EEXIST,
    );
    let new = fixture.path("new");
    assert_errno(fs::hard_link(io, fixture.directory(), &new), libc::EPERM);
    assert_errno(
        fs::hard_link(io, fixture.path("missing"), &new),
        libc::ENOENT,
    );
    assert_errno(fs::hard_link(io, &path, fixture.path("a/b")), libc::ENOENT);
}

pub(crate) fn names_do_not_cross_file_systems(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    let elsewhere = Path::new("/proc/conformance");
    let codes = [Some(libc::EXDEV), Some(libc::ENOENT), Some(libc::EACCES)];
    let rename = fs::rename(io, &path, elsewhere).expect_err("another file system");
    assert!(codes.contains(&rename.raw_os_error()), "{rename:?}");
    let link = fs::hard_link(io, &path, elsewhere).expect_err("another file system");
    assert!(codes.contains(&link.raw_os_error()), "{link:?}");
    assert_eq!(fixture.content(path), b"0123");
}
