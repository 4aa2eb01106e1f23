//! Tests of what `tests/` can not reach, or not without unsafe code.

mod frames;
mod parking;
