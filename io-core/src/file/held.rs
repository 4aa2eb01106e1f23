//! [`HeldHandle`]: an open handle together with the executor that closes it.
//! What `File` and `Dir` have in common; only they use it.

use std::io;

use crate::handle::Handle;
use crate::io::Io;
use crate::operation::{Operation, Outcome};

/// Closes its handle when it is dropped, without an answer.
pub(super) struct HeldHandle<'io> {
    io: &'io dyn Io,
    /// `None` only within `close`, `into_handle` and `drop`, which all end it.
    handle: Option<Handle>,
}

impl<'io> HeldHandle<'io> {
    pub(super) fn new(io: &'io dyn Io, handle: Handle) -> HeldHandle<'io> {
        HeldHandle {
            io,
            handle: Some(handle),
        }
    }

    #[inline]
    pub(super) fn io(&self) -> &'io dyn Io {
        self.io
    }

    #[inline]
    pub(super) fn handle(&self) -> &Handle {
        self.handle
            .as_ref()
            .expect("the handle is only taken out by what consumes its holder")
    }

    #[inline]
    pub(super) fn perform(&self, mut operation: Operation<'_, '_>) -> io::Result<Outcome> {
        self.io.perform(&mut operation)
    }

    pub(super) fn duplicate(&self) -> io::Result<HeldHandle<'io>> {
        let outcome = self.perform(Operation::Duplicate {
            handle: self.handle(),
        })?;
        Ok(HeldHandle::new(self.io, outcome.expect_handle()))
    }

    pub(super) fn close(mut self) -> io::Result<()> {
        let handle = self.handle.take();
        self.io
            .close(handle.expect("this consumes the only holder of the handle"))
    }

    pub(super) fn into_handle(mut self) -> Handle {
        let handle = self.handle.take();
        handle.expect("this consumes the only holder of the handle")
    }
}

impl Drop for HeldHandle<'_> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            // Whoever wants the answer calls `close`.
            drop(self.io.close(handle));
        }
    }
}
