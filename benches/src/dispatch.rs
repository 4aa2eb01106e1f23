//! What a call through the trait object costs: one operation, performed again and
//! again by a loop that knows the executor's type, by one that is generic over it,
//! and by one that has `&dyn Io`. Used by `workload/dispatch.rs` and, for the
//! instructions, by the program `contract-cost`.

use std::hint::black_box;
use std::io::IoSliceMut;

use io_blocking::Blocking;
use io_core::{Handle, Io, Operation, Outcome, fs};

/// How the executor is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dispatch {
    /// By its type.
    Concrete,
    /// As a type parameter.
    Generic,
    /// As a trait object.
    Dyn,
}

impl Dispatch {
    /// Each of them.
    pub const ALL: [Dispatch; 3] = [Dispatch::Concrete, Dispatch::Generic, Dispatch::Dyn];

    /// Its name in tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Dispatch::Concrete => "concrete",
            Dispatch::Generic => "generic",
            Dispatch::Dyn => "dyn",
        }
    }

    /// Reads a byte of `/dev/zero` so many times on the blocking executor.
    ///
    /// # Panics
    /// If there is no `/dev/zero`.
    pub fn perform(self, count: u64) {
        let blocking = Blocking::new();
        let zeros = std::fs::File::open("/dev/zero").expect("every Linux has it");
        let file = fs::File::from_fd(&blocking, zeros.into());
        let handle = file.handle();
        // Nothing is known of the object where it is used.
        match self {
            Dispatch::Concrete => by_type(black_box(&blocking), handle, count),
            Dispatch::Generic => by_parameter(black_box(&blocking), handle, count),
            Dispatch::Dyn => by_object(black_box(&blocking as &dyn Io), handle, count),
        }
    }
}

#[inline(never)]
fn by_type(io: &Blocking, handle: &Handle, count: u64) {
    for _ in 0..count {
        one_byte(handle, |operation| io.perform(operation));
    }
}

#[inline(never)]
fn by_parameter<B: Io>(io: &B, handle: &Handle, count: u64) {
    for _ in 0..count {
        one_byte(handle, |operation| io.perform(operation));
    }
}

#[inline(never)]
fn by_object(io: &dyn Io, handle: &Handle, count: u64) {
    for _ in 0..count {
        one_byte(handle, |operation| io.perform(operation));
    }
}

#[inline]
fn one_byte(
    handle: &Handle,
    perform: impl FnOnce(&mut Operation<'_, '_>) -> std::io::Result<Outcome>,
) {
    let mut byte = [1];
    let mut operation = Operation::Read {
        handle,
        buffers: &mut [IoSliceMut::new(&mut byte)],
        offset: None,
    };
    let outcome = perform(&mut operation).expect("it has no end");
    assert!(matches!(outcome, Outcome::Count(1)), "{outcome:?}");
}
