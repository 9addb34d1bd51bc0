"""Files that this machine cannot read now: nothing is wrong with the job, which is stored later."""

import errno
import glob
import os

import pytest

from epmtlite import submit
from epmtlite.collect import errors as collect_errors
from epmtlite.collect import files
from tests.epmtlite.daemon.runs import DaemonSite
from tests.epmtlite.daemon.test_ingest import rounds  # noqa: F401
from tests.epmtlite.made_jobs import aged, made_job, random_records, write_job
from tests.epmtlite.test_two_runs import submitter


@pytest.fixture
def place(sqlite_site, tmp_path):
    """A DaemonSite on SQLite."""
    return DaemonSite(sqlite_site.create(), tmp_path)


def broken(suffix, first_byte):
    """Return a files.Source that fails from a byte on, in files of some names: read(2) gives EIO,
    as it does for this process's memory at 0."""

    class Broken(files.Source):
        def readinto(self, buffer):
            if self.shown.endswith(suffix) and self.tell() >= first_byte:
                memory = os.open("/proc/self/mem", os.O_RDONLY)
                os.dup2(memory, self.fileno())
                os.close(memory)
            return super().readinto(buffer)

    return Broken


def check_later(place, path, monkeypatch, suffix, first_byte=0):
    """Check that a job that cannot be read stays for a later run, and is stored by that."""
    aged(path)
    with monkeypatch.context() as patches:
        patches.setattr(files, "Source", broken(suffix, first_byte))
        outcome = submitter(place, move_away=True, remove=True).submit(str(path))
    assert (outcome.kind, outcome.exit_code) == (submit.FAILED, 75), outcome
    assert outcome.message.startswith("cannot read ") and outcome.message.endswith(
        "now: Input/output error"
    )
    assert path.exists() and place.failed_names() == []
    assert submitter(place, remove=True).submit(str(path)).kind == submit.STORED
    assert not path.exists()


@pytest.mark.parametrize("first_byte", [0, 1, 200_000])
def test_an_archive_that_cannot_be_read_to_its_end_is_not_damaged(place, monkeypatch, first_byte):
    path = place.put("1", count=10_000)
    assert path.stat().st_size > 300_000
    check_later(place, path, monkeypatch, ".tgz", first_byte)


@pytest.mark.parametrize("suffix", ["job_metadata", "n1-papiex-header.tsv", "n1-papiex.tsv"])
def test_so_is_no_file_of_a_directory(place, monkeypatch, suffix):
    path = write_job(made_job(random_records()), place.directory / "100")
    check_later(place, path, monkeypatch, suffix)


def test_a_directory_that_cannot_be_listed_is_tried_later(place, monkeypatch):
    path = write_job(made_job(), place.directory / "100")
    with monkeypatch.context() as patches:
        patches.setattr(os, "listdir", fails)
        outcome = submitter(place, move_away=True).submit(str(path))
    assert (outcome.exit_code, path.exists()) == (75, True)
    assert outcome.message == f"cannot read {path} now: Stale file handle"


def fails(_directory):
    """Fail as a file server does that has forgotten a directory."""
    raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))


class FileServer:
    """A file server that goes away: no call of the system can say anything about what it has."""

    CALLS = ("open", "stat", "lstat", "scandir", "listdir")

    def __init__(self, directory):
        self.directory, self.is_away = str(directory), False

    def has(self, path, dir_fd):
        """Tell whether a path leads to what it has; path may be a descriptor."""
        number = path if isinstance(path, int) else dir_fd
        place = "" if number is None else os.readlink(f"/proc/self/fd/{number}")  # noqa: PTH115
        whole = place if isinstance(path, int) else os.path.join(place, path)  # noqa: PTH118
        return os.fspath(whole).startswith(self.directory)

    def guarded(self, call):
        """Return a call of the system that fails while the server is away."""

        def guard(path, *arguments, dir_fd=None, **options):
            if self.is_away and self.has(path, dir_fd):
                fails(path)
            place = {} if dir_fd is None else {"dir_fd": dir_fd}
            return call(path, *arguments, **place, **options)

        return guard

    def leaves(self, patches, suffix):
        """Let it go away when a file is read whose name ends so."""
        server = self

        class Leaving(broken(suffix, 0)):
            def readinto(self, buffer):
                server.is_away = server.is_away or self.shown.endswith(suffix)
                return super().readinto(buffer)

        for name in self.CALLS:
            patches.setattr(os, name, self.guarded(getattr(os, name)))
        patches.setattr(files, "Source", Leaving)


@pytest.mark.parametrize("suffix", [".tgz", "n1-papiex.tsv"])
def test_what_a_file_server_has_that_goes_away_was_not_taken_by_another_run(
    place, monkeypatch, suffix
):
    if suffix == ".tgz":
        path = place.put("1")
    else:
        path = write_job(made_job(random_records()), place.inbox / "100")
    aged(path)
    with monkeypatch.context() as patches:
        FileServer(place.inbox).leaves(patches, suffix)
        how = {"move_away": True, "remove": True, "found": frozenset([str(path)])}
        outcome = submitter(place, **how).submit(str(path))
        again = submitter(place, **how).submit(str(path))
    assert (outcome.kind, outcome.exit_code) == (submit.FAILED, 75), outcome
    assert (again.exit_code, again.message) == (75, f"cannot read {path} now: Stale file handle")
    assert place.failed_names() == []
    assert submitter(place, remove=True).submit(str(path)).kind == submit.STORED


@pytest.mark.parametrize("is_below", [False, True])
def test_nor_does_the_daemon_forget_it(place, rounds, monkeypatch, is_below):  # noqa: F811
    path = place.put("1")
    if is_below:
        (place.inbox / "below").mkdir()
        path = path.rename(place.inbox / "below/1.tgz")
    runner = rounds(place, recursive=is_below)
    with monkeypatch.context() as patches:
        FileServer(place.inbox).leaves(patches, ".tgz")
        runner.round(3)
    assert path.exists() and place.failed_names() == []
    runner.round()
    assert place.jobs() == ["1"] and not path.exists() and place.failed_names() == []


def test_a_file_of_which_nothing_can_be_said_is_neither_missing_nor_left_open(place, monkeypatch):
    path = place.put("1")
    with monkeypatch.context() as patches:
        patches.setattr(files.os, "fstat", fails)
        outcome = submitter(place, move_away=True).submit(str(path))
    assert (outcome.kind, outcome.exit_code) == (submit.FAILED, 75), outcome
    opened = [os.path.realpath(one) for one in glob.glob("/proc/self/fd/*")]  # noqa: PTH207
    assert str(path) not in opened
    assert path.exists() and place.failed_names() == []


@pytest.mark.parametrize("number", [errno.EUCLEAN, errno.EBADMSG, errno.EAGAIN, errno.EINTR])
def test_of_what_is_not_there_the_system_says_so(tmp_path, number):
    """All else is no fault of the file, whatever it is called on this file system."""
    with pytest.raises(collect_errors.UnavailableError):
        raise files.read_error("job", OSError(number, os.strerror(number)))
    for gone in (errno.ENOENT, errno.ENOTDIR):
        with pytest.raises(collect_errors.MissingError):
            raise files.read_error("job", OSError(gone, os.strerror(gone)))
    assert not files.is_directory(tmp_path / "absent")
