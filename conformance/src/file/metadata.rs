//! What the metadata of a file says, and setting permissions.

use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use io_core::fs::{self, Dir, FileTime, FileType, Metadata};
use io_core::{At, Links, Operation, Target};

use crate::fixture::{Fixture, Works, assert_errno};
use crate::system;

pub(crate) fn it_is_what_the_system_says(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", [b'x'; 10_000]);
    let ours = fs::metadata(io, &path).works();
    let theirs = std::fs::metadata(&path).expect("it is there");
    assert_eq!(ours.mode, theirs.mode());
    assert_eq!(ours.size_bytes, theirs.size());
    assert_eq!((ours.device, ours.inode), (theirs.dev(), theirs.ino()));
    assert_eq!(ours.link_count, theirs.nlink());
    assert_eq!((ours.user_id, ours.group_id), (theirs.uid(), theirs.gid()));
    assert_eq!(u64::from(ours.block_bytes), theirs.blksize());
    assert_eq!(ours.blocks_512, theirs.blocks());
    let time = |time: FileTime| (time.seconds, i64::from(time.nanos));
    assert_eq!(time(ours.modified), (theirs.mtime(), theirs.mtime_nsec()));
    assert_eq!(time(ours.changed), (theirs.ctime(), theirs.ctime_nsec()));
    assert_eq!(time(ours.accessed), (theirs.atime(), theirs.atime_nsec()));
    let device = fs::metadata(io, "/dev/null").works();
    assert_eq!(device.file_type(), FileType::CharacterDevice);
    let theirs = std::fs::metadata("/dev/null").expect("it is there");
    assert_eq!(device.special_device, theirs.rdev());
}

pub(crate) fn a_handle_and_its_path_say_the_same(fixture: &Fixture<'_>) {
    let file = fixture.open("file", "0123");
    let of_path = fs::metadata(fixture.io(), fixture.path("file")).works();
    assert_eq!(file.metadata().works(), of_path);
    let directory = Dir::open(fixture.io(), fixture.directory()).works();
    let of_path = fs::metadata(fixture.io(), fixture.directory()).works();
    assert_eq!(directory.own_metadata().works(), of_path);
    assert!(of_path.is_dir());
}

pub(crate) fn every_type_is_told(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::create_dir(io, fixture.path("dir")).works();
    fs::symlink(io, "file", fixture.path("link")).works();
    system::make_fifo(&fixture.path("fifo"));
    let socket = std::os::unix::net::UnixListener::bind(fixture.path("socket"));
    let socket = socket.expect("a socket can be bound");
    let types = [
        ("file", FileType::Regular),
        ("dir", FileType::Directory),
        ("link", FileType::SymbolicLink),
        ("fifo", FileType::Fifo),
        ("socket", FileType::Socket),
    ];
    for (name, expected) in types {
        let metadata = fs::symlink_metadata(io, fixture.path(name)).works();
        assert_eq!(metadata.file_type(), expected, "{name}");
    }
    let listed = fs::read_dir(io, fixture.directory()).works();
    for entry in listed {
        let entry = entry.works();
        let known = types.iter().find(|(name, _)| entry.file_name() == *name);
        let (name, expected) = known.expect("no other entry was made");
        let told = entry.file_type();
        assert!(told == *expected || told.is_unknown(), "{name}: {told:?}");
    }
    drop(socket);
}

pub(crate) fn a_link_is_followed_or_not(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    fs::symlink(io, "file", fixture.path("link")).works();
    let followed = fs::metadata(io, fixture.path("link")).works();
    assert!(followed.is_file());
    assert_eq!(followed.len(), 4);
    let itself = fs::symlink_metadata(io, fixture.path("link")).works();
    assert!(itself.is_symlink());
    assert_ne!(itself.inode, followed.inode);
    fs::symlink(io, "nowhere", fixture.path("broken")).works();
    assert_errno(fs::metadata(io, fixture.path("broken")), libc::ENOENT);
    assert!(fs::symlink_metadata(io, fixture.path("broken")).is_ok());
}

pub(crate) fn the_size_follows_every_change(fixture: &Fixture<'_>) {
    let file = fixture.create("file");
    let path = fixture.path("file");
    for (bytes, expected) in [(10_u64, 10), (4, 14), (100, 114)] {
        let end = file.metadata().works().len();
        file.write_all_at(
            &vec![b'x'; usize::try_from(bytes).expect("it is small")],
            end,
        )
        .works();
        assert_eq!(file.metadata().works().len(), expected);
        assert_eq!(fs::metadata(fixture.io(), &path).works().len(), expected);
    }
}

pub(crate) fn an_error_leaves_the_result_alone(fixture: &Fixture<'_>) {
    let path = fixture.path("missing");
    let mut metadata = Metadata {
        size_bytes: 77,
        ..Metadata::default()
    };
    let mut operation = Operation::Metadata {
        target: Target::Path(At::working_directory(&path), Links::Follow),
        out: &mut metadata,
    };
    assert_errno(fixture.io().perform(&mut operation), libc::ENOENT);
    assert_eq!(metadata.size_bytes, 77);
    let file = fixture.make_file("file", "0123");
    let mut target = "kept".into();
    let mut operation = Operation::ReadLink {
        at: At::working_directory(&file),
        out: &mut target,
    };
    assert_errno(fixture.io().perform(&mut operation), libc::EINVAL);
    assert_eq!(target.as_os_str(), "kept");
}

pub(crate) fn times_are_those_of_the_changes(fixture: &Fixture<'_>) {
    // A file system keeps times in steps of up to some milliseconds.
    const STEP: Duration = Duration::from_secs(2);
    let seconds = |time: SystemTime| {
        let since = time.duration_since(UNIX_EPOCH);
        i64::try_from(since.expect("it is after 1970").as_secs()).expect("it is not that late")
    };
    let before = seconds(SystemTime::now() - STEP);
    let file = fixture.create("file");
    file.write_all_at(b"0123", 0).works();
    let after = seconds(SystemTime::now() + STEP);
    let metadata = file.metadata().works();
    for time in [metadata.modified, metadata.changed, metadata.accessed] {
        assert!((before..=after).contains(&time.seconds), "{time:?}");
        assert!(time.nanos < 1_000_000_000, "{time:?}");
    }
    if let Some(created) = metadata.created {
        assert!((before..=after).contains(&created.seconds), "{created:?}");
    }
}

pub(crate) fn permissions_are_set_on_paths_and_handles(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let file = fixture.create("file");
    let path = fixture.path("file");
    for mode in [0o600, 0o4755, 0o000, 0o1777] {
        file.set_permissions(mode).works();
        let bits = fs::metadata(io, &path).works().permission_bits();
        assert_eq!(bits, mode, "{bits:o} instead of {mode:o} by the handle");
        file.set_permissions(0o644).works();
        fs::set_permissions(io, &path, mode).works();
        let bits = file.metadata().works().permission_bits();
        assert_eq!(bits, mode, "{bits:o} instead of {mode:o} by the path");
    }
    assert!(file.metadata().works().is_file(), "the type stays");
}

pub(crate) fn permissions_go_through_a_link(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    fs::symlink(io, "file", fixture.path("link")).works();
    fs::set_permissions(io, fixture.path("link"), 0o640).works();
    assert_eq!(fs::metadata(io, path).works().permission_bits(), 0o640);
    fs::symlink(io, "nowhere", fixture.path("broken")).works();
    let broken = fixture.path("broken");
    assert_errno(fs::set_permissions(io, broken, 0o600), libc::ENOENT);
}
