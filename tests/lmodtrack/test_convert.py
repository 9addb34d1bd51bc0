"""An older database is taken over whole, once, and its own SQL goes on working."""

import datetime
import json
import random
import signal
import subprocess
import sys

import pytest

from tests.commit_points import AFTER, BEFORE
from tests.conftest import CHECKOUT
from tests.lmodtrack.logs import assert_holds, make_loads, stored_use

UTC = datetime.timezone.utc
COMMAND = "convert_lmod_db"
LOADS = make_loads(300, seed=31)
GEN_2 = (
    "CREATE TABLE moduleT (id INT UNSIGNED NOT NULL AUTO_INCREMENT, user VARCHAR(64) NOT NULL,"
    " path VARCHAR(1024) NOT NULL, module VARCHAR(64) NOT NULL, syshost VARCHAR(32) NOT NULL,"
    " date DATETIME NOT NULL, PRIMARY KEY (id), INDEX thekey (path(128), syshost)) CHARSET=utf8"
)
GEN_1 = (
    "CREATE TABLE userT (user_id INT PRIMARY KEY AUTO_INCREMENT, user VARCHAR(64))",
    "CREATE TABLE moduleT (mod_id INT PRIMARY KEY AUTO_INCREMENT, path VARCHAR(1024),"
    " module VARCHAR(64), syshost VARCHAR(32))",
    "CREATE TABLE join_user_module (join_id INT AUTO_INCREMENT, user_id INT, mod_id INT,"
    " date DATETIME, PRIMARY KEY (join_id, date))",
)


def second(load):
    """Return a load's time as the older tables keep it: whole seconds."""
    return datetime.datetime.fromtimestamp(int(load.time), UTC)


def as_taken_over(loads):
    """Return the loads as the older tables know them."""
    from lmodtrack.record import Load

    return [
        Load(one.user, one.module, one.path, f"x.{one.host.split('.')[1]}", int(one.time))
        for one in loads
    ]


def insert(site, loads):
    database = site.connect()
    for load in loads:
        database.execute(
            "INSERT INTO moduleT (user, path, module, syshost, date) VALUES (?, ?, ?, ?, ?)",
            (load.user, load.path, load.module, load.host.split(".")[1], str(second(load))[:19]),
        )
    database.close()


@pytest.fixture
def gen_2(site):
    """A MariaDB database with the flat table of gen_2, and our tables beside it."""
    if site.config.backend != "mysql":
        pytest.skip("older Lmod databases are on MySQL or MariaDB")
    database = site.connect()
    database.run_ddl(GEN_2)
    database.close()
    insert(site, LOADS)
    assert site.run("createDB").returncode == 0
    return site


def test_gen_2_is_taken_over_once_and_later_rows_too(gen_2):
    for _again in range(2):
        done = gen_2.run(COMMAND)
        assert (done.returncode, done.stderr) == (0, "")
        assert "300 rows there, 300 taken over" in done.stdout
        assert_holds(gen_2, as_taken_over(LOADS))
    later = make_loads(20, seed=32)
    insert(gen_2, later)
    assert "20 rows to take over" in gen_2.run(COMMAND, "--dry-run").stdout
    assert gen_2.run(COMMAND).returncode == 0
    assert_holds(gen_2, as_taken_over(LOADS + later))


def test_the_view_takes_the_place_of_the_old_table(gen_2):
    assert gen_2.rows("SELECT COUNT(*) FROM lmod_moduleT") == [(0,)]
    assert gen_2.run(COMMAND, "--rename-old").returncode == 0
    assert gen_2.rows("SELECT COUNT(*) FROM moduleT_gen_2") == [(300,)]
    old = gen_2.rows("SELECT DISTINCT user, path, syshost, DATE(date) FROM moduleT_gen_2")
    new = gen_2.rows("SELECT user, path, syshost, DATE(date) FROM moduleT")
    assert sorted(old) == sorted(new)
    assert gen_2.run("createDB").stdout.count("up to date") == 1


def test_rows_that_cant_be_taken_over_are_told(gen_2, tmp_path):
    database = gen_2.connect()
    database.execute("UPDATE moduleT SET user = '' WHERE id = 7")
    database.close()
    done = gen_2.run(COMMAND, "--reject", tmp_path / "rejected")
    assert done.returncode == 3
    assert "1 rows were rejected: 1 no user" in done.stderr
    assert json.loads((tmp_path / "rejected").read_text())["line"] == 7


def test_gen_1_is_taken_over_into_another_database(site, sqlite_site):
    if site.config.backend != "mysql":
        pytest.skip("older Lmod databases are on MySQL or MariaDB")
    database = site.connect()
    for statement in GEN_1:
        database.run_ddl(statement)
    users, modules = {}, {}
    for load in LOADS:
        if load.user not in users:
            users[load.user] = len(users) + 1
            database.execute("INSERT INTO userT (user) VALUES (?)", (load.user,))
        key = (load.path, load.module, load.host.split(".")[1])
        if key not in modules:
            modules[key] = len(modules) + 1
            database.execute("INSERT INTO moduleT (path, module, syshost) VALUES (?, ?, ?)", key)
        database.execute(
            "INSERT INTO join_user_module (user_id, mod_id, date) VALUES (?, ?, ?)",
            (users[load.user], modules[key], str(second(load))[:19]),
        )
    database.close()
    sqlite_site.create()
    done = sqlite_site.run(COMMAND, "--from", site.conf_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert_holds(sqlite_site, as_taken_over(LOADS))


def test_dumps_of_gen_1_are_loaded(sqlite_site, tmp_path):
    lines = [
        json.dumps(
            {"user": one.user, "path": one.path, "module": one.module,
             "syshost": one.host.split(".")[1], "date": str(int(one.time))}
        )
        for one in LOADS
    ]  # fmt: skip
    (tmp_path / "dump.json").write_text("\n".join(lines) + "\n")
    sqlite_site.create()
    assert sqlite_site.run(COMMAND, tmp_path / "dump.json").returncode == 0
    assert_holds(sqlite_site, as_taken_over(LOADS))


def test_a_database_without_older_tables_is_an_error(sqlite_site):
    done = sqlite_site.create().run(COMMAND)
    assert done.returncode == 78
    assert "no Lmod tables of gen_1 or gen_2" in done.stderr


DRIVER = """
import sys
sys.path.insert(0, {checkout!r})
from lmodtrack import convert, convert_command
from tests import commit_points
convert.ROWS_PER_BATCH = 1
commit_points.arrange(commit_points.KILL, sys.argv.pop(1), sys.argv.pop(1))
convert_command.main()
"""


def test_kill_9_at_any_commit_loses_and_doubles_nothing(gen_2):
    source = random.Random(33)
    command = [sys.executable, "-c", DRIVER.format(checkout=str(CHECKOUT))]
    for _kill in range(12):
        when, number = source.choice((BEFORE, AFTER)), source.randint(2, 20)
        done = subprocess.run(
            [*command, when, str(number), "--confFn", gen_2.conf_path, "--wait", "60"], check=False
        )
        assert done.returncode == -signal.SIGKILL
        taken = sum(row[2] for row in stored_use(gen_2).values())
        ((known,),) = gen_2.rows("SELECT COALESCE(SUM(row_count), 0) FROM lmod_conversion")
        assert taken == known
    assert gen_2.run(COMMAND, "--wait", "60").returncode == 0
    assert_holds(gen_2, as_taken_over(LOADS))
