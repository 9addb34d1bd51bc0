"""An older database is taken over once, whatever its name is, also by runs that were stopped."""

import datetime
import json
import subprocess
import sys

import pytest

from lmodtrack import convert
from lmodtrack.convert import Conversion
from tests.conftest import CHECKOUT, Site, new_site
from tests.lmodtrack.logs import assert_holds, make_loads, stored_use
from tests.lmodtrack.test_convert import as_taken_over, second
from usagedb.site import Site as Names

COMMAND = "convert_lmod_db"
LOADS = make_loads(60, seed=91)
NAMES = Names(None, (), "")
GEN_2 = (
    'CREATE TABLE moduleT (id INTEGER PRIMARY KEY, "user" VARCHAR(255), path VARCHAR(1024),'
    " module VARCHAR(64), syshost VARCHAR(32), date {})"
)
GEN_1 = (
    'CREATE TABLE userT (user_id INTEGER PRIMARY KEY, "user" VARCHAR(64))',
    "CREATE TABLE moduleT (mod_id INTEGER PRIMARY KEY, path VARCHAR(1024), module VARCHAR(64),"
    " syshost VARCHAR(32))",
    "CREATE TABLE join_user_module (join_id INTEGER PRIMARY KEY, user_id INTEGER,"
    " mod_id INTEGER, date {})",
)
DATE = {"sqlite": "TEXT", "mysql": "DATETIME", "postgresql": "TIMESTAMP"}


def run_ddl(site, *statements):
    database = site.connect()
    for statement in statements:
        statement = statement.format(DATE[site.config.backend])
        database.run_ddl(database.dialect.in_quotes(statement))
    database.close()


def insert(site, loads, first_id=1, table="moduleT", date=None):
    """Add rows to a table of gen_2."""
    database = site.connect()
    sql = f'INSERT INTO {table} (id, "user", path, module, syshost, date) VALUES (?, ?, ?, ?, ?, ?)'
    for number, load in enumerate(loads, first_id):
        moment = date or str(second(load))[:19]
        values = (load.user, load.path, load.module, load.host.split(".")[1], moment)
        database.execute(database.dialect.in_quotes(sql), (number, *values))
    database.close()


def with_old_table(site, loads=LOADS):
    """Make the flat table of gen_2 with some loads; return the Site."""
    run_ddl(site, GEN_2)
    insert(site, loads)
    return site


@pytest.fixture
def old(request, site, tmp_path):
    """A Site with nothing but the flat table of gen_2, beside `site`."""
    (tmp_path / "old").mkdir()
    return with_old_table(new_site(request, site.config.backend, tmp_path / "old"))


@pytest.fixture
def gen_2(site):
    """A Site with the flat table of gen_2 and our tables."""
    return with_old_table(site).create("lmod")


def named_otherwise(site, directory):
    """Yield configuration files that give the database of a Site other names."""
    for number, changes in enumerate(other_names(site.config, directory)):
        (directory / f"other{number}").mkdir()
        yield Site(site.config.replaced(**changes), directory / f"other{number}").conf_path


def other_names(config, directory):
    if config.backend == "sqlite":
        link = directory / "link.db"
        link.symlink_to(config.database)
        (directory / "sub").mkdir()
        return [{"database": str(link)}, {"database": f"{directory}/sub/../link.db"}]
    return [
        {"socket": None, "hosts": hosts}
        for hosts in (("localhost",), ("127.0.0.1", "localhost"))
    ]  # fmt: skip


def taken_over(site):
    return site.rows("SELECT position, row_count, rejected FROM lmod_conversion ORDER BY source")


def test_the_same_database_under_another_name_adds_nothing(site, old, tmp_path):
    site.create("lmod")
    assert site.run(COMMAND, "--from", old.conf_path).returncode == 0
    for path in named_otherwise(old, tmp_path):
        done = site.run(COMMAND, "--from", path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "60 rows there, 60 taken over" in done.stdout
        assert "0 rows to take over" in site.run(COMMAND, "--dry-run", "--from", path).stdout
    assert_holds(site, as_taken_over(LOADS))
    later = make_loads(9, seed=92)
    insert(old, later, first_id=100)
    assert site.run(COMMAND, "--from", path).returncode == 0
    assert taken_over(site) == [(108, 69, 0)]
    assert_holds(site, as_taken_over(LOADS + later))


def test_what_an_older_version_took_over_is_known_by_its_name_and_by_its_rows(site, old, tmp_path):
    site.create("lmod")
    assert site.run(COMMAND, "--from", old.conf_path).returncode == 0
    database = site.connect()
    database.execute("UPDATE lmod_conversion SET marks = NULL")
    database.close()
    for path in (old.conf_path, *named_otherwise(old, tmp_path)):
        assert site.run(COMMAND, "--from", path).returncode == 0
    assert_holds(site, as_taken_over(LOADS))
    database = site.connect()
    for table in ("lmod_use", "lmod_month"):  # purged: only the name tells
        database.execute(f"DELETE FROM {table}")
    database.close()
    assert site.run(COMMAND, "--from", old.conf_path).returncode == 0
    assert taken_over(site) == [(60, 60, 0)] and stored_use(site) == {}


def test_another_database_under_the_same_name_is_taken_over_whole(site, old):
    site.create("lmod")
    assert site.run(COMMAND, "--from", old.conf_path).returncode == 0
    other = make_loads(80, seed=93)
    run_ddl(old, "DELETE FROM moduleT")
    insert(old, other)
    for _again in range(2):
        assert site.run(COMMAND, "--from", old.conf_path).returncode == 0
        assert_holds(site, as_taken_over(LOADS + other))
        assert taken_over(site) == [(60, 60, 0), (80, 80, 0)]


def test_another_database_of_the_same_cluster_is_taken_over_too(site, old, request, tmp_path):
    site.create("lmod")
    (tmp_path / "second").mkdir()
    other = make_loads(60, seed=94)
    second_one = new_site(request, site.config.backend, tmp_path / "second")
    with_old_table(second_one, other)
    for one in (old, second_one, old, second_one):
        assert site.run(COMMAND, "--from", one.conf_path).returncode == 0
    assert_holds(site, as_taken_over(LOADS + other))


def test_an_older_copy_adds_nothing_and_one_that_went_its_own_way_is_refused(
    site, old, request, tmp_path
):  # fmt: skip
    site.create("lmod")
    assert site.run(COMMAND, "--from", old.conf_path).returncode == 0
    (tmp_path / "copy").mkdir()
    copy = with_old_table(new_site(request, site.config.backend, tmp_path / "copy"), LOADS[:40])
    assert site.run(COMMAND, "--from", copy.conf_path).returncode == 0
    insert(copy, make_loads(30, seed=95), first_id=41)
    done = site.run(COMMAND, "--from", copy.conf_path)
    assert (done.returncode, done.stdout) == (78, "")
    assert "begins with the rows of" in done.stderr and done.stderr.count("\n") == 1
    assert_holds(site, as_taken_over(LOADS))


def test_an_old_table_that_is_purged_after_its_conversion_is_no_error(gen_2):
    assert gen_2.run(COMMAND).returncode == 0
    run_ddl(gen_2, "DELETE FROM moduleT WHERE id <= 30")
    for gone in (30, 60):
        run_ddl(gen_2, f"DELETE FROM moduleT WHERE id <= {gone}")
        done = gen_2.run(COMMAND)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{60 - gone} rows there, 60 taken over" in done.stdout
    later = make_loads(9, seed=96)
    insert(gen_2, later, first_id=100)
    done = gen_2.run(COMMAND, "--rename-old")
    assert (done.returncode, done.stderr) == (0, "")
    assert "9 rows there, 69 taken over" in done.stdout
    assert_holds(gen_2, as_taken_over(LOADS + later))


def test_a_row_that_is_added_behind_what_was_read_is_told(gen_2):
    run_ddl(gen_2, "DELETE FROM moduleT WHERE id = 7")
    assert gen_2.run(COMMAND).returncode == 0
    insert(gen_2, LOADS[6:7], first_id=7)
    done = gen_2.run(COMMAND)
    assert done.returncode == 75 and "added behind what was read" in done.stderr


STOPPED = """
import os, sys
sys.path.insert(0, {checkout!r})
from lmodtrack import convert, convert_command
convert.ROWS_PER_BATCH = 20
run = convert.Conversion.run
convert.Conversion.run = lambda self, report: run(self, lambda rows: os._exit(9))
convert_command.main()
"""


def test_kill_9_after_a_commit_loses_no_rejected_row(gen_2, tmp_path):
    run_ddl(gen_2, """UPDATE moduleT SET "user" = '' WHERE id IN (3, 20, 21, 59)""")
    rejects = tmp_path / "rejected"
    script = STOPPED.format(checkout=str(CHECKOUT))
    words = ["--confFn", gen_2.conf_path, "--reject", rejects]
    assert subprocess.run([sys.executable, "-c", script, *words], check=False).returncode == 9
    assert taken_over(gen_2) == [(20, 20, 2)]
    assert gen_2.run(COMMAND, "--wait", "60", "--reject", rejects).returncode == 3
    assert taken_over(gen_2) == [(60, 60, 4)]
    lines = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [line["line"] for line in lines] == [3, 20, 21, 59]


def test_two_runs_at_once_take_each_row_over_once(gen_2, monkeypatch):
    """As on two nodes of a Galera cluster, where the lock does not hold."""
    monkeypatch.setattr(convert, "ROWS_PER_BATCH", 20)
    databases = [gen_2.connect() for _run in range(2)]
    one, other = (Conversion(database, database, NAMES) for database in databases)
    add, added = one.tally.add_load, []

    def while_the_other_runs(load, number):
        if number == 25:
            added.append(other.run().taken)
        return add(load, number)

    one.tally.add_load = while_the_other_runs
    done = one.run()
    assert (added, done.taken, done.is_complete) == ([60], 60, True)
    for database in databases:
        database.close()
    assert_holds(gen_2, as_taken_over(LOADS))
    assert taken_over(gen_2) == [(60, 60, 0)]


@pytest.mark.parametrize(
    "date", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "1970-01-01 00:00:00"]
)
@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo", ""])
def test_a_date_of_the_first_or_the_last_years_is_one_rejected_row(gen_2, date, zone):
    insert(gen_2, LOADS[:1], first_id=61, date=date)
    if zone:
        with gen_2.conf_path.open("a") as conf:
            conf.write(f"\n[SITE]\nTIMEZONE = {zone}\n")
    done = gen_2.run(COMMAND)
    assert done.returncode == 3 and "1 rows were rejected: 1 time before 2000" in done.stderr
    assert taken_over(gen_2) == [(61, 61, 1)]


def test_a_column_that_holds_no_text_is_one_rejected_row(sqlite_site):
    site = with_old_table(sqlite_site).create("lmod")
    run_ddl(site, "UPDATE moduleT SET syshost = NULL WHERE id = 4",
            "UPDATE moduleT SET path = NULL WHERE id = 5")  # fmt: skip
    done = site.run(COMMAND)
    assert done.returncode == 3 and "2 rows were rejected: 1 no host, 1 no path" in done.stderr
    run_ddl(site, "INSERT INTO moduleT VALUES (61, x'616e6eff', '/p', 'a/1', 'c', '2026-01-01')")
    assert site.run(COMMAND).returncode == 0
    assert site.rows("SELECT user_name FROM lmod_user WHERE user_name LIKE 'ann%'") == [
        ("ann\\xff",)
    ]


def old_names(site):
    """Return which of the names of the old table and of the view there are, in lower case."""
    database = site.connect()
    names = ("modulet", "lmod_modulet", "modulet_gen_1", "modulet_gen_2")
    found = [name for name in names if database.dialect.has_table(database, name)]
    database.close()
    return found


def test_after_the_renaming_the_old_table_is_still_taken_over(gen_2):
    for _again in range(2):
        assert gen_2.run(COMMAND, "--rename-old").returncode == 0
        assert old_names(gen_2) == ["modulet", "modulet_gen_2"]
    later = make_loads(9, seed=97)
    insert(gen_2, later, first_id=100, table="moduleT_gen_2")
    assert "9 rows to take over" in gen_2.run(COMMAND, "--dry-run").stdout
    assert gen_2.run(COMMAND).returncode == 0
    assert_holds(gen_2, as_taken_over(LOADS + later))
    done = gen_2.run("createDB", "--schema", "lmod")
    assert "up to date" in done.stdout and "note" not in done.stdout


def test_gen_1_is_taken_over_after_its_renaming_too(site):
    run_ddl(site, *GEN_1)
    database = site.connect()
    users = {name: number for number, name in enumerate({load.user for load in LOADS}, 1)}
    for name, number in users.items():
        database.execute("INSERT INTO userT VALUES (?, ?)", (number, name))
    for number, load in enumerate(LOADS, 1):
        module = (number, load.path, load.module, load.host.split(".")[1])
        database.execute("INSERT INTO moduleT VALUES (?, ?, ?, ?)", module)
        use = (number, users[load.user], number, str(second(load))[:19])
        database.execute("INSERT INTO join_user_module VALUES (?, ?, ?, ?)", use)
    database.close()
    site.create("lmod")
    for words in (("--rename-old",), (), ("--rename-old",)):
        done = site.run(COMMAND, *words)
        assert (done.returncode, done.stderr) == (0, "")
        assert "60 rows there, 60 taken over" in done.stdout
        assert old_names(site) == ["modulet", "modulet_gen_1"]
        assert_holds(site, as_taken_over(LOADS))


@pytest.mark.parametrize("dropped", [False, True])
@pytest.mark.parametrize("command", [(COMMAND, "--rename-old"), ("createDB", "--schema", "lmod")])
def test_a_renaming_that_was_stopped_is_ended_by_the_next_run(gen_2, command, dropped):
    assert gen_2.run(COMMAND).returncode == 0
    run_ddl(gen_2, "ALTER TABLE moduleT RENAME TO moduleT_gen_2")
    if dropped:
        run_ddl(gen_2, "DROP VIEW lmod_moduleT")
    done = gen_2.run(*command)
    assert (done.returncode, done.stderr) == (0, "")
    assert old_names(gen_2) == ["modulet", "modulet_gen_2"]
    use = {row[:3] for row in gen_2.rows("SELECT path, module, syshost FROM moduleT")}
    assert use == {(one.path, one.module, one.host.split(".")[1]) for one in LOADS}


def test_rename_old_of_another_database_is_refused_before_anything_is_done(site, old):
    done = site.create("lmod").run(COMMAND, "--from", old.conf_path, "--rename-old")
    assert (done.returncode, done.stdout) == (2, "") and "omit --from" in done.stderr
    assert taken_over(site) == []


def test_a_digest_is_the_same_for_a_moment_and_its_text():
    from lmodtrack.oldname import digest_of

    row = (1, "ann", "/p", "a/1", "c", datetime.datetime(2026, 1, 1, 12))
    assert digest_of(row) == digest_of((*row[:5], "2026-01-01 12:00:00"))
    assert digest_of(row) != digest_of((2, *row[1:]))
