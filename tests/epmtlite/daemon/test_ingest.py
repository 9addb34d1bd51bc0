"""What the daemon takes from a directory that any account can write into, and what it leaves."""

import logging
import os
import random
import shutil
import stat
import subprocess
import tempfile
import time

import pytest

from epmtlite import connection, spool, submit
from epmtlite.collect import errors
from epmtlite.collect.settings import Settings
from epmtlite.daemon import archives, ingest
from epmtlite.daemon.rounds import Daemon, Link
from epmtlite.daemon.signals import Signals
from epmtlite.daemon.steps import Analyze, Retire
from tests.epmtlite.daemon.runs import DaemonSite
from tests.epmtlite.made_jobs import contents, epmt
from tests.services import wait_until

NEVER = 1e9  # seconds


@pytest.fixture
def place(site, tmp_path):
    """A DaemonSite on each database."""
    return DaemonSite(site.create(), tmp_path)


@pytest.fixture
def sqlite_place(sqlite_site, tmp_path):
    """A DaemonSite on SQLite."""
    return DaemonSite(sqlite_site.create(), tmp_path)


class Rounds:
    """A daemon in this process, whose rounds are called one by one."""

    def __init__(
        self, place, settle=0.0, patience=0.0, recursive=False, remove=True, with_others=False,
        **settings,
    ):  # fmt: skip
        values = {"ingest_failed_dir": str(place.failed), **settings}
        self.settings = Settings(values)
        self.link = Link(place.site.config.replaced(setup_command="epmt migrate"))
        self.inbox = archives.Inbox(str(place.inbox), str(place.failed), settle, recursive)
        self.signals = Signals()
        how = submit.Options(remove=remove)
        steps = [
            ingest.Ingest(
                self.inbox, self.settings, how, self.link, patience, lambda: self.signals.asked
            )
        ]
        if with_others:
            steps.append(Analyze(self.settings, lambda: self.signals.asked))
            steps.append(Retire(self.settings, lambda: self.signals.asked))
        self.facts = {}
        self.daemon = Daemon(self.link, steps, self.signals, 60, lambda: None, self.facts.update)
        self.link.open()

    def round(self, count=1):
        """Do a round, or some."""
        for _number in range(count):
            self.daemon.round()
        # A second connection of this process to an SQLite file would take the locks of this one.
        if self.link.config.backend == "sqlite":
            self.link.close()


@pytest.fixture
def rounds():
    """A function that makes Rounds, which are closed at the end."""
    made = []

    def make(*arguments, **options):
        made.append(Rounds(*arguments, **options))
        return made[-1]

    yield make
    for one in made:
        one.link.close()


def test_archives_are_stored_once_and_removed(place, rounds):
    archives = [place.pack(jobid) for jobid in (1, 2, 3)]
    epmt(place.site, "submit", *archives)
    wanted = contents(place.site)
    epmt(place.site, "delete", "1", "2", "3")
    shutil.copy(archives[0], place.inbox / "again.tar.gz")
    for path in archives:
        place.put_file(path)
    rounds(place).round(3)
    assert place.names() == [] and place.failed_names() == []
    assert contents(place.site) == wanted
    assert place.runs() == [(0, 3, 1, 0)]


def test_only_a_round_with_work_leaves_a_row(place, rounds):
    runner = rounds(place, with_others=True, retire_jobs_ndays=10**5)
    runner.round(5)
    assert place.runs() == []
    place.put(1)
    runner.round(5)
    place.put(2)
    runner.round(5)
    assert place.runs() == [(0, 1, 0, 0), (0, 1, 0, 0)]
    sql = "SELECT message FROM usage_run WHERE command = 'epmt daemon'"
    message = "1 stored (5 processes), 1 analyzed"
    assert [row[0] for row in place.site.rows(sql)] == [message, message]
    assert runner.facts["done"]["stored"] == 2


def test_a_bad_archive_is_moved_with_its_reason_and_tried_once(place, rounds):
    runner = rounds(place)
    place.put_bad("bad.tgz")
    place.put(1)
    runner.round(2)
    place.put_bad("bad.tgz")
    runner.round(2)
    assert place.names() == [] and place.jobs() == ["1"]
    assert place.runs() == [(3, 1, 0, 1), (3, 0, 0, 1)]
    assert place.failed_names() == [
        "bad-2.tgz", "bad-2.tgz.reason", "bad.tgz", "bad.tgz.reason",
    ]  # fmt: skip
    for name in ("bad.tgz", "bad-2.tgz"):
        assert (place.failed / name).read_bytes() == b"no archive"
        reason = (place.failed / f"{name}.reason").read_text().splitlines()
        assert reason[0].startswith(f"{place.inbox}/bad.tgz is damaged or no tar archive: ")
        assert reason[1].startswith(f"moved from {place.inbox}/bad.tgz, 2")


def test_an_archive_that_is_still_written_is_left_alone(sqlite_place, rounds):
    place = sqlite_place
    whole = place.pack(1).read_bytes()
    path = place.inbox / "1.tgz"
    runner = rounds(place, patience=NEVER)
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        runner.round(3)
        assert path.stat().st_size == size and place.failed_names() == []
    assert [row[3] for row in place.runs()] == [1] * 4  # read once in each state
    path.write_bytes(whole)
    runner.round()
    assert place.names() == [] and place.jobs() == ["1"]


def test_an_archive_that_has_just_come_is_not_read_yet(sqlite_place, rounds):
    runner = rounds(sqlite_place, settle=NEVER)
    path = sqlite_place.put(1)
    os.utime(path, (0, 0))  # a copy may bring its time along
    runner.round(3)
    assert sqlite_place.names() == ["1.tgz"] and sqlite_place.runs() == []
    assert runner.inbox.is_waiting()


def test_one_that_grows_slowly_is_stored_by_the_process(sqlite_place):
    place = sqlite_place
    whole = place.pack(1).read_bytes()
    with place.foreground("-i", "-v", "--interval", "3"):
        with (place.inbox / "1.tgz").open("wb", buffering=0) as file:
            for begin in range(0, len(whole), 1 + len(whole) // 30):
                file.write(whole[begin : begin + 1 + len(whole) // 30])
                time.sleep(0.25)  # in all, more than the seconds that it must be quiet
        wait_until(place.jobs, "the job")
    assert place.failed_names() == []


def test_what_is_kept_is_stored_once(sqlite_place, rounds):
    runner = rounds(sqlite_place, remove=False)
    path = sqlite_place.put(1)
    runner.round(3)
    assert sqlite_place.names() == ["1.tgz"] and sqlite_place.runs() == [(0, 1, 0, 0)]
    path.chmod(0o640)
    runner.round(3)
    assert sqlite_place.runs() == [(0, 1, 0, 0), (0, 0, 1, 0)]


def test_what_is_no_regular_file_stays_and_is_told_once(sqlite_place, rounds, tmp_path, caplog):
    place = sqlite_place
    target = shutil.copy(place.pack(7), tmp_path / "target.tgz")
    (place.inbox / "link.tgz").symlink_to(target)
    (place.inbox / "dangling.tar").symlink_to("/nonexistent")
    (place.inbox / "directory.tgz").mkdir()
    os.mkfifo(place.inbox / "fifo.tar.gz")
    (place.inbox / "notes.txt").write_text("no archive")
    (place.inbox / ".hidden.tgz").write_text("of rsync")
    (place.inbox / "line\nbreak\x1b[1m.tgz").write_text("bad")
    place.put(1)
    before = set(place.names())
    logging.getLogger("epmtlite").propagate = True
    runner = rounds(place)
    runner.round(4)
    assert before - set(place.names()) == {"1.tgz", "line\nbreak\x1b[1m.tgz"}
    assert place.jobs() == ["1"] and target.exists()
    told = [one for one in caplog.messages if "is no regular file" in one]
    assert len(told) == 4
    assert (place.failed / "line\nbreak\x1b[1m.tgz.reason").read_text().count("\n") == 2


def test_no_name_is_too_strange_to_be_moved_away(sqlite_place, rounds):
    names = [
        b"\xff\xfe.tgz", b"a" * 251 + b".tgz", b"-r.tgz", b"a b'\"$(x).tar", b"%s %d.tgz",
        "\u202e\u00fc.tgz".encode(),
    ]  # fmt: skip
    for name in names:
        (sqlite_place.inbox / os.fsdecode(name)).write_bytes(b"bad")
    sqlite_place.put(1)
    rounds(sqlite_place).round(2)
    assert sqlite_place.jobs() == ["1"] and sqlite_place.names() == []
    moved = set(map(os.fsencode, sqlite_place.failed_names()))
    assert moved.issuperset(names) and len(moved) == 2 * len(names)


def test_many_archives_come_in_rounds_without_a_pause(sqlite_place, rounds, monkeypatch):
    monkeypatch.setattr(ingest, "MOST_PER_ROUND", 2)
    runner = rounds(sqlite_place)
    for jobid in range(1, 6):
        sqlite_place.put(jobid)
    pauses = []
    for _number in range(4):
        runner.round()
        pauses.append(runner.daemon.steps[0].pause_seconds())
    assert pauses == [0.0, 0.0, None, None]
    assert [row[1] for row in sqlite_place.runs()] == [2, 2, 1]


def test_huge_archives_of_nothing_are_moved_away(sqlite_place, rounds):
    for name in ("zeros.tar", "zeros.tgz"):
        path = sqlite_place.directory / name
        path.touch()
        os.truncate(path, 1 << 40)
        sqlite_place.put_file(path)
    sqlite_place.put(1)
    rounds(sqlite_place).round(2)
    assert sqlite_place.jobs() == ["1"] and sqlite_place.names() == []
    assert len(sqlite_place.failed_names()) == 4


def test_an_archive_below_is_taken_with_recursive_only(sqlite_place, rounds, tmp_path):
    place = sqlite_place
    below = place.inbox / "ann" / "more"
    below.mkdir(parents=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(place.pack(7), elsewhere / "7.tgz")
    (place.inbox / "link").symlink_to(elsewhere)
    place.failed = place.inbox / "failed"
    place.failed.mkdir()
    shutil.copy(place.pack(8), place.failed / "8.tgz")
    place.put(1).rename(below / "1.tgz")
    (below / "bad.tgz").write_text("bad")
    rounds(place).round()
    assert place.jobs() == []
    rounds(place, recursive=True).round(2)
    assert place.jobs() == ["1"] and list(below.iterdir()) == []
    assert (elsewhere / "7.tgz").exists()
    assert place.failed_names() == ["8.tgz", "bad.tgz", "bad.tgz.reason"]
    assert f"{below}/bad.tgz is damaged" in (place.failed / "bad.tgz.reason").read_text()


def test_a_directory_that_becomes_a_link_leads_nowhere(sqlite_place, tmp_path):
    """Else whoever owns it could have the archives of others removed."""
    place = sqlite_place
    below, others = place.inbox / "ann", tmp_path / "others"
    below.mkdir()
    others.mkdir()
    place.put(1).rename(below / "1.tgz")
    shutil.copy(place.pack(7), others / "1.tgz")
    inbox = archives.Inbox(str(place.inbox), str(place.failed), 0.0, is_recursive=True)
    inbox.look()
    (seen,) = inbox.ready()
    database = connection.open_database(place.site.config)
    submitter = submit.Submitter(database, Settings(), submit.Options(remove=True))
    with inbox.path_of(seen) as path:
        below.rename(tmp_path / "moved")
        below.symlink_to(others)
        assert submitter.submit(path).jobid == "1"
    database.close()
    assert inbox.state_of(seen) is None
    assert (others / "1.tgz").exists() and not (tmp_path / "moved" / "1.tgz").exists()


def test_what_cannot_be_moved_stays_and_is_read_once(sqlite_place, rounds, caplog):
    place = sqlite_place
    logging.getLogger("epmtlite").propagate = True
    runner = rounds(place, ingest_failed_dir=str(place.directory / "gone"))
    place.put_bad("bad.tgz")
    runner.round(3)
    place.put(1)
    runner.round(3)
    assert place.names() == ["bad.tgz"] and place.jobs() == ["1"]
    assert place.runs() == [(3, 0, 0, 1), (0, 1, 0, 0)]
    assert len([one for one in caplog.messages if "cannot move" in one]) == 1
    (place.directory / "gone").mkdir()
    (place.inbox / "bad.tgz").chmod(0o600)
    runner.round(2)
    assert place.names() == []


def test_a_directory_that_everyone_can_write_into_gets_one_of_ours(sqlite_place, rounds):
    place = sqlite_place
    place.failed.chmod(0o1777)
    place.put_bad("bad.tgz")
    rounds(place).round(2)
    (own,) = place.failed.iterdir()
    assert own.name.startswith("epmt-failed-") and stat.S_IMODE(own.stat().st_mode) == 0o700
    assert sorted(path.name for path in own.iterdir()) == ["bad.tgz", "bad.tgz.reason"]


def test_one_with_two_names_after_a_kill_is_moved_once(sqlite_place, rounds):
    place = sqlite_place
    os.link(place.put_bad("bad.tgz"), place.failed / "bad.tgz")
    rounds(place).round(2)
    assert place.names() == [] and place.failed_names() == ["bad.tgz"]


def test_a_directory_that_goes_and_comes_back_is_waited_for(sqlite_place, rounds, caplog):
    place = sqlite_place
    logging.getLogger("epmtlite").propagate = True
    runner = rounds(place)
    place.put(1)
    place.inbox.rename(place.directory / "aside")
    runner.round(3)
    (place.directory / "aside").rename(place.inbox)
    runner.round(3)
    assert place.jobs() == ["1"]
    told = [one for one in caplog.messages if one.startswith("ingest ")]
    assert len(told) == 2 and "cannot read the directory" in told[0]
    assert told[1] == "ingest goes on"


def test_each_step_stands_for_itself(place, rounds, caplog):
    """What is no number fails the analysis, and neither what is before nor behind it."""
    logging.getLogger("epmtlite").propagate = True
    wrong = {"outlier_thresholds": {"modified_z_score": "nonsense"}, "retire_models_ndays": 0}
    runner = rounds(place, with_others=True, retire_jobs_ndays=1, **wrong)
    for jobid in range(1, 6):
        place.put(jobid)
    runner.round()
    assert place.jobs() == [] and place.names() == []
    assert runner.facts["done"]["stored"] == runner.facts["done"]["retired"] == 5
    runner = rounds(place, with_others=True, retire_jobs_ndays=0, **wrong)
    epmt(place.site, "submit", *place.directory.glob("jobs/*/"))
    caplog.clear()
    runner.round(5)
    assert len(place.jobs()) == 5 and len(place.runs()) == 2  # tried once, for now
    (message,) = caplog.messages
    assert message.startswith("5 jobs are not analyzed: ")


def test_a_disk_without_room_is_no_fault_of_the_archive(sqlite_place, rounds, monkeypatch, caplog):
    """The rows of a large job wait in a file."""
    logging.getLogger("epmtlite").propagate = True
    runner = rounds(sqlite_place)
    sqlite_place.put(1)
    with monkeypatch.context() as change:
        change.setattr(spool, "MOST_BYTES_IN_MEMORY", 0)
        change.setattr(tempfile, "tempdir", "/nonexistent")
        runner.round(3)
    assert sqlite_place.names() == ["1.tgz"] and sqlite_place.jobs() == []
    runner.round()
    assert sqlite_place.names() == [] and sqlite_place.jobs() == ["1"]
    told = [one for one in caplog.messages if one.startswith("ingest ")]
    assert len(told) == 2 and "cannot write /nonexistent" in told[0]


def test_some_that_never_fit_stop_no_others(sqlite_place, rounds, monkeypatch):
    """More of them than are tried again in a round, and all older than the others."""
    monkeypatch.setattr(ingest, "MOST_POSTPONED", 2)
    read_job, tried = submit.read_job, []

    def read(path, *arguments):
        tried.append(path.rpartition("/")[2])
        if int(tried[-1][0]) <= 5:
            raise errors.WriteError("cannot write /tmp")
        return read_job(path, *arguments)

    for jobid in range(1, 6):
        sqlite_place.put(jobid)
    runner = rounds(sqlite_place)
    with monkeypatch.context() as change:
        change.setattr(submit, "read_job", read)
        runner.round()
        sqlite_place.put(6)
        sqlite_place.put(7)
        runner.round()
        assert sqlite_place.jobs() == ["6", "7"] and sqlite_place.failed_names() == []
        assert tried[5:] == ["6.tgz", "7.tgz", "1.tgz", "2.tgz"]
        runner.round(2)
        assert tried[9:] == ["3.tgz", "4.tgz", "5.tgz", "1.tgz"]
    runner.round()
    assert sqlite_place.names() == [] and len(sqlite_place.jobs()) == 7


def test_archives_that_are_kept_take_no_place_of_new_ones(
    sqlite_place, rounds, monkeypatch, caplog
):
    logging.getLogger("epmtlite").propagate = True
    monkeypatch.setattr(archives, "MOST_ARCHIVES", 3)
    runner = rounds(sqlite_place, remove=False)
    for jobid in range(1, 7):
        sqlite_place.put(jobid)
    runner.round()
    assert len(sqlite_place.jobs()) == 3
    (told,) = [one for one in caplog.messages if "remove some" in one]
    assert "3 archives that wait and 0 that stay" in told
    runner.round(2)
    assert len(sqlite_place.jobs()) == 6 and len(sqlite_place.names()) == 6
    assert [row[1:3] for row in sqlite_place.runs()] == [(3, 0), (3, 0)]
    monkeypatch.setattr(archives, "MOST_SETTLED", 4)
    runner.round()
    assert len(runner.inbox.seen) == 4
    assert "6 that stay" in [one for one in caplog.messages if "remove some" in one][-1]


def test_a_fault_of_our_own_over_an_archive_hinders_no_other(
    sqlite_place, rounds, monkeypatch, caplog
):
    logging.getLogger("epmtlite").propagate = True
    tried = []
    read_job = submit.read_job

    def faulty(path, *arguments):
        tried.append(path)
        if path.endswith("/1.tgz"):
            raise RuntimeError("a fault")
        return read_job(path, *arguments)

    monkeypatch.setattr(submit, "read_job", faulty)
    sqlite_place.put(1)
    sqlite_place.put(2)
    rounds(sqlite_place).round(6)
    assert sqlite_place.jobs() == ["2"] and sqlite_place.names() == []
    assert len([path for path in tried if path.endswith("/1.tgz")]) == 3
    assert (
        "a fault of epmt: RuntimeError('a fault')"
        in (sqlite_place.failed / "1.tgz.reason").read_text()
    )


def test_jobs_are_analyzed_together(place, rounds):
    runner = rounds(place, with_others=True, retire_jobs_ndays=0)
    for jobid in range(1, 6):
        place.put(jobid, count=1)
    place.put(6, count=400)
    runner.round(2)
    sql = "SELECT jobid, analyses FROM epmt_job ORDER BY jobid"
    found = dict(place.site.rows(sql))
    assert len(found) == 6 and all("outlier_detection" in text for text in found.values())
    assert '["6"]' in found["1"] or "6" in found["1"]
    epmt(place.site, "submit", place.pack(9))
    runner.round()
    assert place.site.rows("SELECT COUNT(*) FROM epmt_job WHERE analyses = '{}'") == [(0,)]


def test_a_job_that_goes_or_fails_keeps_no_other_from_being_analyzed(
    sqlite_place, rounds, monkeypatch, caplog
):
    from epmtlite import deletion
    from epmtlite.query import analyses

    logging.getLogger("epmtlite").propagate = True
    runner = rounds(sqlite_place, with_others=True, retire_jobs_ndays=0)
    for jobid in range(1, 7):
        tags = {"exp_name": "odd" if jobid == 6 else "esm", "exp_component": "atmos"}
        sqlite_place.put(jobid, job_tags=tags)
    analyze, calls = analyses.analyze, []

    def faulty(database, group, *arguments):
        if not calls:  # between the choice of the jobs and their analysis
            deletion.delete_jobs(database, group[:1])
            calls.append(group[0].jobid)
            raise KeyError(group[0].number)
        if group[0].jobid == "6":
            raise RuntimeError("a fault")
        return analyze(database, group, *arguments)

    monkeypatch.setattr(analyses, "analyze", faulty)
    runner.round()
    sql = "SELECT jobid FROM epmt_job WHERE analyses <> '{}' ORDER BY jobid"
    assert sqlite_place.site.rows(sql) == [(one,) for one in "12345" if one != calls[0]]
    assert [one for one in caplog.messages if "analyzed" in one] == [
        "1 jobs are not analyzed: a fault of epmt"
    ]


def test_retire_alone_deletes_old_jobs(place):
    archives = [place.pack(jobid) for jobid in (1, 2, 3)]
    epmt(place.site, "submit", *archives)
    with place.foreground("--retire", "--interval", "0.2"):
        wait_until(lambda: not place.jobs(), "the old jobs to go")
    assert place.runs()[0][0] == 0 and place.messages() == ""


KILLS = 12


def test_kill_9_at_any_point_loses_and_doubles_nothing(place):
    source = random.Random(3)
    for jobid in range(1, 21):
        place.put(jobid)
    for number in range(5):
        place.put_bad(f"bad{number}.tgz")
    for _kill in range(KILLS):
        process = place.popen("-i", "--post-process", "--interval", "0.05")
        try:
            process.wait(timeout=source.uniform(0.15, 0.6))
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait()
        jobs = set(map(int, place.jobs()))
        left = {int(name[:-4]) for name in place.names() if name[0].isdigit()}
        assert jobs | left == set(range(1, 21))
    with place.foreground("-i", "--post-process", "--interval", "0.05"):
        wait_until(lambda: not place.names(), "the archives")
    stored, orphans = contents(place.site)
    assert orphans == [] and len(stored) == 20
    assert {len(job["processes"]) for job in stored.values()} == {5}
    names = [name for name in place.failed_names() if not name.endswith(".reason")]
    assert names == [f"bad{number}.tgz" for number in range(5)]
    for name in names:
        assert "is damaged" in (place.failed / f"{name}.reason").read_text()


def test_many_rounds_take_no_more_memory_than_some(sqlite_place, rounds):
    import tracemalloc

    runner = rounds(sqlite_place, with_others=True, retire_jobs_ndays=0)
    archives = [sqlite_place.pack(jobid) for jobid in range(1, 61)]
    sizes = []
    tracemalloc.start()
    try:
        for number, path in enumerate(archives):
            sqlite_place.put_file(path)
            sqlite_place.put_bad(f"bad{number}.tgz")
            runner.round(3)
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert len(sqlite_place.jobs()) == 60
    assert sizes[-1] - sizes[29] < 300_000
