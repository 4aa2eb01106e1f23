//! What opening and creating promise: options, modes, and which errors.

use std::io::{Read, Write};

use io_core::fs::{self, File, OpenOptions};
use io_core::{At, Operation};

use crate::fixture::{Fixture, Works, assert_errno};
use crate::system;

fn options(set: impl FnOnce(&mut OpenOptions)) -> OpenOptions {
    let mut options = OpenOptions::new();
    set(&mut options);
    options
}

pub(crate) fn opening_what_is_missing_gives_enoent(fixture: &Fixture<'_>) {
    let io = fixture.io();
    assert_errno(File::open(io, fixture.path("missing")), libc::ENOENT);
    assert_errno(File::open(io, fixture.path("missing/file")), libc::ENOENT);
    assert_errno(File::create(io, fixture.path("missing/file")), libc::ENOENT);
    let write = options(|options| {
        options.write(true);
    });
    assert_errno(write.open(io, fixture.path("missing")), libc::ENOENT);
}

pub(crate) fn opening_below_a_file_gives_enotdir(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "text");
    assert_errno(File::open(io, fixture.path("file/below")), libc::ENOTDIR);
    assert_errno(File::create(io, fixture.path("file/below")), libc::ENOTDIR);
    assert_errno(fs::read_dir(io, fixture.path("file")), libc::ENOTDIR);
}

pub(crate) fn opening_a_directory_for_writing_gives_eisdir(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fs::create_dir(io, fixture.path("dir")).works();
    assert_errno(File::create(io, fixture.path("dir")), libc::EISDIR);
    let write = options(|options| {
        options.write(true);
    });
    assert_errno(write.open(io, fixture.path("dir")), libc::EISDIR);
}

pub(crate) fn create_makes_a_file_or_empties_it(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("file");
    let mut file = File::create(io, &path).works();
    file.write_all(b"first").works();
    assert_eq!(fixture.content(&path), b"first");
    let file = File::create(io, &path).works();
    assert_eq!(file.metadata().works().len(), 0);
    assert_eq!(fixture.content(&path), b"");
}

pub(crate) fn create_without_truncate_keeps_the_content(fixture: &Fixture<'_>) {
    let path = fixture.make_file("file", "0123");
    let create = options(|options| {
        options.read(true).write(true).create(true);
    });
    let mut file = create.open(fixture.io(), &path).works();
    let mut text = String::new();
    file.read_to_string(&mut text).works();
    assert_eq!(text, "0123");
    create.open(fixture.io(), fixture.path("new")).works();
    assert_eq!(fixture.content(fixture.path("new")), b"");
}

pub(crate) fn create_new_refuses_what_exists(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    assert_errno(File::create_new(io, &path), libc::EEXIST);
    assert_eq!(fixture.content(&path), b"0123", "untouched");
    fs::symlink(io, "nowhere", fixture.path("link")).works();
    assert_errno(File::create_new(io, fixture.path("link")), libc::EEXIST);
    fs::create_dir(io, fixture.path("dir")).works();
    assert_errno(File::create_new(io, fixture.path("dir")), libc::EEXIST);
    File::create_new(io, fixture.path("new")).works();
}

/// `O_EXCL` is atomic: of several who try at once one succeeds.
pub(crate) fn create_new_succeeds_once(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for round in 0..20 {
        let path = fixture.path(format!("file-{round}"));
        let made = io.scope(|scope| {
            let attempt = || File::create_new(io, &path).is_ok();
            let tasks: Vec<_> = (0..8).map(|_| scope.spawn(attempt)).collect();
            let made = tasks.into_iter().map(|task| task.join());
            made.filter(|made| *made).count()
        });
        assert_eq!(made, 1);
    }
}

pub(crate) fn truncate_empties_on_opening_only(fixture: &Fixture<'_>) {
    let path = fixture.make_file("file", "0123");
    let truncate = options(|options| {
        options.write(true).truncate(true);
    });
    let mut file = truncate.open(fixture.io(), &path).works();
    file.write_all(b"ab").works();
    file.write_all(b"cd").works();
    assert_eq!(fixture.content(&path), b"abcd");
}

pub(crate) fn the_mode_is_that_asked_less_the_umask(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let before = system::set_umask(0o027);
    for (name, mode, expected) in [
        ("a", 0o666, 0o640),
        ("b", 0o777, 0o750),
        ("c", 0o600, 0o600),
    ] {
        let create = options(|options| {
            options.write(true).create_new(true).mode(mode);
        });
        let file = create.open(io, fixture.path(name)).works();
        let bits = file.metadata().works().permission_bits();
        assert_eq!(bits, expected, "{bits:o} instead of {expected:o}");
    }
    fs::create_dir(io, fixture.path("dir")).works();
    let bits = fs::metadata(io, fixture.path("dir"))
        .works()
        .permission_bits();
    assert_eq!(bits, 0o750, "{bits:o} for a directory");
    system::set_umask(before);
}

pub(crate) fn options_that_contradict_each_other_are_invalid(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    let cases: [(&str, OpenOptions); 5] = [
        ("no access", options(|_| {})),
        (
            "truncate without write",
            options(|options| {
                options.read(true).truncate(true);
            }),
        ),
        (
            "create without write",
            options(|options| {
                options.read(true).create(true);
            }),
        ),
        (
            "create_new without write",
            options(|options| {
                options.read(true).create_new(true);
            }),
        ),
        (
            "truncate and append",
            options(|options| {
                options.append(true).truncate(true);
            }),
        ),
    ];
    for (what, case) in cases {
        let code = case
            .open(io, &path)
            .map(drop)
            .map_err(|error| error.raw_os_error());
        assert_eq!(code, Err(Some(libc::EINVAL)), "{what}");
    }
    assert_eq!(fixture.content(&path), b"0123", "untouched");
}

pub(crate) fn custom_flags_reach_the_system(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::symlink(io, "file", fixture.path("link")).works();
    let no_follow = options(|options| {
        options.read(true).custom_flags(libc::O_NOFOLLOW);
    });
    assert_errno(no_follow.open(io, fixture.path("link")), libc::ELOOP);
    no_follow.open(io, fixture.path("file")).works();
    let directory = options(|options| {
        options.read(true).directory(true);
    });
    assert_errno(directory.open(io, fixture.path("file")), libc::ENOTDIR);
}

/// What access the flags ask for is ignored: the options say it.
pub(crate) fn custom_flags_do_not_change_the_access(fixture: &Fixture<'_>) {
    let path = fixture.make_file("file", "0123");
    let read = options(|options| {
        options
            .read(true)
            .custom_flags(libc::O_WRONLY | libc::O_RDWR);
    });
    let file = read.open(fixture.io(), path).works();
    assert_errno(file.write_at(b"x", 0), libc::EBADF);
    file.read_exact_at(&mut [0; 4], 0).works();
}

pub(crate) fn what_may_not_be_read_gives_eacces(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::create_dir(io, fixture.path("dir")).works();
    fixture.make_file("dir/below", "0123");
    fs::set_permissions(io, fixture.path("file"), 0).works();
    fs::set_permissions(io, fixture.path("dir"), 0).works();
    fs::set_permissions(io, fixture.directory(), 0o755).works();
    system::become_nobody();
    assert_errno(File::open(io, fixture.path("file")), libc::EACCES);
    assert_errno(File::create(io, fixture.path("file")), libc::EACCES);
    assert_errno(File::open(io, fixture.path("dir/below")), libc::EACCES);
    assert_errno(fs::metadata(io, fixture.path("dir/below")), libc::EACCES);
    assert_errno(fs::exists(io, fixture.path("dir/below")), libc::EACCES);
    assert_errno(fs::read_dir(io, fixture.path("dir")), libc::EACCES);
}

pub(crate) fn what_may_not_be_changed_gives_the_systems_error(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::create_dir(io, fixture.path("dir")).works();
    fs::set_permissions(io, fixture.path("file"), 0o444).works();
    fs::set_permissions(io, fixture.path("dir"), 0o555).works();
    fs::set_permissions(io, fixture.directory(), 0o755).works();
    system::become_nobody();
    let owner = std::fs::metadata(fixture.path("file")).expect("it is there");
    let is_owner = std::os::unix::fs::MetadataExt::uid(&owner) != 0;
    let expected = if is_owner { 0 } else { libc::EPERM };
    if expected != 0 {
        assert_errno(
            fs::set_permissions(io, fixture.path("file"), 0o600),
            expected,
        );
        assert_errno(fs::remove_file(io, fixture.path("file")), libc::EACCES);
        assert_errno(fs::create_dir(io, fixture.path("new")), libc::EACCES);
    }
    assert_errno(File::create(io, fixture.path("dir/new")), libc::EACCES);
    assert_errno(fs::symlink(io, "x", fixture.path("dir/new")), libc::EACCES);
}

pub(crate) fn both_ways_of_opening_create(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("file");
    let create = options(|options| {
        options.write(true).create(true);
    });
    let mut operation = Operation::Create {
        at: At::working_directory(&path),
        options: create,
    };
    let handle = io.perform(&mut operation).works().expect_handle();
    io.close(handle).works();
    let read = options(|options| {
        options.read(true);
    });
    let mut operation = Operation::Open {
        at: At::working_directory(&path),
        options: read,
    };
    let handle = io.perform(&mut operation).works().expect_handle();
    io.close(handle).works();
}
