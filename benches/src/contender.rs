//! [`Workload`] and [`Contender`]: what is compared. Made in `workload/`, used
//! by everybody who measures.

use std::fmt;
use std::time::Duration;

/// How much data and how many tasks a workload takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// To see that it works: each contender needs some milliseconds.
    Small,
    /// To measure.
    Full,
}

/// A question that several contenders answer.
pub struct Workload {
    /// Its name in tables and on command lines.
    pub name: &'static str,
    /// What one operation is, in words.
    pub operation: &'static str,
    /// What the parameter counts, or `None` if there is but one case.
    pub parameter: Option<&'static str>,
    /// The parameters it is measured with.
    pub parameters: fn(Scale) -> &'static [u64],
    /// The name of the contender that the others are compared with.
    pub reference: &'static str,
    /// Makes the contenders of one parameter.
    pub contenders: fn(Scale, u64) -> Vec<Contender>,
    /// What is asked of it.
    pub shape: Shape,
}

impl Workload {
    /// What a workload without a parameter is completed with.
    pub(crate) fn of_one_case() -> Workload {
        Workload {
            name: "",
            operation: "",
            parameter: None,
            parameters: |_| &[1],
            reference: "",
            contenders: |_, _| Vec::new(),
            shape: Shape::Points,
        }
    }
}

/// What is asked of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// How the contenders compare with each other at each parameter.
    Points,
    /// How each contender's cost grows with the parameter.
    Curve,
}

impl fmt::Debug for Workload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Workload").field(&self.name).finish()
    }
}

/// One way to do a workload's operations.
///
/// An iteration is the smallest unit that can be measured: one operation, or so
/// many that belong together (every task of a fan-out).
pub struct Contender {
    /// Its name in tables: the executor and its number of workers, or the baseline.
    pub name: &'static str,
    /// How many operations an iteration has.
    pub operations_per_iteration: u64,
    /// How many CPUs it is measured on: as many as it can keep busy.
    pub cpus: usize,
    /// Whether it can be measured only in a process of its own: what it is made of
    /// is set up once, and differently from others.
    pub needs_own_process: bool,
    measure: Box<dyn Fn(u64) -> Duration>,
}

impl Contender {
    /// A contender that runs so many iterations, after whatever preparation, and
    /// says how long they took.
    pub(crate) fn new(
        name: &'static str,
        operations_per_iteration: u64,
        measure: impl Fn(u64) -> Duration + 'static,
    ) -> Contender {
        Contender {
            name,
            operations_per_iteration,
            cpus: 1,
            needs_own_process: false,
            measure: Box::new(measure),
        }
    }

    /// The contender on so many CPUs.
    pub(crate) fn on_cpus(mut self, cpus: usize) -> Contender {
        self.cpus = cpus;
        self
    }

    /// The contender in a process of its own.
    #[cfg(feature = "peers")]
    pub(crate) fn alone(mut self) -> Contender {
        self.needs_own_process = true;
        self
    }

    /// Runs so many iterations and says how long they took, preparation apart.
    #[must_use]
    pub fn measure(&self, iterations: u64) -> Duration {
        (self.measure)(iterations)
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Contender")
            .field(&self.name)
            .finish()
    }
}
