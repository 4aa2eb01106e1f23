//! The switch itself for x86-64: [`switch`] leaves one stack for another,
//! [`leave`] leaves one for good, [`Context::fresh`] makes the first frame of one.
//!
//! Called by `switch.rs` only. May import std.
//!
//! A stack that is left looks like this; its [`Context`] is the lowest address:
//!
//! ```text
//!   suspended                          fresh
//!   |  frames of whoever     |         |  argument (the body)     | aligned to 16
//!   |  called switch()       |         +--------------------------+
//!   |  (registers that are   |         |  unused                  | +24
//!   |  live lie there too)   |         |  how to drop the argument| +16
//!   +------------------------+         |  main                    | +8
//!   |  rbx                   | +16     |  enter                   | +0
//!   |  rbp                   | +8      +--------------------------+ <- Context
//!   |  where it goes on      | +0
//!   +------------------------+ <- Context
//! ```
//!
//! Whoever leaves stores its context where it is told to. Going on is a jump to the
//! word at the context with the stack pointer above it; `rdi` holds the word that is
//! handed over, `rsi` the owner of the stack, which a fresh one is told. So all sides
//! run the same instructions, and each may be a fiber or not.
//!
//! *Jumps, no calls and returns*: the processor predicts returns by a stack of its
//! own. A fiber that goes on returns from calls that it made before it stopped; with
//! a call into the switch and a return out of it each of the two would be predicted
//! to end where the other belongs. With jumps the calls that a fiber left open stay
//! on that stack for the next fiber, which mostly returns to the same places, and the
//! jumps themselves have few targets.
//!
//! *Registers*: `rbx` and `rbp` are pushed by hand, since the compiler lets no asm
//! block claim them; all others are declared clobbered, so it keeps what is live in
//! the frame. It knows no way to declare those of APX (r16 to r31): verdict H31. The
//! control words (MXCSR, x87) are not switched: verdict H17.
//!
//! *Traces*: the return address of `main` is zero, so those who walk the stack, by
//! frame pointers or by unwind tables, end at the fiber's root.
//!
//! *Branch tracking*: where `switch` goes on and `enter` are marked with `endbr64`;
//! `main`, to which `enter` jumps, as the compiler does.
#![expect(unsafe_code, reason = "the switch is a few instructions")]

use std::arch::{asm, naked_asm};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// A word that goes through the switch in a register; may be partly uninitialised.
pub(super) type Word = MaybeUninit<*mut ()>;

/// Where a stack that was left goes on.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Context(NonNull<FreshFrame>);

/// The first function of a stack: it is handed the word, the owner of its stack, and
/// its argument.
pub(super) type Main<O, T> = unsafe extern "sysv64" fn(Word, &O, NonNull<T>) -> !;

/// The lowest words of a stack that nobody has run on.
#[repr(C, align(16))]
struct FreshFrame {
    enter: unsafe extern "sysv64" fn(),
    main: *const (),
    drop_argument: unsafe fn(NonNull<()>),
}

impl Context {
    /// Makes `argument` the highest thing on the stack that ends at `base`, and
    /// below it the frame with which `main` begins.
    ///
    /// # Safety
    /// `base` is a multiple of 16, and the memory below it is a stack that nobody
    /// uses: writable, and large enough for the argument and for what `main` does.
    #[inline]
    pub(super) unsafe fn fresh<O, T>(base: NonNull<()>, main: Main<O, T>, argument: T) -> Context {
        const { assert!(align_of::<T>() <= 16) };
        let argument_bytes = size_of::<T>().next_multiple_of(16);
        // SAFETY: within the stack by contract.
        let place = unsafe { base.byte_sub(argument_bytes) }.cast::<T>();
        // SAFETY: within the stack, aligned, and nobody else's.
        unsafe { place.write(argument) };
        // SAFETY: within the stack by contract.
        let frame = unsafe { place.byte_sub(size_of::<FreshFrame>()) }.cast::<FreshFrame>();
        let words = FreshFrame {
            enter,
            main: main as *const (),
            drop_argument: |argument| {
                // SAFETY: called with the argument's place, once.
                unsafe { argument.cast::<T>().drop_in_place() };
            },
        };
        // SAFETY: within the stack, aligned, and nobody else's.
        unsafe { frame.write(words) };
        Context(frame)
    }

    /// The lowest address of what is on the stack.
    #[inline]
    pub(super) fn address(self) -> usize {
        self.0.addr().get()
    }

    /// Whether nobody has run on the stack.
    ///
    /// # Safety
    /// The stack has not been switched to since its context was given.
    pub(super) unsafe fn is_fresh(self) -> bool {
        // SAFETY: the lowest word of a stack that was left is where it goes on.
        let goes_on = unsafe { self.0.cast::<usize>().read() };
        goes_on == enter as *const () as usize
    }

    /// Drops the argument of a stack that nobody has run on or will run on.
    ///
    /// # Safety
    /// As for [`is_fresh`](Self::is_fresh), which has said so. Called once.
    pub(super) unsafe fn drop_argument(self) {
        // SAFETY: a fresh stack has such a frame.
        let frame = unsafe { self.0.as_ref() };
        // SAFETY: the argument lies above the frame.
        let argument = unsafe { self.0.add(1) }.cast::<()>();
        // SAFETY: it was made for an argument of this type.
        unsafe { (frame.drop_argument)(argument) };
    }
}

/// Leaves this stack for the one of `to`, and hands `word` and, if that one is fresh,
/// its `owner` over. `left` gets the context of this stack. Returns when somebody switches to
/// that: what they hand over.
///
/// # Safety
/// `to` is the context of a stack that was left on this thread, which nobody has
/// switched to since, and all that its frames borrow is alive. The word means
/// to the other side what this one means by it. If the stack is fresh, its main is for
/// such an owner, which is there as long as it runs. `left` is there until the other
/// side goes on.
#[inline(always)]
pub(super) unsafe fn switch<O>(
    left: &Cell<Option<Context>>,
    to: Context,
    owner: &O,
    word: Word,
) -> Word {
    let handed: Word;
    // SAFETY: see the picture: what this frame needs is on its stack, or declared
    // clobbered; where it goes on, the stack pointer is what it was.
    unsafe {
        asm!(
            // Save what the compiler may not, and where this stack goes on.
            "push rbx",
            "push rbp",
            "lea rax, [rip + 2f]",
            "push rax",
            "mov [rdx], rsp",
            // On the other stack: go on.
            "mov rsp, rcx",
            "pop rax",
            "jmp rax",
            // Back here, the stack pointer is above the word that was jumped to.
            "2:",
            "endbr64",
            "pop rbp",
            "pop rbx",
            inout("rdi") word => handed,
            in("rsi") owner,
            in("rdx") left.as_ptr(),
            in("rcx") to.0.as_ptr(),
            lateout("r12") _,
            lateout("r13") _,
            lateout("r14") _,
            lateout("r15") _,
            clobber_abi("sysv64"),
        );
    }
    handed
}

/// Leaves this stack for good.
///
/// # Safety
/// As for [`switch`]. Nothing on this stack is used again: whoever goes on may give
/// its memory away.
#[inline(always)]
pub(super) unsafe fn leave(to: Context) -> ! {
    // SAFETY: as in `switch`; nothing of this stack is kept.
    unsafe {
        asm!(
            "mov rsp, rcx",
            "pop rax",
            "jmp rax",
            in("rcx") to.0.as_ptr(),
            options(noreturn),
        );
    }
}

/// Where a fresh stack begins. On entry the stack pointer is at `main`, `rdi` and `rsi`
/// are its first two arguments.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter() {
    naked_asm!(
        "endbr64",
        // The function to begin with; its third argument lies above the frame.
        "pop rcx",
        "lea rdx, [rsp + {argument}]",
        // As if it had been called: the return address ends the stack for those who
        // walk it, and the stack pointer is 8 below a multiple of 16.
        "push 0",
        "xor ebp, ebp",
        "jmp rcx",
        argument = const size_of::<FreshFrame>() - 2 * size_of::<*const ()>(),
    )
}
