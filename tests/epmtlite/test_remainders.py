"""What a killed run leaves of a directory whose job is stored: it goes, and nothing else does."""

import os
import shutil

import pytest

from epmtlite import dispose, submit
from tests.epmtlite.daemon.runs import DaemonSite
from tests.epmtlite.made_jobs import aged, epmt, made_job, write_job
from tests.epmtlite.test_two_runs import submitter

DATA = "n1-papiex.tsv"


@pytest.fixture
def place(sqlite_site, tmp_path, monkeypatch):
    """A DaemonSite on SQLite, whose settings epmt reads."""
    found = DaemonSite(sqlite_site.create(), tmp_path)
    monkeypatch.setenv("EPMT_SETTINGS", str(found.settings_path))
    return found


def refuse(*_arguments, **_words):
    """Fail as unlink does."""
    raise PermissionError(1, "Not permitted")


def remainder(place, monkeypatch, name="100"):
    """Return what a run leaves that is stopped after it has removed the metadata of a job."""
    directory = write_job(made_job(), place.directory / "jobs" / name)
    unlink = os.unlink

    def unlink_metadata(name, **how):
        (unlink if name == "job_metadata" else refuse)(name, **how)

    with monkeypatch.context() as patches:
        patches.setattr(os, "unlink", unlink_metadata)
        outcome = submitter(place, remove=True).submit(str(directory))
    assert outcome.kind == submit.STORED and outcome.remains
    (left,) = directory.parent.iterdir()
    assert sorted(one.name for one in left.iterdir()) == ["n1-papiex-header.tsv", DATA]
    return left


def names_in(path):
    """Return the names in a directory, in order."""
    return sorted(one.name for one in path.iterdir())


@pytest.mark.parametrize("name", ["100", "n" * 100, "a\nb", "1.epmt-stored"])
def test_what_was_left_goes_whatever_the_name_was(place, monkeypatch, name):
    path = remainder(place, monkeypatch, name)
    outcome = submitter(place, remove=True).submit(f"{path}/")
    assert outcome.line().startswith("Removed ") and outcome.remains == ""
    assert not path.exists()


@pytest.mark.parametrize("name", ["1.epmt-stored", "1.0123abcd.epmt-stored", "x"])
def test_a_directory_of_a_user_is_no_remainder_by_the_end_of_its_name(place, name):
    path = write_job(made_job(), place.directory / name)
    (path / "notes.txt").write_text("mine")
    (path / "n9-papiex.csv.txt").write_text("mine, too")
    epmt(place.site, "submit", "-r", path)
    for _again in range(2):
        epmt(place.site, "submit", "-r", path, status=65)
        assert names_in(path) == ["n9-papiex.csv.txt", "notes.txt"]


def test_a_job_that_runs_in_a_directory_of_such_a_name_stays(place, monkeypatch):
    path = remainder(place, monkeypatch)
    (path / "job_metadata.tmp").write_text("begun")
    before = names_in(path)
    epmt(place.site, "submit", "-r", path, status=65)
    assert names_in(path) == before


def test_what_no_collection_makes_stays_in_a_remainder_and_is_told(place, monkeypatch):
    path = remainder(place, monkeypatch)
    (path / "notes.txt").write_text("mine")
    (path / "n3-papiex.tsv").symlink_to("notes.txt")
    for _again in range(2):
        done = epmt(place.site, "submit", "-r", path, status=3)
        assert done.stdout == f"Could not remove {path}, which a run had left whose job is stored\n"
        assert done.stderr == (
            f"Warning: its job is stored, but {path} stays, with what was not read:"
            " n3-papiex.tsv, notes.txt\n"
        )
        assert names_in(path) == ["n3-papiex.tsv", "notes.txt"]


def test_data_that_came_after_a_job_was_read_are_never_removed(place, monkeypatch):
    """However old they say that they are."""
    directory = write_job(made_job(), place.directory / "jobs" / "100")
    rename = os.rename

    def written_meanwhile(name, new, **how):
        rename(name, new, **how)
        late = directory.parent / new / "n2-papiex.tsv"
        late.write_text("late")
        aged(late)

    with monkeypatch.context() as patches:
        patches.setattr(os, "rename", written_meanwhile)
        outcome = submitter(place, remove=True).submit(str(directory))
    assert "cannot remove the rest" in outcome.remains
    (path,) = directory.parent.iterdir()
    for _again in range(2):
        done = epmt(place.site, "submit", "-r", path, status=3)
        assert "stays, with what was not read: n2-papiex.tsv" in done.stderr
        assert "Removed" not in done.stdout and names_in(path) == ["n2-papiex.tsv"]


def test_what_changed_after_it_was_left_stays(place, monkeypatch):
    path = remainder(place, monkeypatch)
    before = (path / DATA).stat()
    (path / DATA).write_text("x" * before.st_size)
    os.utime(path / DATA, ns=(before.st_atime_ns, before.st_mtime_ns))
    epmt(place.site, "submit", "-r", path, status=3)
    assert names_in(path) == [DATA]


def test_a_remainder_that_changes_meanwhile_is_not_told_to_be_removed(place, monkeypatch):
    path = remainder(place, monkeypatch)
    found = dispose.not_stored

    def changed(*arguments):
        (path / "new").write_text("new")
        return found(*arguments)

    monkeypatch.setattr(dispose, "not_stored", changed)
    outcome = submitter(place, remove=True).submit(str(path))
    assert "has changed since it was read: it stays" in outcome.remains
    assert outcome.line().startswith("Could not remove") and len(names_in(path)) == 3


@pytest.mark.parametrize(
    ("is_left", "step"),
    [*((True, step) for step in ("listdir", "open", "stat", "unlink", "rmdir")),
     *((False, step) for step in ("unlink", "rmdir"))],
)  # fmt: skip
def test_what_another_run_removes_in_between_is_gone_already(place, monkeypatch, is_left, step):
    """Both found the same remainder, or one found what the other was about to remove."""
    jobs = place.directory / "jobs"
    path = remainder(place, monkeypatch) if is_left else write_job(made_job(), jobs / "100")
    one, done, found = submitter(place, remove=True), getattr(os, step), []

    def in_between(name, *arguments, **how):
        is_there = "dir_fd" in how or str(name).startswith(str(path))
        if is_there and not found:
            found.extend(entry.path for entry in os.scandir(jobs) if "stored" in entry.name)
            shutil.rmtree(found[0])
        return done(name, *arguments, **how)

    monkeypatch.setattr(os, step, in_between)
    outcome = one.submit(str(path))
    assert outcome.kind == (submit.RESUMED if is_left else submit.STORED)
    assert found and outcome.remains == "" and names_in(jobs) == []


def test_a_directory_that_took_the_old_name_meanwhile_is_left_alone(place, monkeypatch):
    """The message is about the one that could not be removed."""
    directory = write_job(made_job(), place.directory / "jobs" / "100")

    def refused(*arguments, **how):
        directory.mkdir()
        (directory / "job_metadata.tmp").write_text("a new one")
        refuse(*arguments, **how)

    with monkeypatch.context() as patches:
        patches.setattr(os, "unlink", refused)
        outcome = submitter(place, remove=True).submit(str(directory))
    (going,) = (one.name for one in directory.parent.iterdir() if one != directory)
    assert outcome.remains == (
        f"job 100 is stored, but cannot remove the rest, {going}: Not permitted"
    )
    assert names_in(directory) == ["job_metadata.tmp"]


def test_an_empty_directory_that_took_the_old_name_is_not_replaced(place, monkeypatch):
    directory = write_job(made_job(), place.directory / "jobs" / "100")
    with monkeypatch.context() as patches:
        patches.setattr(os, "unlink", lambda *words, **how: (directory.mkdir(), refuse()))
        submitter(place, remove=True).submit(str(directory))
    assert names_in(directory) == []


def test_what_is_no_longer_whole_does_not_get_its_name_back(place, monkeypatch):
    """Its metadata were annotated after they were read."""
    directory = write_job(made_job(), place.directory / "jobs" / "100")
    rename = os.rename

    def annotated_meanwhile(name, new, **how):
        with (directory / "job_metadata").open("a") as file:
            file.write(" ")
        rename(name, new, **how)

    with monkeypatch.context() as patches:
        patches.setattr(os, "rename", annotated_meanwhile)
        outcome = submitter(place, remove=True).submit(str(directory))
    (going,) = directory.parent.iterdir()
    assert going.name in outcome.remains and names_in(going) == ["job_metadata"]
