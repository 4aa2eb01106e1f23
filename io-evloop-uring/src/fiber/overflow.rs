//! The report of a stack overflow: which task, how large its stack, what to raise.
//!
//! Called by `stack.rs`, which registers slabs and labels stacks, and by the
//! scheduler when a worker starts. May import `layout.rs`, libc and std.
//!
//! A fault in a guard of a live slab ends the process by SIGABRT after one
//! message. Every other fault goes to the handler that was there before (std's,
//! a sanitizer's, the application's), and from there where it always went.
//!
//! ```text
//!  HEAD --> Entry --> Entry --> Entry --> null      entries are never freed,
//!           start>0   start=0   start>0             a free one has start = 0
//!             |       (free)      |
//!             v                   v
//!           slab                slab -- slot -- guard: is the fault in here?
//!                                         `---- label: whose stack is it?
//! ```
//!
//! # Safety argument
//!
//! *Signal safety*: the handler takes no lock, allocates nothing, and calls
//! only `write`, `sigaction`, `raise` and `abort`. It reads the registry through
//! atomics. The entry of the faulting thread's own slab cannot change meanwhile,
//! because its pool belongs to that thread. An entry that another thread
//! changes is recognised by reading `start` twice; at worst a stray fault of a
//! dying program is reported by the wrong words.
#![expect(
    unsafe_code,
    reason = "installs signal handlers and alternate stacks, reads labels in a handler"
)]

use std::{
    cell::Cell,
    io,
    mem::{self, MaybeUninit},
    num::NonZeroUsize,
    ptr,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering, fence},
    },
};

use super::layout::{LINE_BYTES, StackLayout};

/// Who runs on a stack, as one cache line above its base.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Label {
    id: u64,
    name_bytes: u8,
    name: [u8; Label::NAME_BYTES_MAX],
}

const _: () = assert!(size_of::<Label>() == LINE_BYTES);

impl Label {
    /// Longer names are cut.
    pub(crate) const NAME_BYTES_MAX: usize = LINE_BYTES - 9;

    /// Keeps as much of the name as there is room for.
    #[inline]
    pub(crate) fn new(id: u64, name: &str) -> Label {
        let name = &name.as_bytes()[..name.floor_char_boundary(Label::NAME_BYTES_MAX)];
        let mut label = Label {
            id,
            name_bytes: u8::try_from(name.len()).expect("at most 55 bytes"),
            name: [0; Label::NAME_BYTES_MAX],
        };
        label.name[..name.len()].copy_from_slice(name);
        label
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name[..usize::from(self.name_bytes).min(Label::NAME_BYTES_MAX)]
    }
}

/// One slab, as the fault handler sees it.
///
/// Written under [`FREE_ENTRIES`]' lock by the threads that map and unmap
/// slabs; read by the fault handler of any thread at any time. `start` is
/// stored last with Release when an entry becomes valid, and loaded first with
/// Acquire; the other fields are Relaxed between these two.
struct Entry {
    start: AtomicUsize,
    guard_bytes: AtomicUsize,
    slot_bytes: AtomicUsize,
    slot_count: AtomicUsize,
    first_slot_number: AtomicUsize,
    /// Set before the entry is published, never changed.
    next: *const Entry,
}

// SAFETY: `next` points to an entry that is never freed, and is only read.
unsafe impl Sync for Entry {}
// SAFETY: as above; an entry belongs to no thread.
unsafe impl Send for Entry {}

/// The newest entry. Stored with Release under [`FREE_ENTRIES`]' lock, loaded
/// with Acquire by the fault handler.
static HEAD: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());

/// Entries whose slab was unmapped, to be used again. Its lock also orders the
/// writers of [`HEAD`] and of all entries. As many entries exist as there were
/// slabs at once.
static FREE_ENTRIES: Mutex<Vec<&'static Entry>> = Mutex::new(Vec::new());

/// A slab whose guards the fault handler knows, until it is dropped.
pub(crate) struct SlabRegistration {
    entry: &'static Entry,
}

impl SlabRegistration {
    /// Makes the guards of a slab known to the fault handler.
    pub(crate) fn new(
        start: NonZeroUsize,
        layout: StackLayout,
        first_slot_number: usize,
    ) -> SlabRegistration {
        let mut free_entries = FREE_ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = free_entries.pop().unwrap_or_else(push_entry);
        // A handler that saw the entry's former start must see 0 or the new
        // start when it looks again after reading any of these.
        fence(Ordering::Release);
        entry
            .guard_bytes
            .store(layout.guard_bytes, Ordering::Relaxed);
        entry.slot_bytes.store(layout.slot_bytes, Ordering::Relaxed);
        entry.slot_count.store(layout.slot_count, Ordering::Relaxed);
        entry
            .first_slot_number
            .store(first_slot_number, Ordering::Relaxed);
        entry.start.store(start.get(), Ordering::Release);
        SlabRegistration { entry }
    }
}

impl Drop for SlabRegistration {
    fn drop(&mut self) {
        let mut free_entries = FREE_ENTRIES.lock().unwrap_or_else(PoisonError::into_inner);
        self.entry.start.store(0, Ordering::Relaxed);
        free_entries.push(self.entry);
    }
}

/// Links a new, invalid entry in. The caller holds [`FREE_ENTRIES`]' lock.
fn push_entry() -> &'static Entry {
    let entry = Box::leak(Box::new(Entry {
        start: AtomicUsize::new(0),
        guard_bytes: AtomicUsize::new(0),
        slot_bytes: AtomicUsize::new(0),
        slot_count: AtomicUsize::new(0),
        first_slot_number: AtomicUsize::new(0),
        next: HEAD.load(Ordering::Relaxed),
    }));
    HEAD.store(entry, Ordering::Release);
    entry
}

/// What an overflow is reported with.
struct Overflow {
    stack_bytes: usize,
    label_addr: usize,
}

/// Finds the stack in whose guard `addr` lies. Signal safe.
fn find_overflow(addr: usize) -> Option<Overflow> {
    let mut next: *const Entry = HEAD.load(Ordering::Acquire);
    loop {
        // SAFETY: the list holds leaked entries only, and ends with null.
        let entry = unsafe { next.as_ref() }?;
        if let Some(overflow) = entry.overflow_at(addr) {
            return Some(overflow);
        }
        next = entry.next;
    }
}

/// Whether `addr` lies in a guard of a live slab.
#[cfg(test)]
pub(super) fn is_guard(addr: usize) -> bool {
    find_overflow(addr).is_some()
}

impl Entry {
    fn overflow_at(&self, addr: usize) -> Option<Overflow> {
        let start = self.start.load(Ordering::Acquire);
        let slab_offset = addr.checked_sub(start).filter(|_| start != 0)?;
        let layout = StackLayout {
            page_bytes: 0, // not asked for
            guard_bytes: self.guard_bytes.load(Ordering::Relaxed),
            slot_bytes: self.slot_bytes.load(Ordering::Relaxed),
            slot_count: self.slot_count.load(Ordering::Relaxed),
        };
        let first_slot_number = self.first_slot_number.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if self.start.load(Ordering::Relaxed) != start || slab_offset >= layout.slab_bytes() {
            return None;
        }
        let slot_index = slab_offset / layout.slot_bytes;
        let slot_start = start + slot_index * layout.slot_bytes;
        (addr - slot_start < layout.guard_bytes).then(|| Overflow {
            stack_bytes: layout.stack_bytes(),
            label_addr: layout.base_addr(slot_start, first_slot_number + slot_index),
        })
    }
}

/// The signals that a guard may raise (SIGBUS on some other systems).
const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The handlers that were there before ours, in the order of [`SIGNALS`].
///
/// Written once, before our handler can run; the store is ordered before the
/// handler by the system call that installs it, hence Relaxed.
static PREVIOUS: [PreviousHandler; 2] = [const { PreviousHandler::new() }; 2];

struct PreviousHandler {
    /// As `sa_sigaction`.
    address: AtomicUsize,
    /// As `sa_flags`.
    flags: AtomicI32,
}

impl PreviousHandler {
    const fn new() -> PreviousHandler {
        PreviousHandler {
            address: AtomicUsize::new(libc::SIG_DFL),
            flags: AtomicI32::new(0),
        }
    }
}

/// Installs the handler, once per process; later calls give the first answer.
///
/// Each thread that runs fibers also needs [`ensure_alternate_stack`].
///
/// # Errors
/// What sigaction(2) answers.
pub(crate) fn install_overflow_report() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let result = INSTALLED.get_or_init(|| {
        SIGNALS
            .iter()
            .zip(&PREVIOUS)
            .try_for_each(|(&signal, previous)| install_handler(signal, previous))
            .map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL))
    });
    result.map_err(io::Error::from_raw_os_error)
}

fn install_handler(signal: libc::c_int, previous: &PreviousHandler) -> io::Result<()> {
    let mut action = query_action(signal)?;
    previous
        .address
        .store(action.sa_sigaction, Ordering::Relaxed);
    previous.flags.store(action.sa_flags, Ordering::Relaxed);
    // The mask of the former handler is kept: it runs within ours.
    action.sa_sigaction = on_fault as *const () as usize;
    action.sa_flags |= libc::SA_SIGINFO | libc::SA_ONSTACK;
    action.sa_flags &= !libc::SA_RESETHAND;
    // SAFETY: `on_fault` has the signature that SA_SIGINFO asks for and is
    // signal safe (*signal safety*).
    if unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn query_action(signal: libc::c_int) -> io::Result<libc::sigaction> {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: only asks; writes one sigaction to where there is room for it.
    if unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed, which is valid for this plain struct, and filled in above.
    Ok(unsafe { action.assume_init() })
}

/// The handler of [`SIGNALS`]. Runs on the alternate stack.
extern "C" fn on_fault(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel passes a valid siginfo (SA_SIGINFO).
    let info_ref = unsafe { &*info };
    // Positive codes come from the kernel; others were sent by kill and the
    // like, where the address means nothing.
    if info_ref.si_code > 0 {
        // SAFETY: for these signals from the kernel the address is filled in.
        let addr = unsafe { info_ref.si_addr() }.addr();
        if let Some(overflow) = find_overflow(addr) {
            report(&overflow);
        }
    }
    call_previous(signal, info, context);
}

/// Hands a fault that is not ours to the handler that was there before.
fn call_previous(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let index = SIGNALS
        .iter()
        .position(|&known| known == signal)
        .unwrap_or(0);
    let previous = &PREVIOUS[index];
    let address = previous.address.load(Ordering::Relaxed);
    let flags = previous.flags.load(Ordering::Relaxed);
    if flags & libc::SA_RESETHAND != 0 {
        previous.address.store(libc::SIG_DFL, Ordering::Relaxed);
    }
    if address == libc::SIG_DFL || address == libc::SIG_IGN {
        let mut was_sent = false;
        // SAFETY: as in `on_fault`.
        if let Some(info) = unsafe { info.as_ref() } {
            was_sent = info.si_code <= 0;
        }
        fall_to_default(signal, address, was_sent);
    } else if flags & libc::SA_SIGINFO != 0 {
        // SAFETY: with SA_SIGINFO the stored address is a function of this type.
        let handler = unsafe {
            mem::transmute::<
                usize,
                extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void),
            >(address)
        };
        handler(signal, info, context);
    } else {
        // SAFETY: without SA_SIGINFO the stored address is a function of this type.
        let handler = unsafe { mem::transmute::<usize, extern "C" fn(libc::c_int)>(address) };
        handler(signal);
    }
}

/// Does what the kernel does when no handler is installed. A fault happens
/// again when the handler returns, and then kills the process even if the
/// signal was ignored; a signal that was sent has to be sent again.
fn fall_to_default(signal: libc::c_int, address: libc::sighandler_t, was_sent: bool) {
    if was_sent && address == libc::SIG_IGN {
        return;
    }
    // SAFETY: SIG_DFL needs nothing.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    if was_sent {
        // SAFETY: sends the signal to this thread; it is blocked until we return.
        unsafe { libc::raise(signal) };
    }
}

/// Writes the message and ends the process. Signal safe.
fn report(overflow: &Overflow) -> ! {
    let label_pointer = ptr::with_exposed_provenance::<Label>(overflow.label_addr);
    // SAFETY: the slab is registered, thus mapped, and its provenance exposed;
    // the label was written when the stack was taken, and by the fiber for each
    // task with a name. By this fault the fiber is stopped, on this thread, which
    // is the only one that writes the label.
    let label = unsafe { label_pointer.read() };
    let mut message = Message::new();
    message.push(b"\nio-evloop-uring: stack overflow in task ");
    if !label.name().is_empty() {
        message.push(b"'");
        message.push(label.name());
        message.push(b"' ");
    }
    message.push(b"#");
    message.push_number(label.id);
    message.push(b" of the event loop, whose stack has ");
    message.push_number(overflow.stack_bytes as u64);
    message.push(b" bytes; raise EventLoop::builder().stack_bytes(..)\n");
    message.write_to_stderr();
    // SAFETY: abort is signal safe (POSIX) and has no requirements.
    unsafe { libc::abort() }
}

/// Text in a fixed buffer; what does not fit is cut.
pub(super) struct Message {
    text: [u8; 320],
    used_bytes: usize,
}

impl Message {
    pub(super) fn new() -> Message {
        Message {
            text: [0; 320],
            used_bytes: 0,
        }
    }

    pub(super) fn push(&mut self, text: &[u8]) {
        for (place, &byte) in self.text[self.used_bytes..].iter_mut().zip(text) {
            *place = byte;
            self.used_bytes += 1;
        }
    }

    fn push_number(&mut self, number: u64) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        self.push(&[b'0' + u8::try_from(number % 10).unwrap_or(0)]);
    }

    pub(super) fn write_to_stderr(&self) {
        let text = &self.text[..self.used_bytes];
        // A message that cannot be written is lost; the process ends anyway.
        // SAFETY: the pointer and the length are those of `text`.
        let _written =
            unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
    }
}

/// Room for our handler and the ones it calls, beyond what the kernel pushes.
const ALTERNATE_STACK_ROOM_BYTES: usize = 32 * 1024;

/// Makes sure that the calling thread has a stack to handle signals on; without
/// one an overflow ends the process by SIGSEGV, with no message.
///
/// std gives one to the threads that it starts, and it is used. Where there is
/// none (threads of C code) one is made, and freed when the thread ends.
///
/// # Errors
/// What sigaltstack(2), mmap(2) or mprotect(2) answers.
pub(crate) fn ensure_alternate_stack() -> io::Result<()> {
    thread_local! {
        static OWN: Cell<Option<AlternateStack>> = const { Cell::new(None) };
    }
    if query_alternate_stack()?.ss_flags & libc::SS_DISABLE == 0 {
        return Ok(());
    }
    let stack = AlternateStack::install()?;
    OWN.set(Some(stack));
    Ok(())
}

fn query_alternate_stack() -> io::Result<libc::stack_t> {
    let mut current = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: only asks; writes one stack_t to where there is room for it.
    if unsafe { libc::sigaltstack(ptr::null(), current.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed, which is valid for this plain struct, and filled in above.
    Ok(unsafe { current.assume_init() })
}

/// An alternate signal stack of the calling thread with a guard page below it.
struct AlternateStack {
    mapping: *mut libc::c_void,
    mapping_bytes: usize,
    page_bytes: usize,
}

impl AlternateStack {
    fn install() -> io::Result<AlternateStack> {
        let page_bytes = super::stack::page_bytes();
        // SAFETY: reads a value that the kernel gave at the start, or 0.
        let frame_bytes = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) };
        let frame_bytes = usize::try_from(frame_bytes).map_or(0, |bytes| bytes);
        let stack_bytes = (frame_bytes.max(libc::MINSIGSTKSZ) + ALTERNATE_STACK_ROOM_BYTES)
            .next_multiple_of(page_bytes);
        let mapping_bytes = page_bytes + stack_bytes;
        // SAFETY: a new mapping at an address of the kernel's choice.
        let mapping = unsafe {
            libc::mmap(
                ptr::null_mut(),
                mapping_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK,
                -1,
                0,
            )
        };
        if mapping == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = AlternateStack {
            mapping,
            mapping_bytes,
            page_bytes,
        };
        // SAFETY: the first page of the mapping just made, which nobody uses.
        if unsafe { libc::mprotect(mapping, page_bytes, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let description = libc::stack_t {
            ss_sp: stack.low(),
            ss_flags: 0,
            ss_size: stack_bytes,
        };
        // SAFETY: the range is mapped until `AlternateStack::drop`, which
        // takes it out of use first.
        if unsafe { libc::sigaltstack(&raw const description, ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }

    fn low(&self) -> *mut libc::c_void {
        self.mapping.wrapping_byte_add(self.page_bytes)
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        let is_in_use = match query_alternate_stack() {
            Ok(current) => current.ss_flags & libc::SS_DISABLE == 0 && current.ss_sp == self.low(),
            Err(_) => true,
        };
        if is_in_use {
            let disabled = libc::stack_t {
                ss_sp: ptr::null_mut(),
                ss_flags: libc::SS_DISABLE,
                ss_size: self.mapping_bytes,
            };
            // SAFETY: takes the alternate stack out of use; no handler is running.
            if unsafe { libc::sigaltstack(&raw const disabled, ptr::null_mut()) } != 0 {
                return; // Still in use: it may not be unmapped.
            }
        }
        // SAFETY: exactly the mapping that `install` made, and no longer in use.
        let _unmapped = unsafe { libc::munmap(self.mapping, self.mapping_bytes) };
    }
}
