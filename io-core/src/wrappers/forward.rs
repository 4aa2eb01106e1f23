//! [`forward_io!`](crate::forward_io): the methods of [`Io`](crate::Io) that a
//! wrapper does not write itself. A method that is added to the contract is
//! added here, and wrappers forward it from then on.

/// Writes the methods of [`Io`](crate::Io) that go on to the wrapped executor
/// as they are: all of them, `except` those that are named and that the wrapper
/// writes itself (or leaves to the contract's default).
///
/// A wrapper that writes `perform` decides about `perform_batch` too: forwarded,
/// a batch passes by its `perform`; left to the default, its entries come one by
/// one.
///
/// ```
/// use std::io;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use io_core::{Io, Operation, OperationKind, Outcome, forward_io};
///
/// /// Counts what is made durable.
/// struct SyncCounter<'a> {
///     below: &'a dyn Io,
///     syncs: AtomicU64,
/// }
///
/// impl Io for SyncCounter<'_> {
///     forward_io!(self => self.below; except perform, perform_batch);
///
///     fn perform(&self, operation: &mut Operation<'_, '_>) -> io::Result<Outcome> {
///         if operation.kind() == OperationKind::Sync {
///             self.syncs.fetch_add(1, Ordering::Relaxed);
///         }
///         self.below.perform(operation)
///     }
/// }
///
/// # fn main() -> io::Result<()> {
/// let blocking = io_blocking::Blocking::new();
/// let counter = SyncCounter { below: &blocking, syncs: AtomicU64::new(0) };
/// let directory = tempfile::tempdir()?;
/// let io: &dyn Io = &counter;
/// let file = io_core::fs::File::create(io, directory.path().join("file"))?;
/// file.sync_all()?;
/// assert_eq!(counter.syncs.load(Ordering::Relaxed), 1);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! forward_io {
    // ---- whether `$method` is among the names in the brackets; if not, the rest stands
    (@unless perform [perform $($own:ident)*] $($item:tt)*) => {};
    (@unless close [close $($own:ident)*] $($item:tt)*) => {};
    (@unless perform_batch [perform_batch $($own:ident)*] $($item:tt)*) => {};
    (@unless start [start $($own:ident)*] $($item:tt)*) => {};
    (@unless wait_task [wait_task $($own:ident)*] $($item:tt)*) => {};
    (@unless wake_task [wake_task $($own:ident)*] $($item:tt)*) => {};
    (@unless interrupt [interrupt $($own:ident)*] $($item:tt)*) => {};
    (@unless yield_now [yield_now $($own:ident)*] $($item:tt)*) => {};
    (@unless no_suspend [no_suspend $($own:ident)*] $($item:tt)*) => {};
    (@unless futex_wait [futex_wait $($own:ident)*] $($item:tt)*) => {};
    (@unless futex_wake [futex_wake $($own:ident)*] $($item:tt)*) => {};
    (@unless now [now $($own:ident)*] $($item:tt)*) => {};
    (@unless sleep_until [sleep_until $($own:ident)*] $($item:tt)*) => {};
    (@unless random [random $($own:ident)*] $($item:tt)*) => {};
    (@unless capabilities [capabilities $($own:ident)*] $($item:tt)*) => {};
    (@unless id [id $($own:ident)*] $($item:tt)*) => {};
    (@unless $method:ident [$other:ident $($own:ident)*] $($item:tt)*) => {
        $crate::forward_io!(@unless $method [$($own)*] $($item)*);
    };
    (@unless $method:ident [] $($item:tt)*) => { $($item)* };

    // ---- the methods, in the contract's order
    (@all $this:ident $below:expr, $own:tt) => {
        $crate::forward_io!(@unless perform $own
            fn perform(
                &$this,
                operation: &mut $crate::Operation<'_, '_>,
            ) -> ::std::io::Result<$crate::Outcome> {
                $crate::Io::perform(&*$below, operation)
            }
        );
        $crate::forward_io!(@unless close $own
            fn close(&$this, handle: $crate::Handle) -> ::std::io::Result<()> {
                $crate::Io::close(&*$below, handle)
            }
        );
        $crate::forward_io!(@unless perform_batch $own
            fn perform_batch(&$this, batch: &mut [$crate::BatchEntry<'_, '_>]) {
                $crate::Io::perform_batch(&*$below, batch);
            }
        );
        $crate::forward_io!(@unless start $own
            fn start(
                &$this,
                job: $crate::task::Job,
                how: $crate::task::Start,
            ) -> ::std::result::Result<(), $crate::task::Rejected> {
                $crate::Io::start(&*$below, job, how)
            }
        );
        $crate::forward_io!(@unless wait_task $own
            fn wait_task(&$this, task: &$crate::task::TaskRecord) {
                $crate::Io::wait_task(&*$below, task);
            }
        );
        $crate::forward_io!(@unless wake_task $own
            fn wake_task(&$this, task: &$crate::task::TaskRecord) {
                $crate::Io::wake_task(&*$below, task);
            }
        );
        $crate::forward_io!(@unless interrupt $own
            fn interrupt(&$this, task: &$crate::task::TaskRef) {
                $crate::Io::interrupt(&*$below, task);
            }
        );
        $crate::forward_io!(@unless yield_now $own
            fn yield_now(&$this) -> ::std::io::Result<()> {
                $crate::Io::yield_now(&*$below)
            }
        );
        $crate::forward_io!(@unless no_suspend $own
            fn no_suspend(&$this, body: &mut dyn FnMut()) {
                $crate::Io::no_suspend(&*$below, body);
            }
        );
        $crate::forward_io!(@unless futex_wait $own
            fn futex_wait(
                &$this,
                word: $crate::FutexWord<'_>,
                expected: u32,
                deadline: ::std::option::Option<$crate::Instant>,
            ) -> ::std::io::Result<()> {
                $crate::Io::futex_wait(&*$below, word, expected, deadline)
            }
        );
        $crate::forward_io!(@unless futex_wake $own
            fn futex_wake(&$this, address: $crate::FutexAddress, count: u32) {
                $crate::Io::futex_wake(&*$below, address, count);
            }
        );
        $crate::forward_io!(@unless now $own
            fn now(&$this, clock: $crate::Clock) -> $crate::Instant {
                $crate::Io::now(&*$below, clock)
            }
        );
        $crate::forward_io!(@unless sleep_until $own
            fn sleep_until(&$this, deadline: $crate::Instant) -> ::std::io::Result<()> {
                $crate::Io::sleep_until(&*$below, deadline)
            }
        );
        $crate::forward_io!(@unless random $own
            fn random(&$this, buffer: &mut [u8]) {
                $crate::Io::random(&*$below, buffer);
            }
        );
        $crate::forward_io!(@unless capabilities $own
            fn capabilities(&$this) -> $crate::Capabilities {
                $crate::Io::capabilities(&*$below)
            }
        );
        $crate::forward_io!(@unless id $own
            fn id(&$this) -> $crate::IoId {
                $crate::Io::id(&*$below)
            }
        );
    };

    // ---- what a wrapper writes
    ($this:ident => $below:expr) => {
        $crate::forward_io!(@all $this $below, []);
    };
    ($this:ident => $below:expr; except $($own:ident),+ $(,)?) => {
        $crate::forward_io!(@all $this $below, [$($own)+]);
    };
}
