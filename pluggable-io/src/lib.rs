//! The facade: choose an executor at construction, hand it on as `&dyn Io`.
