//! Faults in names, metadata and listings.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use io_core::fs::{FileType, Metadata};
use io_core::{Links, Operation, Outcome, Target};

use crate::broken::broken;
use crate::broken::faulty::Faulty;

broken! {
    "create_new takes what exists" breaks N2,
        fails "file::opening::create_new_refuses_what_exists": { perform: create_over }
    "a new file has every permission" breaks N3,
        fails "file::opening::the_mode_is_that_asked_less_the_umask": { perform: open_mode }
    "further flags are forgotten" breaks N5,
        fails "file::opening::custom_flags_reach_the_system": { perform: forget_flags }
    "a FIFO is opened without waiting" breaks N7,
        fails "file::fifo::the_reader_waits_for_the_writer": { perform: do_not_wait }
    "a listing has dots" breaks N10,
        fails "file::directories::every_entry_is_listed_once": { perform: add_dot }
    "a rename is a removal first" breaks N13,
        fails "file::links::a_rename_onto_itself_does_nothing": { perform: remove_first }
    "a link's target is cut" breaks N14,
        fails "file::links::a_link_of_any_length_is_read_whole": { perform: cut_link }
    "a link is always followed" breaks I2,
        fails "file::metadata::a_link_is_followed_or_not": { perform: follow }
    "permission bits are set in part" breaks I3,
        fails "file::metadata::permissions_are_set_on_paths_and_handles": { perform: mask_bits }
    "an error clears the result" breaks O3,
        fails "file::metadata::an_error_leaves_the_result_alone": { perform: clear_result }
    "hard links are said to be unsupported" breaks O4,
        fails "wrappers::capabilities::no_operation_is_falsely_unsupported": { perform: refuse_links }
    "a path ends at a NUL" breaks O6,
        fails "file::paths::a_path_with_a_nul_is_einval": { perform: cut_path }
}

fn create_over(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Create { options, .. } = operation
        && options.is_create_new()
    {
        options.create_new(false).create(true);
    }
    faulty.below.perform(operation)
}

fn open_mode(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Create { options, .. } = operation {
        options.mode(0o777);
    }
    faulty.below.perform(operation)
}

fn forget_flags(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Open { options, .. } = operation {
        options.custom_flags(0);
    }
    faulty.below.perform(operation)
}

fn do_not_wait(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Open { options, .. } = operation {
        options.custom_flags(libc::O_NONBLOCK);
    }
    faulty.below.perform(operation)
}

fn add_dot(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let outcome = faulty.below.perform(operation)?;
    if let (Operation::ReadDirectory { entries, .. }, Outcome::Count(count @ 1..)) =
        (operation, &outcome)
    {
        entries.push(OsStr::new("."), FileType::Directory, 1);
        return Ok(Outcome::Count(count + 1));
    }
    Ok(outcome)
}

fn remove_first(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Rename { to, .. } = operation {
        let remove = faulty.below.perform(&mut Operation::RemoveFile { at: *to });
        // There may be nothing to replace.
        drop(remove);
    }
    faulty.below.perform(operation)
}

fn cut_link(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    const FIRST: usize = 256;
    let outcome = faulty.below.perform(operation)?;
    if let Operation::ReadLink { out, .. } = operation {
        let target = out.as_os_str().as_bytes();
        let cut = OsStr::from_bytes(&target[..target.len().min(FIRST)]);
        **out = PathBuf::from(cut);
    }
    Ok(outcome)
}

fn follow(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Metadata {
        target: Target::Path(_, links),
        ..
    } = operation
    {
        *links = Links::Follow;
    }
    faulty.below.perform(operation)
}

fn mask_bits(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::SetPermissions { mode, .. } = operation {
        *mode &= 0o777;
    }
    faulty.below.perform(operation)
}

fn clear_result(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Metadata { out, .. } = operation {
        **out = Metadata::default();
    }
    faulty.below.perform(operation)
}

fn refuse_links(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match operation {
        Operation::HardLink { .. } => Err(io_core::unsupported()),
        other => faulty.below.perform(other),
    }
}

fn cut_path(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Create { at, .. } = operation {
        let bytes = at.path.as_os_str().as_bytes();
        let end = bytes.iter().position(|byte| *byte == 0);
        at.path = OsStr::from_bytes(&bytes[..end.unwrap_or(bytes.len())]).as_ref();
    }
    faulty.below.perform(operation)
}
