//! No other runtime: what `peers.rs` says without the feature `peers`.

use std::rc::Rc;

use crate::contender::Contender;
use crate::data::CachedFile;

pub(crate) fn switch(_fibers: u64) -> Vec<Contender> {
    Vec::new()
}

pub(crate) fn spawn_join(_batch: u64) -> Vec<Contender> {
    Vec::new()
}

pub(crate) fn fan_out(_tasks: u64) -> Vec<Contender> {
    Vec::new()
}

pub(crate) fn cached_reads(_file: &Rc<CachedFile>, _tasks: u64) -> Vec<Contender> {
    Vec::new()
}
