//! Names: whose they are, and where they are read.

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
