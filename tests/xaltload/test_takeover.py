"""A database that another program filled is taken over without loss, and loads go on in it."""

import subprocess

import pytest

from tests.xaltload import old_site
from tests.xaltload.loading import assert_sets_hold, contents, expected, make_records, write_records
from tests.xaltload.samples import RUN, changed
from xaltload import bulk, merge, takeover

# Every stored column of every table but the numbers that merging may change.
ROWS = {
    "runs": "SELECT job_id, run_uuid, date, syshost, uuid, hash_id, account, exec_type,"
    " start_time, end_time, run_time, num_cores, exec_path, module_name, cwd, cmdline"
    " FROM xalt_run",
    "objects": "SELECT object_path, syshost, hash_id, module_name, lib_type FROM xalt_object",
    "libraries": "SELECT r.run_uuid, r.job_id, o.object_path, o.module_name, j.date"
    " FROM join_run_object j JOIN xalt_run r ON r.run_id = j.run_id"
    " JOIN xalt_object o ON o.obj_id = j.obj_id",
    "environment": "SELECT r.run_uuid, r.job_id, e.env_name, j.date, j.env_value"
    " FROM join_run_env j JOIN xalt_run r ON r.run_id = j.run_id"
    " JOIN xalt_env_name e ON e.env_id = j.env_id",
    "packages": "SELECT r.run_uuid, r.job_id, p.program, p.pkg_name, p.pkg_version, p.pkg_path"
    " FROM xalt_pkg p JOIN xalt_run r ON r.run_id = p.run_id",
    "links": "SELECT l.uuid, l.link_line, o.object_path, f.function_name FROM xalt_link l"
    " JOIN join_link_object j ON j.link_id = l.link_id JOIN xalt_object o ON o.obj_id = j.obj_id"
    " JOIN join_link_function k ON k.link_id = l.link_id"
    " JOIN xalt_function f ON f.func_id = k.func_id",
}


@pytest.fixture
def old(site):
    """A Site with an XALT database as sites have it."""
    database = site.connect()
    for statement in old_site.statements(site.config.backend):
        database.run_ddl(statement)
    with database.transaction():
        old_site.OldSite(database).fill()
    database.close()
    return site


def distinct_rows(site):
    """Return the distinct rows of every table."""
    return {name: {tuple(map(plain, row)) for row in site.rows(sql)} for name, sql in ROWS.items()}


def plain(value):
    """Return a value of any database in one form."""
    return bytes(value) if isinstance(value, (bytes, memoryview)) else str(value)


def count(site, table):
    return site.rows(f"SELECT COUNT(*) FROM {table}")[0][0]


def test_an_old_database_is_taken_over_and_only_equal_rows_are_merged(old):
    before = distinct_rows(old)
    runs = count(old, "xalt_run")
    done = old.run("createDB", "--schema", "xalt")
    assert done.returncode == 0, done.stderr
    assert distinct_rows(old) == before
    different = runs - 6  # the copies
    assert count(old, "xalt_run") == different == len(before["runs"])
    assert count(old, "xalt_object") == len(before["objects"]) == 21
    assert count(old, "xalt_pkg") == len(before["packages"])
    assert count(old, "join_run_env") == len(before["environment"])
    assert "xalt_run: took over 64 rows, merged 6" in done.stdout
    keys = (("xalt_run", "run_key"), ("xalt_object", "obj_key"), ("xalt_pkg", "pkg_key"))
    for table, key in keys:
        assert old.rows(f"SELECT COUNT(*) FROM {table} WHERE {key} IS NULL") == [(0,)]
    assert old.rows("SELECT COUNT(*) FROM xalt_run WHERE cluster_id IS NULL") == [(0,)]
    assert_sets_hold(old)


def test_a_second_createdb_finds_nothing_to_do(old):
    old.run("createDB", "--schema", "xalt")
    tables = ("xalt_run", "xalt_object", "xalt_pkg", "join_run_object")
    before = [count(old, table) for table in tables]
    done = old.run("createDB", "--schema", "xalt")
    assert "up to date, nothing to do" in done.stdout and "took over" not in done.stdout
    assert [count(old, table) for table in tables] == before


def test_a_trial_says_the_steps_and_changes_nothing(old):
    before = distinct_rows(old)
    done = old.run("createDB", "--schema", "xalt", "--dry-run")
    assert "would: xalt 3" in done.stdout and distinct_rows(old) == before
    with pytest.raises(Exception, match="run_key"):
        old.rows("SELECT run_key FROM xalt_run")


def test_records_of_runs_that_are_there_change_nothing_but_a_missing_end(old, tmp_path):
    old.run("createDB", "--schema", "xalt")
    before = distinct_rows(old)
    known = changed(
        RUN, userT__run_uuid=old_site.uuid_of(1), hash_id="a" * 40,
        userDT__start_time=1_709_287_201.4, userDT__end_time=1_709_290_000.0,
    )  # fmt: skip
    name = f"run.aurora.2024_03_01_00_00_00_0.ada.zzz.{old_site.uuid_of(1)}.json"
    write_records(tmp_path / "tree", [(name, known)])
    done = old.run("xalt_file_to_db", "-v", tmp_path / "tree")
    assert "1 duplicates" in done.stderr
    after = distinct_rows(old)
    assert all(after[name] == before[name] for name in before if name != "objects")
    third = old_site.uuid_of(3)
    unended = changed(known, userT__run_uuid=third, userDT__start_time=1_709_287_203.4)
    name = name.replace(old_site.uuid_of(1), old_site.uuid_of(3))
    write_records(tmp_path / "tree", [(name, unended)])
    done = old.run("xalt_file_to_db", "-v", tmp_path / "tree")
    assert "1 runs" in done.stderr
    sql = "SELECT end_time, start_time FROM xalt_run WHERE run_uuid = ?"
    assert old.rows(sql, (old_site.uuid_of(3),)) == [(1_709_290_000.0, 1_709_287_203.0)]


def test_loads_go_on_in_a_database_that_was_taken_over(old, tmp_path):
    old.run("createDB", "--schema", "xalt")
    before = distinct_rows(old)
    records = make_records(30)
    long = changed(
        records[0][1], userT__account="a" * 60, userDT__num_threads=99999.0,
        envT={"SNOW\N{SNOWMAN}\N{GRINNING FACE}": "\N{GRINNING FACE}"},
        userT__run_uuid=old_site.uuid_of(5000),
    )  # fmt: skip
    name = f"run.aurora.2024_03_01_00_00_00_0.ada.zzz.{old_site.uuid_of(5000)}.json"
    write_records(tmp_path / "tree", [*records, (name, long)])
    for _load in range(2):
        done = old.run("xalt_file_to_db", tmp_path / "tree")
        assert (done.returncode, done.stderr) == (0, "")
    assert before["runs"] <= distinct_rows(old)["runs"]
    added = {
        key: run for key, run in contents_of_new(old).items() if key[1] != old_site.uuid_of(5000)
    }
    assert added == expected(records)["runs"]
    threads = old.rows("SELECT num_threads FROM xalt_run WHERE run_uuid = ?",
                       (old_site.uuid_of(5000),))  # fmt: skip
    assert threads == [(65535 if old.config.backend == "mysql" else 99999,)]


def contents_of_new(site):
    """Return the runs of `contents` that our loader stored."""
    database = site.connect()
    database.execute("UPDATE xalt_run SET records = 0 WHERE records IS NULL")
    for table in ("join_run_object", "join_run_env", "xalt_pkg"):
        database.execute(
            f"DELETE FROM {table} WHERE run_id IN (SELECT run_id FROM xalt_run WHERE records = 0)"
        )
    rows = database.rows("SELECT * FROM xalt_run WHERE records = 0")
    database.execute("DELETE FROM xalt_run WHERE records = 0")
    found = contents(site)["runs"]
    assert rows
    database.close()
    return found


def test_rows_that_the_other_program_adds_later_are_taken_over_by_the_next_load(old, tmp_path):
    old.run("createDB", "--schema", "xalt")
    database = old.connect()
    site = old_site.OldSite(database)
    objects = [site.add_object(77)]
    site.add_run(500, objects * 9, [])
    database.close()
    (tmp_path / "tree").mkdir()
    assert old.run("xalt_file_to_db", tmp_path / "tree").returncode == 0
    sql = "SELECT COUNT(*) FROM xalt_run WHERE run_key IS NULL OR cluster_id IS NULL"
    assert old.rows(sql) == [(0,)]
    assert old.rows("SELECT COUNT(*) FROM xalt_object WHERE obj_key IS NULL") == [(0,)]


def test_a_take_over_that_is_killed_goes_on_where_it_stopped(old):
    before = distinct_rows(old)
    for wait in (0.3, 0.4, 0.5, 0.6, 0.8):
        import sys

        from tests.conftest import CHECKOUT

        command = [sys.executable, CHECKOUT / "bin" / "createDB", "--confFn", old.conf_path]
        process = subprocess.Popen(
            [*command, "--schema", "xalt"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(timeout=wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    done = old.run("createDB", "--schema", "xalt")
    assert done.returncode == 0, done.stderr
    assert distinct_rows(old) == before and count(old, "xalt_run") == len(before["runs"])
    counts = old.rows("SELECT kept, merged FROM xalt_taken_over WHERE table_name = 'xalt_run'")
    assert counts == [(64, 6)]
    assert_sets_hold(old)


def test_what_hangs_on_equal_rows_moves_in_steps_and_nothing_is_lost(old, monkeypatch):
    old.run("createDB", "--schema", "xalt")
    database = old.connect()
    site = old_site.OldSite(database)
    objects = [site.add_object(number) for number in (70, 71, 72, 70, 71, 70, 70)]
    names = [row[0] for row in database.rows("SELECT env_id FROM xalt_env_name")]
    for number in range(100, 120):
        site.add_run(number, objects, names)  # the same library by several numbers
    for number in range(105, 110):
        site.add_run(number, objects[2:], names[:1])  # equal, with other libraries
    before = distinct_rows(old)
    monkeypatch.setattr(merge, "ROWS_PER_STEP", 5)
    monkeypatch.setattr(bulk, "VALUES_PER_STATEMENT", 3)
    monkeypatch.setattr(merge, "VALUES_PER_STATEMENT", 3)
    said = []
    takeover.complete(database, said.append)
    assert "xalt_object: took over 3 rows, merged 4 that were equal to another" in said
    assert "xalt_run: took over 20 rows, merged 5 that were equal to another" in said
    assert distinct_rows(old) == before
    sql = "SELECT COUNT(*) FROM join_run_object j JOIN xalt_run r ON r.run_id = j.run_id"
    of_new = " WHERE r.start_time >= 1709287300"
    distinct = "SELECT COUNT(*) FROM (SELECT DISTINCT j.run_id, j.obj_id FROM join_run_object j) d"
    assert old.rows(distinct) == [(count(old, "join_run_object"),)]
    orphans = " LEFT JOIN xalt_object o ON o.obj_id = j.obj_id" + of_new + " AND o.obj_id IS NULL"
    assert old.rows(sql + orphans) == [(0,)] and old.rows(sql + of_new)[0][0] > 20
    assert_sets_hold(old)
    database.close()


def test_old_records_of_a_taken_over_database_can_be_deleted_and_anonymized(old):
    old.run("createDB", "--schema", "xalt")
    purge = ("delete_old_records", "--schema", "xalt", "--yes", "--end")
    done = old.run(*purge, "2024-03-10", "--anonymize")
    assert done.returncode == 0, done.stderr
    users = old.rows('SELECT DISTINCT "user" FROM xalt_run' if old.config.backend != "mysql"
                     else "SELECT DISTINCT user FROM xalt_run")  # fmt: skip
    assert len(users) == 2 and ("ada",) in users
    done = old.run(*purge, "2025-01-01")
    assert done.returncode == 0, done.stderr
    for table in ("xalt_run", "join_run_object", "join_run_env", "xalt_pkg", "xalt_object"):
        assert count(old, table) == 0
