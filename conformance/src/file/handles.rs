//! What handles promise: duplicates, closing, numbers that are used again, what
//! becomes of descriptors.

use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, OwnedFd};

use io_core::fs::{self, Dir, File};
use io_core::{At, Handle, Operation};

use crate::fixture::{Fixture, Works, assert_canceled, assert_errno};
use crate::system;

pub(crate) fn a_duplicate_shares_the_cursor(fixture: &Fixture<'_>) {
    let mut file = fixture.open("file", "0123456789");
    let mut copy = file.try_clone().works();
    file.read_exact(&mut [0; 4]).works();
    assert_eq!(copy.stream_position().works(), 4);
    copy.seek(SeekFrom::Start(8)).works();
    let mut rest = String::new();
    file.read_to_string(&mut rest).works();
    assert_eq!(rest, "89");
}

pub(crate) fn closing_a_duplicate_leaves_the_other(fixture: &Fixture<'_>) {
    let file = fixture.open("file", "0123456789");
    let copy = file.try_clone().works();
    let third = copy.try_clone().works();
    copy.close().works();
    file.read_exact_at(&mut [0; 4], 0).works();
    file.close().works();
    third.read_exact_at(&mut [0; 4], 0).works();
}

/// A read waits on one handle of a pipe; another handle of it is closed and its
/// number used again by a file. The read gets the pipe's bytes.
pub(crate) fn a_closed_number_reused_by_an_open_harms_no_wait(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "from the file");
    let (mut reader, mut writer) = fixture.pipe();
    let copy = reader.try_clone().works();
    let read = || {
        let mut buffer = [0; 9];
        reader.read_exact(&mut buffer).works();
        buffer
    };
    let reuse = || {
        fixture.pause();
        copy.close().works();
        let open = || File::open(io, &path).works();
        let files: Vec<_> = (0..4).map(|_| open()).collect();
        fixture.pause();
        writer.write_all(b"from pipe").works();
        for file in files {
            let mut buffer = [0; 13];
            file.read_exact_at(&mut buffer, 0).works();
            assert_eq!(&buffer, b"from the file");
        }
    };
    let (read, ()) = fixture.beside(read, reuse);
    assert_eq!(&read, b"from pipe");
}

/// As above, the wait being a task of the executor itself.
pub(crate) fn a_task_keeps_its_wait_when_a_duplicate_is_closed(fixture: &Fixture<'_>) {
    let io = fixture.io();
    for _ in 0..20 {
        let (mut reader, mut writer) = fixture.pipe();
        let copy = reader.try_clone().works();
        io.scope(|scope| {
            let read = || {
                let mut buffer = [0; 4];
                reader.read_exact(&mut buffer).works();
                buffer
            };
            let read = scope.spawn_concurrent(read).works();
            fixture.pause();
            copy.close().works();
            let (other, _end) = fixture.pipe();
            writer.write_all(b"pipe").works();
            assert_eq!(&read.join(), b"pipe");
            drop(other);
        });
    }
}

pub(crate) fn a_closed_descriptor_is_closed(fixture: &Fixture<'_>) {
    let file = fixture.open("file", "0123");
    let number = file.try_as_fd().expect("it has one").as_raw_fd();
    let is_open = || system::descriptors().contains(&number);
    assert!(is_open());
    file.close().works();
    assert!(!is_open(), "{number} is open after the close");
}

pub(crate) fn a_dropped_file_is_closed(fixture: &Fixture<'_>) {
    let before = system::descriptors();
    let file = fixture.open("file", "0123");
    let directory = Dir::open(fixture.io(), fixture.directory()).works();
    let listing = fs::read_dir(fixture.io(), fixture.directory()).works();
    drop((file, directory, listing));
    assert_eq!(system::descriptors(), before);
}

pub(crate) fn a_close_of_a_pipe_is_seen_at_its_other_end(fixture: &Fixture<'_>) {
    let (mut reader, writer) = fixture.pipe();
    let copy = writer.try_clone().works();
    fixture.io().close(writer.into_handle()).works();
    copy.write_fully(b"x").result.works();
    drop(copy);
    let mut text = String::new();
    reader.read_to_string(&mut text).works();
    assert_eq!(text, "x");
}

pub(crate) fn a_close_can_not_be_canceled(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let (mut reader, writer) = fixture.pipe();
    io.scope(|scope| {
        let task = scope.spawn(|| {
            scope.cancel();
            writer.close().works();
            assert_canceled(io.checkpoint());
        });
        task.join();
    });
    assert_eq!(reader.read(&mut [0; 4]).works(), 0, "the writer is closed");
    let file = fixture.open("file", "0123");
    io.with_timeout(std::time::Duration::ZERO, || file.close().works());
}

pub(crate) fn new_descriptors_are_not_inherited(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let file = fixture.create("file");
    let copy = file.try_clone().works();
    let read = File::open(io, fixture.path("file")).works();
    let directory = Dir::open(io, fixture.directory()).works();
    for file in [&file, &copy, &read] {
        assert!(!system::is_inherited(file.try_as_fd().expect("it has one")));
    }
    assert!(!system::is_inherited(
        directory.try_as_fd().expect("it has one")
    ));
}

pub(crate) fn a_fresh_descriptor_has_the_flags_that_were_asked(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let file = fixture.create("file");
    let read = File::open(io, fixture.path("file")).works();
    let flags = |file: &File<'_>| system::status_flags(file.try_as_fd().expect("it has one"));
    let asked = libc::O_ACCMODE | libc::O_NONBLOCK | libc::O_APPEND | libc::O_DIRECT;
    assert_eq!(flags(&file) & asked, libc::O_RDWR);
    assert_eq!(flags(&read) & asked, libc::O_RDONLY);
    assert_eq!(flags(&file.try_clone().works()) & asked, libc::O_RDWR);
}

pub(crate) fn no_operation_changes_the_flags_of_a_descriptor(fixture: &Fixture<'_>) {
    let (reader, writer) = fixture.pipe();
    let flags = |file: &File<'_>| system::status_flags(file.try_as_fd().expect("it has one"));
    let before = (flags(&reader), flags(&writer));
    let mut buffer = [0; 4];
    let during = || {
        fixture.pause();
        let during = (flags(&reader), flags(&writer));
        writer.write_fully(b"text").result.works();
        during
    };
    let (read, during) = fixture.beside(|| reader.read_fully(&mut buffer), during);
    read.result.works();
    assert_eq!(during, before, "while an operation waits");
    assert_eq!((flags(&reader), flags(&writer)), before);
}

/// Another process may have made a descriptor O_NONBLOCK.
pub(crate) fn an_operation_on_a_nonblocking_descriptor_waits(fixture: &Fixture<'_>) {
    let (reader, writer) = fixture.pipe();
    for file in [&reader, &writer] {
        let fd = file.try_as_fd().expect("it has one");
        system::set_status_flags(fd, system::status_flags(fd) | libc::O_NONBLOCK);
    }
    let content = fixture.random().bytes(300_000);
    let mut read = vec![0; content.len()];
    let write = || {
        fixture.pause();
        writer.write_fully(&content).result.works();
    };
    let (progress, ()) = fixture.beside(|| reader.read_fully(&mut read), write);
    progress.result.works();
    assert!(read == content, "the bytes differ");
}

pub(crate) fn a_descriptor_comes_out_as_it_went_in(fixture: &Fixture<'_>) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let number = reader.as_raw_fd();
    let file = File::from_fd(fixture.io(), OwnedFd::from(reader));
    let fd = file.into_fd().expect("it is a descriptor");
    assert_eq!(fd.as_raw_fd(), number);
    drop(writer);
    let mut file = std::fs::File::from(fd);
    let mut text = String::new();
    file.read_to_string(&mut text).expect("it is still open");
}

pub(crate) fn an_open_file_outlives_its_name(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let mut file = fixture.create("file");
    file.write_all(b"0123").works();
    fs::rename(io, fixture.path("file"), fixture.path("other")).works();
    file.write_all(b"45").works();
    assert_eq!(fixture.content(fixture.path("other")), b"012345");
    fs::remove_file(io, fixture.path("other")).works();
    let mut buffer = [0; 6];
    file.read_exact_at(&mut buffer, 0).works();
    assert_eq!(&buffer, b"012345");
    assert_eq!(file.metadata().works().link_count, 0);
}

pub(crate) fn another_executors_handle_is_ebadf(fixture: &Fixture<'_>) {
    let io = fixture.io();
    // A token that no executor has made.
    struct Foreign;
    let file = File::from_handle(io, Handle::from_token(Box::new(Foreign)));
    assert_errno(file.read_at(&mut [0; 4], 0), libc::EBADF);
    assert_errno(file.write_at(b"text", 0), libc::EBADF);
    assert_errno((&file).read(&mut [0; 4]), libc::EBADF);
    assert_errno((&file).write(b"text"), libc::EBADF);
    assert_errno((&file).seek(SeekFrom::Start(0)), libc::EBADF);
    assert_errno(file.sync_all(), libc::EBADF);
    assert_errno(file.sync_data(), libc::EBADF);
    assert_errno(file.set_len(0), libc::EBADF);
    assert_errno(file.metadata(), libc::EBADF);
    assert_errno(file.set_permissions(0o600), libc::EBADF);
    assert_errno(file.try_clone(), libc::EBADF);
    let directory = Dir::from_handle(io, file.into_handle());
    let mut entries = io_core::fs::DirectoryEntries::new();
    assert_errno(directory.read_entries(&mut entries), libc::EBADF);
    assert_errno(directory.metadata("file"), libc::EBADF);
    assert_errno(directory.create_dir("new"), libc::EBADF);
    assert_errno(directory.open_dir("dir"), libc::EBADF);
    assert_errno(directory.close(), libc::EBADF);
}

/// An absolute path does not look at the directory, whatever it is.
pub(crate) fn an_absolute_path_needs_no_directory(fixture: &Fixture<'_>) {
    let io = fixture.io();
    fixture.make_file("file", "0123");
    let (path, handle) = (fixture.path("file"), Handle::from_token(Box::new(())));
    let at = At {
        directory: Some(&handle),
        path: &path,
    };
    let mut metadata = io_core::fs::Metadata::default();
    let mut operation = Operation::Metadata {
        target: io_core::Target::Path(at, io_core::Links::Follow),
        out: &mut metadata,
    };
    io.perform(&mut operation).works().expect_done();
    assert_eq!(metadata.len(), 4);
}

pub(crate) fn a_write_only_file_is_not_read(fixture: &Fixture<'_>) {
    let file = File::create(fixture.io(), fixture.path("file")).works();
    assert_errno(file.read_at(&mut [0; 4], 0), libc::EBADF);
    assert_errno((&file).read(&mut [0; 4]), libc::EBADF);
    assert_errno(file.read_at(&mut [], 0), libc::EBADF);
    assert_errno((&file).read(&mut []), libc::EBADF);
    assert_errno((&file).read_vectored(&mut []), libc::EBADF);
}

pub(crate) fn a_read_only_file_is_not_written(fixture: &Fixture<'_>) {
    let file = fixture.open("file", "0123");
    assert_errno(file.write_at(b"text", 0), libc::EBADF);
    assert_errno((&file).write(b"text"), libc::EBADF);
    assert_errno(file.write_at(b"", 0), libc::EBADF);
    assert_errno((&file).write(b""), libc::EBADF);
    assert_errno((&file).write_vectored(&[]), libc::EBADF);
    assert_eq!(fixture.content(fixture.path("file")), b"0123");
}

pub(crate) fn the_wrong_end_of_a_pipe_is_ebadf(fixture: &Fixture<'_>) {
    let (reader, writer) = fixture.pipe();
    assert_errno((&reader).write(b"text"), libc::EBADF);
    assert_errno((&writer).read(&mut [0; 4]), libc::EBADF);
    assert_errno((&reader).write(b""), libc::EBADF);
    assert_errno((&writer).read(&mut []), libc::EBADF);
}

pub(crate) fn a_directory_is_not_read_as_a_file(fixture: &Fixture<'_>) {
    let file = File::open(fixture.io(), fixture.directory()).works();
    assert_errno((&file).read(&mut [0; 4]), libc::EISDIR);
    assert_errno(file.read_at(&mut [0; 4], 0), libc::EISDIR);
    assert_errno((&file).write(b"text"), libc::EBADF);
    assert_errno(file.set_len(0), libc::EINVAL);
    assert_errno(fs::read(fixture.io(), fixture.directory()), libc::EISDIR);
}

pub(crate) fn a_file_is_not_listed(fixture: &Fixture<'_>) {
    let file = fixture.open("file", "0123");
    let directory = Dir::from_handle(fixture.io(), file.into_handle());
    let mut entries = io_core::fs::DirectoryEntries::new();
    assert_errno(directory.read_entries(&mut entries), libc::ENOTDIR);
    assert_errno(directory.metadata("below"), libc::ENOTDIR);
    assert_errno(directory.remove_file("below"), libc::ENOTDIR);
}

pub(crate) fn a_path_only_handle_transfers_nothing(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123");
    let mut options = io_core::fs::OpenOptions::new();
    options.read(true).custom_flags(libc::O_PATH);
    let file = options.open(io, path).works();
    assert_errno((&file).read(&mut [0; 4]), libc::EBADF);
    assert_errno(file.read_at(&mut [0; 4], 0), libc::EBADF);
    assert_errno((&file).read(&mut []), libc::EBADF);
    assert_errno(file.read_at(&mut [], 0), libc::EBADF);
    assert_errno((&file).write(b""), libc::EBADF);
    assert_errno((&file).write(b"text"), libc::EBADF);
    assert_errno((&file).seek(SeekFrom::Start(0)), libc::EBADF);
    assert_errno(file.sync_all(), libc::EBADF);
    assert_errno(file.set_len(0), libc::EBADF);
    assert_eq!(file.metadata().works().len(), 4, "it names the file");
}

pub(crate) fn a_socket_has_no_offsets(fixture: &Fixture<'_>) {
    let pair = std::os::unix::net::UnixStream::pair();
    let (here, there) = pair.expect("the system has sockets");
    let here = File::from_fd(fixture.io(), here.into());
    let there = File::from_fd(fixture.io(), there.into());
    assert_errno(here.read_at(&mut [0; 4], 0), libc::ESPIPE);
    assert_errno(here.write_at(b"text", 0), libc::ESPIPE);
    assert_errno((&here).seek(SeekFrom::Start(0)), libc::ESPIPE);
    assert_errno(here.sync_all(), libc::EINVAL);
    assert_errno(here.set_len(0), libc::EINVAL);
    let mut buffer = [0; 4];
    here.write_fully(b"text").result.works();
    there.read_fully(&mut buffer).result.works();
    assert_eq!(&buffer, b"text", "at the cursor it is a stream");
}
