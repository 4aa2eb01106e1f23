//! Opening a FIFO waits for its other end, and delays nobody else.

use std::io::{Read, Write};
use std::time::Duration;

use io_core::fs::{self, File, OpenOptions};

use crate::fixture::{Fixture, Works, assert_errno};
use crate::system;

/// Generous, for machines that do much else.
const DELAY_MAX: Duration = Duration::from_secs(5);

fn open_to_write<'a>(fixture: &Fixture<'a>, path: &std::path::Path) -> File<'a> {
    let mut options = OpenOptions::new();
    options.write(true);
    options.open(fixture.io(), path).works()
}

pub(crate) fn the_reader_waits_for_the_writer(fixture: &Fixture<'_>) {
    let path = fixture.path("fifo");
    system::make_fifo(&path);
    let read = || {
        let mut text = String::new();
        let mut file = File::open(fixture.io(), &path).works();
        file.read_to_string(&mut text).works();
        text
    };
    let write = || {
        fixture.pause();
        let mut file = open_to_write(fixture, &path);
        fixture.pause();
        file.write_all(b"through").works();
    };
    let (text, ()) = fixture.beside(read, write);
    assert_eq!(text, "through");
}

pub(crate) fn the_writer_waits_for_the_reader(fixture: &Fixture<'_>) {
    let path = fixture.path("fifo");
    system::make_fifo(&path);
    let write = || {
        let mut file = open_to_write(fixture, &path);
        file.write_all(b"through").works();
    };
    let read = || {
        fixture.pause();
        let mut text = String::new();
        let mut file = File::open(fixture.io(), &path).works();
        file.read_to_string(&mut text).works();
        text
    };
    let ((), text) = fixture.beside(write, read);
    assert_eq!(text, "through");
}

pub(crate) fn an_open_that_waits_delays_nobody(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("fifo");
    system::make_fifo(&path);
    let other = fixture.make_file("file", "0123");
    io.scope(|scope| {
        let reads = || File::open(io, &path).works().read(&mut [0; 4]).works();
        let opening: Vec<_> = (0..4)
            .map(|_| scope.spawn_concurrent(reads).works())
            .collect();
        fixture.pause();
        let (_, took) = fixture.time(|| {
            io.sleep(Duration::from_millis(1)).works();
            fs::read(io, &other).works();
            fs::metadata(io, &other).works();
        });
        assert!(took < DELAY_MAX, "{took:?} beside opens that wait");
        assert!(opening.iter().all(|task| !task.is_finished()), "they wait");
        let writer = open_to_write(fixture, &path);
        fixture.pause();
        drop(writer);
        // Who came too late for the first writer waits for another one.
        for task in opening {
            while !task.is_finished() {
                let mut options = OpenOptions::new();
                options.write(true).custom_flags(libc::O_NONBLOCK);
                drop(options.open(io, &path));
                fixture.pause();
            }
            assert_eq!(task.join(), 0, "nobody wrote");
        }
    });
}

pub(crate) fn a_nonblocking_open_does_not_wait(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.path("fifo");
    system::make_fifo(&path);
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(libc::O_NONBLOCK);
    assert_errno(options.open(io, &path), libc::ENXIO);
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    options.open(io, &path).works();
}
