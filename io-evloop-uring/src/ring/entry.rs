//! One submission as a value: a constructor for each operation that the event
//! loop sends through a ring, and the names of those operations for the probe.
//! Called by the chapters of the backend and by `wake.rs`; pushed by `ring.rs`,
//! through which alone the binding to the kernel is named.
//!
//! # Safety argument: kernel borrow
//!
//! What an entry names (buffers, vectors, paths, result structures, descriptors)
//! is borrowed by the kernel from [`push`](super::Ring::push) until the entry's
//! terminal completion has been reaped: it stays valid, unmoved and, where the
//! kernel writes, untouched; the descriptor stays open. The constructors that
//! name such a thing are `unsafe`, and their caller promises the borrow. The
//! event loop keeps it by parking the fiber that owns the memory: a parked fiber
//! is neither dropped nor unwound. An entry that is never pushed borrows nothing.
#![expect(
    unsafe_code,
    reason = "constructors are unsafe where the kernel will borrow what they name"
)]

use super::user_data::{SlotAddress, UserData};
use super::{opcode, squeue, types};
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU32;

/// A submission, ready to be pushed once.
pub(crate) struct Entry {
    pub(super) sqe: squeue::Entry,
    pub(super) user_data: UserData,
    pub(super) link: Link,
}

/// Whether the next entry belongs to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Alone,
    WithNext,
}

/// Where a read or write happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Position {
    /// At this offset; the file position is neither used nor moved.
    At(u64),
    /// At the file position, which moves (also right for what has none).
    Current,
}

impl Position {
    fn offset(self) -> u64 {
        match self {
            Position::At(offset) => offset,
            Position::Current => u64::MAX, // -1: io_uring's word for "where the file is"
        }
    }
}

/// How much a sync promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SyncReach {
    /// fsync(2).
    All,
    /// fdatasync(2).
    Data,
}

/// How often a poll answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PollTimes {
    /// Once.
    Single,
    /// Until a completion without [`Completion::has_more`](super::Completion::has_more).
    Multishot,
}

/// The time limit of a linked pair, in the kernel's layout.
#[repr(transparent)]
pub(crate) struct LinkDuration(types::Timespec);

impl From<std::time::Duration> for LinkDuration {
    fn from(duration: std::time::Duration) -> LinkDuration {
        LinkDuration(types::Timespec::from(duration))
    }
}

/// 32-bit word, and *shared*: a private wait that was armed while the process
/// had one thread is lost when its second thread starts (seen on 6.17 and 6.18:
/// the kernel moves to a per-process hash and leaves the waiter behind).
const FUTEX2_SIZE_U32_SHARED: u32 = 2;
const FUTEX_ANY_WAITER: u64 = 0xffff_ffff;

impl Entry {
    fn new(sqe: squeue::Entry, user_data: UserData) -> Entry {
        let sqe = sqe.user_data(user_data.pack());
        Entry {
            sqe,
            user_data,
            link: Link::Alone,
        }
    }

    /// Hands the operation to a kernel worker at once instead of trying it on
    /// the submitting thread first (`IOSQE_ASYNC`).
    pub(crate) fn on_kernel_worker(mut self) -> Entry {
        self.sqe = self.sqe.flags(squeue::Flags::ASYNC);
        self
    }

    pub(super) fn linked_with_next(mut self) -> Entry {
        self.sqe = self.sqe.flags(squeue::Flags::IO_LINK);
        self.link = Link::WithNext;
        self
    }

    /// Does nothing and completes with 0.
    pub(crate) fn nop(user_data: UserData) -> Entry {
        Entry::new(opcode::Nop::new().build(), user_data)
    }

    /// read(2) or pread(2): `len` bytes at most into `buf`.
    ///
    /// # Safety
    ///
    /// Kernel borrow of `fd` and, for writing, of `len` bytes at `buf`.
    pub(crate) unsafe fn read(
        user_data: UserData,
        fd: RawFd,
        buf: *mut u8,
        len: u32,
        position: Position,
    ) -> Entry {
        let read = opcode::Read::new(types::Fd(fd), buf, len).offset(position.offset());
        Entry::new(read.build(), user_data)
    }

    /// readv(2) or preadv(2) into `count` (at most `IOV_MAX`) buffers.
    ///
    /// # Safety
    ///
    /// Kernel borrow of `fd`, of `count` vectors at `vectors`, and, for writing,
    /// of what these name.
    pub(crate) unsafe fn readv(
        user_data: UserData,
        fd: RawFd,
        vectors: *const libc::iovec,
        count: u32,
        position: Position,
    ) -> Entry {
        let readv = opcode::Readv::new(types::Fd(fd), vectors, count).offset(position.offset());
        Entry::new(readv.build(), user_data)
    }

    /// write(2) or pwrite(2): `len` bytes at most from `buf`.
    ///
    /// # Safety
    ///
    /// Kernel borrow of `fd` and of `len` bytes at `buf`.
    pub(crate) unsafe fn write(
        user_data: UserData,
        fd: RawFd,
        buf: *const u8,
        len: u32,
        position: Position,
    ) -> Entry {
        let write = opcode::Write::new(types::Fd(fd), buf, len).offset(position.offset());
        Entry::new(write.build(), user_data)
    }

    /// writev(2) or pwritev(2) from `count` (at most `IOV_MAX`) buffers.
    ///
    /// # Safety
    ///
    /// Kernel borrow of `fd`, of `count` vectors at `vectors`, and of what these
    /// name.
    pub(crate) unsafe fn writev(
        user_data: UserData,
        fd: RawFd,
        vectors: *const libc::iovec,
        count: u32,
        position: Position,
    ) -> Entry {
        let writev = opcode::Writev::new(types::Fd(fd), vectors, count).offset(position.offset());
        Entry::new(writev.build(), user_data)
    }

    /// openat(2). The completion's result is a descriptor that nobody owns yet.
    ///
    /// # Safety
    ///
    /// Kernel borrow of `dir` (or `AT_FDCWD`) and of the NUL-terminated `path`.
    pub(crate) unsafe fn openat(
        user_data: UserData,
        dir: RawFd,
        path: *const libc::c_char,
        flags: libc::c_int,
        mode: libc::mode_t,
    ) -> Entry {
        let open = opcode::OpenAt::new(types::Fd(dir), path)
            .flags(flags)
            .mode(mode);
        Entry::new(open.build(), user_data)
    }

    /// close(2), and the handle is gone whatever the answer is. A descriptor in
    /// an entry that is never pushed stays open.
    pub(crate) fn close(user_data: UserData, fd: OwnedFd) -> Entry {
        let close = opcode::Close::new(types::Fd(fd.into_raw_fd()));
        Entry::new(close.build(), user_data)
    }

    /// statx(2).
    ///
    /// # Safety
    ///
    /// Kernel borrow of `dir` (or `AT_FDCWD`), of the NUL-terminated `path` and,
    /// for writing, of `result`.
    pub(crate) unsafe fn statx(
        user_data: UserData,
        dir: RawFd,
        path: *const libc::c_char,
        flags: libc::c_int,
        mask: u32,
        result: *mut libc::statx,
    ) -> Entry {
        let statx = opcode::Statx::new(types::Fd(dir), path, result.cast())
            .flags(flags)
            .mask(mask);
        Entry::new(statx.build(), user_data)
    }

    /// fsync(2) or fdatasync(2).
    ///
    /// # Safety
    ///
    /// Kernel borrow of `fd`.
    pub(crate) unsafe fn sync(user_data: UserData, fd: RawFd, reach: SyncReach) -> Entry {
        let flags = match reach {
            SyncReach::All => types::FsyncFlags::empty(),
            SyncReach::Data => types::FsyncFlags::DATASYNC,
        };
        let sync = opcode::Fsync::new(types::Fd(fd)).flags(flags);
        Entry::new(sync.build(), user_data)
    }

    /// ftruncate(2) (Linux 6.9; ask the probe).
    ///
    /// # Safety
    ///
    /// Kernel borrow of `fd`.
    pub(crate) unsafe fn ftruncate(user_data: UserData, fd: RawFd, len: u64) -> Entry {
        Entry::new(
            opcode::Ftruncate::new(types::Fd(fd), len).build(),
            user_data,
        )
    }

    /// mkdirat(2).
    ///
    /// # Safety
    ///
    /// Kernel borrow of `dir` (or `AT_FDCWD`) and of the NUL-terminated `path`.
    pub(crate) unsafe fn mkdirat(
        user_data: UserData,
        dir: RawFd,
        path: *const libc::c_char,
        mode: libc::mode_t,
    ) -> Entry {
        let mkdir = opcode::MkDirAt::new(types::Fd(dir), path).mode(mode);
        Entry::new(mkdir.build(), user_data)
    }

    /// unlinkat(2); `flags` may hold `AT_REMOVEDIR`.
    ///
    /// # Safety
    ///
    /// Kernel borrow of `dir` (or `AT_FDCWD`) and of the NUL-terminated `path`.
    pub(crate) unsafe fn unlinkat(
        user_data: UserData,
        dir: RawFd,
        path: *const libc::c_char,
        flags: libc::c_int,
    ) -> Entry {
        let unlink = opcode::UnlinkAt::new(types::Fd(dir), path).flags(flags);
        Entry::new(unlink.build(), user_data)
    }

    /// renameat2(2).
    ///
    /// # Safety
    ///
    /// Kernel borrow of both directories (or `AT_FDCWD`) and of both
    /// NUL-terminated paths.
    pub(crate) unsafe fn renameat(
        user_data: UserData,
        (from_dir, from): (RawFd, *const libc::c_char),
        (to_dir, to): (RawFd, *const libc::c_char),
        flags: u32,
    ) -> Entry {
        let rename = opcode::RenameAt::new(types::Fd(from_dir), from, types::Fd(to_dir), to);
        Entry::new(rename.flags(flags).build(), user_data)
    }

    /// symlinkat(2): `path` in `dir` will hold `target`.
    ///
    /// # Safety
    ///
    /// Kernel borrow of `dir` (or `AT_FDCWD`) and of both NUL-terminated strings.
    pub(crate) unsafe fn symlinkat(
        user_data: UserData,
        target: *const libc::c_char,
        dir: RawFd,
        path: *const libc::c_char,
    ) -> Entry {
        let symlink = opcode::SymlinkAt::new(types::Fd(dir), target, path);
        Entry::new(symlink.build(), user_data)
    }

    /// linkat(2).
    ///
    /// # Safety
    ///
    /// Kernel borrow of both directories (or `AT_FDCWD`) and of both
    /// NUL-terminated paths.
    pub(crate) unsafe fn linkat(
        user_data: UserData,
        (from_dir, from): (RawFd, *const libc::c_char),
        (to_dir, to): (RawFd, *const libc::c_char),
        flags: libc::c_int,
    ) -> Entry {
        let link = opcode::LinkAt::new(types::Fd(from_dir), from, types::Fd(to_dir), to);
        Entry::new(link.flags(flags).build(), user_data)
    }

    /// poll(2) of one descriptor for `events` (`POLLIN` ...).
    ///
    /// # Safety
    ///
    /// Kernel borrow of `fd`.
    pub(crate) unsafe fn poll(
        user_data: UserData,
        fd: RawFd,
        events: u32,
        times: PollTimes,
    ) -> Entry {
        let is_multishot = times == PollTimes::Multishot;
        let poll = opcode::PollAdd::new(types::Fd(fd), events).multi(is_multishot);
        Entry::new(poll.build(), user_data)
    }

    /// Asks the kernel to end the operation that waits on `slot`. The answer is
    /// 0, `ENOENT` (it is over, or never was) or `EALREADY` (it may still run);
    /// in each case the operation's own completion says how it ended.
    pub(crate) fn cancel(slot: SlotAddress) -> Entry {
        let target = UserData::Operation(slot).pack();
        Entry::new(
            opcode::AsyncCancel::new(target).build(),
            UserData::Cancel(slot),
        )
    }

    /// Asks the kernel to end the standing request `arm`.
    pub(super) fn cancel_user_data(target: UserData) -> Entry {
        Entry::new(
            opcode::AsyncCancel::new(target.pack()).build(),
            UserData::Ignore,
        )
    }

    /// Asks the kernel to end everything that this ring has in flight
    /// (Linux 5.19).
    pub(super) fn cancel_everything() -> Entry {
        let every = types::CancelBuilder::any().all();
        Entry::new(opcode::AsyncCancel2::new(every).build(), UserData::Ignore)
    }

    /// The time limit of the entry before it, for
    /// [`push_linked`](super::Ring::push_linked). It answers for itself: `ETIME`
    /// when it fired, `ECANCELED` when the operation was faster.
    ///
    /// # Safety
    ///
    /// Kernel borrow of `limit`.
    pub(crate) unsafe fn link_timeout(slot: SlotAddress, limit: *const LinkDuration) -> Entry {
        let timeout = opcode::LinkTimeout::new(limit.cast());
        Entry::new(timeout.build(), UserData::Deadline(slot))
    }

    /// Waits while `*word == expected`; completes with 0 when woken, `EAGAIN`
    /// when the word already differs (Linux 6.7; ask the probe).
    ///
    /// # Safety
    ///
    /// Kernel borrow of `word`.
    pub(crate) unsafe fn futex_wait(
        user_data: UserData,
        word: *const AtomicU32,
        expected: u32,
    ) -> Entry {
        let wait = opcode::FutexWait::new(
            word.cast(),
            u64::from(expected),
            FUTEX_ANY_WAITER,
            FUTEX2_SIZE_U32_SHARED,
        );
        Entry::new(wait.build(), user_data)
    }

    /// Wakes one waiter of `word`, an address that is never dereferenced (Linux
    /// 6.7; ask the probe). Only failure posts a completion, as
    /// [`UserData::WakeSent`] of `worker`.
    pub(crate) fn futex_wake(worker: u32, word: *const AtomicU32) -> Entry {
        let wake = opcode::FutexWake::new(word.cast(), 1, FUTEX_ANY_WAITER, FUTEX2_SIZE_U32_SHARED);
        let sqe = wake.build().flags(squeue::Flags::SKIP_SUCCESS);
        Entry::new(sqe, UserData::WakeSent(worker))
    }

    /// Posts a [`UserData::WakeMessage`] into the ring `ring_fd`. Only failure
    /// posts a completion here, as [`UserData::WakeSent`] of `worker`.
    ///
    /// # Safety
    ///
    /// Until it is submitted, `ring_fd` names a ring of this event loop: a
    /// stranger's ring would get a completion that it cannot understand.
    pub(crate) unsafe fn wake_message(worker: u32, ring_fd: RawFd) -> Entry {
        let sqe = wake_message_sqe(ring_fd).flags(squeue::Flags::SKIP_SUCCESS);
        Entry::new(sqe, UserData::WakeSent(worker))
    }
}

/// The message as a bare submission, also for the register call that sends
/// without a ring.
pub(super) fn wake_message_sqe(ring_fd: RawFd) -> squeue::Entry {
    let message = UserData::WakeMessage.pack();
    opcode::MsgRingData::new(types::Fd(ring_fd), 0, message, None).build()
}

/// The operations of which the event loop asks whether this kernel has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Opcode {
    Nop,
    Read,
    Readv,
    Write,
    Writev,
    OpenAt,
    Close,
    Statx,
    Fsync,
    Ftruncate,
    MkDirAt,
    UnlinkAt,
    RenameAt,
    SymlinkAt,
    LinkAt,
    PollAdd,
    AsyncCancel,
    LinkTimeout,
    MsgRing,
    FutexWait,
    FutexWake,
}

impl Opcode {
    /// Every one, in the order of the declaration.
    pub(crate) const ALL: [Opcode; 21] = [
        Opcode::Nop,
        Opcode::Read,
        Opcode::Readv,
        Opcode::Write,
        Opcode::Writev,
        Opcode::OpenAt,
        Opcode::Close,
        Opcode::Statx,
        Opcode::Fsync,
        Opcode::Ftruncate,
        Opcode::MkDirAt,
        Opcode::UnlinkAt,
        Opcode::RenameAt,
        Opcode::SymlinkAt,
        Opcode::LinkAt,
        Opcode::PollAdd,
        Opcode::AsyncCancel,
        Opcode::LinkTimeout,
        Opcode::MsgRing,
        Opcode::FutexWait,
        Opcode::FutexWake,
    ];

    /// The kernel's number for it.
    pub(super) fn code(self) -> u8 {
        match self {
            Opcode::Nop => opcode::Nop::CODE,
            Opcode::Read => opcode::Read::CODE,
            Opcode::Readv => opcode::Readv::CODE,
            Opcode::Write => opcode::Write::CODE,
            Opcode::Writev => opcode::Writev::CODE,
            Opcode::OpenAt => opcode::OpenAt::CODE,
            Opcode::Close => opcode::Close::CODE,
            Opcode::Statx => opcode::Statx::CODE,
            Opcode::Fsync => opcode::Fsync::CODE,
            Opcode::Ftruncate => opcode::Ftruncate::CODE,
            Opcode::MkDirAt => opcode::MkDirAt::CODE,
            Opcode::UnlinkAt => opcode::UnlinkAt::CODE,
            Opcode::RenameAt => opcode::RenameAt::CODE,
            Opcode::SymlinkAt => opcode::SymlinkAt::CODE,
            Opcode::LinkAt => opcode::LinkAt::CODE,
            Opcode::PollAdd => opcode::PollAdd::CODE,
            Opcode::AsyncCancel => opcode::AsyncCancel::CODE,
            Opcode::LinkTimeout => opcode::LinkTimeout::CODE,
            Opcode::MsgRing => opcode::MsgRingData::CODE,
            Opcode::FutexWait => opcode::FutexWait::CODE,
            Opcode::FutexWake => opcode::FutexWake::CODE,
        }
    }
}

/// A set of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct OpcodeSet(u32);

impl OpcodeSet {
    /// No operation.
    pub(crate) const EMPTY: OpcodeSet = OpcodeSet(0);

    /// This set and `opcode`.
    pub(crate) const fn with(self, opcode: Opcode) -> OpcodeSet {
        OpcodeSet(self.0 | 1 << opcode as u32)
    }

    /// Whether `opcode` is in the set.
    pub(crate) const fn contains(self, opcode: Opcode) -> bool {
        self.0 & (1 << opcode as u32) != 0
    }
}
