//! A request comes to a task that waits for what it offloaded: it goes on to that,
//! and ends sleeps and waits on words. Whether it ends operations there is the
//! executor's affair.

use super::nested::{Via, check_during};
use super::waits::{self, Kind};
use crate::fixture::Fixture;

waits::claims! { check:
    yield_now YIELD_NOW,
    sleep SLEEP,
    futex_wait FUTEX_WAIT,
    mutex_lock MUTEX_LOCK,
    condvar_wait CONDVAR_WAIT,
    semaphore SEMAPHORE,
    queue_get QUEUE_GET,
    queue_put QUEUE_PUT,
    rwlock_read RWLOCK_READ,
    rwlock_write RWLOCK_WRITE,
    event_wait EVENT_WAIT,
    oneshot_receive ONESHOT_RECEIVE,
    watch_changed WATCH_CHANGED,
    barrier_wait BARRIER_WAIT,
    cell_init CELL_INIT,
}

fn check(fixture: &Fixture<'_>, kind: &Kind) {
    check_during(fixture, kind, Via::Offload);
}
