//! No other runtime: what `peers.rs` says without the feature `peers`.

use std::rc::Rc;
use std::time::Instant;

use tempfile::TempDir;

use crate::contender::Contender;
use crate::data::{Access, CachedFile};
use crate::workload::small_files::Durability;

macro_rules! nobody {
    ($($name:ident($($argument:ty),*),)*) => {
        $(pub(crate) fn $name($(_: $argument),*) -> Vec<Contender> {
            Vec::new()
        })*
    };
}

nobody! {
    switch(u64),
    wake(),
    queue(),
    mutex(),
    read(),
    write(),
    semaphore(),
    spawn_join(u64),
    fan_out(u64),
    reads(&Rc<CachedFile>, u64, Access),
    small_files(&Rc<TempDir>, u64, Durability),
}

/// As in `peers.rs`.
pub(crate) type Sleep = fn(u64, &mut dyn FnMut() -> Instant) -> Option<Instant>;

pub(crate) fn sleepers() -> &'static [(&'static str, u64, Sleep)] {
    &[]
}
