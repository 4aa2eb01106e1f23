//! [`Counter`]: the processor's count of this thread's user-space instructions
//! (perf_event_open(2)).

#![expect(unsafe_code, reason = "perf_event_open(2) has no safe door")]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::FromRawFd;

/// `struct perf_event_attr` as of its first version (`PERF_ATTR_SIZE_VER0`).
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size_bytes: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_kind: u32,
    config1: u64,
}

const PERF_TYPE_HARDWARE: u32 = 0;
const PERF_COUNT_HW_INSTRUCTIONS: u64 = 1;
const EXCLUDE_KERNEL: u64 = 1 << 5;
const EXCLUDE_HYPERVISOR: u64 = 1 << 6;

/// Counts from when it is opened.
#[derive(Debug)]
pub struct Counter(File);

impl Counter {
    /// # Errors
    /// The machine has no such counter (`ENOENT`: many virtual ones), or does
    /// not let this user ask (`EACCES`, `EPERM`: `kernel.perf_event_paranoid`).
    pub fn open() -> io::Result<Counter> {
        let attributes = Attributes {
            kind: PERF_TYPE_HARDWARE,
            size_bytes: u32::try_from(size_of::<Attributes>()).expect("it is small"),
            config: PERF_COUNT_HW_INSTRUCTIONS,
            flags: EXCLUDE_KERNEL | EXCLUDE_HYPERVISOR,
            ..Attributes::default()
        };
        let (this_thread, any_cpu, no_group, no_flags) = (0, -1, -1, 0_u64);
        // SAFETY: the attributes are as large as they say, and are only read.
        let number = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                this_thread,
                any_cpu,
                no_group,
                no_flags,
            )
        };
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        let number = i32::try_from(number).expect("a descriptor fits");
        // SAFETY: the kernel has just opened it; nobody else has it.
        Ok(Counter(unsafe { File::from_raw_fd(number) }))
    }

    /// The count so far.
    ///
    /// # Errors
    /// read(2)'s.
    pub fn count(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}
