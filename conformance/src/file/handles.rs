//! What handles promise: duplicates, closing, numbers that are used again.

use std::io::{Read, Write};

use io_core::fs::File;

use crate::fixture::Fixture;

/// A read waits on one handle of a pipe; another handle of it is closed and its
/// number used again by a file. The read gets the pipe's bytes.
pub(crate) fn a_closed_number_reused_by_an_open_harms_no_wait(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "from the file");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut reader = File::from_fd(io, reader.into());
    let mut writer = File::from_fd(io, writer.into());
    let copy = reader.try_clone().expect("there are descriptors");
    io.scope(|scope| {
        let waiting = scope
            .spawn_concurrent(|| {
                let mut buffer = [0; 9];
                reader.read_exact(&mut buffer).expect("the pipe has bytes");
                buffer
            })
            .expect("needs Concurrency");
        // As a rule the read has begun to wait by now; if not the claim still holds.
        for _ in 0..20 {
            io.yield_now().expect("nobody cancels");
        }
        copy.close().expect("a close");
        let files: Vec<_> = (0..4)
            .map(|_| File::open(io, &path).expect("the file is there"))
            .collect();
        writer.write_all(b"from pipe").expect("there is room");
        assert_eq!(&waiting.join(), b"from pipe");
        for file in files {
            let mut buffer = [0; 13];
            file.read_exact_at(&mut buffer, 0)
                .expect("it has the bytes");
            assert_eq!(&buffer, b"from the file");
        }
    });
}
