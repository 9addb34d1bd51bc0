"""Two runs of submit over the same archives, and archives that change while they are read."""

import contextlib
import os
import subprocess
import sys
import time

import pytest

from epmtlite import connection, dispose, late_notes, submit
from epmtlite.collect.settings import Settings
from tests.conftest import CHECKOUT, run_command
from tests.epmtlite.daemon.runs import DaemonSite
from tests.epmtlite.made_jobs import (
    aged,
    archived,
    contents,
    epmt,
    made_job,
    random_records,
    write_job,
)


@pytest.fixture
def place(site, tmp_path, monkeypatch):
    """A DaemonSite on each database, whose settings epmt reads."""
    found = DaemonSite(site.create(), tmp_path)
    monkeypatch.setenv("EPMT_SETTINGS", str(found.settings_path))
    return found


@pytest.fixture
def sqlite_place(sqlite_site, tmp_path, monkeypatch):
    """The same on SQLite."""
    found = DaemonSite(sqlite_site.create(), tmp_path)
    monkeypatch.setenv("EPMT_SETTINGS", str(found.settings_path))
    return found


def submitter(place, **how):
    """Return a submit.Submitter in this process."""
    config = place.site.config.replaced(setup_command="epmt migrate")
    settings = Settings({"ingest_failed_dir": str(place.failed)})
    return submit.Submitter(connection.open_database(config), settings, submit.Options(**how))


def change(place, sql):
    """Change what is stored."""
    database = connection.open_database(place.site.config)
    with contextlib.closing(database), database.transaction():
        database.execute(sql, ())


def test_what_another_run_stored_and_removed_is_no_failure(place):
    """It was there when this run began, or its job was stored lately."""
    taken = place.put("5")
    found = frozenset([str(taken)])
    taken.unlink()
    assert submitter(place, remove=True, found=found).submit(str(taken)).kind == submit.TAKEN
    assert submitter(place, remove=True).submit(str(taken)).exit_code == 66
    again = place.pack("6")
    epmt(place.site, "submit", "-r", again)
    done = epmt(place.site, "submit", "-r", "-m", again)
    assert done.stdout == f"Nothing to do: another run took {again}\n" and done.stderr == ""
    epmt(place.site, "submit", again, status=66)  # without -r nobody removes it
    change(place, "UPDATE epmt_job SET created_at = created_at - 7200")
    epmt(place.site, "submit", "-r", again, status=66)


def test_two_runs_that_remove_end_well(place):
    paths = [place.put(str(number)) for number in range(20)]
    paths += [write_job(made_job(jobid=f"d{n}"), place.directory / f"d{n}") for n in range(5)]
    words = [sys.executable, CHECKOUT / "bin" / "epmt", "submit", "-r", "-m", "--confFn",
             place.site.conf_path, *paths]  # fmt: skip
    runs = [subprocess.Popen(words, stdout=-1, stderr=-1, text=True) for _twice in range(2)]
    for run in runs:
        output, messages = run.communicate()
        assert (run.returncode, messages) == (0, ""), output
    assert not [path for path in paths if path.exists()] and place.failed_names() == []
    assert len(place.jobs()) == 25 and contents(place.site)[1] == []


def test_a_directory_that_another_run_is_removing_is_removed_to_its_end(tmp_path, caplog):
    directory = write_job(made_job(), tmp_path / "100")
    state = dispose.state_of(str(directory))
    (directory / "job_metadata").unlink()
    dispose.remove(str(directory), state)
    dispose.remove(str(directory), state)
    assert not directory.exists() and caplog.messages == []


def killed_while_removing(place, monkeypatch, remove):
    """Let the removal of a job's directory fail at the files that `remove` refuses; return what
    submit printed, and the names that are there now."""
    directory = write_job(made_job(), place.directory / "jobs" / "100")

    def unlink(name, **words):
        if remove(name):
            raise PermissionError(1, "Not permitted")
        real(name, **words)

    with monkeypatch.context() as patches:
        real = os.unlink
        patches.setattr(os, "unlink", unlink)
        outcome = submitter(place, remove=True).submit(str(directory))
    assert outcome.kind == submit.STORED and "job 100 is stored, but" in outcome.remains
    return outcome, [path.name for path in directory.parent.iterdir()]


def test_what_is_left_of_a_directory_whose_job_is_stored_is_removed_later(
    sqlite_place, monkeypatch
):  # fmt: skip
    outcome, (name,) = killed_while_removing(
        sqlite_place, monkeypatch, lambda name: name != "job_metadata"
    )
    assert name.startswith("100.") and name.endswith(".epmt-stored") and name in outcome.remains
    path = sqlite_place.directory / "jobs" / name
    epmt(sqlite_place.site, "submit", path, status=65)  # without -r it stays
    epmt(sqlite_place.site, "submit", "-r", "--dry-run", path, status=65)
    with monkeypatch.context() as patches:
        patches.setattr(os, "unlink", lambda *_arguments, **_words: None)
        outcome = submitter(sqlite_place, remove=True).submit(str(path))
    assert outcome.line().startswith("Could not remove") and "its job is stored" in outcome.remains
    done = epmt(sqlite_place.site, "submit", "-r", path)
    assert f"Removed {path}, which a run had left" in done.stdout and done.stderr == ""
    assert not path.exists() and sqlite_place.jobs() == ["100"]


def test_a_directory_of_which_nothing_can_be_removed_keeps_its_name(sqlite_place, monkeypatch):
    _outcome, found = killed_while_removing(sqlite_place, monkeypatch, lambda _name: True)
    assert found == ["100"]
    epmt(sqlite_place.site, "submit", "-r", sqlite_place.directory / "jobs" / "100")
    assert list((sqlite_place.directory / "jobs").iterdir()) == []


def test_a_job_in_a_directory_that_is_named_as_a_removed_one_is_stored(sqlite_place):
    path = write_job(made_job(), sqlite_place.directory / "1.epmt-stored")
    (path / "notes.txt").write_text("mine")
    done = epmt(sqlite_place.site, "submit", "-r", path)
    assert sqlite_place.jobs() == ["100"] and "not read: notes.txt" in done.stderr
    assert [one.name for one in path.iterdir()] == ["notes.txt"]


def test_an_archive_that_is_still_being_copied_stays(sqlite_place):
    whole = sqlite_place.pack("950", count=200)
    raw, path = whole.read_bytes(), sqlite_place.inbox / "950.tgz"
    path.write_bytes(raw[: len(raw) // 2])
    done = epmt(sqlite_place.site, "submit", "-q", "-r", "-m", path, status=65)
    assert "stays: it was written to less than 60 seconds ago" in done.stderr
    assert path.exists() and sqlite_place.failed_names() == []
    with path.open("ab") as file:
        file.write(raw[len(raw) // 2 :])
    epmt(sqlite_place.site, "submit", "-q", "-r", "-m", path)
    assert sqlite_place.jobs() == ["950"] and not path.exists()


def test_an_archive_that_changed_since_it_was_read_stays(sqlite_place, monkeypatch):
    """However old its files say that they are."""
    path = sqlite_place.put_bad("950.tgz")
    aged(path)
    before = dispose.check_finished

    def written_meanwhile(*arguments):
        path.write_bytes(b"whole by now")
        aged(path)
        return before(*arguments)

    monkeypatch.setattr(dispose, "check_finished", written_meanwhile)
    outcome = submitter(sqlite_place, move_away=True).submit(str(path))
    assert "has changed since it was read: it stays" in outcome.message
    assert path.read_bytes() == b"whole by now" and sqlite_place.failed_names() == []


def test_the_directory_of_a_job_that_runs_is_not_moved_away(sqlite_place):
    directory = write_job(made_job(), sqlite_place.directory / "100")
    (directory / "job_metadata").rename(directory / "job_metadata.tmp")
    aged(directory)
    done = epmt(sqlite_place.site, "submit", "-m", directory, status=65)
    assert "stays: its job was not stopped" in done.stderr and directory.exists()


@pytest.mark.parametrize(("seconds", "is_moved"), [(0, False), (-1800, False), (-7200, True)])
def test_a_clock_that_is_ahead_delays_no_longer_than_an_hour(sqlite_place, seconds, is_moved):
    path = sqlite_place.put_bad("1.tgz")
    aged(path, seconds=seconds)
    submitter(sqlite_place, move_away=True).submit(str(path))
    assert path.exists() != is_moved


def fails(error):
    """Return a function that raises an error."""

    def fail(*_arguments):
        raise error

    return fail


@pytest.mark.parametrize("name", ["WriteError", "UnavailableError", "ConfigurationError"])
def test_a_fault_of_the_machine_moves_no_archive_away(sqlite_place, monkeypatch, name):
    path = sqlite_place.put("1")
    aged(path)
    error = getattr(submit.errors, name)("No space left on device")
    monkeypatch.setattr(submit, "read_job", fails(error))
    outcome = submitter(sqlite_place, move_away=True, remove=True).submit(str(path))
    assert (outcome.kind, outcome.exit_code) == (submit.FAILED, error.exit_code)
    assert path.exists() and sqlite_place.failed_names() == []


def test_an_unknown_zone_of_the_submitter_moves_no_archive_away(sqlite_place):
    """Of a job without a zone of its own, as old collectors leave it."""
    moments = ("job_pl_submit_ts", "job_pl_start_ts", "job_el_stop_ts")
    naive = {key: made_job().metadata[key].replace(tzinfo=None) for key in moments}
    path = archived(write_job(made_job([], **naive), sqlite_place.directory / "100"))
    aged(path)
    environment = {**os.environ, "EPMT_TZ": "No/Where"}
    done = epmt(sqlite_place.site, "submit", "-m", path, status=78, env=environment)
    assert "No/Where" in done.stderr and path.exists()


def test_a_disk_without_room_moves_no_archive_away(sqlite_place, monkeypatch):
    """The rows of a large job wait in a file of the directory of TMPDIR."""
    monkeypatch.setattr("epmtlite.spool.MOST_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr("tempfile.TemporaryFile", fails(OSError(28, "No space left on device")))
    path = sqlite_place.put("1")
    aged(path)
    outcome = submitter(sqlite_place, move_away=True).submit(str(path))
    assert outcome.exit_code == 74 and path.exists() and sqlite_place.failed_names() == []


def test_a_pattern_that_matches_nothing_is_nothing_to_do(sqlite_site, tmp_path):
    done = epmt(sqlite_site, "submit", "-q", "-r", "-m", tmp_path / "spool" / "*.tgz")
    assert (done.stdout, done.stderr) == ("", "")
    job = write_job(made_job(), tmp_path / "100")
    assert "Imported" in epmt(sqlite_site, "submit", job, tmp_path / "*.tgz").stdout
    epmt(sqlite_site, "submit", tmp_path / "none.tgz", status=66)


@pytest.mark.parametrize("name", ["typo.tgz", "*.tgz", "bad.tgz", "cut.tgz"])
def test_a_mistyped_name_drops_nothing(site, tmp_path, name):
    site.create()
    epmt(site, "submit", write_job(made_job(), tmp_path / "100"))
    (tmp_path / "bad.tgz").write_bytes(b"no archive")
    records = random_records(2000)
    whole = archived(write_job(made_job(records, jobid="102"), tmp_path / "102")).read_bytes()
    (tmp_path / "cut.tgz").write_bytes(whole[: len(whole) * 2 // 3])
    before = contents(site)
    other = write_job(made_job(jobid="101"), tmp_path / "101")
    status = 65 if name in ("bad.tgz", "cut.tgz") else 66
    done = epmt(site, "submit", "--drop", "-f", other, tmp_path / name, status=status)
    assert done.stderr.startswith("Error: ") and "; nothing was dropped\n" in done.stderr
    assert contents(site) == before
    epmt(site, "submit", "--drop", "-f", other)
    assert set(contents(site)[0]) == {("", "101")}


def noted(directory, **annotations):
    """Return the path of the archive of job 100 with some annotations."""
    return archived(write_job(made_job(annotations=annotations), directory / "100"))


def test_an_archive_that_was_annotated_after_it_was_stored_is_not_removed(place):
    first = noted(place.directory / "first", kept="yes", changed="a")
    epmt(place.site, "submit", first)
    late = noted(place.directory / "late", kept="yes", changed="b", reviewed="bad")
    aged(late)
    before = contents(place.site)
    done = epmt(place.site, "submit", "-r", late, status=65)
    assert "without these annotations, or with others: changed, reviewed. Give them" in done.stderr
    assert late.exists() and contents(place.site) == before
    done = epmt(place.site, "submit", late)  # what stays loses nothing
    assert done.stdout == "Assuming job 100 is already in database\n"
    assert "changed, reviewed" in done.stderr
    environment = {**os.environ, "HPCUSAGE_CONF": str(place.site.conf_path)}
    words = ("annotate", "100", "changed=b", "reviewed=bad", "more=1")
    assert run_command("epmt", *words, env=environment).returncode == 0
    done = epmt(place.site, "submit", "-r", late, first)
    assert not late.exists() and not first.exists()
    assert "with newer values of these annotations than its files: changed\n" in done.stderr
    later = noted(place.directory / "later", kept="yes", changed="c", reviewed="bad")
    os.utime(later, (time.time() + 60, time.time() + 60))
    done = epmt(place.site, "submit", "-r", later, status=65)  # noted after the database was
    assert "or with others: changed. Give them" in done.stderr and later.exists()


def test_an_annotation_from_which_a_name_was_taken_is_the_newer_one(place):
    path = noted(place.directory / "first", kept="yes", data="/home/otter/in")
    aged(path)
    epmt(place.site, "submit", path)
    words = ("pseudonymise", "otter", "--as", "anon-1", "--schema", "epmt", "--yes", "-q")
    assert place.site.run("usage_person", *words).returncode == 0
    done = epmt(place.site, "submit", "-r", path)
    assert "with newer values of these annotations than its files: data" in done.stderr
    ((text,),) = place.site.rows("SELECT annotations FROM epmt_job")
    assert "/home/anon-1/in" in text and not path.exists()


def test_the_daemon_sets_such_an_archive_aside(sqlite_place):
    epmt(sqlite_place.site, "submit", noted(sqlite_place.directory / "first"))
    sqlite_place.put_file(noted(sqlite_place.directory / "late", reviewed="bad"))
    from tests.services import wait_until

    with sqlite_place.foreground("--ingest", sqlite_place.inbox, "--interval", "0.2"):
        wait_until(sqlite_place.failed_names, "the archive")
        wait_until(lambda: sqlite_place.names() == [], "the archive")
    assert "reviewed" in (sqlite_place.failed / "100.tgz.reason").read_text()


def test_other_tags_are_other_annotations_and_secrets_are_not(place):
    epmt(place.site, "submit", noted(place.directory / "first", api_token="s3cr3t-of-ann"))
    same = noted(place.directory / "same", api_token="s3cr3t-of-ann")
    epmt(place.site, "submit", "-r", same)
    assert not same.exists()
    tagged = {"job_tags": {"exp_name": "other"}}
    other = archived(write_job(made_job(**tagged), place.directory / "other" / "100"))
    assert "EPMT_JOB_TAGS" in epmt(place.site, "submit", "-r", other, status=65).stderr


def test_a_dry_run_without_a_database_knows_a_job_that_comes_twice(sqlite_site, tmp_path):
    paths = noted(tmp_path / "first"), noted(tmp_path / "late", reviewed="bad")
    done = epmt(sqlite_site, "submit", "-n", "-r", *paths)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["Would", "Assuming"]
    assert all(path.exists() for path in paths)


def test_many_names_are_not_all_told():
    assert "h, i, j and 2 more. Give" in late_notes.describe("1", list("abcdefghijkl"))
    assert "others: a, b. Give" in late_notes.describe("1", ["a", "b"])


def test_a_job_whose_user_was_renamed_is_known_again(place):
    path = place.pack("5", job_pl_username="ann")
    epmt(place.site, "submit", path)
    words = ("--schema", "epmt", "--as", "beth", "--yes")
    done = place.site.run("usage_person", "pseudonymise", "ann", *words)
    assert done.returncode == 0, done.stderr
    assert place.site.rows("SELECT name FROM epmt_user WHERE id IN (SELECT user_id FROM epmt_job)")
    before = contents(place.site)
    done = epmt(place.site, "submit", "-r", "-m", path)
    assert done.stdout == "Assuming job 5 is already in database\n" and not path.exists()
    assert contents(place.site) == before
    forged = write_job(made_job(jobid="5", job_pl_username="ann"), place.directory / "f" / "5")
    done = epmt(place.site, "submit", forged, status=65)
    assert "another job 5, of other times or of another user" in done.stderr
