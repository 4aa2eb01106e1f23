//! Tests of `Watch`.

use std::time::Duration;

use io_core::sync::Watch;
use io_core::{is_canceled, is_deadline};

use super::crew::{is_ok_or_canceled, on_every_crew, with_tasks};

#[test]
fn the_latest_value_is_always_seen() {
    const VALUES: u32 = 300;
    on_every_crew(|crew| {
        let watch = Watch::new(0);
        crew.all(5, |number| {
            if number == 0 {
                for value in 1..=VALUES {
                    watch.set(crew.io, value).expect("it is open");
                    if value % 10 == 0 {
                        crew.io.yield_now().expect("nobody cancels");
                    }
                }
                watch.close(crew.io);
            } else {
                let mut watcher = watch.watcher();
                let mut last = *watcher.read(crew.io).expect("nobody cancels");
                while let Some(value) = watcher.changed(crew.io).expect("nobody cancels") {
                    assert!(*value > last, "{} after {last}", *value);
                    last = *value;
                }
                assert_eq!(last, VALUES);
                assert!(!watcher.has_changed());
                let end = watcher.changed(crew.io).expect("no wait");
                assert!(end.is_none());
            }
        });
    });
}

#[test]
fn a_condition_is_waited_for() {
    on_every_crew(|crew| {
        let watch = Watch::new(0);
        crew.all(2, |number| {
            if number == 0 {
                for _ in 0..100 {
                    watch
                        .modify(crew.io, |value| *value += 1)
                        .expect("it is open");
                    crew.io.yield_now().expect("nobody cancels");
                }
                watch.close(crew.io);
            } else {
                let mut watcher = watch.watcher();
                let value = watcher.wait_for(crew.io, |value| *value >= 50);
                assert!(value.expect("nobody cancels").is_some());
                let value = watcher.wait_for(crew.io, |value| *value > 100);
                assert!(value.expect("nobody cancels").is_none());
            }
        });
        let refused = watch.set(crew.io, 7).expect_err("it is closed");
        assert!(refused.is_closed() && refused.item == 7);
        assert_eq!(watch.into_inner(), 100);
    });
}

#[test]
fn what_was_there_before_counts_as_seen() {
    on_every_crew(|crew| {
        let watch = Watch::new(1);
        let mut watcher = watch.watcher();
        assert!(!watcher.has_changed());
        let answer = crew.io.with_timeout(Duration::from_millis(1), || {
            watcher.changed(crew.io).map(drop)
        });
        assert!(is_deadline(&answer.expect_err("nothing changed")));
        watch.set(crew.io, 2).expect("it is open");
        assert!(watcher.has_changed());
        let other = watcher.clone();
        drop(watcher.read(crew.io).expect("no wait"));
        assert!(!watcher.has_changed() && other.has_changed());
    });
}

#[test]
fn a_canceled_wait_misses_no_change() {
    with_tasks(|io| {
        for round in 0..1000 {
            let watch = Watch::new(0);
            let watch = &watch;
            io.scope(|scope| {
                let mut watcher = watch.watcher();
                let wait = scope.spawn(move || {
                    let answer = watcher.changed(io).map(drop);
                    (answer, watcher)
                });
                let other = scope.spawn(move || watch.watcher().changed(io).map(|_| ()));
                for _ in 0..round % 3 {
                    io.yield_now().expect("nobody cancels the test");
                }
                let change = scope.spawn(move || watch.set(io, 1).expect("it is open"));
                let (answer, watcher) = wait.cancel();
                let () = change.join();
                if !is_ok_or_canceled(answer) {
                    assert!(watcher.has_changed());
                }
                watch.close(io);
                other.join().expect("nobody canceled it");
            });
        }
    });
}

#[test]
fn a_canceled_set_gives_its_value_back() {
    with_tasks(|io| {
        let watch = Watch::new(0);
        let held = watch.read(io).expect("no wait");
        io.scope(|scope| {
            let set = scope.spawn(|| watch.set(io, 1));
            let refused = set.cancel().expect_err("it is read");
            assert!(is_canceled(&refused.error) && refused.item == 1);
        });
        drop(held);
        assert_eq!(watch.into_inner(), 0);
    });
}
