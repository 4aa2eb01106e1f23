//! [`Tiny`]: a whole executor without unsafe code: a thread for each task, one
//! queue of waits, files in memory (`memory.rs`). What a job gets is a choice of
//! the test: a thread, the stack of its spawner, either, or nothing.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use io_core::task::{self, Job, Rejected, Start, TaskRef, WaitEntry};
use io_core::{
    Capabilities, Clock, FutexAddress, FutexWord, Handle, Instant, Io, Operation, Outcome,
    deadline_passed,
};

use crate::memory::MemoryFiles;

/// What becomes of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jobs {
    /// A thread.
    Threads,
    /// Given back.
    Inline,
    /// One or the other, by turns that nobody foresees.
    Either,
    /// Dropped.
    Dropped,
}

/// How a wait was ended by others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Woken,
    Interrupted,
}

/// A wait of one thread.
#[derive(Default)]
struct Wait {
    end: Mutex<Option<End>>,
    is_ended: Condvar,
}

impl Wait {
    fn end(&self, how: End) {
        let mut end = self.end.lock().unwrap();
        // A wake that was consumed is not turned into an interrupt.
        if *end != Some(End::Woken) {
            *end = Some(how);
        }
        drop(end);
        self.is_ended.notify_one();
    }

    fn block(&self, timeout: Option<Duration>) -> Option<End> {
        let end = self.end.lock().unwrap();
        let is_waiting = |end: &mut Option<End>| end.is_none();
        match timeout {
            None => *self.is_ended.wait_while(end, is_waiting).unwrap(),
            Some(timeout) => {
                let waited = self.is_ended.wait_timeout_while(end, timeout, is_waiting);
                *waited.unwrap().0
            }
        }
    }
}

#[derive(Default)]
struct Waits {
    /// By the number that a task's record names as its place.
    by_number: HashMap<usize, Arc<Wait>>,
    /// Those on a word, the oldest first.
    queue: Vec<(FutexAddress, Arc<Wait>)>,
}

pub(crate) struct Tiny {
    jobs: Jobs,
    waits: Mutex<Waits>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    next_number: AtomicUsize,
    random: AtomicU64,
    start: std::time::Instant,
    files: MemoryFiles,
}

impl Tiny {
    pub(crate) fn new(jobs: Jobs) -> Tiny {
        Tiny {
            jobs,
            waits: Mutex::default(),
            threads: Mutex::default(),
            next_number: AtomicUsize::new(1),
            random: AtomicU64::new(0x9E37_79B9_7F4A_7C15),
            start: std::time::Instant::now(),
            files: MemoryFiles::new(),
        }
    }

    /// How many waits are queued: none, once all tasks are over.
    pub(crate) fn wait_count(&self) -> usize {
        self.waits().queue.len()
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap()
    }

    fn next_random(&self) -> u64 {
        // splitmix64, a step for each caller.
        let mut state = self
            .random
            .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        state ^ (state >> 31)
    }

    fn monotonic(&self) -> Instant {
        let nanos = u64::try_from(self.start.elapsed().as_nanos()).unwrap();
        Instant::from_nanos(Clock::Monotonic, nanos)
    }

    /// One wait of the current task; `enqueue` says whether it has to be.
    fn wait(
        &self,
        deadline: Option<Instant>,
        enqueue: impl FnOnce(&mut Waits, &Arc<Wait>) -> bool,
    ) -> io::Result<Option<End>> {
        let wait = Arc::new(Wait::default());
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        self.waits().by_number.insert(number, Arc::clone(&wait));
        let result = self.wait_as(number, &wait, deadline, enqueue);
        let mut waits = self.waits();
        waits.by_number.remove(&number);
        waits
            .queue
            .retain(|(_, queued)| !Arc::ptr_eq(queued, &wait));
        drop(waits);
        // A wake that came before it was taken off counts.
        let is_woken = *wait.end.lock().unwrap() == Some(End::Woken);
        result.map(|end| if is_woken { Some(End::Woken) } else { end })
    }

    fn wait_as(
        &self,
        number: usize,
        wait: &Arc<Wait>,
        deadline: Option<Instant>,
        enqueue: impl FnOnce(&mut Waits, &Arc<Wait>) -> bool,
    ) -> io::Result<Option<End>> {
        task::with_current(self.id(), |record| {
            if let Some(record) = record {
                record.place().store(number, Ordering::SeqCst);
            }
        });
        let until = match task::begin_wait(self.id(), || self.monotonic())? {
            WaitEntry::Ready => return Ok(Some(End::Woken)),
            WaitEntry::Wait { until } => until,
        };
        let has_to_wait = enqueue(&mut self.waits(), wait);
        let end = if has_to_wait {
            let first = [deadline, until].into_iter().flatten();
            let first = first.min_by_key(|instant| instant.as_nanos());
            wait.block(first.map(|first| first.saturating_duration_since(self.monotonic())))
        } else {
            Some(End::Woken)
        };
        task::end_wait(self.id());
        Ok(end)
    }
}

impl Io for Tiny {
    fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
        task::point(self.id(), || self.monotonic())?;
        self.files.perform(operation)
    }

    fn close(&self, handle: Handle) -> io::Result<()> {
        self.files.close(handle)
    }

    fn start(&self, job: Job, how: Start) -> Result<(), Rejected> {
        let is_inline = match (self.jobs, how) {
            (Jobs::Dropped, _) => {
                drop(job);
                return Ok(());
            }
            (Jobs::Inline, _) => true,
            (Jobs::Either, Start::MayRunInline) => self.next_random().is_multiple_of(2),
            (Jobs::Threads | Jobs::Either, _) => false,
        };
        if is_inline {
            return Err(Rejected::new(job));
        }
        let id = self.id();
        let thread = thread::spawn(move || job.run(id).publish());
        self.threads.lock().unwrap().push(thread);
        Ok(())
    }

    fn interrupt(&self, task: &TaskRef) {
        let number = task.place().load(Ordering::SeqCst);
        let wait = self.waits().by_number.get(&number).cloned();
        if let Some(wait) = wait.filter(|_| task.is_interrupt_due()) {
            wait.end(End::Interrupted);
        }
    }

    fn yield_now(&self) -> io::Result<()> {
        task::point(self.id(), || self.monotonic())?;
        thread::yield_now();
        Ok(())
    }

    fn futex_wait(
        &self,
        word: FutexWord<'_>,
        expected: u32,
        deadline: Option<Instant>,
    ) -> io::Result<()> {
        let address = word.address();
        loop {
            if word.load(Ordering::SeqCst) != expected {
                return Ok(());
            }
            let end = self.wait(deadline, |waits, wait| {
                let is_expected = word.load(Ordering::SeqCst) == expected;
                if is_expected {
                    waits.queue.push((address, Arc::clone(wait)));
                }
                is_expected
            })?;
            if end == Some(End::Woken) {
                return Ok(());
            }
            if let Some(answer) = task::interruption(self.id(), || self.monotonic()) {
                return answer;
            }
            if deadline.is_some_and(|deadline| self.monotonic() >= deadline) {
                return Err(deadline_passed());
            }
        }
    }

    fn futex_wake(&self, address: FutexAddress, count: u32) {
        let mut waits = self.waits();
        for _ in 0..count {
            let mut queue = waits.queue.iter();
            let Some(index) = queue.position(|(queued, _)| *queued == address) else {
                return;
            };
            waits.queue.remove(index).1.end(End::Woken);
        }
    }

    fn now(&self, clock: Clock) -> Instant {
        Instant::from_nanos(clock, self.monotonic().as_nanos())
    }

    fn sleep_until(&self, deadline: Instant) -> io::Result<()> {
        let deadline = Instant::from_nanos(Clock::Monotonic, deadline.as_nanos());
        loop {
            self.wait(Some(deadline), |_, _| true)?;
            if self.monotonic() >= deadline {
                return Ok(());
            }
            if let Some(answer) = task::interruption(self.id(), || self.monotonic()) {
                return answer;
            }
        }
    }

    fn random(&self, buffer: &mut [u8]) {
        for byte in buffer {
            *byte = self.next_random().to_le_bytes()[0];
        }
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::minimal("tiny");
        if self.jobs == Jobs::Threads || self.jobs == Jobs::Either {
            capabilities.concurrent_tasks_max = 1000;
        }
        capabilities.interrupts_waits = true;
        capabilities
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        for thread in self.threads.get_mut().unwrap().drain(..) {
            thread.join().expect("a job catches its panic");
        }
    }
}
