//! Wrappers: what passes through, what is counted, what is made to fail.

use io_core::wrappers::{Counting, Failing};
use io_core::{Io, Operation, OperationKind, Outcome, forward_io, fs};

use crate::fixture::{Fixture, Works, assert_canceled, assert_errno};

/// Forwards everything.
struct Plain<'a>(&'a dyn Io);

impl Io for Plain<'_> {
    forward_io!(self => self.0);
}

pub(crate) fn a_wrapper_has_the_id_of_what_it_wraps(fixture: &Fixture<'_>) {
    let io = fixture.io();
    assert_eq!(Plain(io).id(), io.id());
    assert_eq!(Counting::new(io).id(), io.id());
    assert_eq!(Failing::none(io).id(), io.id());
    assert_eq!(Plain(io).capabilities(), io.capabilities());
}

pub(crate) fn tasks_of_a_wrapper_are_tasks_of_its_executor(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let wrapper: &dyn Io = &Plain(io);
    wrapper.scope(|scope| {
        let task = scope.spawn(|| {
            scope.cancel();
            assert_canceled(io.checkpoint());
            wrapper.checkpoint().works();
            io.with_timeout(std::time::Duration::ZERO, || {
                assert!(wrapper.checkpoint().is_err());
            });
            7
        });
        assert_eq!(task.join(), 7);
    });
}

pub(crate) fn a_wrapper_sees_every_operation(fixture: &Fixture<'_>) {
    let counting = Counting::new(fixture.io());
    let io: &dyn Io = &counting;
    let path = fixture.path("file");
    fs::write(io, &path, "0123456789").works();
    fs::read(io, &path).works();
    // `read` may look before it opens, and then opens nothing.
    assert_errno(fs::File::open(io, fixture.path("missing")), libc::ENOENT);
    io.scope(|scope| drop([scope.spawn(|| ()), scope.spawn(|| ())]));
    let counts = counting.snapshot();
    assert_eq!(counts.of(OperationKind::Create).operations, 1);
    assert_eq!(counts.of(OperationKind::Write).bytes, 10);
    assert_eq!(counts.of(OperationKind::Read).bytes, 10);
    assert_eq!(counts.of(OperationKind::Open).operations, 2);
    assert_eq!(counts.of(OperationKind::Open).errors, 1);
    assert_eq!(counts.closes, 2);
    assert_eq!(counts.tasks, 2);
}

pub(crate) fn each_failure_is_reported_and_none_made_up(fixture: &Fixture<'_>) {
    let io = fixture.io();
    let path = fixture.make_file("file", "0123456789");
    let before = crate::system::descriptors().len();
    for index in 0.. {
        let failing = Failing::nth(io, index, libc::EIO);
        let copy = fs::copy(&failing, &path, fixture.path("copy"));
        if failing.failures() == 0 {
            assert_eq!(copy.works(), 10);
            break;
        }
        assert_errno(copy, libc::EIO);
        assert!(index < 20, "a copy has not that many operations");
    }
    assert_eq!(crate::system::descriptors().len(), before, "nothing leaks");
}

pub(crate) fn a_failed_operation_has_no_effect(fixture: &Fixture<'_>) {
    let failing = Failing::all(fixture.io(), libc::EIO);
    let io: &dyn Io = &failing;
    let path = fixture.make_file("file", "0123");
    assert_errno(fs::File::create(io, &path), libc::EIO);
    assert_errno(fs::remove_file(io, &path), libc::EIO);
    assert_errno(fs::create_dir(io, fixture.path("dir")), libc::EIO);
    assert_eq!(fixture.content(&path), b"0123");
    assert!(!fixture.path("dir").exists());
    io.scope(|scope| assert_eq!(scope.spawn(|| 7).join(), 7));
}

/// A wrapper may perform an operation again, since the caller keeps it.
pub(crate) fn an_operation_can_be_performed_again(fixture: &Fixture<'_>) {
    struct Twice<'a>(&'a dyn Io);
    impl Io for Twice<'_> {
        forward_io!(self => self.0; except perform, perform_batch);

        fn perform(&self, operation: &mut Operation<'_, '_>) -> std::io::Result<Outcome> {
            drop(self.0.perform(operation)?);
            self.0.perform(operation)
        }
    }
    let file = fixture.open("file", "0123456789");
    let twice = Twice(fixture.io());
    let file = fs::File::from_handle(&twice, file.into_handle());
    let mut buffer = [0; 4];
    assert!(file.read_at(&mut buffer, 3).works() > 0);
    assert_eq!(buffer[0], b'3');
    assert_eq!(fs::metadata(&twice, fixture.path("file")).works().len(), 10);
}
