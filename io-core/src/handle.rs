//! [`Handle`]: the name of an open file, directory or socket. Backends make
//! and consume handles; programs hold them inside `File` and `Dir`.

use std::any::Any;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// Names an open file, directory or socket of one backend: a file descriptor,
/// or an opaque token that only its backend can open (so it can not be forged).
///
/// Using a handle after [`Io::close`](crate::Io::close) does not compile: close
/// consumes it. A handle that is dropped instead closes a descriptor too, but
/// without an answer.
#[derive(Debug)]
pub struct Handle {
    body: Body,
    /// For the backend's own use. Written and read by the backend only.
    word: AtomicU64,
    /// Open flags as given to or read from the system, `FLAGS_UNKNOWN` before.
    /// Written by whoever learns them (always the same value), read by routes:
    /// a hint, hence Relaxed.
    flags: AtomicU32,
    /// [`HandleKind`] as a number. Same protocol as `flags`.
    kind: AtomicU8,
}

#[derive(Debug)]
enum Body {
    Descriptor(OwnedFd),
    // Boxed twice so that an outcome with a handle stays small.
    Token(Box<Box<dyn Any + Send + Sync>>),
}

const FLAGS_UNKNOWN: u32 = u32::MAX;

/// What a handle names, as far as it is known. A hint for choosing the way of
/// an operation; never a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum HandleKind {
    /// Nobody has asked the system yet.
    Unknown = 0,
    /// A regular file.
    Regular = 1,
    /// A directory.
    Directory = 2,
    /// A pipe or FIFO.
    Pipe = 3,
    /// A socket.
    Socket = 4,
    /// A character device, such as a terminal.
    CharacterDevice = 5,
    /// A block device.
    BlockDevice = 6,
    /// Something else that has a descriptor (an event counter, a timer, ...).
    Other = 7,
}

impl HandleKind {
    fn from_number(number: u8) -> HandleKind {
        match number {
            1 => HandleKind::Regular,
            2 => HandleKind::Directory,
            3 => HandleKind::Pipe,
            4 => HandleKind::Socket,
            5 => HandleKind::CharacterDevice,
            6 => HandleKind::BlockDevice,
            7 => HandleKind::Other,
            _ => HandleKind::Unknown,
        }
    }
}

impl Handle {
    /// A handle that names the open file behind `fd`.
    #[must_use]
    pub fn from_fd(fd: OwnedFd) -> Handle {
        Handle::new(Body::Descriptor(fd))
    }

    /// A handle of a backend whose files have no descriptor.
    #[must_use]
    pub fn from_token(token: Box<dyn Any + Send + Sync>) -> Handle {
        Handle::new(Body::Token(Box::new(token)))
    }

    fn new(body: Body) -> Handle {
        Handle {
            body,
            word: AtomicU64::new(0),
            flags: AtomicU32::new(FLAGS_UNKNOWN),
            kind: AtomicU8::new(HandleKind::Unknown as u8),
        }
    }

    /// The descriptor, or `None` if the handle is a token.
    #[must_use]
    pub fn try_as_fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.body {
            Body::Descriptor(fd) => Some(fd.as_fd()),
            Body::Token(_) => None,
        }
    }

    /// The token if it is a `T`, for the backend that made it.
    #[must_use]
    pub fn token<T: Any>(&self) -> Option<&T> {
        match &self.body {
            Body::Descriptor(_) => None,
            Body::Token(token) => token.downcast_ref(),
        }
    }

    /// Takes the descriptor out.
    ///
    /// # Errors
    /// The handle itself, if it is a token.
    pub fn into_fd(self) -> Result<OwnedFd, Handle> {
        match self.body {
            Body::Descriptor(fd) => Ok(fd),
            Body::Token(_) => Err(self),
        }
    }

    /// What it names, [`HandleKind::Unknown`] until somebody has told.
    #[must_use]
    pub fn kind(&self) -> HandleKind {
        HandleKind::from_number(self.kind.load(Ordering::Relaxed))
    }

    /// Remembers what it names.
    pub fn set_kind(&self, kind: HandleKind) {
        self.kind.store(kind as u8, Ordering::Relaxed);
    }

    /// The open flags (open(2)) if they are known.
    #[must_use]
    pub fn flags(&self) -> Option<u32> {
        let flags = self.flags.load(Ordering::Relaxed);
        (flags != FLAGS_UNKNOWN).then_some(flags)
    }

    /// Remembers the open flags.
    pub fn set_flags(&self, flags: u32) {
        self.flags.store(flags, Ordering::Relaxed);
    }

    /// A word for the backend's own use, zero at first; nobody else touches it.
    #[must_use]
    pub fn word(&self) -> &AtomicU64 {
        &self.word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_opened_only_as_what_it_is() {
        let handle = Handle::from_token(Box::new(7_u32));
        assert_eq!(handle.token::<u32>(), Some(&7));
        assert_eq!(handle.token::<u64>(), None);
        assert!(handle.try_as_fd().is_none());
        assert!(handle.into_fd().is_err());
    }

    #[test]
    fn hints_are_unknown_until_told() {
        let handle = Handle::from_token(Box::new(()));
        assert_eq!((handle.kind(), handle.flags()), (HandleKind::Unknown, None));
        handle.set_kind(HandleKind::Pipe);
        handle.set_flags(2);
        assert_eq!((handle.kind(), handle.flags()), (HandleKind::Pipe, Some(2)));
    }
}
