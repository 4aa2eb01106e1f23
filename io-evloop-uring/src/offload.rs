//! The offload pool: threads for what would stop a worker, and for jobs that
//! want a thread of their own. The event loop's chapters hand it requests; it
//! performs them with io-blocking and gives the fiber back to its worker.
//!
//! # Safety argument: requests
//! A [`Request`] lies on the stack of a fiber that parked for it. The fiber goes
//! on only when the pool gives it back, which is the pool's last touch of the
//! request: so the request, and the operation it borrows, outlive their use.

#![expect(unsafe_code, reason = "requests lie on the stacks of parked fibers")]

use std::collections::VecDeque;
use std::io;
use std::ptr::NonNull;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use io_core::task::Job;
use io_core::{IoId, Operation, Outcome};

use crate::cell::FiberRef;
use crate::shared::Shared;

/// An idle thread of the pool ends after this time.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// One operation for the pool: lies on the stack of the fiber that waits for it.
pub(crate) struct Request {
    operation: NonNull<Operation<'static, 'static>>,
    pub(crate) fiber: FiberRef,
    pub(crate) result: Option<io::Result<Outcome>>,
}

impl Request {
    pub(crate) fn new(operation: &mut Operation<'_, '_>, fiber: FiberRef) -> Request {
        // The lifetimes are forgotten here; the safety argument keeps them.
        let operation = NonNull::from(operation).cast::<Operation<'static, 'static>>();
        Request {
            operation,
            fiber,
            result: None,
        }
    }
}

enum Work {
    Perform(NonNull<Request>),
    Run(Job),
}

// SAFETY: requests: the pool has it alone until it gives the fiber back; what an
// operation borrows is Send (slices, paths and handles).
unsafe impl Send for Work {}

/// The pool of one loop; it refers back to the loop it belongs to.
pub(crate) struct OffloadPool {
    state: Mutex<State>,
    arrived: Condvar,
    threads_max: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    threads: Vec<JoinHandle<()>>,
    running_count: usize,
    idle_count: usize,
    is_stopping: bool,
}

impl OffloadPool {
    pub(crate) fn new(threads_max: usize) -> OffloadPool {
        OffloadPool {
            state: Mutex::default(),
            arrived: Condvar::new(),
            threads_max,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an operation.
    ///
    /// # Errors
    /// There is no thread and none can be started.
    ///
    /// # Safety
    /// Requests: the request's fiber is parked for it.
    pub(crate) unsafe fn perform(
        &self,
        shared: &Arc<Shared>,
        request: NonNull<Request>,
    ) -> io::Result<()> {
        self.submit(shared, Work::Perform(request))
            .map_err(|(_, error)| error)
    }

    /// Queues a job.
    ///
    /// # Errors
    /// The job, if there is no thread and none can be started.
    pub(crate) fn run(&self, shared: &Arc<Shared>, job: Job) -> Result<(), Job> {
        self.submit(shared, Work::Run(job))
            .map_err(|(work, _)| match work {
                Work::Run(job) => job,
                Work::Perform(_) => unreachable!("a job was submitted"),
            })
    }

    fn submit(&self, shared: &Arc<Shared>, work: Work) -> Result<(), (Work, io::Error)> {
        let mut state = self.state();
        let wants_thread = state.queue.len() >= state.idle_count;
        if wants_thread && state.running_count < self.threads_max {
            let thread_shared = Arc::clone(shared);
            let spawned = thread::Builder::new()
                .name("io-offload".to_owned())
                .spawn(move || thread_shared.offload.serve(&thread_shared));
            match spawned {
                Ok(thread) => {
                    state.threads.retain(|thread| !thread.is_finished());
                    state.threads.push(thread);
                    state.running_count += 1;
                }
                Err(error) if state.running_count == 0 => return Err((work, error)),
                // The threads there are will come to it.
                Err(_) => {}
            }
        }
        state.queue.push_back(work);
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// A thread of the pool.
    fn serve(&self, shared: &Shared) {
        let mut state = self.state();
        loop {
            if let Some(work) = state.queue.pop_front() {
                drop(state);
                work.carry_out(shared);
                state = self.state();
                continue;
            }
            if state.is_stopping {
                break;
            }
            state.idle_count += 1;
            let (locked, timeout) = self
                .arrived
                .wait_timeout(state, IDLE_TIMEOUT)
                .unwrap_or_else(PoisonError::into_inner);
            state = locked;
            state.idle_count -= 1;
            if timeout.timed_out() && state.queue.is_empty() {
                break;
            }
        }
        state.running_count -= 1;
    }

    /// Ends the pool: what is queued is carried out first.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.is_stopping = true;
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        self.arrived.notify_all();
        for thread in threads {
            thread
                .join()
                .expect("a thread of the pool catches the panics of its jobs");
        }
    }
}

impl Work {
    fn carry_out(self, shared: &Shared) {
        match self {
            Work::Run(job) => job.run(IoId::of(shared)).publish(),
            Work::Perform(mut request) => {
                // SAFETY: requests: the fiber is parked, the pool has it alone.
                let request = unsafe { request.as_mut() };
                // SAFETY: as above, for what the request borrows.
                let operation = unsafe { request.operation.as_mut() };
                request.result = Some(io_blocking::system::perform(operation));
                shared.make_ready(request.fiber);
            }
        }
    }
}
