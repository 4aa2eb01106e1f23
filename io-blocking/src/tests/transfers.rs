//! Reads, writes, listings and links of unusual sizes.

use std::fs;
use std::io::{IoSlice, IoSliceMut};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use io_core::fs::{DirectoryEntries, FileType, Metadata};
use io_core::{At, Links, Operation, Outcome, Target};

use super::{Place, open, options, perform};
use crate::file::directory::parse_entries;
use crate::path::{PATH_STACK_BYTES, with_c_path};

#[test]
fn the_three_forms_of_the_end_of_a_file() {
    let place = Place::new();
    let handle = place.handle("file");
    for (offset, expected) in [(10, 0), (11, 0), (i64::MAX as u64 - 8, 0), (8, 2), (0, 4)] {
        let mut buffer = [0; 4];
        let mut operation = Operation::Read {
            handle: &handle,
            buffers: &mut [IoSliceMut::new(&mut buffer)],
            offset: Some(offset),
        };
        assert_eq!(
            perform(&mut operation).unwrap().expect_count(4),
            expected,
            "at {offset}"
        );
    }
}

#[test]
fn more_buffers_than_one_call_takes_are_transferred_in_part() {
    let place = Place::new();
    let both = options(|options| options.read(true).write(true));
    for count in [1023, 1024, 1025, 5000] {
        let handle = open(&place.path("file"), both).unwrap();
        let bytes = vec![7_u8; count];
        let buffers: Vec<IoSlice<'_>> = bytes.chunks(1).map(IoSlice::new).collect();
        let mut operation = Operation::Write {
            handle: &handle,
            buffers: &buffers,
            offset: Some(0),
        };
        let expected = count.min(1024);
        assert_eq!(
            perform(&mut operation).unwrap().expect_count(count),
            expected
        );
        let mut bytes = vec![0_u8; count];
        let mut buffers: Vec<IoSliceMut<'_>> = bytes.chunks_mut(1).map(IoSliceMut::new).collect();
        let mut operation = Operation::Read {
            handle: &handle,
            buffers: &mut buffers,
            offset: None,
        };
        assert_eq!(
            perform(&mut operation).unwrap().expect_count(count),
            expected
        );
        assert!(bytes[..expected].iter().all(|&byte| byte == 7));
    }
}

#[test]
fn a_thousand_empty_buffers_before_a_full_one_do_not_look_like_the_end() {
    let place = Place::new();
    let both = options(|options| options.read(true).write(true));
    let handle = open(&place.path("file"), both).unwrap();
    for empty in [1023, 1024, 1025, 3000] {
        let mut byte = [0];
        let mut none: Vec<[u8; 0]> = vec![[]; empty];
        let mut buffers: Vec<IoSliceMut<'_>> = none
            .iter_mut()
            .map(|buffer| IoSliceMut::new(buffer))
            .collect();
        buffers.push(IoSliceMut::new(&mut byte));
        let mut operation = Operation::Read {
            handle: &handle,
            buffers: &mut buffers,
            offset: Some(3),
        };
        assert_eq!(perform(&mut operation).unwrap().expect_count(1), 1);
        assert_eq!(byte, *b"3");
        let mut buffers = vec![IoSlice::new(b""); empty];
        buffers.push(IoSlice::new(b"3"));
        let mut operation = Operation::Write {
            handle: &handle,
            buffers: &buffers,
            offset: Some(3),
        };
        assert_eq!(perform(&mut operation).unwrap().expect_count(1), 1);
    }
}

#[test]
fn paths_around_the_size_of_the_stack_buffer_arrive_whole() {
    for bytes in [
        0,
        1,
        PATH_STACK_BYTES - 2,
        PATH_STACK_BYTES - 1,
        PATH_STACK_BYTES,
        5000,
    ] {
        let path = PathBuf::from("p".repeat(bytes));
        let answer = with_c_path(&path, |c_path| Ok(c_path.to_bytes().to_vec())).unwrap();
        assert_eq!(answer, path.as_os_str().as_bytes());
    }
    for bytes in [3, PATH_STACK_BYTES + 3] {
        let path = PathBuf::from("p".repeat(bytes) + "\0");
        let error = with_c_path(&path, |_| Ok(())).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    }
}

#[test]
fn links_of_every_length_are_read_whole() {
    let place = Place::new();
    let path = place.path("long");
    let at = At::working_directory(&path);
    for bytes in [1, 255, 256, 257, 511, 512, 4095] {
        let target = PathBuf::from("t".repeat(bytes));
        let target_path: &Path = &target;
        let mut link = Operation::SymbolicLink {
            target: target_path,
            at,
        };
        perform(&mut link).unwrap().expect_done();
        let mut out = PathBuf::new();
        perform(&mut Operation::ReadLink { at, out: &mut out })
            .unwrap()
            .expect_done();
        assert_eq!(out, target);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_large_directory_is_listed_whole_and_again_after_a_rewind() {
    let place = Place::new();
    let directory = place.path("dir");
    for index in 0..3000 {
        fs::write(
            directory.join(format!("entry-with-a-longer-name-{index}")),
            "",
        )
        .unwrap();
    }
    let handle = place.handle("dir");
    for _ in 0..2 {
        let mut rewind = Operation::Seek {
            handle: &handle,
            to: std::io::SeekFrom::Start(0),
        };
        assert_eq!(perform(&mut rewind).unwrap().expect_position(), 0);
        let mut entries = DirectoryEntries::new();
        let mut names = Vec::new();
        loop {
            let mut list = Operation::ReadDirectory {
                handle: &handle,
                entries: &mut entries,
            };
            let count = perform(&mut list).unwrap().expect_count(usize::MAX);
            if count == 0 {
                break;
            }
            assert_eq!(count, entries.len());
            for index in 0..count {
                let entry = entries.entry(index).unwrap();
                assert_eq!(entry.file_type(), FileType::Regular);
                names.push(entry.into_file_name());
            }
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 3000);
    }
}

#[test]
fn an_empty_and_a_removed_directory_are_at_their_end() {
    let place = Place::new();
    let handle = place.handle("dir");
    let mut entries = DirectoryEntries::new();
    for _ in 0..2 {
        let mut list = Operation::ReadDirectory {
            handle: &handle,
            entries: &mut entries,
        };
        assert_eq!(perform(&mut list).unwrap().expect_count(0), 0);
        drop(fs::remove_dir(place.path("dir")));
    }
}

#[test]
fn a_raw_listing_is_parsed_without_the_two_dots() {
    let mut listing = Vec::new();
    let names: [(&[u8], u8); 4] = [
        (b".", libc::DT_DIR),
        (b"..", libc::DT_DIR),
        (b"...", libc::DT_FIFO),
        (b"\xff\n", 77),
    ];
    for (index, (name, file_type)) in names.into_iter().enumerate() {
        let length = (19 + name.len() + 1).next_multiple_of(8);
        let start = listing.len();
        listing.extend((index as u64 + 40).to_ne_bytes());
        listing.extend(0_u64.to_ne_bytes());
        listing.extend(u16::try_from(length).unwrap().to_ne_bytes());
        listing.push(file_type);
        listing.extend(name);
        listing.resize(start + length, 0);
    }
    let mut entries = DirectoryEntries::new();
    parse_entries(&listing, &mut entries);
    let found: Vec<_> = (0..entries.len())
        .map(|index| entries.entry(index).unwrap())
        .collect();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].file_name().as_bytes(), b"...");
    assert_eq!(
        (found[0].file_type(), found[0].inode()),
        (FileType::Fifo, 42)
    );
    assert_eq!(found[1].file_name().as_bytes(), b"\xff\n");
    assert_eq!(found[1].file_type(), FileType::Unknown);
}

#[test]
fn metadata_is_what_std_says() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    let path = place.path("link");
    for links in [Links::Follow, Links::NoFollow] {
        let mut out = Metadata::default();
        let target = Target::Path(At::working_directory(&path), links);
        perform(&mut Operation::Metadata {
            target,
            out: &mut out,
        })
        .unwrap()
        .expect_done();
        let expected = match links {
            Links::Follow => fs::metadata(&path).unwrap(),
            Links::NoFollow => fs::symlink_metadata(&path).unwrap(),
        };
        assert_eq!(out.mode, expected.mode());
        assert_eq!(out.size_bytes, expected.size());
        assert_eq!((out.device, out.inode), (expected.dev(), expected.ino()));
        assert_eq!(
            (out.user_id, out.group_id),
            (expected.uid(), expected.gid())
        );
        assert_eq!(out.link_count, expected.nlink());
        assert_eq!(out.modified.seconds, expected.mtime());
        assert_eq!(i64::from(out.modified.nanos), expected.mtime_nsec());
        assert_eq!(out.blocks_512, expected.blocks());
        assert_eq!(out.created.is_some(), expected.created().is_ok());
    }
}

#[test]
fn duplicates_share_the_cursor_and_know_what_they_are() {
    let place = Place::new();
    let handle = open(&place.path("file"), options(|options| options.read(true))).unwrap();
    let mut duplicate = Operation::Duplicate { handle: &handle };
    let copy = perform(&mut duplicate).map(Outcome::expect_handle).unwrap();
    assert_eq!(copy.flags(), handle.flags());
    for (handle, expected) in [(&handle, b"012"), (&copy, b"345")] {
        let mut buffer = [0; 3];
        let mut read = Operation::Read {
            handle,
            buffers: &mut [IoSliceMut::new(&mut buffer)],
            offset: None,
        };
        assert_eq!(perform(&mut read).unwrap().expect_count(3), 3);
        assert_eq!(&buffer, expected);
    }
}

#[test]
fn a_write_at_an_offset_of_an_append_handle_appends() {
    let place = Place::new();
    let handle = open(&place.path("file"), options(|options| options.append(true))).unwrap();
    let mut write = Operation::Write {
        handle: &handle,
        buffers: &[IoSlice::new(b"abc")],
        offset: Some(0),
    };
    assert_eq!(perform(&mut write).unwrap().expect_count(3), 3);
    let mut end = [0; 3];
    let file = fs::File::open(place.path("file")).unwrap();
    file.read_exact_at(&mut end, 10).unwrap();
    assert_eq!(&end, b"abc");
}
