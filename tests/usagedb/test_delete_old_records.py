"""Old records go, and nothing else; the summary stays true however often it is stopped."""

import collections
import datetime
import itertools

import pytest

from lmodtrack.schema import LMOD
from tests.terminal import at_a_terminal
from usagedb import errors
from usagedb.delete_old_records import days
from usagedb.retention import Purged, PurgeOptions

TODAY = datetime.date(2026, 3, 31)
FIRST_DAY = datetime.date(1970, 1, 1)
USE = (
    "SELECT day, user_id, module_id, cluster_id, loads, user_loads FROM lmod_use"
    " ORDER BY day, user_id, module_id, cluster_id"
)
MONTHS = (
    "SELECT month, module_id, cluster_id, first_day, last_day, loads, user_loads, users"
    " FROM lmod_month ORDER BY month, module_id, cluster_id"
)


def day(text):
    """Return the days since 1970 of YYYY-MM-DD."""
    return (datetime.date.fromisoformat(text) - FIRST_DAY).days


@pytest.fixture
def loaded(site, write_log):
    """A Site with loads of three months, two users, modules and clusters; single loads too."""
    dates = ("2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01", "2026-02-02")
    names = (("anna", "bert"), ("gcc/12", "perl/5"), ("alpha", "beta"))
    loads = [(*one, day(date)) for one in itertools.product(*names) for date in dates]
    log = write_log(*loads, *loads[:7])
    done = site.create().run("store_module_data", "--store_all", log)
    assert (done.returncode, done.stderr) == (0, "")
    return site


def summary_of(use):
    """Return what lmod_month should hold for the rows of lmod_use: an independent count."""
    months = collections.defaultdict(list)
    for row in use:
        months[row[0] // 100, row[2], row[3]].append(row)
    expected = {}
    for key, rows in months.items():
        dates = [row[0] for row in rows]
        loads, user_loads = sum(row[4] for row in rows), sum(row[5] for row in rows)
        users = {row[1] for row in rows}
        expected[key] = (min(dates), max(dates), loads, user_loads, users)
    return expected


def members(stored):
    """Return the user ids of a small stored set: a byte 0, then a bit per user."""
    bits = int.from_bytes(bytes(stored)[1:], "little")
    return {number for number in range(bits.bit_length()) if bits >> number & 1}


def assert_summary_is_true(site):
    """Compare lmod_month with lmod_use."""
    months = {row[:3]: (*row[3:7], members(row[7])) for row in site.rows(MONTHS)}
    assert months == summary_of(site.rows(USE))


def days_in(site, table="lmod_use"):
    """Return the days that a table has."""
    return [row[0] for row in site.rows(f"SELECT DISTINCT day FROM {table} ORDER BY day")]


def test_it_deletes_what_is_before_the_end(loaded):
    done = loaded.run("delete_old_records", "--end", "2026-01-31", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    said = "delete records up to 2026-01-30: 16 rows of lmod_use, 20 rows of lmod_load"
    assert done.stdout.startswith(said)
    for table in ("lmod_use", "lmod_load"):
        assert days_in(loaded, table) == [20260131, 20260201, 20260202]
    assert_summary_is_true(loaded)
    found = loaded.rows("SELECT command, exit_code, message FROM usage_run ORDER BY run_id")[-1]
    assert found[:2] == ("delete_old_records [lmod]", 0)
    assert found[2].startswith("deleted 16 rows of lmod_use, 20 rows of lmod_load")


def test_a_second_run_finds_nothing(loaded):
    for _time in range(2):
        done = loaded.run("delete_old_records", "--end", "2026-01-31", "--yes")
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "delete records up to 2026-01-30: nothing\n"


def test_start_and_cluster_limit_it(loaded):
    options = ("--start", "2026-01-01", "--end", "2026-02-02", "--syshost", "beta", "--yes", "-q")
    done = loaded.run("delete_old_records", *options)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    sql = (
        "SELECT cluster_name, COUNT(DISTINCT day) FROM lmod_use u JOIN lmod_cluster c"
        " ON c.cluster_id = u.cluster_id GROUP BY cluster_name ORDER BY 1"
    )
    assert loaded.rows(sql) == [("alpha", 5), ("beta", 2)]
    assert_summary_is_true(loaded)


def test_the_question_says_from_which_day_on(loaded):
    words = ("delete_old_records", "--end", "2026-02-01", "--dry-run", "--start")
    done = loaded.run(*words, "2026-01-31")
    assert done.stdout.startswith("would delete records from 2026-01-31 to 2026-01-31: 8 rows of")
    for start in ("1970-01-01", "0001-01-01"):
        done = loaded.run(*words, start)
        assert done.stdout.startswith("would delete records up to 2026-01-31: 24 rows of lmod_use")


def test_several_clusters(loaded):
    options = ("--syshost", "beta", "--syshost", "alpha", "--end", "2027-01-01", "--yes")
    assert loaded.run("delete_old_records", *options).returncode == 0
    assert loaded.rows(USE) == loaded.rows(MONTHS) == []


def test_dry_run_says_it_and_deletes_nothing(loaded):
    before = loaded.rows(USE), loaded.rows("SELECT COUNT(*) FROM usage_run")
    done = loaded.run("delete_old_records", "--end", "2026-01-31", "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("would delete records up to 2026-01-30: 16 rows of lmod_use")
    assert (loaded.rows(USE), loaded.rows("SELECT COUNT(*) FROM usage_run")) == before


def test_without_a_terminal_and_yes_it_ends_with_2(loaded):
    done = loaded.run("delete_old_records", "--end", "2026-01-31")
    assert done.returncode == 2 and done.stderr.endswith("say --yes\n")
    assert len(loaded.rows(USE)) == 40


def test_the_answer_at_a_terminal_decides(loaded):
    words = ("delete_old_records", "--confFn", loaded.conf_path, "--end", "2026-01-31")
    status, screen = at_a_terminal(words, [(b"[y/N]", b"n")])
    assert status == 2 and "nothing was done" in screen and len(loaded.rows(USE)) == 40
    status, screen = at_a_terminal(words, [(b"[y/N]", b"y")])
    assert status == 0 and len(loaded.rows(USE)) < 40


WRONG = (
    ((), "--keepMonths N or --end"),
    (("--keepMonths", "1", "--end", "2026-01-01"), "--keepMonths N or --end"),
    (("--keepMonths", "-1"), "--keepMonths"),
    (("--keepMonths", "999999999"), "--keepMonths 999999999"),
    (("--end", "2015-13-99"), "2015-13-99 is no date"),
    (("--end", "0001-01-01"), "no day"),
    (("--start", "2026-02-01", "--end", "2026-02-01"), "no day"),
    (("--end", "2026-01-01", "--syshost", "gamma"), "gamma"),
    (("--end", "2026-01-01", "--syshost", "' OR 1=1 --"), "no cluster is called"),
    (("--end", "2026-01-01", "--syshost", "\x1b[2J"), "\\x1b[2J"),
    (("--end", "2026-01-01", "--schema", "xyz"), "there are usage, epmt, lmod, xalt, outbox"),
    (("--end", "2026-01-01", "--configured"), "--configured says itself"),
)


def test_a_wrong_question_ends_with_2_and_deletes_nothing(loaded):
    for arguments, said in WRONG:
        done = loaded.run("delete_old_records", "--yes", *arguments)
        assert done.returncode == 2 and said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert len(loaded.rows(USE)) == 40


@pytest.mark.parametrize(
    "months, last",
    [(0, 20260330), (1, 20260227), (2, 20260130), (3, 20251230), (12, 20250330), (25, 20240228)],
)
def test_months_are_kept_to_the_day_or_the_end_of_the_month(months, last):
    assert days(months, None, None, TODAY) == (19700101, last)


def test_the_end_is_exclusive_and_the_start_is_not():
    assert days(None, "2026-01-31", "2026-02-02", TODAY) == (20260131, 20260201)


def test_keeping_more_months_than_there_were_is_an_error():
    with pytest.raises(errors.UsageError):
        days(12 * 2030, None, None, TODAY)


class Stop(Exception):
    """Stands for a kill between two statements."""


@pytest.mark.parametrize("statements", [0, 1, 2, 3, 5])
def test_a_purge_that_was_stopped_anywhere_is_finished_by_the_next(loaded, monkeypatch, statements):
    options = PurgeOptions(19700101, 20260131)
    database = loaded.connect()
    left = iter(range(statements))
    execute = database.execute

    def stop_after_some(sql, values=()):
        if sql.startswith("DELETE") and next(left, None) is None:
            raise Stop
        return execute(sql, values)

    monkeypatch.setattr(database, "execute", stop_after_some)
    with pytest.raises(Stop):
        LMOD.purge(database, options, lambda line: None)
    database.close()
    assert loaded.run("delete_old_records", "--end", "2026-02-01", "--yes").returncode == 0
    assert days_in(loaded) == days_in(loaded, "lmod_load") == [20260201, 20260202]
    assert_summary_is_true(loaded)


def test_the_reports_agree_after_a_purge(loaded):
    assert loaded.run("delete_old_records", "--end", "2026-02-02", "--yes").returncode == 0
    done = loaded.run("analyzeLmodDB", "counts", "--format", "csv", "--loads")
    rows = sorted(line.rsplit(",", 2)[1:] for line in done.stdout.splitlines()[1:])
    assert rows == [["2", "4"], ["2", "5"]]


def test_nothing_deleted_is_said_in_words():
    assert Purged().describe() == "nothing"
    assert Purged([("a", 2), ("b", 1)]).describe() == "2 rows of a, 1 rows of b"
