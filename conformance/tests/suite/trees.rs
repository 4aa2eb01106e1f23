//! Random trees of tasks with requests and deadlines (property test). A tree is a
//! program; the model says which outcomes a node may have, whatever the order in
//! which the executor runs tasks. Seeds and shrunk trees are printed by proptest.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use conformance::Backend;
use io_core::task::Scope;
use io_core::{Clock, Io};
use proptest::prelude::{Just, Strategy, prop, prop_oneof};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// One task of a tree: its steps, one after another.
#[derive(Clone, Debug)]
struct Node {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    /// A cancellation point that does not wait.
    Point,
    /// A sleep of some microseconds.
    Sleep(u64),
    /// Points, inside `protect`.
    Protected(u8),
    /// Puts back what was delivered.
    Rearm,
    /// Cancels the scope that this task is a member of.
    CancelSiblings,
    /// Nodes in a scope of their own; whether they are joined one by one, and
    /// whether the scope is canceled by its body.
    Children(Vec<Node>, Joining, Canceling),
    /// Steps under a deadline that has passed or is far away.
    Bounded(Deadline, Vec<Step>),
    /// Offloaded steps.
    Offloaded(Vec<Step>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Joining {
    OneByOne,
    AtTheEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Canceling {
    Never,
    BeforeSpawning,
    AfterSpawning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deadline {
    Passed,
    Far,
}

fn steps(depth: u32) -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        4 => Just(Step::Point),
        2 => (0..200_u64).prop_map(Step::Sleep),
        1 => (1..3_u8).prop_map(Step::Protected),
        1 => Just(Step::Rearm),
        1 => Just(Step::CancelSiblings),
    ];
    let deeper = move |step: prop::strategy::BoxedStrategy<Step>| {
        let some = prop::collection::vec(step, 1..4);
        let node = some.clone().prop_map(|steps| Node { steps });
        let joining = prop_oneof![Just(Joining::OneByOne), Just(Joining::AtTheEnd)];
        let canceling = prop_oneof![
            3 => Just(Canceling::Never),
            1 => Just(Canceling::BeforeSpawning),
            1 => Just(Canceling::AfterSpawning),
        ];
        let deadline = prop_oneof![Just(Deadline::Passed), Just(Deadline::Far)];
        let children = (prop::collection::vec(node, 1..4), joining, canceling);
        prop_oneof![
            3 => children.prop_map(|(nodes, joining, canceling)| {
                Step::Children(nodes, joining, canceling)
            }),
            1 => (deadline, some.clone()).prop_map(|(deadline, some)| Step::Bounded(deadline, some)),
            1 => some.prop_map(Step::Offloaded),
        ]
    };
    let step = leaf.prop_recursive(depth, 24, 4, deeper);
    prop::collection::vec(step, 1..5)
}

// ---- the model ---------------------------------------------------------------

/// What the model knows at a place in the tree.
#[derive(Clone, Copy, Debug)]
struct Allowed {
    /// How many requests may have come to this task at most; 0 is certain.
    requests_max: u32,
    /// A passed deadline is in force: every point has to fail.
    is_passed: bool,
    /// Whether this is the member of the scope itself and not a task offloaded by
    /// it, to which its requests come late.
    is_member: bool,
}

/// How often something is in a tree that can bring a request back.
fn count_rearms(steps: &[Step]) -> u32 {
    let of = |step: &Step| match step {
        Step::Rearm => 1,
        Step::Children(nodes, ..) => nodes.iter().map(|node| count_rearms(&node.steps)).sum(),
        Step::Bounded(_, steps) | Step::Offloaded(steps) => count_rearms(steps),
        Step::Point | Step::Sleep(_) | Step::Protected(_) | Step::CancelSiblings => 0,
    };
    steps.iter().map(of).sum()
}

/// How often members cancel their scope: in their own steps, not in those of
/// scopes within.
fn count_cancels(steps: &[Step]) -> u32 {
    let of = |step: &Step| match step {
        Step::CancelSiblings => 1,
        Step::Bounded(_, steps) | Step::Offloaded(steps) => count_cancels(steps),
        Step::Children(..) | Step::Point | Step::Sleep(_) | Step::Protected(_) | Step::Rearm => 0,
    };
    steps.iter().map(of).sum()
}

fn count_nodes(steps: &[Step]) -> u32 {
    let of = |step: &Step| match step {
        Step::Children(nodes, ..) => nodes.iter().map(|node| 1 + count_nodes(&node.steps)).sum(),
        Step::Bounded(_, steps) | Step::Offloaded(steps) => count_nodes(steps),
        _ => 0,
    };
    steps.iter().map(of).sum()
}

// ---- running it ----------------------------------------------------------------

/// One run of one tree.
struct Run<'a> {
    io: &'a dyn Io,
    rearms: u32,
    nodes: AtomicU32,
}

/// A task that runs: what was delivered to it.
struct Running<'a> {
    run: &'a Run<'a>,
    allowed: Allowed,
    delivered: AtomicU32,
}

impl Running<'_> {
    /// Judges the answer of a point. `is_due`: a request is certainly pending.
    fn judge(&self, result: &std::io::Result<()>, is_passed: bool, is_due: bool) {
        match result {
            Ok(()) => assert!(
                !is_due && !is_passed,
                "a point gave its result; due {is_due}, passed {is_passed}"
            ),
            Err(error) if io_core::is_canceled(error) => {
                let count = self.delivered.fetch_add(1, Ordering::Relaxed) + 1;
                let max = match self.allowed.requests_max {
                    0 => 0,
                    max => max + self.run.rearms,
                };
                assert!(count <= max, "{count} deliveries of at most {max}");
            }
            Err(error) if io_core::is_deadline(error) => {
                assert!(
                    is_passed && !is_due,
                    "timed out; due {is_due}, passed {is_passed}"
                );
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    fn steps(&self, scope: &Scope<'_, '_>, steps: &[Step], is_passed: bool, starts_due: bool) {
        let io = self.run.io;
        let mut is_due = starts_due;
        for step in steps {
            match step {
                Step::Point => {
                    self.judge(&io.checkpoint(), is_passed, is_due);
                    is_due = false;
                }
                Step::Sleep(micros) => {
                    let slept = io.sleep(Duration::from_micros(*micros));
                    self.judge(&slept, is_passed, is_due);
                    is_due = false;
                }
                Step::Protected(points) => io.protect(|| {
                    for _ in 0..*points {
                        io.yield_now().expect("protected, and no deadline inside");
                    }
                }),
                Step::Rearm => io.rearm(),
                Step::CancelSiblings => {
                    scope.cancel();
                    is_due = self.allowed.is_member;
                }
                Step::Children(nodes, joining, canceling) => {
                    self.children(nodes, *joining, *canceling, is_passed);
                    // It went on to them, or came back.
                    is_due = false;
                }
                Step::Bounded(deadline, steps) => {
                    let at = match deadline {
                        Deadline::Passed => io.now(Clock::Monotonic),
                        Deadline::Far => io
                            .now(Clock::Monotonic)
                            .saturating_add(Duration::from_secs(3600)),
                    };
                    let is_passed = is_passed || *deadline == Deadline::Passed;
                    io.with_deadline(at, || self.steps(scope, steps, is_passed, is_due));
                    is_due = false;
                }
                Step::Offloaded(steps) => {
                    let allowed = Allowed {
                        is_passed,
                        is_member: false,
                        ..self.allowed
                    };
                    io.offload(|| start(self.run, scope, steps, allowed, false));
                    is_due = false;
                }
            }
        }
    }

    fn children(&self, nodes: &[Node], joining: Joining, canceling: Canceling, is_passed: bool) {
        let own: u32 = nodes.iter().map(|node| count_cancels(&node.steps)).sum();
        let by_body = u32::from(canceling != Canceling::Never);
        let allowed = Allowed {
            requests_max: self.allowed.requests_max + own + by_body,
            is_passed,
            is_member: true,
        };
        let run = self.run;
        run.io.scope(|scope| {
            let is_due = canceling == Canceling::BeforeSpawning;
            if is_due {
                scope.cancel();
            }
            let mut tasks = Vec::new();
            for (index, node) in nodes.iter().enumerate() {
                tasks.push(scope.spawn(move || {
                    run.nodes.fetch_add(1, Ordering::Relaxed);
                    start(run, scope, &node.steps, allowed, is_due);
                    index
                }));
            }
            if canceling == Canceling::AfterSpawning {
                scope.cancel();
            }
            if joining == Joining::OneByOne {
                for (index, task) in tasks.into_iter().enumerate() {
                    assert_eq!(task.join(), index);
                }
            }
        });
    }
}

fn start(run: &Run<'_>, scope: &Scope<'_, '_>, steps: &[Step], allowed: Allowed, is_due: bool) {
    let running = Running {
        run,
        allowed,
        delivered: AtomicU32::new(0),
    };
    running.steps(scope, steps, allowed.is_passed, is_due);
}

/// Runs a tree, whose root gets one request from a thread at any time.
fn run_tree(io: &dyn Io, steps: &[Step], delay: Duration) {
    let run = Run {
        io,
        rearms: count_rearms(steps),
        nodes: AtomicU32::new(0),
    };
    let allowed = Allowed {
        requests_max: 1 + count_cancels(steps),
        is_passed: false,
        is_member: true,
    };
    io.scope(|scope| {
        std::thread::scope(|threads| {
            threads.spawn(|| {
                std::thread::sleep(delay);
                scope.cancel();
            });
            let () = scope
                .spawn(|| start(&run, scope, steps, allowed, false))
                .join();
        });
    });
    assert_eq!(
        run.nodes.into_inner(),
        count_nodes(steps),
        "each task runs once"
    );
}

const CASES: u32 = 60;

fn check(name: &str) {
    let backend: Box<dyn Backend> = crate::backends::find(name).expect("it is in backends.rs");
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let seed = conformance::seed();
    eprintln!("{name}: CONFORMANCE_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let algorithm = prop::test_runner::RngAlgorithm::ChaCha;
    let random = prop::test_runner::TestRng::from_seed(algorithm, &bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    let tree = (steps(4), 0..300_u64);
    let result = runner.run(&tree, |(steps, micros)| {
        let body = std::panic::AssertUnwindSafe(|| {
            let delay = Duration::from_micros(micros);
            backend.run(&mut |io| run_tree(io, &steps, delay))
        });
        match std::panic::catch_unwind(body) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(unavailable)) => {
                eprintln!("NOT RUN: {name}: {unavailable}");
                Ok(())
            }
            Err(payload) => {
                let said = payload
                    .downcast_ref::<String>()
                    .cloned()
                    .unwrap_or_default();
                Err(TestCaseError::fail(said))
            }
        }
    });
    if let Err(error) = result {
        panic!("{name}, CONFORMANCE_SEED={seed}: {error}");
    }
}

#[test]
fn random_trees_on_the_event_loop() {
    check("event-loop");
}

#[test]
fn random_trees_on_threaded() {
    check("threaded");
}

#[test]
fn random_trees_on_blocking() {
    check("blocking");
}
