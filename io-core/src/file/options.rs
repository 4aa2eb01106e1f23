//! [`OpenOptions`]: how a file is opened. Plain data: the front fills it in,
//! backends translate it.

/// How a file is opened: the options of [`std::fs::OpenOptions`], plus
/// [`directory`](OpenOptions::directory). Plain data; validated by the backend
/// when it opens (an invalid combination is `EINVAL`, as in std).
///
/// ```
/// use std::io::Write;
///
/// use io_core::fs::{self, OpenOptions};
///
/// # let blocking = io_blocking::Blocking::new();
/// # let io: &dyn io_core::Io = &blocking;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("log");
/// let mut options = OpenOptions::new();
/// options.append(true).create(true).mode(0o600);
/// for line in ["one\n", "two\n"] {
///     options.open(io, &path)?.write_all(line.as_bytes())?;
/// }
/// assert_eq!(fs::read_to_string(io, &path)?, "one\ntwo\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpenOptions {
    bits: u8,
    mode: u32,
    custom_flags: i32,
}

const READ: u8 = 1;
const WRITE: u8 = 2;
const APPEND: u8 = 4;
const TRUNCATE: u8 = 8;
const CREATE: u8 = 16;
const CREATE_NEW: u8 = 32;
const DIRECTORY: u8 = 64;

macro_rules! switches {
    ($( $(#[$doc:meta])* $name:ident, $is_name:ident, $bit:ident; )*) => {
        impl OpenOptions {
            $(
                $(#[$doc])*
                pub fn $name(&mut self, on: bool) -> &mut OpenOptions {
                    self.bits = if on { self.bits | $bit } else { self.bits & !$bit };
                    self
                }

                #[doc = concat!("Whether [`", stringify!($name), "`](OpenOptions::", stringify!($name), ") is on.")]
                #[must_use]
                pub const fn $is_name(&self) -> bool {
                    self.bits & $bit != 0
                }
            )*
        }
    };
}

switches! {
    /// Open for reading.
    read, is_read, READ;
    /// Open for writing.
    write, is_write, WRITE;
    /// Write at the end of the file, wherever the cursor is.
    append, is_append, APPEND;
    /// Cut the file to nothing.
    truncate, is_truncate, TRUNCATE;
    /// Create the file if it does not exist; needs `write` or `append`.
    create, is_create, CREATE;
    /// Create the file, fail with `EEXIST` if there is something; needs `write` or `append`.
    create_new, is_create_new, CREATE_NEW;
    /// Fail with `ENOTDIR` unless it is a directory; opens one for reading.
    directory, is_directory, DIRECTORY;
}

impl OpenOptions {
    /// Everything off, mode `0o666`.
    #[must_use]
    #[expect(
        clippy::new_without_default,
        reason = "std::fs::OpenOptions has no Default either"
    )]
    pub const fn new() -> OpenOptions {
        OpenOptions {
            bits: 0,
            mode: 0o666,
            custom_flags: 0,
        }
    }

    /// The permission bits of a file that is created, less the process's umask.
    pub fn mode(&mut self, mode: u32) -> &mut OpenOptions {
        self.mode = mode;
        self
    }

    /// Further flags for open(2); the access mode in them is ignored.
    pub fn custom_flags(&mut self, flags: i32) -> &mut OpenOptions {
        self.custom_flags = flags;
        self
    }

    /// The permission bits that [`mode`](OpenOptions::mode) set.
    #[must_use]
    pub const fn permission_bits(&self) -> u32 {
        self.mode
    }

    /// The flags that [`custom_flags`](OpenOptions::custom_flags) set.
    #[must_use]
    pub const fn extra_flags(&self) -> i32 {
        self.custom_flags
    }

    /// Whether opening may create: such options go by `Operation::Create`.
    #[must_use]
    pub const fn may_create(&self) -> bool {
        self.is_create() || self.is_create_new()
    }
}
