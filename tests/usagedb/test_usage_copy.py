"""The command usage_copy: whoever moves a database gets all of it, and is told if not."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lmodtrack.schema import LMOD
from tests import services
from tests.commit_points import AFTER, BEFORE, KILL, STAND_STILL
from tests.conftest import BACKENDS, CHECKOUT, new_site, run_command
from tests.epmtlite.made_jobs import made_job, random_records, write_job
from tests.lmodtrack.logs import assert_holds, log_of, make_loads
from tests.usagedb.conftest import drop_anonymous
from tests.usagedb.copying import everything, fill
from tests.xaltload.loading import contents as xalt_contents
from tests.xaltload.loading import make_records, write_records
from usagedb import locks
from usagedb.config import write_config

LOADS = make_loads(600, seed=21)
LOG = log_of(LOADS)
HALF = LOG[: LOG.index(b"\n", len(LOG) // 2) + 1]
COMMAND = "usage_copy"

DRIVER = """
import sys
sys.path.insert(0, {checkout!r})
from tests import commit_points
from usagedb import copy_rows, copy_work, usage_copy
copy_rows.ROWS_PER_BATCH = copy_work.ROWS_PER_BATCH = 20
commit_points.arrange(*(sys.argv.pop(1) for _word in range(3)))
usage_copy.main()
"""


@pytest.fixture
def make_site(request, tmp_path):
    """A function that returns a new, empty Site on a backend."""
    count = itertools.count()

    def make(backend):
        directory = tmp_path / f"site{next(count)}"
        directory.mkdir()
        return new_site(request, backend, directory)

    return make


def copy(source, target, *options, status=0):
    """Run usage_copy and check its status; return the CompletedProcess."""
    done = run_command(COMMAND, "--from", source.conf_path, "--to", target.conf_path, *options)
    assert done.returncode == status, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def load(site, text, directory, *options):
    path = directory / "moduleUsage.log-1"
    path.write_bytes(text)
    done = site.run("store_module_data", "--store_all", *options, path)
    assert done.returncode == 0, done.stderr


def load_all_kinds(site, directory):
    """Load module loads, records of XALT and a job of EPMT into a Site."""
    load(site, LOG, directory)
    records = directory / "xalt"
    write_records(records, make_records(12, seed=4))
    assert site.run("xalt_file_to_db", records).returncode == 0
    job = write_job(made_job(random_records(60, seed=2)), directory / "job")
    done = run_command("epmt", "submit", "--confFn", site.conf_path, job)
    assert done.returncode == 0, done.stderr


def report(site):
    done = site.run("analyzeLmodDB", "counts", "--format", "json")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_ring_over_all_databases_keeps_rows_and_reports_and_each_loader_goes_on(
    make_site, tmp_path
):
    ring = [make_site(backend) for backend in ("sqlite", "mysql", "postgresql", "sqlite")]
    (tmp_path / "in").mkdir()
    ring[0].create()
    load_all_kinds(ring[0], tmp_path / "in")
    rows, counts, runs = everything(ring[0]), report(ring[0]), xalt_contents(ring[0])
    for source, target in zip(ring, ring[1:]):
        done = copy(source, target, "--format", "json")
        assert done.stderr == ""
        states = {row["table"]: row["state"] for row in json.loads(done.stdout)}
        assert set(states.values()) == {"equal"} and len(states) == len(rows)
        copy(source, target, "--compare", "-q")
        assert everything(target) == rows
        assert report(target) == counts and xalt_contents(target) == runs
    for site in ring[1:]:
        # Everything was loaded before the move: nothing is new, nothing is stored twice.
        (tmp_path / "again").mkdir(exist_ok=True)
        load(site, LOG, tmp_path / "again")
        records = tmp_path / "again" / "xalt"
        shutil.rmtree(records, ignore_errors=True)
        write_records(records, make_records(12, seed=4))
        assert site.run("xalt_file_to_db", records).returncode == 0
        assert_holds(site, LOADS)
        assert xalt_contents(site) == runs and report(site) == counts


@pytest.mark.parametrize(("first", "second"), [
    ("sqlite", "mysql"), ("mysql", "postgresql"), ("postgresql", "sqlite"),
])  # fmt: skip
def test_a_log_that_was_loaded_in_part_is_loaded_on_after_the_move(
    make_site, tmp_path, first, second
):
    source, target, clean = make_site(first), make_site(second), make_site(second)
    source.create("lmod")
    clean.create("lmod")
    load(source, HALF, tmp_path)
    copy(source, target)
    load(target, LOG, tmp_path)
    load(clean, LOG, tmp_path)
    assert_holds(target, LOADS)
    assert report(target) == report(clean)
    sql = (
        "SELECT l.day, l.line, l.item, l.load_time, u.user_name, m.path, c.cluster_name, l.loads,"
        " l.user_load, l.job_id FROM lmod_load l JOIN lmod_user u ON u.user_id = l.user_id"
        " JOIN lmod_module m ON m.module_id = l.module_id"
        " JOIN lmod_cluster c ON c.cluster_id = l.cluster_id ORDER BY 1, 2, 3"
    )
    assert target.rows(sql) == clean.rows(sql)
    ledger = "SELECT head, position, line_count, digest, unsaved FROM lmod_log"
    assert [tuple(map(bytes_or, row)) for row in target.rows(ledger)] == [
        tuple(map(bytes_or, row)) for row in clean.rows(ledger)
    ]


def bytes_or(value):
    return bytes(value) if isinstance(value, (bytes, memoryview)) else value


@pytest.mark.parametrize("when", [BEFORE, AFTER])
def test_kill_9_at_any_commit_and_the_next_run_goes_on(make_site, site, when):
    source = fill(make_site("sqlite"), rows_per_table=100, seed=8, names=("lmod",))
    wanted, killed, number = everything(source), 0, 2
    while True:
        done = subprocess.run(
            [sys.executable, "-c", DRIVER.format(checkout=str(CHECKOUT)), KILL, when, str(number),
             "-q", "--wait", "60", "--from", source.conf_path, "--to", site.conf_path],
            capture_output=True, check=False, stdin=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        if done.returncode != -signal.SIGKILL:
            break
        killed += 1
        number = 2 + 3 * killed % 7  # not 1: before its first commit no run comes on
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert killed > 8 and len(wanted["lmod_load"]) == 100
    assert everything(site) == wanted
    copy(source, site, "--compare", "-q")
    runs = site.rows("SELECT exit_code FROM usage_run WHERE command = 'usage_copy'")
    assert runs == [(0,)]


def test_a_server_that_dies_ends_the_copy_with_75_and_the_next_run_goes_on(
    make_site, own_server, tmp_path
):
    server, target = own_server
    source = fill(make_site("sqlite"), rows_per_table=500, seed=9, names=("lmod",))
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(checkout=str(CHECKOUT)), STAND_STILL, BEFORE, "60",
         "--from", source.conf_path, "--to", target.conf_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip

    def has_begun():
        return target.rows("SELECT count(*) FROM lmod_user") == [(500,)]

    services.wait_until(has_begun, "the copy to come to some tables")
    services.wait_until(lambda: is_reading(process.pid), "the copy to stand still")
    server.kill()
    output, told = process.communicate("\n")
    assert process.returncode == 75 and output == "" and "Traceback" not in told
    assert told.startswith("Error: ") and told.count("\n") == 1
    server.start()
    copy(source, target, "-q")
    wanted, found = everything(source), everything(target)
    assert {name: found[name] for name in wanted} == wanted


def is_reading(pid):
    """Tell whether a process waits for its standard input."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/wchan") as file:  # noqa: PTH123
        return "pipe" in file.read()
    return False


def test_a_source_whose_server_dies_ends_the_copy_with_75_and_nothing_is_lost(
    make_site, own_server
):
    server, source = own_server
    database = source.connect()
    database.close()
    fill(source, rows_per_table=100, seed=3)
    target = make_site("sqlite")
    server.kill()
    done = copy(source, target, status=75)
    assert done.stderr.count("\n") == 1
    server.start()
    copy(source, target, "-q")
    assert everything(target) == everything(source)


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_copy_does_not_begin_while_a_loader_runs(make_site, site, side):
    other = make_site("sqlite").create("lmod")
    site.create("lmod")
    source, target = (site, other) if side == "source" else (other, site)
    database = site.connect()
    with locks.only_one(database, LMOD.locks[0]):
        done = copy(source, target, status=75)
    database.close()
    assert "another store_module_data is running" in done.stderr
    copy(source, target)


def test_a_loader_does_not_begin_while_a_copy_runs(make_site, site, tmp_path):
    source = fill(make_site("sqlite"), rows_per_table=3, names=("lmod",))
    path = tmp_path / "moduleUsage.log-1"
    path.write_bytes(HALF)
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER.format(checkout=str(CHECKOUT)), STAND_STILL, AFTER, "10",
         "-q", "--from", source.conf_path, "--to", site.conf_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    services.wait_until(lambda: is_reading(process.pid), "the copy to stand still")
    done = source.run("store_module_data", path)
    assert done.returncode == 75 and "another store_module_data is running" in done.stderr
    for command in (("store_module_data", path), ("analyzeLmodDB", "counts"), ("usage_status",)):
        done = site.run(*command)
        assert done.returncode == 78 and "let usage_copy go on" in done.stderr
    assert process.communicate("\n") == ("", "") and process.returncode == 0
    assert everything(site) == everything(source)


def test_a_target_with_other_data_is_refused_and_left_as_it_is(make_site, site, tmp_path):
    source = fill(make_site("sqlite"), rows_per_table=3, names=("lmod",))
    site.create("lmod")
    load(site, HALF, tmp_path)
    before = everything(site)
    for options in ((), ("--dry-run",)):
        done = copy(source, site, *options, status=78)
        assert "it holds other data (usage_run, lmod_user" in done.stderr and done.stdout == ""
    assert everything(site) == before


def test_the_copy_of_another_source_is_refused(make_site):
    first, second = (
        fill(make_site("sqlite"), 2, names=("lmod",)),
        fill(make_site("sqlite"), 2, names=("lmod",)),
    )
    target = make_site("sqlite")
    copy(first, target)
    done = copy(second, target, status=78)
    assert f"it is filled from {first.config.database}, not from" in done.stderr


def test_a_copy_that_has_ended_is_compared_and_nothing_is_written(make_site, site):
    source = fill(make_site("sqlite"), 4, names=("lmod",))
    copy(source, site)
    database = site.connect()
    database.execute("DELETE FROM lmod_user WHERE user_id = 4")
    database.close()
    done = copy(source, site, "--format", "csv", status=3)
    assert "lmod_user,4,3," in done.stdout
    places = site.config.describe(), source.config.describe()
    assert done.stderr == (
        "the copy into {} has ended before, it is only compared: load into it too what was loaded"
        " into {} since; or drop it, if nothing was loaded into it, and copy anew\n"
        "lmod_user differs from the first one up to user_id=10: 4 rows, 3 in the copy\n"
    ).format(*places)
    assert len(everything(site)["lmod_user"]) == 3


def test_a_comparison_changes_nothing_and_needs_no_right_to_write(make_site, nobody):
    source, target = fill(make_site("sqlite"), 4, names=("lmod",)), make_site("sqlite")
    copy(source, target)
    for site in (source, target):
        services.open_parents(site.directory / "file")
        site.directory.chmod(0o755)
        for path in site.directory.iterdir():
            path.chmod(0o644)
    before = {path: path.stat().st_mtime_ns for path in target.directory.iterdir()}
    arguments = ("--from", source.conf_path, "--to", target.conf_path, "--compare", "-q")
    done = run_command(COMMAND, *arguments, **nobody)
    assert (done.returncode, done.stderr) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in target.directory.iterdir()} == before


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_dry_run_tells_what_would_be_copied_and_makes_nothing(make_site, backend):
    source, target = fill(make_site("sqlite"), 4, names=("lmod",)), make_site(backend)
    done = copy(source, target, "--dry-run", "--format", "json")
    assert {"table": "lmod_user", "source_rows": 4, "target_rows": 0} in json.loads(done.stdout)
    if backend == "sqlite":
        assert not os.path.exists(target.config.database)  # noqa: PTH110
    else:
        database = target.connect()
        assert not database.dialect.has_table(database, "lmod_user")
        database.close()


def test_a_dry_run_into_a_file_that_is_no_database_is_told(make_site, tmp_path):
    source, target = fill(make_site("sqlite"), 4, names=("lmod",)), make_site("sqlite")
    Path(target.config.database).write_bytes(b"no database " * 800)
    done = copy(source, target, "--dry-run", status=78)
    assert done.stdout == "" and "file is not a database" in done.stderr


def test_a_source_with_an_older_schema_is_refused_with_what_to_do(make_site, site):
    source = make_site("sqlite").create()
    database = source.connect()
    database.execute("DELETE FROM usage_schema WHERE schema_name = 'epmt' AND version = 2")
    database.close()
    done = copy(source, site, status=78)
    assert f"run createDB --confFn {source.conf_path}" in done.stderr


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_newer_schema_on_either_side_is_refused(make_site, site, side):
    other = make_site("sqlite").create()
    database = site.create().connect()
    database.execute(
        "INSERT INTO usage_schema (schema_name, version, step, applied_at)"
        " VALUES ('lmod', 99, 1, 0)"
    )
    database.close()
    done = copy(*((site, other) if side == "source" else (other, site)), status=78)
    assert "newer than this program's" in done.stderr


def test_a_column_that_would_be_lost_is_told_of(make_site, site):
    database = site.create().connect()
    database.run_ddl("ALTER TABLE xalt_run ADD COLUMN site_note VARCHAR(10)")
    database.close()
    done = copy(site, make_site("sqlite"), status=78)
    assert "xalt_run has the column site_note" in done.stderr


def test_a_source_that_is_not_there_is_not_made(make_site):
    source, target = make_site("sqlite"), make_site("sqlite")
    done = copy(source, target, status=66)
    assert "there is no database" in done.stderr
    source.connect().close()
    copy(source, target, status=78)
    assert not os.path.exists(target.config.database)  # noqa: PTH110


def test_a_database_cannot_be_copied_into_itself(make_site, site):
    site.create()
    copy(site, site, status=2)


def test_a_target_that_this_account_may_not_fill_ends_with_77(make_site, mariadb):
    source, target = fill(make_site("sqlite"), 2, names=("lmod",)), make_site("mysql")
    database = target.connect()
    drop_anonymous(database)
    user = f"r{target.config.database}"
    database.run_ddl(f"CREATE USER {user}@localhost")
    database.run_ddl(f"GRANT SELECT ON {target.config.database}.* TO {user}@localhost")
    write_config(target.conf_path, target.config.replaced(user=user))
    done = copy(source, target, status=77)
    assert "check user, password and grants" in done.stderr
    database.run_ddl(f"DROP USER {user}@localhost")
    database.close()


def test_an_outbox_is_not_a_database_to_copy(make_site, tmp_path):
    from afcollect.schema import AFMETRICS
    from usagedb import schema

    source = make_site("sqlite")
    database = source.connect()
    schema.require(database, AFMETRICS)
    database.close()
    done = copy(source, make_site("sqlite"), status=78)
    assert "it holds tables of afmetrics" in done.stderr
