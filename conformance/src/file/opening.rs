//! What opening and creating promise.

use io_core::fs::File;

use crate::fixture::{Fixture, assert_errno};

pub(crate) fn opening_what_is_missing_gives_enoent(fixture: &Fixture<'_>) {
    let io = fixture.io();
    assert_errno(File::open(io, fixture.path("missing")), libc::ENOENT);
    assert_errno(File::open(io, fixture.path("missing/file")), libc::ENOENT);
    assert_errno(File::create(io, fixture.path("missing/file")), libc::ENOENT);
    assert_errno(File::open(io, ""), libc::ENOENT);
}
