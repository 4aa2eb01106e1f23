//! Criterion benches of the executors beside their baselines.
