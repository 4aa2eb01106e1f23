//! Every operation on a path, once: the free functions of `paths.rs` come here
//! with the working directory, the methods of `Dir` with their handle.

use std::io;
use std::path::{Path, PathBuf};

use crate::file::{Metadata, OpenOptions};
use crate::handle::Handle;
use crate::io::Io;
use crate::operation::{At, Links, Operation, Outcome, Target};

fn done(io: &dyn Io, mut operation: Operation<'_, '_>) -> io::Result<()> {
    io.perform(&mut operation).map(Outcome::expect_done)
}

pub(super) fn open(io: &dyn Io, at: At<'_>, options: OpenOptions) -> io::Result<Handle> {
    let mut operation = if options.may_create() {
        Operation::Create { at, options }
    } else {
        Operation::Open { at, options }
    };
    io.perform(&mut operation).map(Outcome::expect_handle)
}

pub(super) fn metadata(io: &dyn Io, target: Target<'_>) -> io::Result<Metadata> {
    let mut metadata = Metadata::default();
    let out = &mut metadata;
    done(io, Operation::Metadata { target, out })?;
    Ok(metadata)
}

pub(super) fn set_permissions(io: &dyn Io, target: Target<'_>, mode: u32) -> io::Result<()> {
    done(io, Operation::SetPermissions { target, mode })
}

pub(super) fn set_path_permissions(io: &dyn Io, at: At<'_>, mode: u32) -> io::Result<()> {
    set_permissions(io, Target::Path(at, Links::Follow), mode)
}

pub(super) fn create_dir(io: &dyn Io, at: At<'_>, mode: u32) -> io::Result<()> {
    done(io, Operation::CreateDirectory { at, mode })
}

pub(super) fn remove_dir(io: &dyn Io, at: At<'_>) -> io::Result<()> {
    done(io, Operation::RemoveDirectory { at })
}

pub(super) fn remove_file(io: &dyn Io, at: At<'_>) -> io::Result<()> {
    done(io, Operation::RemoveFile { at })
}

pub(super) fn rename(io: &dyn Io, from: At<'_>, to: At<'_>) -> io::Result<()> {
    done(io, Operation::Rename { from, to })
}

pub(super) fn symlink(io: &dyn Io, target: &Path, at: At<'_>) -> io::Result<()> {
    done(io, Operation::SymbolicLink { target, at })
}

pub(super) fn read_link(io: &dyn Io, at: At<'_>) -> io::Result<PathBuf> {
    let mut target = PathBuf::new();
    let out = &mut target;
    done(io, Operation::ReadLink { at, out })?;
    Ok(target)
}

pub(super) fn hard_link(io: &dyn Io, from: At<'_>, to: At<'_>) -> io::Result<()> {
    done(io, Operation::HardLink { from, to })
}
