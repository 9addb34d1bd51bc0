"""Every line is loaded exactly once, whatever happens to its file."""

import bz2
import datetime
import gzip
import json
import lzma
import random
import resource
import zoneinfo

import pytest

from lmodtrack import identity, session
from tests.conftest import run_command
from tests.lmodtrack.loading import load_bytes
from tests.lmodtrack.logs import assert_holds, log_of, make_loads, stored_use
from usagedb.site import Site
from usagedb.source import LogSource

LOADS = make_loads(400)
LOG = log_of(LOADS)
COMMAND = "store_module_data"


@pytest.fixture
def store(site, tmp_path):
    """Run store_module_data on a site with tables; give the CompletedProcess."""
    site.create()

    def run(*arguments, **options):
        return site.run(COMMAND, *arguments, **options)

    run.site, run.directory = site, tmp_path
    return run


def written(directory, name, content):
    path = directory / name
    path.write_bytes(content)
    return path


def test_a_log_is_stored_by_day_and_by_month_without_a_word(store):
    done = store(written(store.directory, "a.log", LOG))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert_holds(store.site, LOADS)


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_the_same_log_under_another_name_adds_nothing(store, pack):
    store(written(store.directory, "a.log", LOG))
    done = store("-v", written(store.directory, "other", pack(LOG)))
    assert done.returncode == 0
    assert "0 loads in 0 rows, 400 lines known before" in done.stderr
    assert_holds(store.site, LOADS)


def test_a_pipe_is_known_too(store):
    for text in (LOG, gzip.compress(LOG), LOG, bz2.compress(LOG), lzma.compress(LOG)):
        assert store("-", input=text, text=False).returncode == 0
    assert_holds(store.site, LOADS)


def test_a_live_log_is_loaded_as_it_grows_and_its_rotated_copy_adds_the_rest(store):
    lines = LOG.splitlines(keepends=True)
    live = store.directory / "moduleUsage.log"
    for count in (1, 150, 150, 380):
        live.write_bytes(b"".join(lines[:count]))
        assert store(live).returncode == 0
        assert_holds(store.site, LOADS[:count])
    store(written(store.directory, "moduleUsage.log-20260104", LOG))
    live.write_bytes(log_of(make_loads(30, seed=2)))
    store(live)
    assert_holds(store.site, LOADS + make_loads(30, seed=2))


def test_an_unfinished_last_line_waits_in_a_live_log_only(store):
    live = written(store.directory, "moduleUsage.log", LOG[:-1])
    store(live)
    assert_holds(store.site, LOADS[:-1])
    live.write_bytes(LOG)
    store(live)
    assert_holds(store.site, LOADS)


@pytest.mark.parametrize("name", ["moduleUsage.log-20260101", "moduleUsage.log.1", "x.log.gz"])
def test_an_unfinished_last_line_is_complete_in_a_rotated_or_compressed_log(store, name):
    text = LOG[:-1]
    store(written(store.directory, name, gzip.compress(text) if "gz" in name else text))
    assert_holds(store.site, LOADS)
    store(written(store.directory, "whole.log", LOG))
    assert_holds(store.site, LOADS)


def test_an_unfinished_last_line_of_a_pipe_waits_and_is_told(store):
    lines = log_of(LOADS[:2]).splitlines(keepends=True)
    cut = lines[1][: lines[1].index(b" userload=") if b" userload=" in lines[1] else -4]
    done = store("-", input=lines[0] + cut, text=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"Warning: -: its last line is not finished, and left until it is\n"
    assert_holds(store.site, LOADS[:1])
    assert store.site.rows("SELECT waiting FROM usage_run") == [(1,)]
    done = store("-", input=cut, text=False)
    assert (done.returncode, b"not finished" in done.stderr) == (0, True)
    assert store("-", input=b"".join(lines), text=False).returncode == 0
    assert_holds(store.site, LOADS[:2])


def test_an_unfinished_last_line_of_a_file_at_standard_input_waits_and_is_told(store):
    live = written(store.directory, "moduleUsage.log-20260104", LOG[:-1])
    with live.open("rb") as stdin:
        done = store("-", stdin=stdin)
    assert (done.returncode, "-: its last line is not finished" in done.stderr) == (0, True)
    assert_holds(store.site, LOADS[:-1])


def test_an_unfinished_last_line_of_a_compressed_pipe_is_complete(store):
    done = store("-", input=gzip.compress(LOG[:-1]), text=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert_holds(store.site, LOADS)


def test_a_log_that_changes_while_it_is_compared_does_not_keep_others_from_being_loaded(
    store, monkeypatch, caplog
):
    """copytruncate, while a log is compared with what is known of it."""
    path = written(store.directory, "moduleUsage.log", LOG)
    other = make_loads(9, seed=17)
    second = written(store.directory, "other.log-20260104", log_of(other))
    assert store(path).returncode == 0

    class Truncated(LogSource):
        def read(self, size):
            block = super().read(size)
            if self.path == path and self.stream.tell() > 10_000:
                path.write_bytes(b"")
            return block

    monkeypatch.setattr("usagedb.source.BLOCK_BYTES", 4096)
    monkeypatch.setattr(session, "LogSource", Truncated)
    options = session.LoadOptions(delete=True)
    database = store.site.connect()
    rules = session.make_rules(Site(None, (), ""), options)
    assert session.Session(database, rules, options, quiet=True).run([str(path), str(second)]) == 0
    database.close()
    assert path.exists() and not second.exists()
    assert "was truncated while it was read: the rest is in its rotated copy" in caplog.text
    assert_holds(store.site, LOADS + other)


def test_more_logs_than_may_be_open_at_once_are_all_loaded(store):
    loads = make_loads(90, seed=18)
    for number, load in enumerate(loads):
        written(store.directory, f"a.log-{number:08d}", log_of([load]))

    def few_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    done = store(*sorted(store.directory.glob("a.log-*")), preexec_fn=few_files)
    assert (done.returncode, done.stderr) == (0, "")
    assert_holds(store.site, loads)


def test_a_copy_that_is_shorter_than_what_was_loaded_adds_nothing(store):
    store(written(store.directory, "moduleUsage.log", LOG))
    short = b"".join(LOG.splitlines(keepends=True)[:300])
    store(written(store.directory, "moduleUsage.log-20260104", short))
    assert_holds(store.site, LOADS)


def test_logs_that_share_a_beginning_are_both_loaded_whole(store):
    lines, other = LOG.splitlines(keepends=True), make_loads(60, seed=3)
    store(written(store.directory, "a", LOG))
    store(written(store.directory, "b", b"".join(lines[:100]) + log_of(other)))
    store(written(store.directory, "c", b"".join(lines[:1]) + log_of(make_loads(9, seed=4))))
    assert_holds(store.site, LOADS + other + make_loads(9, seed=4))
    store(written(store.directory, "b2", b"".join(lines[:100]) + log_of(other)))
    assert_holds(store.site, LOADS + other + make_loads(9, seed=4))


def test_a_log_truncated_while_it_is_read_is_noticed(tmp_path):
    path = written(tmp_path, "moduleUsage.log", LOG)
    source = LogSource(path)
    source.read(1000)
    path.write_bytes(b"")
    with pytest.raises(Exception, match="was truncated"):
        source.read(1000)
    path.write_bytes(log_of(make_loads(400, seed=5)) * 2)
    with pytest.raises(Exception, match="written anew"):
        source.read(1000)


def test_checkpoints_are_thinned_out_and_still_recognise_the_log(monkeypatch, database):
    monkeypatch.setattr(identity, "MAX_CHECKPOINTS", 16)
    load_bytes(database, LOG)
    assert load_bytes(database, LOG).totals.loads == 0
    assert load_bytes(database, LOG + log_of(make_loads(5, seed=6))).totals.loads == 5


def test_any_schedule_of_growth_and_rotation_counts_each_line_once(database):
    source = random.Random(20260101)
    everything = []
    for number in range(12):
        loads = make_loads(source.randrange(1, 60), seed=100 + number)
        lines = log_of(loads).splitlines(keepends=True)
        everything += loads
        for _look in range(source.randrange(4)):
            load_bytes(database, b"".join(lines[: source.randrange(len(lines) + 1)]))
        text = b"".join(lines)
        load_bytes(database, text, source.choice(("", ".gz")))
        load_bytes(database, text)
    assert_holds_database(database, everything)


def assert_holds_database(database, loads):
    assert_holds(_Opened(database), loads)


class _Opened:
    """A Database in the place of a Site."""

    def __init__(self, database):
        self.rows = lambda sql, parameters=(): [
            tuple(row) for row in database.rows(sql, parameters)
        ]


def test_malformed_lines_are_told_once_and_kept_with_reject(store):
    text = LOG + b"nonsense\n" + b"ModuleUsageTracking: user=x\n"
    path = written(store.directory, "a.log", text)
    done = store(path)
    assert done.returncode == 3
    assert "2 lines were rejected" in done.stderr
    rejects = store.directory / "rejected.jsonl"
    again = store("--reject", rejects, path)
    assert (again.returncode, again.stderr) == (0, "")
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(one["line"], one["text"]) for one in kept] == [
        (401, "nonsense"),
        (402, "ModuleUsageTracking: user=x"),
    ]
    assert store("--reject", rejects, path).returncode == 0
    assert len(rejects.read_text().splitlines()) == 2
    assert_holds(store.site, LOADS)


def test_a_log_of_nonsense_ends_with_65(store):
    done = store(written(store.directory, "a.log", b"nonsense\n" * 3))
    assert done.returncode == 65


def test_delete_waits_for_the_rejected_lines_to_be_saved(store):
    path = written(store.directory, "a.log-20260104", LOG + b"nonsense\n")
    done = store("--delete", path)
    assert (done.returncode, path.exists()) == (3, True)
    assert "is kept: it holds rejected lines" in done.stderr
    assert store("--delete", "--reject", store.directory / "r", path).returncode == 0
    assert not path.exists()
    assert "nonsense" in (store.directory / "r").read_text()


def test_delete_and_archive_remove_what_is_stored(store):
    first = written(store.directory, "a.log-20260104", LOG)
    second = written(store.directory, "b.log-20260104", log_of(make_loads(9, seed=7)))
    link = store.directory / "link-20260104"
    link.symlink_to(first)
    assert store("--delete", link).returncode == 0
    assert first.exists()
    assert store("--delete", first).returncode == 0
    assert store("--archive", store.directory / "old", second).returncode == 0
    assert not first.exists() and not second.exists()
    packed = store.directory / "old" / "b.log-20260104.gz"
    assert gzip.decompress(packed.read_bytes()) == log_of(make_loads(9, seed=7))
    assert "0 loads" in store("-v", packed).stderr


def test_a_truncated_archive_loads_its_lines_and_the_whole_one_the_rest(store):
    packed = gzip.compress(LOG)
    done = store(written(store.directory, "a.gz", packed[: len(packed) // 2]))
    assert done.returncode == 66
    assert "end too early" in done.stderr
    assert 0 < sum(row[2] for row in stored_use(store.site).values()) < 400
    assert store(written(store.directory, "a.gz", packed)).returncode == 0
    assert_holds(store.site, LOADS)


def test_files_that_are_not_there(store):
    path = written(store.directory, "a.log", LOG)
    assert store(store.directory / "moduleUsage.log-*").returncode == 0
    done = store(store.directory / "missing", path)
    assert done.returncode == 66
    assert "missing" in done.stderr
    assert_holds(store.site, LOADS)
    assert store().returncode == 2


def test_a_dry_run_writes_nothing(store):
    path = written(store.directory, "a.log-20260104", LOG)
    done = store("--dry-run", "-v", "--delete", path)
    assert "400 loads" in done.stderr
    assert path.exists()
    assert stored_use(store.site) == {}
    assert store.site.rows("SELECT * FROM usage_run") == []


def test_store_all_keeps_every_load_with_its_job(store):
    store("--store_all", written(store.directory, "a.log", LOG))
    rows = store.site.rows("SELECT line, load_time, user_load, job_id FROM lmod_load ORDER BY line")
    assert rows == [
        (line, load.time, load.user_load, load.job_id) for line, load in enumerate(LOADS, 1)
    ]
    assert_holds(store.site, LOADS)


def test_modules_of_the_ignore_file_are_left_out(store):
    patterns = written(store.directory, "ignore", b"\n# a comment\ntool1/\n")
    store("--ignoreFn", patterns, written(store.directory, "a.log", LOG))
    assert_holds(store.site, [load for load in LOADS if not load.module.startswith("tool1/")])
    bad = written(store.directory, "bad", b"good\n(\n")
    done = store("--ignoreFn", bad, store.directory / "a.log")
    assert done.returncode == 78
    assert f"{bad}:2" in done.stderr


def test_user_loads_only_leaves_out_dependencies(store):
    store("--user-loads-only", written(store.directory, "a.log", LOG))
    assert_holds(store.site, [load for load in LOADS if load.user_load != 0])


def test_the_syshost_map_names_the_cluster(store):
    rules = written(store.directory, "map", b"# nodes\nlogin(\\d+)\\.cluster0\\..* north\\1\n")
    store("--syshost-map", rules, written(store.directory, "a.log", LOG))
    names = {name for (name,) in store.site.rows("SELECT cluster_name FROM lmod_cluster")}
    assert names == {"north0", "north1", "north2", "cluster1"}


def test_the_run_leaves_its_row(store):
    store(written(store.directory, "a.log", LOG + b"nonsense\n"))
    rows = store.site.rows("SELECT command, exit_code, usage_run.stored, rejected FROM usage_run")
    assert rows == [(COMMAND, 3, 400, 1)]


def test_the_view_of_the_old_table_shows_local_time(site, tmp_path):
    site.create()
    config = tmp_path / "zone.conf"
    config.write_text(site.conf_path.read_text() + "\n[SITE]\nTIMEZONE = America/New_York\n")
    config.chmod(0o600)
    run_command(COMMAND, "--confFn", config, written(tmp_path, "a.log", log_of(LOADS[:1])))
    (row,) = site.rows("SELECT path, module, syshost, date FROM moduleT")
    local = datetime.datetime.fromtimestamp(LOADS[0].time, zoneinfo.ZoneInfo("America/New_York"))
    assert str(row[3])[:19] == local.strftime("%Y-%m-%d %H:%M:%S")
