//! [`Claim`]: one behaviour that the contract promises. The list of all of them
//! is in `registry.rs`.

use std::fmt;

use io_core::Capabilities;

use crate::fixture::Fixture;
use crate::system;

/// One behaviour that the contract promises, and how to see whether it is so.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Claim {
    /// Its stable name, which is also the path of its test:
    /// `chapter::group::what_is_claimed`.
    pub name: &'static str,
    /// The clauses of CONTRACT.md that it checks.
    pub clauses: &'static [&'static str],
    /// What the executor or the run has to provide.
    pub needs: &'static [Need],
    /// Panics if the claim does not hold.
    pub check: fn(&Fixture<'_>),
}

impl fmt::Debug for Claim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Claim")
            .field("name", &self.name)
            .field("clauses", &self.clauses)
            .field("needs", &self.needs)
            .finish_non_exhaustive()
    }
}

/// What a claim needs. All but the last two are read off the executor's
/// capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Need {
    /// [`Need::CONCURRENT_TASKS`] tasks started by `spawn_concurrent` at once.
    Concurrency,
    /// A request ends a wait that has begun.
    Interrupts,
    /// Who cancels a task that it waits for need not wait for ever: a request ends
    /// the task's wait, or tasks run inline and receive it before they wait.
    EndsOfMembers,
    /// A deadline ends a wait of an operation that has begun.
    Bounds,
    /// Handles are file descriptors, and files are the system's.
    Descriptors,
    /// A file system of the machine that tells how many pages it has still to
    /// write: one that is kept in memory only does not.
    DirtyPages,
    /// A process of its own: the claim changes or measures all of it.
    OwnProcess,
}

impl Need {
    /// How many tasks a claim that needs [`Need::Concurrency`] has at once.
    pub const CONCURRENT_TASKS: usize = 16;

    /// Whether an executor with these capabilities meets it.
    #[must_use]
    pub fn is_met_by(self, capabilities: &Capabilities) -> bool {
        match self {
            Need::Concurrency => capabilities.concurrent_tasks_max >= Need::CONCURRENT_TASKS,
            Need::Interrupts => capabilities.interrupts_waits,
            Need::EndsOfMembers => {
                capabilities.interrupts_waits || capabilities.concurrent_tasks_max == 0
            }
            Need::Bounds => capabilities.bounds_operations,
            Need::Descriptors => capabilities.has_descriptors,
            Need::DirtyPages => system::directory_with_dirty_pages().is_some(),
            Need::OwnProcess => true,
        }
    }

    /// Whether it is the machine that has to provide it, and no executor.
    #[must_use]
    pub fn is_of_the_machine(self) -> bool {
        matches!(self, Need::DirtyPages)
    }

    /// What is missing, for the reason of a skip.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Need::Concurrency => "tasks that run concurrently",
            Need::Interrupts => "waits that a request ends",
            Need::EndsOfMembers => "waits of concurrent tasks that a request ends",
            Need::Bounds => "operations that a deadline ends",
            Need::Descriptors => "handles that are descriptors",
            Need::DirtyPages => "a file system that counts its dirty pages",
            Need::OwnProcess => "a process of its own",
        }
    }
}

impl Claim {
    /// The first need that `capabilities` do not meet.
    #[must_use]
    pub fn unmet(&self, capabilities: &Capabilities) -> Option<Need> {
        let mut needs = self.needs.iter().copied();
        needs.find(|need| !need.is_met_by(capabilities))
    }

    /// Whether it has to run in a process of its own.
    #[must_use]
    pub fn needs_own_process(&self) -> bool {
        self.needs.contains(&Need::OwnProcess)
    }
}
