//! Faults in reading, writing, durability and handles.

use std::io::{self, IoSlice, SeekFrom};
use std::os::fd::{AsRawFd, IntoRawFd};

use io_core::fs::OpenOptions;
use io_core::{At, BatchEntry, Handle, Operation, Outcome, readable_bytes};

use crate::broken::broken;
use crate::broken::faulty::Faulty;
use crate::system;

broken! {
    "a sync does nothing" breaks Y1,
        fails "file::durability::sync_all_leaves_nothing_to_write": { perform: sync_nothing }
    "a data sync does nothing" breaks Y1,
        fails "file::durability::sync_data_leaves_nothing_to_write": { perform: sync_nothing }
    "a sync asks nobody whether it can" breaks Y2,
        fails "file::durability::what_can_not_be_synced_says_so": { perform: sync_nothing }
    "a sync is one of another file" breaks Y1,
        fails "file::durability::sync_all_leaves_nothing_to_write": { perform: sync_another }
    "the end of file is an error" breaks F2,
        fails "file::reading::read_at_the_end_gives_zero": { perform: end_is_an_error }
    "a read claims to have filled its buffer" breaks F1,
        fails "file::reading::read_across_the_end_gives_the_rest": { perform: claim_all }
    "a write reports more than it wrote" breaks F11,
        fails "file::writing::what_is_written_is_in_the_file": { perform: write_half }
    "a read at an offset moves the cursor" breaks F3,
        fails "file::reading::read_at_an_offset_leaves_the_cursor": { perform: move_cursor }
    "a read at the cursor leaves it" breaks F4,
        fails "file::reading::reading_at_the_cursor_moves_it": { perform: leave_cursor }
    "a transfer of nothing is an error" breaks F5,
        fails "file::reading::reading_into_nothing_gives_zero": { perform: refuse_nothing }
    "buffers are filled from the last to the first" breaks F6,
        fails "file::reading::buffers_are_filled_in_order": { perform: reverse_buffers }
    "of a long vector only the first part is looked at" breaks F7,
        fails "file::reading::a_vector_that_begins_with_nothing_is_no_end": { perform: first_part }
    "offsets have 32 bits" breaks F8,
        fails "file::reading::offsets_above_four_gigabytes_are_kept_apart": { perform: cut_offset }
    "setting the length moves the cursor" breaks F15,
        fails "file::writing::set_len_cuts_and_extends_with_zeros": { perform: length_moves_cursor }
    "a seek before the start goes to it" breaks F16,
        fails "file::writing::seeking_is_exact": { perform: clamp_seek }
    "a duplicate has a cursor of its own" breaks H3,
        fails "file::handles::a_duplicate_shares_the_cursor": { perform: reopen }
    "a close does not close" breaks H2,
        fails "file::handles::a_closed_descriptor_is_closed": { close: keep_open }
    "a close can be canceled" breaks H10,
        fails "file::handles::a_close_can_not_be_canceled": { close: cancelable_close }
    "a foreign handle is taken for its own" breaks H5,
        fails "file::handles::another_executors_handle_is_ebadf": { close: accept_any }
    "opening adds O_NONBLOCK" breaks H8,
        fails "file::handles::a_fresh_descriptor_has_the_flags_that_were_asked": { perform: add_nonblock }
    "every tenth operation is interrupted" breaks O5,
        fails "file::resources::an_interrupted_call_goes_on": { perform: interrupted }
    "an error has the wrong number" breaks O2,
        fails "file::opening::opening_what_is_missing_gives_enoent": { perform: wrong_number }
    "an operation that fails leaks a descriptor" breaks O8,
        fails "file::resources::failed_operations_leak_no_descriptor": { perform: leak }
    "one failed operation in a thousand leaks a descriptor" breaks O8,
        fails "file::resources::failed_operations_leak_no_descriptor": { perform: leak_rarely }
    "a full device is no error" breaks O9,
        fails "file::resources::no_room_left_is_enospc": { perform: hide_full }
    "a batch stops at its first error" breaks B1,
        fails "file::batch::every_entry_has_its_own_result": { perform_batch: stop_at_error }
}

fn sync_nothing(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match operation {
        Operation::Sync { .. } => Ok(Outcome::Done),
        other => faulty.below.perform(other),
    }
}

fn sync_another(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match operation {
        Operation::Sync { level, .. } => {
            let another = Handle::from_fd(std::fs::File::open("/")?.into());
            faulty.below.perform(&mut Operation::Sync {
                handle: &another,
                level: *level,
            })
        }
        other => faulty.below.perform(other),
    }
}

fn end_is_an_error(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let outcome = faulty.below.perform(operation)?;
    match (operation, &outcome) {
        (Operation::Read { buffers, .. }, Outcome::Count(0)) if readable_bytes(buffers) > 0 => {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
        _ => Ok(outcome),
    }
}

fn claim_all(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let outcome = faulty.below.perform(operation)?;
    match (operation, outcome) {
        (Operation::Read { buffers, .. }, Outcome::Count(1..)) => {
            Ok(Outcome::Count(readable_bytes(buffers)))
        }
        (_, outcome) => Ok(outcome),
    }
}

fn write_half(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match operation {
        Operation::Write {
            handle,
            buffers: [buffer],
            offset,
        } if buffer.len() > 1 => {
            faulty.below.perform(&mut Operation::Write {
                handle,
                buffers: &[IoSlice::new(&buffer[..buffer.len() / 2])],
                offset: *offset,
            })?;
            Ok(Outcome::Count(buffer.len()))
        }
        other => faulty.below.perform(other),
    }
}

fn move_cursor(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Read {
        handle,
        offset: Some(offset),
        ..
    } = operation
    {
        faulty.below.perform(&mut Operation::Seek {
            handle,
            to: SeekFrom::Start(*offset),
        })?;
    }
    faulty.below.perform(operation)
}

fn leave_cursor(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match operation {
        Operation::Read {
            handle,
            buffers,
            offset: None,
        } => {
            let to = SeekFrom::Current(0);
            let place = faulty.below.perform(&mut Operation::Seek { handle, to })?;
            faulty.below.perform(&mut Operation::Read {
                handle,
                buffers,
                offset: Some(place.expect_position()),
            })
        }
        other => faulty.below.perform(other),
    }
}

fn refuse_nothing(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match operation {
        Operation::Read { buffers, .. } if readable_bytes(buffers) == 0 => {
            Err(io::Error::from_raw_os_error(libc::EINVAL))
        }
        other => faulty.below.perform(other),
    }
}

fn reverse_buffers(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Read { buffers, .. } = operation {
        buffers.reverse();
    }
    let outcome = faulty.below.perform(operation);
    if let Operation::Read { buffers, .. } = operation {
        buffers.reverse();
    }
    outcome
}

fn first_part(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    const FIRST: usize = 1024;
    match operation {
        Operation::Read {
            handle,
            buffers,
            offset,
        } if buffers.len() > FIRST => faulty.below.perform(&mut Operation::Read {
            handle,
            buffers: &mut buffers[..FIRST],
            offset: *offset,
        }),
        other => faulty.below.perform(other),
    }
}

fn cut_offset(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if let Operation::Read {
        offset: Some(offset),
        ..
    }
    | Operation::Write {
        offset: Some(offset),
        ..
    } = operation
    {
        *offset &= u64::from(u32::MAX);
    }
    faulty.below.perform(operation)
}

fn length_moves_cursor(
    faulty: &Faulty<'_>,
    operation: &mut Operation<'_, '_>,
) -> io::Result<Outcome> {
    let outcome = faulty.below.perform(operation)?;
    if let Operation::SetLength { handle, .. } = operation {
        let to = SeekFrom::End(0);
        faulty.below.perform(&mut Operation::Seek { handle, to })?;
    }
    Ok(outcome)
}

fn clamp_seek(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match (faulty.below.perform(operation), operation) {
        (Err(_), Operation::Seek { handle, .. }) => {
            let to = SeekFrom::Start(0);
            faulty.below.perform(&mut Operation::Seek { handle, to })
        }
        (answer, _) => answer,
    }
}

fn reopen(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match operation {
        Operation::Duplicate { handle } => {
            let fd = handle.try_as_fd().expect("the claim uses descriptors");
            let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
            let again = std::fs::File::open(path)?;
            Ok(Outcome::Handle(Handle::from_fd(again.into())))
        }
        other => faulty.below.perform(other),
    }
}

fn keep_open(_faulty: &Faulty<'_>, handle: Handle) -> io::Result<()> {
    if let Ok(fd) = handle.into_fd() {
        let _number = fd.into_raw_fd();
    }
    Ok(())
}

fn cancelable_close(faulty: &Faulty<'_>, handle: Handle) -> io::Result<()> {
    faulty.below.checkpoint()?;
    faulty.below.close(handle)
}

fn accept_any(faulty: &Faulty<'_>, handle: Handle) -> io::Result<()> {
    match faulty.below.close(handle) {
        Err(error) if error.raw_os_error() == Some(libc::EBADF) => Ok(()),
        answer => answer,
    }
}

fn add_nonblock(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let outcome = faulty.below.perform(operation)?;
    if let Outcome::Handle(handle) = &outcome
        && let Some(fd) = handle.try_as_fd()
    {
        system::set_status_flags(fd, system::status_flags(fd) | libc::O_NONBLOCK);
    }
    Ok(outcome)
}

fn interrupted(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    if faulty.is_every(10) {
        return Err(io::Error::from_raw_os_error(libc::EINTR));
    }
    faulty.below.perform(operation)
}

fn wrong_number(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match faulty.below.perform(operation) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {
            Err(io::Error::from_raw_os_error(libc::EIO))
        }
        answer => answer,
    }
}

fn leak(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let answer = faulty.below.perform(operation);
    if answer.is_err() {
        open_and_forget(faulty)?;
    }
    answer
}

fn leak_rarely(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    let answer = faulty.below.perform(operation);
    if answer.is_err() && faulty.is_every(1000) {
        open_and_forget(faulty)?;
    }
    answer
}

fn open_and_forget(faulty: &Faulty<'_>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true);
    let at = At::working_directory("/dev/null".as_ref());
    let open = faulty.below.perform(&mut Operation::Open { at, options });
    if let Ok(fd) = open?.expect_handle().into_fd() {
        let _number = fd.into_raw_fd();
    }
    Ok(())
}

fn hide_full(faulty: &Faulty<'_>, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
    match (faulty.below.perform(operation), operation) {
        (Err(error), Operation::Write { buffers, .. })
            if error.raw_os_error() == Some(libc::ENOSPC) =>
        {
            Ok(Outcome::Count(io_core::writable_bytes(buffers)))
        }
        (answer, _) => answer,
    }
}

fn stop_at_error(faulty: &Faulty<'_>, batch: &mut [BatchEntry<'_, '_>]) {
    let mut has_failed = false;
    for entry in batch {
        let result = if has_failed {
            Err(io_core::canceled())
        } else {
            faulty.below.perform(&mut entry.operation)
        };
        has_failed |= result.is_err();
        entry.result = Some(result);
    }
}
