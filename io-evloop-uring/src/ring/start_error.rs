//! Why a ring could not be made, in words a person can act on. Made by
//! `ring/setup.rs`, shown by `EventLoop::new` and by the `Auto` choice.
//! Imports std and libc only.

use std::error::Error;
use std::{fmt, fs, io};

/// A refused ring: what the kernel said, what that most likely means here, and
/// the way out.
///
/// `io::Error` carries either an OS code or a message. This carries both: it
/// becomes an `io::Error` of the same kind whose source chain holds the
/// original, and [`os_code`] gives the code back.
#[derive(Debug)]
pub struct StartError {
    os: io::Error,
    cause: &'static str,
    hint: &'static str,
}

impl StartError {
    /// Names the likely cause of `os`, an error of io_uring_setup(2) or of the
    /// calls that complete a ring.
    pub(crate) fn explain(os: io::Error) -> StartError {
        StartError::explain_under(os, disabled_level())
    }

    /// The rings of this kernel lack an operation that every kernel from 6.1 on has.
    pub(crate) fn lacking() -> StartError {
        StartError {
            os: io::Error::from_raw_os_error(libc::EOPNOTSUPP),
            cause: "the rings here lack operations that every kernel from 6.1 on has \
                    (an emulated kernel?)",
            hint: "use Backend::Threaded or Backend::Auto, or a kernel from 6.1 on",
        }
    }

    /// What the kernel answered, with its code.
    pub fn os(&self) -> &io::Error {
        &self.os
    }

    /// What the answer most likely means on this machine.
    pub fn cause(&self) -> &'static str {
        self.cause
    }

    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        self.hint
    }

    fn explain_under(os: io::Error, disabled: DisabledLevel) -> StartError {
        let (cause, hint) = match os.raw_os_error() {
            Some(libc::ENOSYS) => (
                "this kernel has no io_uring, or a sandbox hides it",
                "use Backend::Threaded or Backend::Auto, or a kernel from 6.1 on \
                 outside the sandbox",
            ),
            Some(libc::EPERM | libc::EACCES) => refused(disabled),
            Some(libc::ENOMEM) => (
                "the kernel had no memory for the ring, or RLIMIT_MEMLOCK is too small \
                 even for the smallest one",
                "raise the limit (`ulimit -l`), ask for fewer ring entries or workers, \
                 or use Backend::Threaded or Backend::Auto",
            ),
            Some(libc::EMFILE) => (
                "this process has no file descriptor left",
                "raise the limit (`ulimit -n`) or ask for fewer workers",
            ),
            Some(libc::ENFILE) => (
                "this machine has no open file left",
                "raise the sysctl fs.file-max or close files",
            ),
            Some(libc::EINVAL) => (
                "this kernel accepts none of the ways to set up a ring",
                "use Backend::Threaded or Backend::Auto, or a kernel from 6.1 on",
            ),
            _ => (
                "the kernel refused the ring",
                "use Backend::Threaded or Backend::Auto",
            ),
        };
        StartError { os, cause, hint }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StartError { os, cause, hint } = self;
        write!(f, "io_uring cannot be used: {cause} ({os}); {hint}")
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.os)
    }
}

impl From<StartError> for io::Error {
    fn from(error: StartError) -> io::Error {
        io::Error::new(error.os.kind(), error)
    }
}

/// The OS code of `error`, also where a [`StartError`] wraps it.
pub fn os_code(error: &io::Error) -> Option<i32> {
    if let Some(code) = error.raw_os_error() {
        return Some(code);
    }
    let explained = error.get_ref()?.downcast_ref::<StartError>()?;
    explained.os.raw_os_error()
}

/// The sysctl `kernel.io_uring_disabled` (Linux 6.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DisabledLevel {
    /// 0, or a kernel without the sysctl.
    Open,
    /// 1: only for CAP_SYS_ADMIN or members of `kernel.io_uring_group`.
    Group,
    /// 2: for nobody.
    Everybody,
}

/// An unreadable or strange sysctl counts as open: the refusal then came from
/// elsewhere, or cannot be told apart.
fn disabled_level() -> DisabledLevel {
    match fs::read_to_string("/proc/sys/kernel/io_uring_disabled") {
        Ok(text) if text.trim() == "1" => DisabledLevel::Group,
        Ok(text) if text.trim() == "2" => DisabledLevel::Everybody,
        Ok(_) | Err(_) => DisabledLevel::Open,
    }
}

fn refused(disabled: DisabledLevel) -> (&'static str, &'static str) {
    match disabled {
        DisabledLevel::Open => (
            "a seccomp filter or security module refuses it (the default in many containers)",
            "allow io_uring_setup, io_uring_enter and io_uring_register in the profile, \
             or use Backend::Threaded or Backend::Auto",
        ),
        DisabledLevel::Group => (
            "the sysctl kernel.io_uring_disabled is 1 and this process is not in \
             kernel.io_uring_group",
            "join that group, run `sysctl kernel.io_uring_disabled=0`, \
             or use Backend::Threaded or Backend::Auto",
        ),
        DisabledLevel::Everybody => (
            "the sysctl kernel.io_uring_disabled is 2",
            "run `sysctl kernel.io_uring_disabled=0`, \
             or use Backend::Threaded or Backend::Auto",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{DisabledLevel, StartError, os_code};
    use std::error::Error;
    use std::io;

    fn explained(code: i32, level: DisabledLevel) -> StartError {
        StartError::explain_under(io::Error::from_raw_os_error(code), level)
    }

    #[test]
    fn the_code_and_kind_survive_the_explanation() {
        for code in [
            libc::ENOSYS,
            libc::EPERM,
            libc::EACCES,
            libc::ENOMEM,
            libc::EMFILE,
            libc::ENFILE,
            libc::EINVAL,
            libc::EIO,
        ] {
            let plain = io::Error::from_raw_os_error(code);
            let error = io::Error::from(explained(code, DisabledLevel::Open));
            assert_eq!(error.kind(), plain.kind());
            assert_eq!(os_code(&error), Some(code));
            let source = error.source().expect("the chain goes on");
            let os = source.downcast_ref::<io::Error>();
            assert_eq!(os.expect("the OS error").raw_os_error(), Some(code));
        }
    }

    #[test]
    fn a_refusal_is_told_apart_by_the_sysctl() {
        let causes: Vec<&str> = [
            (DisabledLevel::Open, "seccomp"),
            (DisabledLevel::Group, "io_uring_group"),
            (DisabledLevel::Everybody, "io_uring_disabled is 2"),
        ]
        .into_iter()
        .map(|(level, word)| {
            let cause = explained(libc::EPERM, level).cause();
            assert!(cause.contains(word), "{cause}");
            cause
        })
        .collect();
        assert_eq!(causes.len(), 3);
    }

    #[test]
    fn the_hint_names_the_way_out() {
        let memory = explained(libc::ENOMEM, DisabledLevel::Open);
        assert!(memory.hint().contains("ulimit -l"));
        assert!(memory.to_string().contains("os error 12"), "{memory}");
        let files = explained(libc::EMFILE, DisabledLevel::Open);
        assert!(files.hint().contains("ulimit -n"));
        let absent = explained(libc::ENOSYS, DisabledLevel::Open);
        assert!(absent.hint().contains("Backend::Threaded"));
        assert_eq!(absent.os().raw_os_error(), Some(libc::ENOSYS));
    }

    #[test]
    fn another_error_has_no_hidden_code() {
        assert_eq!(os_code(&io::Error::other("else")), None);
        assert_eq!(os_code(&io::Error::from_raw_os_error(5)), Some(5));
    }
}
