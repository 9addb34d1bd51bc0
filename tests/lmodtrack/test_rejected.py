"""A line that was rejected once is stored or kept later, never lost, whatever the options then."""

import json

import pytest

from lmodtrack import identity, record
from tests.lmodtrack.loading import load_bytes
from tests.lmodtrack.logs import assert_holds, log_of, make_loads

COMMAND = "store_module_data"
LOADS = make_loads(40, seed=81)
LOG = log_of(LOADS)
CSV = [
    record.Load(user, "gcc/12", "/p", "x.aurora", 1_795_168_800.0)
    for user in ("ann", "bob", "ann")
]  # fmt: skip
CSV_LOG = b"".join(b"%s,2026_11_20_10_00_00,gcc/12:/p\n" % load.user.encode() for load in CSV)
NAMED = ("--syshost", "aurora", "--delete")


@pytest.fixture
def store(site, tmp_path):
    """Run store_module_data with a file of rejects; it gives the CompletedProcess."""
    site.create("lmod")

    def run(*arguments):
        return site.run(COMMAND, "--reject", tmp_path / "RJ", *arguments)

    run.site, run.rejects = site, tmp_path / "RJ"
    return run


@pytest.fixture
def log(tmp_path):
    """The path of a log."""
    return tmp_path / "c.log-20261121"


def unsaved(site):
    return site.rows("SELECT SUM(unsaved), SUM(line_count) FROM lmod_log")


def load_as_before(site, monkeypatch, text):
    """Load a log as a version did that took CSV without a cluster for known."""
    database = site.connect()
    with monkeypatch.context() as patch:
        patch.setattr(record, "lacks_cluster", lambda line, context: False)
        outcome = load_bytes(database, text)
    database.close()
    return outcome


@pytest.mark.parametrize("blank", [b"", b"\n \n"])
def test_csv_is_stored_once_its_cluster_is_named(store, log, blank):
    log.write_bytes(blank + CSV_LOG)
    for options in ((), ("--dry-run",)):
        done = store("--delete", *options, log)
        assert (done.returncode, done.stdout) == (65, "")
        assert done.stderr == (
            f"Error: {log} is CSV, which names no cluster: give it with --syshost NAME\n"
        )
    assert log.read_bytes() == blank + CSV_LOG and store.rejects.read_bytes() == b""
    done = store(*NAMED, log)
    assert (done.returncode, done.stderr) == (0, "")
    assert not log.exists() and store.rejects.read_bytes() == b""
    assert_holds(store.site, CSV)


def test_csv_without_a_cluster_does_not_keep_other_logs_from_being_loaded(store, log, tmp_path):
    log.write_bytes(CSV_LOG)
    (tmp_path / "other.log").write_bytes(LOG)
    assert store(log, tmp_path / "other.log").returncode == 65
    assert_holds(store.site, LOADS)


def test_csv_that_grew_waits_for_the_name_of_its_cluster(store, tmp_path):
    live = tmp_path / "c.log"
    live.write_bytes(CSV_LOG)
    assert store("--syshost", "aurora", live).returncode == 0
    live.write_bytes(CSV_LOG * 2)
    assert store(live).returncode == 65
    assert store("--syshost", "aurora", live).returncode == 0
    assert_holds(store.site, CSV * 2)


@pytest.mark.parametrize("rest", [b"", b"\n", LOG])
@pytest.mark.parametrize("with_rejects", [True, False])
def test_a_log_that_an_older_version_rejected_whole_is_loaded_anew(
    store, log, monkeypatch, rest, with_rejects
):
    assert load_as_before(store.site, monkeypatch, CSV_LOG).totals.rejected == 3
    log.write_bytes(CSV_LOG + rest)
    assert unsaved(store.site) == [(3, 3)]
    run = store if with_rejects else lambda *arguments: store.site.run(COMMAND, *arguments)
    done = run(*NAMED, log)
    assert (done.returncode, done.stderr) == (0, "")
    assert not log.exists()
    if with_rejects:
        assert store.rejects.read_bytes() == b""
    assert_holds(store.site, CSV + (LOADS if rest == LOG else []))
    assert unsaved(store.site)[0][0] == 0


def test_blank_lines_in_a_log_that_was_rejected_whole_change_nothing(store, log, monkeypatch):
    text = b"\n" + CSV_LOG + b"\nnonsense\n" + b"x" * 70_000 + b"\n \n"
    assert load_as_before(store.site, monkeypatch, text).totals.rejected == 5
    log.write_bytes(text)
    done = store(*NAMED, log)
    assert done.returncode == 3 and "2 lines were rejected" in done.stderr
    assert not log.exists()
    kept = [json.loads(line) for line in store.rejects.read_text().splitlines()]
    assert [one["line"] for one in kept] == [6, 7]
    assert_holds(store.site, CSV)


def test_lines_that_would_be_taken_now_beside_stored_ones_are_kept(store, log):
    log.write_bytes(LOG + CSV_LOG)
    assert store.site.run(COMMAND, log).returncode == 3
    assert unsaved(store.site) == [(3, 43)]
    for _again in range(2):
        done = store(*NAMED, log)
        assert done.returncode == 0
        assert "cannot be told, load it with the options of then" in done.stderr
        assert "is kept: it holds rejected lines" in done.stderr
        assert store.rejects.read_bytes() == b"" and log.exists()
        assert unsaved(store.site) == [(3, 43)]
    assert_holds(store.site, LOADS)
    assert store("--delete", log).returncode == 0
    assert not log.exists()
    kept = [json.loads(line) for line in store.rejects.read_text().splitlines()]
    assert [one["text"].encode() + b"\n" for one in kept] == CSV_LOG.splitlines(keepends=True)


def test_a_shorter_copy_does_not_stand_for_the_rejected_lines_that_it_lacks(store, log, tmp_path):
    log.write_bytes(LOG + b"nonsense\n")
    assert store.site.run(COMMAND, log).returncode == 3
    short = tmp_path / "short.log-20261121"
    short.write_bytes(LOG)
    assert store("--delete", short).returncode == 0
    assert unsaved(store.site) == [(1, 41)]
    assert store("--delete", log).returncode == 0
    assert not log.exists() and "nonsense" in store.rejects.read_text()


def test_long_lines_that_were_rejected_are_saved_as_such(store, log, monkeypatch):
    long = b"x" * 200_000 + LOG.splitlines()[0] + b"\n"
    log.write_bytes(LOG + long)
    assert store.site.run(COMMAND, log).returncode == 3
    assert store("--delete", log).returncode == 0 and not log.exists()
    (kept,) = map(json.loads, store.rejects.read_text().splitlines())
    assert kept["reason"] == record.TOO_LONG and kept["text"] == "x" * 65536
    assert_holds(store.site, LOADS)


def test_a_log_rejected_whole_that_is_still_useless_is_told_once(store, log, monkeypatch):
    monkeypatch.setattr(identity, "MAX_CHECKPOINTS", 4)
    log.write_bytes(b"nonsense\n" * 30)
    assert store.site.run(COMMAND, log).returncode == 65
    done = store.site.run(COMMAND, log)
    assert (done.returncode, done.stderr) == (0, "")
    assert store("--delete", log).returncode == 0
    assert not log.exists() and len(store.rejects.read_text().splitlines()) == 30
