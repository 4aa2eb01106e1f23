//! Making, listing and removing directories.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;

use io_core::fs::{self, Dir, DirectoryEntries};

use crate::fixture::{Fixture, Works, assert_errno};

fn names(fixture: &Fixture<'_>, path: &std::path::Path) -> BTreeSet<OsString> {
    let listing = fs::read_dir(fixture.io(), path).works();
    listing
        .map(|entry| entry.works().into_file_name())
        .collect()
}

pub(crate) fn a_directory_is_made_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("dir");
    fs::create_dir(io, &path).works();
    assert!(fs::metadata(io, &path).works().is_dir());
    assert_errno(fs::create_dir(io, &path), libc::EEXIST);
    fixture.make_file("file", "0123");
    assert_errno(fs::create_dir(io, fixture.path("file")), libc::EEXIST);
}

pub(crate) fn only_an_empty_directory_is_removed(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("dir");
    fs::create_dir(io, &path).works();
    fixture.make_file("dir/file", "0123");
    assert_errno(fs::remove_dir(io, &path), libc::ENOTEMPTY);
    fs::remove_file(io, fixture.path("dir/file")).works();
    fs::remove_dir(io, &path).works();
    assert_errno(fs::metadata(io, &path), libc::ENOENT);
    fixture.make_file("file", "0123");
    assert_errno(fs::remove_dir(io, fixture.path("file")), libc::ENOTDIR);
}

pub(crate) fn a_directory_is_not_removed_as_a_file(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("dir");
    fs::create_dir(io, &path).works();
    assert_errno(fs::remove_file(io, &path), libc::EISDIR);
    assert!(fs::metadata(io, &path).works().is_dir());
}

pub(crate) fn a_file_is_removed_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    fs::remove_file(io, &path).works();
    assert_errno(fs::remove_file(io, &path), libc::ENOENT);
}

pub(crate) fn an_empty_directory_lists_nothing(fixture: &Fixture<'_>) {
    let directory = Dir::open(fixture.io(), fixture.directory()).works();
    let mut entries = DirectoryEntries::new();
    assert_eq!(directory.read_entries(&mut entries).works(), 0);
    assert!(entries.is_empty());
    assert_eq!(directory.read_entries(&mut entries).works(), 0, "still");
}

pub(crate) fn every_entry_is_listed_once(fixture: &Fixture<'_>) {
    const FILES: usize = 400;
    for index in 0..FILES {
        fixture.make_file(&format!("{index:0>200}"), "");
    }
    let listing = fs::read_dir(fixture.io(), fixture.directory()).works();
    let mut seen = HashSet::new();
    for entry in listing {
        let entry = entry.works();
        let name = entry.into_file_name();
        assert!(name != "." && name != "..", "{name:?} is no entry");
        assert!(seen.insert(name.clone()), "{name:?} comes twice");
    }
    assert_eq!(seen.len(), FILES);
}

pub(crate) fn an_entry_has_its_inode(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    let mut listing = fs::read_dir(io, fixture.directory()).works();
    let entry = listing.next().expect("there is one").works();
    let metadata = fs::metadata(io, fixture.path("file")).works();
    assert_eq!(entry.inode(), metadata.inode);
}

pub(crate) fn a_listing_starts_again_when_rewound(fixture: &Fixture<'_>) {
    for name in ["a", "b", "c"] {
        fixture.make_file(name, "");
    }
    let directory = Dir::open(fixture.io(), fixture.directory()).works();
    assert_eq!(directory.entries().count(), 3);
    assert_eq!(directory.entries().count(), 0, "it is at its end");
    directory.rewind().works();
    assert_eq!(directory.entries().count(), 3);
    fixture.make_file("d", "");
    directory.rewind().works();
    assert_eq!(directory.entries().count(), 4, "it sees what was added");
}

pub(crate) fn duplicates_share_the_listing_position(fixture: &Fixture<'_>) {
    for name in ["a", "b", "c"] {
        fixture.make_file(name, "");
    }
    let directory = Dir::open(fixture.io(), fixture.directory()).works();
    let copy = directory.try_clone().works();
    assert_eq!(directory.entries().count(), 3);
    assert_eq!(copy.entries().count(), 0);
    copy.rewind().works();
    assert_eq!(directory.entries().count(), 3);
}

pub(crate) fn removing_while_listing_loses_no_other_entry(fixture: &Fixture<'_>) {
    const FILES: usize = 300;
    for index in 0..FILES {
        fixture.make_file(&format!("{index:0>200}"), "");
    }
    let io = fixture.io();
    let mut seen = 0;
    let mut listing = fs::read_dir(io, fixture.directory()).works();
    while let Some(entry) = listing.next_entry() {
        let name = entry.works().file_name().to_owned();
        seen += 1;
        fs::remove_file(io, fixture.path(name)).works();
    }
    assert_eq!(seen, FILES);
    assert_eq!(names(fixture, fixture.directory()).len(), 0);
}

/// libc hides what the kernel says here; every executor does.
pub(crate) fn a_removed_directory_lists_nothing(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fs::create_dir(io, fixture.path("dir")).works();
    let directory = Dir::open(io, fixture.path("dir")).works();
    fs::remove_dir(io, fixture.path("dir")).works();
    let mut entries = DirectoryEntries::new();
    assert_eq!(directory.read_entries(&mut entries).works(), 0);
    assert_errno(directory.create_dir("new"), libc::ENOENT);
}

pub(crate) fn opening_a_file_as_a_directory_gives_enotdir(fixture: &Fixture<'_>) {
    let path = fixture.make_file("file", "0123");
    assert_errno(Dir::open(fixture.io(), path), libc::ENOTDIR);
}

pub(crate) fn a_link_is_followed_to_its_directory_or_refused(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fs::create_dir(io, fixture.path("dir")).works();
    fs::symlink(io, "dir", fixture.path("link")).works();
    let directory = Dir::open(io, fixture.directory()).works();
    directory.open_dir("link").works();
    let refused = directory.open_dir_no_follow("link");
    let code = refused.map(drop).map_err(|error| error.raw_os_error());
    let is_refused = [Err(Some(libc::ENOTDIR)), Err(Some(libc::ELOOP))].contains(&code);
    assert!(is_refused, "{code:?}");
}

pub(crate) fn a_whole_path_is_made_and_removed(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fs::create_dir_all(io, fixture.path("a/b/c")).works();
    fs::create_dir_all(io, fixture.path("a/b/c")).works();
    fixture.make_file("a/b/file", "0123");
    fixture.make_file("a/b/c/file", "0123");
    fixture.make_file("outside", "0123");
    fs::symlink(io, fixture.path("outside"), fixture.path("a/link")).works();
    fs::remove_dir_all(io, fixture.path("a")).works();
    assert_errno(fs::metadata(io, fixture.path("a")), libc::ENOENT);
    assert_eq!(fixture.content(fixture.path("outside")), b"0123");
    assert_errno(
        fs::create_dir_all(io, fixture.path("outside/x")),
        libc::ENOTDIR,
    );
    assert_errno(fs::remove_dir_all(io, fixture.path("a")), libc::ENOENT);
}

pub(crate) fn tasks_that_make_the_same_path_all_succeed(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for round in 0..10 {
        let path = fixture.path(format!("{round}/a/b/c/d"));
        io.scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| fs::create_dir_all(io, &path).works());
            }
        });
        assert!(fs::metadata(io, &path).works().is_dir());
    }
}
