//! Names: whose they are, and where they are read.

use std::process::Command;

use io_core::task::{self, TaskGroup};

use super::{on_concurrent_executors, on_every_executor};

#[test]
fn a_task_has_the_name_it_was_given_and_no_other() {
    on_every_executor(|io| {
        assert!(io.task_name().is_none());
        io.scope(|scope| {
            let named = scope.task("fixed").spawn(|| {
                let own = io.task_name().map(|name| name.to_string());
                let child = io.scope(|below| below.spawn(|| io.task_name().is_some()).join());
                let offloaded = io.offload(|| io.task_name().map(|name| name.to_string()));
                let again = io.task_name().map(|name| name.to_string());
                [own, child.then(String::new), offloaded, again]
            });
            assert_eq!(named.name(), Some("fixed"));
            let made = scope
                .task(format!("made {}", 7))
                .spawn(|| io.task_name().as_deref().map(str::len));
            assert_eq!(made.name(), Some("made 7"));
            let unnamed = scope.spawn(|| io.task_name().is_none());
            assert_eq!(unnamed.name(), None);

            let fixed = || Some("fixed".to_owned());
            assert_eq!(named.join(), [fixed(), None, fixed(), fixed()]);
            assert_eq!(made.join(), Some("made 7".len()));
            assert!(unnamed.join());
        });
        assert!(io.task_name().is_none());
    });
}

#[test]
fn a_concurrent_task_has_its_name_too() {
    on_concurrent_executors(|io| {
        io.scope(|scope| {
            let name = || io.task_name().as_deref() == Some("beside");
            let beside = scope.task("beside").spawn_concurrent(name);
            assert!(beside.expect("one can be had").join());
        });
    });
}

#[test]
fn debug_output_names_the_task() {
    on_every_executor(|io| {
        io.scope(|scope| {
            let builder = scope.task("a \"quoted\" one");
            assert!(format!("{builder:?}").contains(r#""a \"quoted\" one""#));
            let task = builder.spawn(|| ());
            assert!(format!("{task:?}").contains(r#"name: Some("a \"quoted\" one")"#));
            assert!(format!("{:?}", scope.spawn(|| ())).contains("name: None"));
        });
        let name = io.scope(|scope| scope.task("five").spawn(|| io.task_name()).join());
        let name = name.expect("it has one");
        assert_eq!(format!("{name:>6}|{:?}", name.clone()), r#"  five|"five""#);
    });
}

#[test]
fn members_and_awaited_tasks_are_named() {
    on_every_executor(|io| {
        io.scope(|scope| {
            let mut group = TaskGroup::new(scope);
            group.task("member").spawn(|| io.task_name());
            let (_index, name) = group.wait_next().unwrap().unwrap();
            assert_eq!(name.as_deref(), Some("member"));
            let awaited = scope.task("awaited").spawn_future(|| io.task_name());
            assert_eq!(task::block_on(io, awaited).as_deref(), Some("awaited"));
        });
    });
}

#[test]
fn the_name_of_the_thread_is_the_innermost_tasks() {
    on_every_executor(|io| {
        let name = || task::name_of_thread().map(|name| name.to_string());
        assert_eq!(name(), None);
        let seen = io.scope(|scope| {
            let inside = || {
                let child = io.scope(|below| below.spawn(name).join());
                (name(), child, io.protect(name))
            };
            scope.task("outer").spawn(inside).join()
        });
        let outer = || Some("outer".to_owned());
        assert_eq!(seen, (outer(), None, outer()));
        assert_eq!(name(), None);
    });
}

const CHILD: &str = "IO_CORE_NAMES_TEST_CHILD";

/// In a child: the test binary starts itself again, and panics there.
#[test]
fn the_message_of_a_panic_names_the_task() {
    if std::env::var_os(CHILD).is_some() {
        on_every_executor(|io| {
            io.scope(|scope| {
                let named = scope.task("parse 7").spawn(|| panic!("in a named one"));
                assert!(named.try_join().is_err());
                let unnamed = scope.spawn(|| panic!("in an unnamed one"));
                assert!(unnamed.try_join().is_err());
            });
        });
        return;
    }
    let test = "tasks::names::the_message_of_a_panic_names_the_task";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    // Before std's message, and only before that of the task that has the name.
    let named = text.matches("in a named one").count();
    assert!(named > 0, "{text}");
    assert_eq!(
        text.matches("task 'parse 7' panicked:").count(),
        named,
        "{text}"
    );
    for (before, _) in text.match_indices("in a named one") {
        let before = &text[..before];
        let name = before
            .rfind("task 'parse 7' panicked:")
            .expect("it comes before");
        assert!(before[name..].lines().count() <= 4, "{text}");
    }
}
