"""usage_status tells monitoring whether all is well: 0, 1 or 2."""

import csv
import io
import json
import os
import re
import time
from pathlib import Path

import pytest

from usagedb import errors
from usagedb.schema import occasional_commands
from usagedb.usage_status import Ages, age_text, label, level_of, metrics, seconds_of, status_rows

NEW = (
    "INSERT INTO usage_run (command, host, started_at, ended_at, exit_code, {}, rejected,"
    " waiting, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')"
)
LABELS = r'\{command="(?:[^"\\]|\\.)*",host="(?:[^"\\]|\\.)*"(?:,run="[^"]+")?\}'
SAMPLE = re.compile(rf"^(?:hpcusage_up|[a-z_]+{LABELS}) -?[0-9.e+]+$")


@pytest.fixture
def add_run(site):
    """A function that adds a run of a command that began some seconds ago."""
    database = site.create().connect()

    def add(command, ago_seconds=60, exit_code=0, host="h", stored=5, rejected=0, waiting=0):
        started = time.time() - ago_seconds
        ended = None if exit_code is None else started + 1
        values = (command, host, started, ended, exit_code, stored, rejected, waiting)
        database.execute(NEW.format(database.dialect.quote("stored")), values)

    yield add
    database.close()


@pytest.mark.parametrize(
    "run, status",
    [
        ({}, 0),
        ({"exit_code": 3, "rejected": 2}, 1),
        ({"waiting": 1}, 1),
        ({"exit_code": 75}, 2),
        ({"exit_code": 143}, 2),
        ({"ago_seconds": 27 * 3600}, 2),
        ({"ago_seconds": 25 * 3600}, 0),
        ({"exit_code": None}, 0),
        ({"exit_code": None, "ago_seconds": 7 * 3600}, 2),
    ],
)
def test_the_exit_status_tells_the_state(site, add_run, run, status):
    add_run("load", **run)
    done = site.run("usage_status", "--format", "json")
    assert (done.returncode, done.stderr) == (status, "")
    assert json.loads(done.stdout)[0]["state"] == ["ok", "warning", "critical"][status]


def test_only_the_last_run_counts(site, add_run):
    add_run("load", exit_code=74)
    add_run("load", exit_code=0)
    assert site.run("usage_status").returncode == 0


def test_the_worst_command_decides(site, add_run):
    add_run("load")
    add_run("purge", exit_code=3)
    add_run("load", host="other", exit_code=77)
    assert site.run("usage_status").returncode == 2
    assert site.run("usage_status", "--command", "purge").returncode == 1


def test_a_host_that_runs_nothing_any_more_can_be_left_out(site, add_run, tmp_path):
    add_run("load")
    add_run("load", host="retired", ago_seconds=900 * 86400)
    assert site.run("usage_status").returncode == 2
    metrics = tmp_path / "m.prom"
    for words in ((), ("--prometheus", metrics)):
        done = site.run("usage_status", "--without-host", "retired", *words)
        assert (done.returncode, "retired" in done.stdout) == (0, False)
    assert "retired" not in metrics.read_text()


def test_a_run_that_got_a_name_can_be_left_out_without_one(site, add_run, tmp_path):
    add_run("load", ago_seconds=900 * 86400)
    add_run("load [east]")
    add_run("load [east]", host="other")
    assert site.run("usage_status", "--command", "load").returncode == 2
    metrics = tmp_path / "m.prom"
    for words in ((), ("--command", "load"), ("--prometheus", metrics)):
        assert site.run("usage_status", "--without-run", "load", *words).returncode == 0
    assert metrics.read_text().count("hpcusage_state{") == 2
    add_run("load [east]", exit_code=74)
    assert site.run("usage_status", "--without-run", "load").returncode == 2


def test_a_command_that_never_ran_is_critical(site, add_run):
    add_run("load")
    done = site.run("usage_status", "--command", "load", "--command", "purge")
    assert done.returncode == 2 and "never ran" in done.stdout
    assert site.run("usage_status", "--command", "load").returncode == 0


def test_a_file_that_is_gone_is_critical_and_not_made(sqlite_site, tmp_path):
    metrics_path = tmp_path / "m.prom"
    assert sqlite_site.create().run("usage_status", "--prometheus", metrics_path).returncode == 0
    assert "\nhpcusage_up 1\n" in metrics_path.read_text()
    Path(sqlite_site.config.database).unlink()
    for words in ((), ("--prometheus", metrics_path)):
        done = sqlite_site.run("usage_status", *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("critical: there is no database")
        assert not Path(sqlite_site.config.database).exists()
    assert metrics_path.read_text().splitlines()[2:] == ["hpcusage_up 0"]


def test_metrics_of_the_last_time_do_not_outlive_a_damaged_database(sqlite_site, tmp_path):
    metrics_path = tmp_path / "m.prom"
    Path(sqlite_site.config.database).write_bytes(os.urandom(9000))
    done = sqlite_site.run("usage_status", "--prometheus", metrics_path)
    assert done.returncode == 78 and metrics_path.read_text().endswith("\nhpcusage_up 0\n")


def test_a_last_run_of_the_future_is_critical(site, add_run):
    add_run("load", ago_seconds=-2 * 86400)
    done = site.run("usage_status", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)[0]["state"]) == (2, "critical")


def test_no_runs_at_all_are_no_alarm(site):
    done = site.create().run("usage_status", "--format", "json")
    assert (done.returncode, done.stdout) == (0, "[]\n")


@pytest.mark.parametrize("age, status", [("2h", 0), ("90m", 0), ("30m", 2), ("1800", 2), ("1d", 0)])
def test_max_age_decides_what_is_old(site, add_run, age, status):
    add_run("load", ago_seconds=3600)
    assert site.run("usage_status", "--max-age", age).returncode == status


ONCE = ("usage_copy", "usage_person", "convert_lmod_db", "xalt_load_fos", "epmt migrate")
YEAR_SECONDS = 366 * 86400


def test_what_runs_now_and_then_is_never_too_old(site, add_run):
    assert occasional_commands() >= {*ONCE, "delete_old_records", "xalt_update_modules"}
    for name in occasional_commands():
        add_run(name, ago_seconds=YEAR_SECONDS)
    done = site.run("usage_status", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert {row["command"] for row in json.loads(done.stdout)} == occasional_commands()
    assert {row["state"] for row in json.loads(done.stdout)} == {"ok"}
    add_run("store_module_data", ago_seconds=YEAR_SECONDS)
    assert site.run("usage_status").returncode == 2


@pytest.mark.parametrize("exit_code, status", [(3, 1), (75, 2), (1, 2), (None, 2)])
def test_its_last_run_that_failed_shows_however_old(site, add_run, exit_code, status):
    add_run("usage_copy", ago_seconds=YEAR_SECONDS, exit_code=exit_code)
    assert site.run("usage_status").returncode == status


def test_it_is_too_old_for_who_asks_for_it(site, add_run):
    add_run("delete_old_records", ago_seconds=40 * 86400)
    words = ("usage_status", "--command", "delete_old_records", "--max-age")
    assert site.run(*words, "41d").returncode == 0
    assert site.run(*words, "32d").returncode == 2


def test_runs_of_one_command_that_have_names_do_not_hide_each_other(site, add_run, tmp_path):
    add_run("load [east]", exit_code=66)
    add_run("load [west]")
    add_run("load")
    done = site.run("usage_status", "--format", "json")
    states = {row["command"]: row["state"] for row in json.loads(done.stdout)}
    assert states == {"load": "ok", "load [east]": "critical", "load [west]": "ok"}
    for words, status in ((["load"], 2), (["load [east]"], 2), (["load [west]"], 0)):
        assert site.run("usage_status", "--command", *words).returncode == status
    assert site.run("usage_status", "--command", "load [north]").returncode == 2
    path = tmp_path / "hpcusage.prom"
    site.run("usage_status", "--prometheus", path)
    lines = path.read_text().splitlines()
    assert 'hpcusage_last_run_exit_code{command="load",host="h",run="east"} 66' in lines
    assert 'hpcusage_last_run_exit_code{command="load",host="h"} 0' in lines
    assert all(SAMPLE.match(line) for line in lines if not line.startswith("#"))


def test_a_real_load_has_the_name_that_the_environment_gives_it(site, write_log, monkeypatch):
    site.create()
    path = write_log(("anna", "gcc/12", "aurora", 20000))
    for name in ("east", "", "no name"):
        monkeypatch.setenv("HPCUSAGE_RUN", name)
        done = site.run("store_module_data", path)
        assert done.returncode == (78 if " " in name else 0), done.stderr
    assert "$HPCUSAGE_RUN: 'no name': write at most" in done.stderr
    done = site.run("usage_status", "--format", "json")
    names = [row["command"] for row in json.loads(done.stdout)]
    assert names == ["store_module_data", "store_module_data [east]"]


def test_each_schema_of_which_old_records_are_deleted_has_a_run_of_its_own(site):
    site.create()
    for schema in ("usage", "lmod"):
        words = ("delete_old_records", "--schema", schema, "--keepMonths", "1", "--yes")
        assert site.run(*words).returncode == 0
    done = site.run("usage_status", "--format", "json", "--command", "delete_old_records")
    names = [row["command"] for row in json.loads(done.stdout)]
    assert names == ["delete_old_records [lmod]", "delete_old_records [usage]"]


@pytest.mark.parametrize(
    "text, seconds", [("26h", 93600), ("90m", 5400), ("45", 45), ("45s", 45), ("2d", 172800)]
)
def test_ages_are_a_number_and_a_unit(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "-1h", "1.5h", "1w", "26 h", "1h30m", "9" * 30])
def test_other_ages_are_errors(text):
    with pytest.raises(errors.UsageError, match="26h"):
        seconds_of(text)


def test_every_format_says_the_same(site, add_run):
    add_run("load", stored=7, rejected=2, exit_code=3)
    table = site.run("usage_status").stdout.splitlines()
    assert table[0].split()[:2] == ["Command", "Host"] and table[2].split()[:2] == ["load", "h"]
    markdown = site.run("usage_status", "--format", "markdown").stdout
    assert markdown.startswith("| Command")
    record = json.loads(site.run("usage_status", "--format", "json").stdout)[0]
    assert (record["stored"], record["rejected"], record["exit_code"]) == (7, 2, 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", record["last_run"])
    row = next(csv.DictReader(io.StringIO(site.run("usage_status", "--format", "csv").stdout)))
    assert (row["command"], row["stored"], row["exit_code"]) == ("load", "7", "3")


def test_a_real_load_is_seen(site, write_log):
    site.create().run("store_module_data", write_log(("a", "m/1", "c", 20000)))
    done = site.run("usage_status", "--command", "store_module_data", "--format", "json")
    assert done.returncode == 0 and json.loads(done.stdout)[0]["stored"] == 1


def test_a_database_that_is_away_is_critical(site, tmp_path, run):
    if site.config.backend == "sqlite":
        pytest.skip("a file is not away")
    from usagedb.config import write_config

    write_config(tmp_path / "away.conf", site.config.replaced(port=1, socket=""))
    done = run("usage_status", "--confFn", tmp_path / "away.conf")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("critical: ")


def test_the_metrics_are_well_formed_and_readable(site, add_run, tmp_path):
    add_run('lo"ad\\', host="a\nb")
    add_run("purge", exit_code=None)
    path = tmp_path / "hpcusage.prom"
    old = os.umask(0o077)
    done = site.run("usage_status", "--prometheus", path, "--command", "missing")
    assert done.returncode == 2
    done = site.run("usage_status", "--prometheus", path)
    os.umask(old)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [file.name for file in tmp_path.glob("*prom*")] == ["hpcusage.prom"]
    samples = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    assert len(samples) == 15 and all(map(SAMPLE.match, samples)), samples
    assert 'hpcusage_last_run_exit_code{command="purge",host="h"} -1' in samples


def test_every_metric_has_its_help_and_type_once():
    rows = status_rows([("a", "h", 1.0, 2.0, 0, 1, 0, 0, 0, "")], (), Ages(10), 5.0)
    lines = metrics([("a", "h", 1.0, 2.0, 0, 1, 0, 0, 0, "")], rows).splitlines()
    names = {re.split("[{ ]", line)[0] for line in lines if not line.startswith("#")}
    for word in ("HELP", "TYPE"):
        assert {line.split()[2] for line in lines if line.startswith(f"# {word}")} == names
    assert len(lines) == 3 * len(names)


def test_a_metrics_file_that_cant_be_written_is_kept(site, add_run, tmp_path):
    add_run("load")
    done = site.run("usage_status", "--prometheus", tmp_path / "none" / "x.prom")
    assert done.returncode == 74 and "cannot write" in done.stderr


def test_labels_are_harmless():
    assert label('a"b\\c\nd\udcff') == 'a\\"b\\\\c\\\\x0ad\\\\udcff'


@pytest.mark.parametrize("seconds, text", [(0, "0s"), (119, "119s"), (120, "2m"), (172800, "2d")])
def test_ages_in_words(seconds, text):
    assert age_text(seconds) == text


def test_a_clock_that_went_back_is_no_alarm():
    found = [("a", "h", 100.0, 200.0, 0, 1, 0, 0, 0, "")]
    assert status_rows(found, (), Ages(10), 50.0)[0][3] == 0
    assert level_of(200.0, 0, 0, 0, is_too_old=False) == 0
