//! What an executor says of itself is true and does not change.

use io_core::{Handle, Operation, OperationKind, fs};

use crate::fixture::{Fixture, Works};

pub(crate) fn they_do_not_change(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let before = io.capabilities();
    io.scope(|scope| {
        scope.spawn(|| assert_eq!(io.capabilities(), before));
    });
    let (there, ()) = fixture.beside(|| io.capabilities(), || ());
    assert_eq!(there, before);
    assert!(!before.name.is_empty());
}

pub(crate) fn handles_are_descriptors_as_declared(fixture: &Fixture<'_>) {
    let has = fixture.capabilities().has_descriptors;
    let file = fixture.create("file");
    assert_eq!(file.try_as_fd().is_some(), has);
    assert_eq!(file.into_fd().is_ok(), has);
}

pub(crate) fn the_id_names_the_executor(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let id = io.id();
    io.scope(|scope| {
        scope.spawn(|| assert_eq!(io.id(), id));
    });
    assert_eq!(fixture.beside(|| io.id(), || ()).0, id);
}

/// What an executor lacks it declares; it never says so of what it has.
pub(crate) fn no_operation_is_falsely_unsupported(fixture: &Fixture<'_>) {
    let io = fixture.io();
    assert!(OperationKind::ALL.len() >= 18);
    let file = fixture.create("file");
    file.write_all_at(b"0123", 0).works();
    file.sync_all().works();
    file.set_len(2).works();
    file.set_permissions(0o600).works();
    file.metadata().works();
    file.try_clone().works().close().works();
    fs::create_dir(io, fixture.path("dir")).works();
    fs::symlink(io, "file", fixture.path("link")).works();
    fs::read_link(io, fixture.path("link")).works();
    fs::hard_link(io, fixture.path("file"), fixture.path("second")).works();
    fs::rename(io, fixture.path("second"), fixture.path("third")).works();
    fs::remove_file(io, fixture.path("third")).works();
    fs::remove_dir(io, fixture.path("dir")).works();
    assert_eq!(fs::read_dir(io, fixture.directory()).works().count(), 2);
}

/// Only the executor that made a token can open it.
pub(crate) fn a_foreign_handle_is_refused_not_followed(fixture: &Fixture<'_>) {
    let io = fixture.io();
    // A number that is a good descriptor somewhere is still no handle here.
    let token = Handle::from_token(Box::new(0_i32));
    let mut operation = Operation::Duplicate { handle: &token };
    let refused = io.perform(&mut operation).map(drop);
    let code = refused.map_err(|error| error.raw_os_error());
    assert_eq!(code, Err(Some(libc::EBADF)));
    let closed = io.close(token).map_err(|error| error.raw_os_error());
    assert_eq!(closed, Err(Some(libc::EBADF)));
}
