//! Tests of the kernel wakers.
