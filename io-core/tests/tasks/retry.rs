//! Retries: how often, what is not tried again, and pauses within their bounds.

use std::io;
use std::time::Duration;

use io_core::task::Retry;
use io_core::{Clock, canceled, deadline_passed, is_canceled, is_deadline};

use super::on_every_executor;

const SHORT: Duration = Duration::from_micros(10);

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ConnectionRefused.into())
}

#[test]
fn attempts_are_counted_and_the_last_error_is_returned() {
    on_every_executor(|io| {
        for attempts_max in [1, 2, 5] {
            let mut attempts = 0;
            let result: io::Result<()> =
                Retry::new(attempts_max).first_pause(SHORT).run(io, || {
                    attempts += 1;
                    refused()
                });
            let kind = result.unwrap_err().kind();
            assert_eq!(
                (kind, attempts),
                (io::ErrorKind::ConnectionRefused, attempts_max)
            );
        }
    });
}

#[test]
fn what_does_not_pass_is_not_tried_again() {
    on_every_executor(|io| {
        let retry = Retry::new(9).first_pause(SHORT);
        let mut attempts = 0;
        let mut count = |error: io::Error| {
            attempts += 1;
            Err::<(), _>(error)
        };
        let result = retry.run(io, || count(canceled()));
        assert!(is_canceled(&result.unwrap_err()));
        let result = retry.run(io, || count(deadline_passed()));
        assert!(is_deadline(&result.unwrap_err()));
        let may_pass = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        let result = retry.run_if(io, may_pass, || count(io::ErrorKind::NotFound.into()));
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(attempts, 3);
    });
}

#[test]
fn pauses_stay_below_their_bound_and_end_at_a_deadline() {
    on_every_executor(|io| {
        let bound = Duration::from_millis(2);
        let start = io.now(Clock::Monotonic);
        let retry = Retry::new(6).first_pause(bound).pause_max(bound);
        assert!(retry.run(io, refused::<()>).is_err());
        let took = io.now(Clock::Monotonic).saturating_duration_since(start);
        assert!(took < Duration::from_secs(5), "five pauses took {took:?}");
        let forever = Retry::new(u32::MAX).first_pause(bound).pause_max(bound);
        let result = io.with_timeout(Duration::from_millis(20), || forever.run(io, refused::<()>));
        assert!(is_deadline(&result.unwrap_err()));
    });
}
