//! [`Backend`]: which executor, as plain data: to parse, display, list and keep
//! in configurations. `executor.rs` makes the executor it names.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Which executor a program runs on. Naming one is safe; making it may not be
/// ([`run`](crate::run)).
///
/// ```
/// use pluggable_io::Backend;
///
/// assert_eq!("event-loop".parse(), Ok(Backend::EventLoop));
/// for backend in Backend::ALL {
///     assert_eq!(backend.to_string().parse(), Ok(backend));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Backend {
    /// Tasks are fibers over io_uring.
    EventLoop,
    /// Tasks are threads of a pool.
    Threaded,
    /// Tasks are calls; there are no threads.
    Blocking,
    /// The event loop where the kernel allows it, otherwise threads.
    Auto,
}

impl Backend {
    /// Every backend, [`Auto`](Backend::Auto) last.
    pub const ALL: [Backend; 4] = [
        Backend::EventLoop,
        Backend::Threaded,
        Backend::Blocking,
        Backend::Auto,
    ];

    /// Its name, as it is parsed and displayed; an executor calls itself the
    /// same in [`Capabilities::name`](crate::Capabilities::name).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Backend::EventLoop => "event-loop",
            Backend::Threaded => "threaded",
            Backend::Blocking => "blocking",
            Backend::Auto => "auto",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(name: &str) -> Result<Backend, UnknownBackend> {
        let mut all = Backend::ALL.into_iter();
        all.find(|backend| backend.name() == name)
            .ok_or(UnknownBackend)
    }
}

/// There is no backend of that name; its text lists those that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBackend;

impl fmt::Display for UnknownBackend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the backends are ")?;
        for (index, backend) in Backend::ALL.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            write!(formatter, "{separator}{backend}")?;
        }
        Ok(())
    }
}

impl Error for UnknownBackend {}
