//! [`JobSlot`]: a place for one job, from which any thread may take it. For
//! backends, which would need unsafe code to make one of a pointer.

#![expect(unsafe_code, reason = "keeps a job as an atomic pointer")]

use std::fmt;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::task::block::{Header, Job};

/// A place for one job.
pub struct JobSlot {
    /// The job that is in it, or null. Emptied by swaps alone, so who gets a
    /// pointer out is its only owner. AcqRel: what was done before a job was put
    /// in happens before it is run.
    job: AtomicPtr<Header>,
}

impl JobSlot {
    /// An empty slot.
    #[must_use]
    pub const fn new() -> JobSlot {
        JobSlot {
            job: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Puts `job` in, and takes out what was there.
    #[must_use = "a job that is dropped never runs"]
    pub fn replace(&self, job: Job) -> Option<Job> {
        self.swap(job.into_header().as_ptr())
    }

    /// Puts `job` in if the slot is empty, otherwise gives it back. For the one
    /// thread that puts jobs into this slot: of two that do so at once, one may lose
    /// its job, which then never runs.
    ///
    /// # Errors
    /// The job itself: there is one already.
    pub fn put(&self, job: Job) -> Result<(), Job> {
        if !self.is_empty() {
            return Err(job);
        }
        // Not by a swap, which is a locked instruction: others only take out.
        self.job
            .store(job.into_header().as_ptr(), Ordering::Release);
        Ok(())
    }

    /// Takes the job out, if there is one.
    #[must_use = "a job that is dropped never runs"]
    pub fn take(&self) -> Option<Job> {
        if self.is_empty() {
            return None;
        }
        self.swap(ptr::null_mut())
    }

    /// Whether there was no job a moment ago. Relaxed: the answer may be old by
    /// the time it is used, and `take` orders what follows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.job.load(Ordering::Relaxed).is_null()
    }

    fn swap(&self, next: *mut Header) -> Option<Job> {
        let job = NonNull::new(self.job.swap(next, Ordering::AcqRel))?;
        // SAFETY: `replace` made it of a job, and the swap gave it to this alone.
        Some(unsafe { Job::from_header(job) })
    }
}

impl Default for JobSlot {
    fn default() -> JobSlot {
        JobSlot::new()
    }
}

impl Drop for JobSlot {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl fmt::Debug for JobSlot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JobSlot")
            .field("is_empty", &self.is_empty())
            .finish()
    }
}
