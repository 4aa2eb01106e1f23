//! Who waits for whom, and for how long at most.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use io_core::fs::File;

use crate::fixture::Fixture;

/// Generous, for machines that do much else. A runtime that looks at timers and
/// completions only when nothing is ready never gets there.
const DELAY_MAX: Duration = Duration::from_secs(5);

pub(crate) fn two_yielding_tasks_delay_no_timer_and_no_file(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", [b'x'; 4096]);
    let is_over = AtomicBool::new(false);
    io.scope(|scope| {
        for _ in 0..2 {
            let yields = || {
                while !is_over.load(Ordering::Relaxed) {
                    io.yield_now().expect("nobody cancels");
                }
            };
            scope.spawn_concurrent(yields).expect("needs Concurrency");
        }
        let timer = || fixture.time(|| io.sleep(Duration::from_millis(20)));
        let file = || {
            fixture.time(|| {
                let file = File::open(io, &path)?;
                let count = file.read_at(&mut [0; 4096], 0)?;
                file.sync_all().map(|()| count)
            })
        };
        let timer = scope.spawn_concurrent(timer).expect("needs Concurrency");
        let file = scope.spawn_concurrent(file).expect("needs Concurrency");
        let (timer, file) = (timer.join(), file.join());
        is_over.store(true, Ordering::Relaxed);
        timer.0.expect("nobody cancels");
        assert!(file.0.expect("it can be read") > 0);
        assert!(timer.1 < DELAY_MAX, "the timer took {:?}", timer.1);
        assert!(file.1 < DELAY_MAX, "the file took {:?}", file.1);
    });
}
