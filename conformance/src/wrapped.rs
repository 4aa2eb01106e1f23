//! [`Wrapped`]: a backend with a wrapper around its executor, for `freedom` and
//! `broken`.

use io_core::Io;

use crate::backend::{Backend, Skip, Unavailable};

/// Runs a body with an executor around another one.
pub type Wrap = fn(&dyn Io, &mut dyn FnMut(&dyn Io));

/// A backend whose executor is wrapped. What the one below declares to skip, it
/// skips too.
pub struct Wrapped<B> {
    below: B,
    name: &'static str,
    wrap: Wrap,
}

impl<B: Backend> Wrapped<B> {
    /// `below`, wrapped by `wrap`; its name becomes `below+name`.
    pub fn new(below: B, name: &'static str, wrap: Wrap) -> Wrapped<B> {
        Wrapped { below, name, wrap }
    }
}

impl<B: Backend> Backend for Wrapped<B> {
    fn name(&self) -> String {
        format!("{}+{}", self.below.name(), self.name)
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        self.below.run(&mut |io| (self.wrap)(io, body))
    }

    fn skips(&self) -> &[Skip] {
        self.below.skips()
    }
}

impl<B> std::fmt::Debug for Wrapped<B> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Wrapped")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Backend for Box<dyn Backend> {
    fn name(&self) -> String {
        self.as_ref().name()
    }

    fn run(&self, body: &mut dyn FnMut(&dyn Io)) -> Result<(), Unavailable> {
        self.as_ref().run(body)
    }

    fn skips(&self) -> &[Skip] {
        self.as_ref().skips()
    }
}
