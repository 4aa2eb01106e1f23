//! The stacks of one worker: mapped in slabs, guarded, recycled, handed back.
//!
//! Called by the scheduler, which takes a stack for each task it starts, and by
//! `switch.rs`, which runs fibers on them. May import `layout.rs`,
//! `overflow.rs`, libc, and from corosensei its trait `Stack` and its valgrind
//! requests. The picture of a slab is in `layout.rs`.
//!
//! ```text
//!            take                      give_back
//!   fresh ----------> taken by a fiber ----------> warm (newest at the back)
//!     ^                 ^      ^                    |  |
//!     | map a slab      |      +---- take ----------+  | trim: above
//!   kernel              |                              | `warm_count_max`,
//!                       +------- take ------- cold <---+ oldest first
//! ```
//!
//! Memory policy: a stack commits memory when it is touched. Given back it is
//! *warm*: its pages stay, the next task finds them in the cache. Above
//! `warm_count_max` [`StackPool::trim`] hands *all* pages of the oldest back
//! (keeping even the top page would hold 4 KiB for every fiber of a peak that
//! may never come again). Address space stays reserved until the pool ends.
//!
//! # Safety argument
//!
//! *Slot ownership*: a [`Stack`] is the only value that names its slot; it is
//! made once per slot, is not `Clone`, and moves between the pool's lists and
//! one fiber. While any of them is outside the pool, no slab is unmapped
//! (`taken_count`). So whoever holds a `Stack` owns mapped, writable memory
//! from `low` to the end of the slot, and nobody else touches it.
#![expect(
    unsafe_code,
    reason = "maps and guards memory, implements corosensei's unsafe trait Stack"
)]

use std::{
    cell::Cell,
    collections::VecDeque,
    fs, io,
    marker::PhantomData,
    mem::{self, MaybeUninit},
    num::NonZeroUsize,
    ptr,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use corosensei::stack::valgrind::ValgrindStackRegistration;

use super::{
    layout::{STACK_BYTES_DEFAULT, StackLayout},
    overflow::{Label, SlabRegistration},
};

/// `MADV_GUARD_INSTALL` of Linux 6.13 (asm-generic/mman-common.h), not in libc yet.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// One pool makes at most as many stacks: at the default size one terabyte of
/// the 128 that a process can address.
const STACK_COUNT_MAX_DEFAULT: usize = 4 * 1024 * 1024;

/// So many stacks stay warm: at one or two touched pages each, some megabytes.
const WARM_COUNT_MAX_DEFAULT: usize = 1024;

/// One call of `trim` hands back at most this many stacks (2-3 us each), so
/// that the idle loop is not late for what wakes it.
const TRIM_COUNT_MAX: usize = 16;

/// What `vm.max_map_count` is unless someone changed it.
const MAX_MAP_COUNT_DEFAULT: usize = 65530;

/// How the low end of a stack is made to fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GuardKind {
    /// A marker in the page table (`MADV_GUARD_INSTALL`, Linux 6.13): needs no
    /// mapping of its own, so the number of stacks is bounded by memory only.
    Marker,
    /// `mprotect(PROT_NONE)`: costs two mappings per stack, and the kernel
    /// allows a process `vm.max_map_count` of them, see [`protected_count_max`].
    Protect,
}

/// What a pool of stacks is made from.
#[derive(Clone, Debug)]
pub(crate) struct StackOptions {
    /// Usable bytes per stack, rounded up to pages; memory is committed on touch.
    pub(crate) stack_bytes: usize,
    /// `None`: markers where the kernel has them, protection otherwise.
    pub(crate) forced_guard: Option<GuardKind>,
    /// The pool makes no more stacks than this; then `take` fails.
    pub(crate) stack_count_max: usize,
    /// Returned stacks above this number lose their memory in `trim`.
    pub(crate) warm_count_max: usize,
}

impl Default for StackOptions {
    fn default() -> StackOptions {
        StackOptions {
            stack_bytes: STACK_BYTES_DEFAULT,
            forced_guard: None,
            stack_count_max: STACK_COUNT_MAX_DEFAULT,
            warm_count_max: WARM_COUNT_MAX_DEFAULT,
        }
    }
}

/// A guarded stack: the right to use one slot of a slab.
///
/// It goes back to the pool it came from by [`StackPool::give_back`]. One that
/// is dropped instead keeps its slab mapped for the rest of the process.
#[derive(Debug)]
#[must_use = "a stack that is not given back keeps its slab mapped for ever"]
pub(crate) struct Stack {
    /// Highest usable address, coloured; the label lies directly above it.
    base: NonZeroUsize,
    /// Start of the slot, which is the start of its guard.
    start: NonZeroUsize,
    /// Size of the guard.
    guard_bytes: u32,
    /// Number of the slot within its pool.
    slot_number: u32,
}

impl Stack {
    /// The range of addresses that frames may occupy.
    #[inline]
    pub(crate) fn bounds(&self) -> StackBounds {
        StackBounds {
            low: self.start.get() + self.guard_bytes as usize,
            base: self.base.get(),
        }
    }

    /// One past its highest usable byte; a multiple of 64.
    #[cfg(not(any(fiber_threads, fiber_corosensei)))]
    #[inline]
    pub(super) fn base_ptr(&self) -> ptr::NonNull<()> {
        ptr::NonNull::with_exposed_provenance(self.base)
    }

    /// Notes which task runs on this stack, for the overflow report: a number,
    /// and a name of which the first [`Label::NAME_BYTES_MAX`] bytes are kept.
    /// Costs one cache line, which the task touches anyway.
    #[inline]
    pub(crate) fn set_label(&mut self, id: u64, name: &str) {
        // SAFETY: no fiber is on the stack, which is borrowed exclusively.
        unsafe { self.bounds().set_label(id, name) };
    }
}

// SAFETY: the guard is installed before a `Stack` is made (`Slab::guard_slot`),
// `layout.rs` makes every stack larger than corosensei's minimum, and by
// *slot ownership* nothing else uses the memory. `base` is a multiple of 64.
unsafe impl corosensei::stack::Stack for Stack {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        self.base
    }

    #[inline]
    fn limit(&self) -> NonZeroUsize {
        self.start
    }
}

/// The addresses between which a stack's frames lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StackBounds {
    /// Lowest usable address.
    low: usize,
    /// One past the highest usable address.
    base: usize,
}

impl StackBounds {
    /// As [`Stack::set_label`], for a stack that a fiber runs on.
    ///
    /// # Safety
    /// The bounds are those of a live [`Stack`], and the caller runs on it, or it
    /// is borrowed exclusively: nobody else writes its label meanwhile.
    #[inline]
    pub(crate) unsafe fn set_label(self, id: u64, name: &str) {
        let label = ptr::with_exposed_provenance_mut::<Label>(self.base);
        // SAFETY: *slot ownership*: the label's line belongs to the slot and is
        // written by its owner only (the caller's contract); `layout.rs` aligns
        // it. The provenance was exposed when the slab was mapped.
        unsafe { label.write(Label::new(id, name)) };
    }

    /// The stack that the calling thread was started on, for code that runs on
    /// no fiber. Costs system calls (on a main thread a read of its mappings).
    ///
    /// # Errors
    /// What pthread_getattr_np(3) answers.
    pub(crate) fn of_current_thread() -> io::Result<StackBounds> {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        // SAFETY: names this thread; no requirements.
        let this_thread = unsafe { libc::pthread_self() };
        // SAFETY: initialises `attributes` if it answers 0.
        let result = unsafe { libc::pthread_getattr_np(this_thread, attributes.as_mut_ptr()) };
        if result != 0 {
            return Err(io::Error::from_raw_os_error(result));
        }
        let mut low = ptr::null_mut();
        let mut bytes = 0;
        // SAFETY: reads the initialised attributes, writes two words.
        let result = unsafe {
            libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut bytes)
        };
        // SAFETY: initialised above, and not used again.
        unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
        if result != 0 {
            return Err(io::Error::from_raw_os_error(result));
        }
        let low = low.addr();
        Ok(StackBounds {
            low,
            base: low + bytes,
        })
    }

    /// All bytes of the stack, used or not.
    #[inline]
    pub(crate) fn total_bytes(&self) -> usize {
        self.base - self.low
    }

    /// Start and size of the whole pages between the bounds.
    #[cfg(test)]
    pub(crate) fn pages(&self) -> (usize, usize) {
        let page_bytes = page_bytes();
        (self.low, self.base.next_multiple_of(page_bytes) - self.low)
    }

    /// Whether `addr` lies on this stack.
    #[inline]
    pub(crate) fn contains(&self, addr: usize) -> bool {
        (self.low..self.base).contains(&addr)
    }

    /// Bytes below the caller's frame; 0 if the caller runs on another stack.
    #[inline]
    pub(crate) fn remaining_stack_bytes(&self) -> usize {
        let stack_pointer = stack_pointer();
        if self.contains(stack_pointer) {
            stack_pointer - self.low
        } else {
            0
        }
    }
}

/// All stacks of one worker; used by that worker only.
pub(crate) struct StackPool {
    options: StackOptions,
    layout: StackLayout,
    /// How the next fresh slot is guarded; falls from `Marker` to `Protect` once.
    guard: GuardKind,
    /// Moves to [`LEAKED_SLABS`] if a stack is still taken when the pool ends.
    slabs: Vec<Slab>,
    /// Slots that were made into stacks so far; also the next slot's number.
    made_count: usize,
    /// Stacks outside the pool.
    taken_count: usize,
    /// Returned stacks with their memory, newest at the back.
    warm: VecDeque<Stack>,
    /// Returned stacks without memory.
    cold: Vec<Stack>,
    not_sync: PhantomData<Cell<()>>,
}

impl StackPool {
    /// Makes an empty pool; nothing is mapped before the first [`take`](Self::take).
    ///
    /// # Errors
    /// `InvalidInput` if the stack size is out of range.
    pub(crate) fn new(options: StackOptions) -> io::Result<StackPool> {
        Ok(StackPool {
            layout: StackLayout::new(options.stack_bytes, page_bytes())?,
            guard: options.forced_guard.unwrap_or(GuardKind::Marker),
            options,
            slabs: Vec::new(),
            made_count: 0,
            taken_count: 0,
            warm: VecDeque::new(),
            cold: Vec::new(),
            not_sync: PhantomData,
        })
    }

    /// Usable bytes of each stack, after rounding; colour and label are part of it.
    pub(crate) fn stack_bytes(&self) -> usize {
        self.layout.stack_bytes()
    }

    /// How fresh stacks are guarded. `Marker` is a hope until the first `take`.
    pub(crate) fn guard(&self) -> GuardKind {
        self.guard
    }

    /// Stacks that were taken and not given back.
    pub(crate) fn taken_count(&self) -> usize {
        self.taken_count
    }

    /// Hands out a stack: the one given back last if there is one.
    ///
    /// # Errors
    /// `OutOfMemory` at `stack_count_max`, at the limit of protected stacks
    /// (guards without markers), or if the kernel has no address space or
    /// memory left (then with its OS code). The pool stays usable.
    #[inline]
    pub(crate) fn take(&mut self) -> io::Result<Stack> {
        let mut stack = match self.warm.pop_back() {
            Some(stack) => stack,
            None => self.take_cold_or_fresh()?,
        };
        stack.set_label(0, "");
        self.taken_count += 1;
        Ok(stack)
    }

    /// Takes a stack back; it is the next one to be taken. Never allocates.
    ///
    /// # Panics
    /// If the stack belongs to another pool.
    #[inline]
    pub(crate) fn give_back(&mut self, stack: Stack) {
        let slab = stack.slot_number as usize / self.layout.slot_count;
        assert!(
            self.slabs
                .get(slab)
                .is_some_and(|slab| slab.contains(stack.start.get())),
            "a stack was given back to another pool"
        );
        self.taken_count -= 1;
        self.warm.push_back(stack);
    }

    /// Hands memory of long unused stacks back to the kernel, a few per call;
    /// see the policy in the module's header. Returns how many were trimmed; 0
    /// means that nothing is left to do. For the idle loop.
    pub(crate) fn trim(&mut self) -> usize {
        let surplus = self
            .warm
            .len()
            .saturating_sub(self.options.warm_count_max)
            .min(TRIM_COUNT_MAX);
        for _ in 0..surplus {
            let stack = self.warm.pop_front().expect("surplus is below the length");
            release_memory(&stack, &self.layout);
            self.cold.push(stack);
        }
        surplus
    }

    #[cold]
    fn take_cold_or_fresh(&mut self) -> io::Result<Stack> {
        match self.cold.pop() {
            Some(stack) => Ok(stack),
            None => self.make_fresh(),
        }
    }

    /// Guards the next slot, in a new slab if the last one is used up.
    fn make_fresh(&mut self) -> io::Result<Stack> {
        if self.made_count == self.options.stack_count_max {
            return Err(stack_count_error(self.options.stack_count_max));
        }
        let slot_index = self.made_count % self.layout.slot_count;
        if self.slabs.len() * self.layout.slot_count == self.made_count {
            let slab = Slab::map(self.layout, self.made_count)?;
            self.slabs.push(slab);
        }
        let slab = self.slabs.last_mut().expect("a slab with room was pushed");
        let is_forced = self.options.forced_guard.is_some();
        match (slab.guard_slot(slot_index, self.guard), self.guard) {
            (Ok(()), _) => {}
            (Err(error), GuardKind::Marker) if !is_forced && is_unknown_advice(&error) => {
                self.guard = GuardKind::Protect;
                slab.guard_slot(slot_index, GuardKind::Protect)?;
            }
            (Err(error), _) => return Err(error),
        }
        let stack = slab.stack(slot_index, self.made_count);
        self.made_count += 1;
        // `give_back` must find room without allocating.
        self.warm.reserve(self.made_count - self.warm.len());
        Ok(stack)
    }
}

impl Drop for StackPool {
    fn drop(&mut self) {
        if self.taken_count == 0 {
            return;
        }
        // A parked fiber's stack may never be freed.
        LEAKED_SLABS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(mem::take(&mut self.slabs));
        debug_assert!(
            thread::panicking(),
            "{} fiber stacks were not given back; their slabs are leaked",
            self.taken_count
        );
    }
}

/// The slabs of pools that ended before their stacks came back: they stay
/// mapped for ever, and here a person with a debugger finds them.
static LEAKED_SLABS: Mutex<Vec<Vec<Slab>>> = Mutex::new(Vec::new());

/// One mapping of [`StackLayout::slot_count`] slots.
///
/// The order of the fields is the order in which they are dropped: what knows
/// the slab forgets it before the memory goes and may become something else's.
struct Slab {
    layout: StackLayout,
    /// Lets the fault handler recognise the guards.
    _registration: SlabRegistration,
    /// Tells valgrind that these are stacks; a few no-ops outside of it.
    valgrind: Vec<ValgrindStackRegistration>,
    mapping: Mapping,
    /// Slots whose guard counts against [`protected_count_max`], until they are unmapped.
    protected: ProtectedCount,
}

impl Slab {
    fn map(layout: StackLayout, first_slot_number: usize) -> io::Result<Slab> {
        let mapping = Mapping::new(layout.slab_bytes())?;
        Ok(Slab {
            layout,
            _registration: SlabRegistration::new(mapping.start, layout, first_slot_number),
            valgrind: Vec::new(),
            mapping,
            protected: ProtectedCount(0),
        })
    }

    fn contains(&self, addr: usize) -> bool {
        let start = self.mapping.start.get();
        (start..start + self.mapping.bytes).contains(&addr)
    }

    fn slot_start(&self, slot_index: usize) -> NonZeroUsize {
        assert!(slot_index < self.layout.slot_count);
        self.mapping
            .start
            .checked_add(slot_index * self.layout.slot_bytes)
            .expect("a slot lies within its slab")
    }

    /// Makes the low end of a slot fault. The slot must not be a stack yet.
    fn guard_slot(&mut self, slot_index: usize, guard: GuardKind) -> io::Result<()> {
        let addr = self.slot_start(slot_index).get();
        let bytes = self.layout.guard_bytes;
        match guard {
            GuardKind::Marker => {
                install_marker(addr, bytes)?;
                // Once per slab; what holds for one slot holds for all of them.
                if slot_index == 0 {
                    check_marker(addr)?;
                }
                Ok(())
            }
            GuardKind::Protect => {
                self.protected.increment()?;
                protect(addr, bytes).inspect_err(|_| self.protected.decrement())
            }
        }
    }

    /// The stack of a guarded slot. Called once per slot: *slot ownership*.
    fn stack(&mut self, slot_index: usize, slot_number: usize) -> Stack {
        let start = self.slot_start(slot_index);
        let base = self.layout.base_addr(start.get(), slot_number);
        let low = start.get() + self.layout.guard_bytes;
        self.valgrind.push(ValgrindStackRegistration::new(
            ptr::with_exposed_provenance_mut(low),
            base - low,
        ));
        Stack {
            base: NonZeroUsize::new(base).expect("above the start of the slot"),
            start,
            guard_bytes: u32::try_from(self.layout.guard_bytes).expect("some pages"),
            slot_number: u32::try_from(slot_number).expect("bounded by the address space"),
        }
    }
}

/// Fresh private memory, reserved but not committed. Dropping it unmaps it.
struct Mapping {
    start: NonZeroUsize,
    bytes: usize,
}

impl Mapping {
    fn new(bytes: usize) -> io::Result<Mapping> {
        // SAFETY: a new private anonymous mapping at an address of the
        // kernel's choice touches no memory of this program.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // MAP_STACK keeps huge pages away since 6.7, this call does so before;
        // its failure (a kernel without huge pages) means nothing is to be done.
        // SAFETY: advice about the mapping just made; it changes no content.
        let _advised = unsafe { libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE) };
        let start = NonZeroUsize::new(start.expose_provenance())
            .expect("the kernel maps nothing at address 0 unless asked to");
        Ok(Mapping { start, bytes })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let start = ptr::with_exposed_provenance_mut(self.start.get());
        // SAFETY: `new` mapped exactly this range, and `StackPool::drop` saw to
        // it that no stack of it is taken (*slot ownership*).
        let result = unsafe { libc::munmap(start, self.bytes) };
        debug_assert_eq!(
            result,
            0,
            "munmap of a slab: {}",
            io::Error::last_os_error()
        );
    }
}

/// Marks `bytes` at `addr` as a guard.
fn install_marker(addr: usize, bytes: usize) -> io::Result<()> {
    let guard = ptr::with_exposed_provenance_mut(addr);
    // SAFETY: the range is the guard of a slot that is no stack yet, so nobody
    // uses it and its content may be discarded.
    if unsafe { libc::madvise(guard, bytes, MADV_GUARD_INSTALL) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Makes sure that a marker faults: some emulators take any advice for a hint
/// and answer success. The kernel is asked to read a time from the guard, and
/// must fail; where there is no guard it reads the zeros of a fresh page.
fn check_marker(addr: usize) -> io::Result<()> {
    let guard = ptr::with_exposed_provenance(addr);
    // SAFETY: reads at most the mapped guard of a slot that is no stack yet and
    // writes nothing. A time of 0 does not sleep.
    if unsafe { libc::nanosleep(guard, ptr::null_mut()) } == 0 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    Ok(())
}

/// Takes all rights from `bytes` at `addr`.
fn protect(addr: usize, bytes: usize) -> io::Result<()> {
    let guard = ptr::with_exposed_provenance_mut(addr);
    // SAFETY: the range is the guard of a slot that is no stack yet, so nobody
    // uses it.
    if unsafe { libc::mprotect(guard, bytes, libc::PROT_NONE) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Gives the memory of an idle stack back to the kernel; its guard stays.
fn release_memory(stack: &Stack, layout: &StackLayout) {
    let low = stack.bounds().low;
    let end = stack.start.get() + layout.slot_bytes;
    let start = ptr::with_exposed_provenance_mut(low);
    // Only advice: on failure (locked memory) the pages just stay.
    // SAFETY: *slot ownership*, and no frame is alive on an idle stack, so its
    // content may become zeros.
    let _advised = unsafe { libc::madvise(start, end - low, libc::MADV_DONTNEED) };
}

/// Whether the kernel does not know markers, or not for this mapping.
fn is_unknown_advice(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINVAL)
}

/// Stacks of this process that are guarded by `mprotect`. Written by every
/// worker that makes or frees such stacks; a plain count that orders nothing
/// else, hence Relaxed.
static PROTECTED_COUNT: AtomicUsize = AtomicUsize::new(0);

/// Most stacks that may be guarded by `mprotect`, in the whole process.
///
/// Each costs two mappings. At `vm.max_map_count` not only `mprotect` fails but
/// also `malloc` and the start of threads, so an eighth is left for the others.
pub(crate) fn protected_count_max() -> usize {
    static LIMIT: OnceLock<usize> = OnceLock::new();
    *LIMIT.get_or_init(|| {
        let max_map_count = fs::read_to_string("/proc/sys/vm/max_map_count")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(MAX_MAP_COUNT_DEFAULT);
        (max_map_count - max_map_count / 8) / 2
    })
}

/// A slab's part of [`PROTECTED_COUNT`]; given back when it is dropped.
struct ProtectedCount(usize);

impl ProtectedCount {
    /// Counts one stack more, unless the process has as many as it may have.
    fn increment(&mut self) -> io::Result<()> {
        let limit = protected_count_max();
        PROTECTED_COUNT
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                (count < limit).then_some(count + 1)
            })
            .map_err(|_| protected_count_error(limit))?;
        self.0 += 1;
        Ok(())
    }

    fn decrement(&mut self) {
        PROTECTED_COUNT.fetch_sub(1, Ordering::Relaxed);
        self.0 -= 1;
    }
}

impl Drop for ProtectedCount {
    fn drop(&mut self) {
        PROTECTED_COUNT.fetch_sub(self.0, Ordering::Relaxed);
    }
}

#[cold]
fn protected_count_error(limit: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::OutOfMemory,
        format!(
            "no more than {limit} fiber stacks can be guarded by mprotect (two mappings each, \
             7/8 of vm.max_map_count); raise vm.max_map_count, or use Linux 6.13 or later, \
             where guards need no mappings"
        ),
    )
}

#[cold]
fn stack_count_error(limit: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::OutOfMemory,
        format!("one worker makes no more than {limit} fiber stacks"),
    )
}

cfg_if::cfg_if! {
    if #[cfg(target_arch = "x86_64")] {
        /// The stack pointer. Not the address of a local: under the address
        /// sanitizer that may lie on a stack of the sanitizer's own.
        #[inline(always)]
        fn stack_pointer() -> usize {
            let addr: usize;
            // SAFETY: copies a register; touches neither memory nor flags.
            unsafe {
                std::arch::asm!(
                    "mov {}, rsp", out(reg) addr,
                    options(nomem, nostack, preserves_flags)
                );
            }
            addr
        }
    } else if #[cfg(target_arch = "aarch64")] {
        /// The stack pointer. Not the address of a local: under the address
        /// sanitizer that may lie on a stack of the sanitizer's own.
        #[inline(always)]
        fn stack_pointer() -> usize {
            let addr: usize;
            // SAFETY: copies a register; touches neither memory nor flags.
            unsafe {
                std::arch::asm!(
                    "mov {}, sp", out(reg) addr,
                    options(nomem, nostack, preserves_flags)
                );
            }
            addr
        }
    } else {
        /// About the stack pointer: the address of a local.
        #[inline(never)]
        fn stack_pointer() -> usize {
            let local = 0u8;
            std::hint::black_box(&raw const local).addr()
        }
    }
}

pub(super) fn page_bytes() -> usize {
    // SAFETY: sysconf reads a constant of the system.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).expect("every Linux system has a page size")
}
