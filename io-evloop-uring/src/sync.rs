//! The synchronisation that the wake protocol and its like are written with:
//! std's, or loom's when the crate is built with `--cfg loom` for its models.
//! Imported by whatever has a loom model; the only seam between the two.

use cfg_if::cfg_if;

cfg_if! {
    if #[cfg(loom)] {
        pub(crate) use loom::sync::atomic;
    } else {
        pub(crate) use std::sync::atomic;
    }
}
