//! [`Waits`]: whether a call of this thread has waited, or has only lost the
//! processor to somebody else. `file.rs` asks after calls that took long.
//!
//! On a busy machine every call takes milliseconds now and then, since another
//! process runs meanwhile. That says nothing of the call: had it been made on
//! another thread, it would have taken as long.

use std::cell::Cell;
use std::ffi::c_long;

use io_blocking::system;

/// How often this thread had waited when somebody last looked.
pub(crate) struct Waits {
    /// `None` if it has slept since: then the next call has to look first.
    seen: Cell<Option<c_long>>,
}

impl Waits {
    pub(super) fn new() -> Waits {
        Waits {
            seen: Cell::new(None),
        }
    }

    /// The thread has slept, or may have.
    pub(super) fn forget(&self) {
        self.seen.set(None);
    }

    /// To be called before a call that may be asked about. It costs a system call
    /// only if the thread has slept since the last one.
    #[inline]
    pub(crate) fn prepare(&self) {
        if self.seen.get().is_none() {
            self.seen.set(Some(system::wait_count()));
        }
    }

    /// Whether the thread has waited since `prepare`.
    pub(crate) fn has_waited(&self) -> bool {
        let count = system::wait_count();
        self.seen.replace(Some(count)) != Some(count)
    }
}

#[cfg(test)]
mod tests {
    use std::hint;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_call_that_lost_the_processor_has_not_waited() {
        let waits = Waits::new();
        waits.prepare();
        let began = Instant::now();
        // On a busy machine somebody else runs meanwhile.
        while began.elapsed() < Duration::from_millis(20) {
            hint::spin_loop();
        }
        assert!(!waits.has_waited());
    }

    #[test]
    fn a_call_that_slept_has_waited_once() {
        let waits = Waits::new();
        waits.prepare();
        thread::sleep(Duration::from_millis(1));
        assert!(waits.has_waited());
        assert!(!waits.has_waited());
        thread::sleep(Duration::from_millis(1));
        waits.forget();
        waits.prepare();
        assert!(!waits.has_waited());
    }
}
