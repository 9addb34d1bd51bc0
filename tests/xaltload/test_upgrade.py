"""A filled database of an earlier version gets what the later ones have, and loses nothing."""

import pytest

from tests.older_schema import downgrade, indexes_of
from tests.xaltload.loading import make_records, write_records
from tests.xaltload.test_of_job import run_record
from xaltload import of_user
from xaltload.schema import XALT

INDEX = "xalt_run_by_user_id"
# Of version 2, as it is read below.
TABLES = [name for _kind, name in XALT.tables() if name != "xalt_pkg_filtered"]
REJECTED = "SELECT COUNT(*), MIN(saved), MAX(saved) FROM xalt_rejected"


@pytest.fixture
def filled(site, tmp_path):
    """A Site with records, in the tables of version 2."""
    write_records(tmp_path / "tree", make_records(30, seed=3))
    assert site.create("xalt").run("xalt_file_to_db", tmp_path / "tree").returncode == 0
    downgrade(site, "xalt", 2)
    assert INDEX not in indexes_of(site, "xalt_run")
    return site


def rows(site):
    """Return the sorted rows of all tables."""
    return {table: sorted(map(str, site.rows(f"SELECT * FROM {table}"))) for table in TABLES}


def used(site):
    """Return {user: UsedPrograms} of all users."""
    database = site.connect()
    users = [name for (name,) in site.rows("SELECT name FROM xalt_name")]
    found = {user: of_user.programs(database, user, "2020-01-01") for user in users}
    database.close()
    assert any(found.values())
    return found


def test_it_is_made_and_all_rows_stay(filled):
    before, programs = rows(filled), used(filled)
    done = filled.run("createDB", "--schema", "xalt")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"xalt 3: CREATE INDEX {INDEX}\n" in done.stdout and done.stdout.count(" 3: ") == 1
    assert done.stdout.count(" 4: ") == 3
    assert INDEX in indexes_of(filled, "xalt_run")
    assert rows(filled) == before and used(filled) == programs
    assert filled.run("createDB", "--schema", "xalt").stdout.endswith("nothing to do\n")


def test_reports_go_on_without_it_and_loaders_ask_for_it(filled, tmp_path):
    done = filled.run("xalt_usage_report", "--start", "2020-01-01", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout != "[]\n"
    write_records(tmp_path / "more", [run_record(900)])
    done = filled.run("xalt_file_to_db", tmp_path / "more")
    if filled.config.backend == "sqlite":
        assert (done.returncode, done.stderr) == (0, "")
        assert INDEX in indexes_of(filled, "xalt_run")
    else:
        assert done.returncode == 78 and "run createDB" in done.stderr
        assert INDEX not in indexes_of(filled, "xalt_run")


def test_an_upgrade_that_was_stopped_before_its_record_goes_on(filled):
    filled.run("createDB", "--schema", "xalt")
    database = filled.connect()
    database.execute("DELETE FROM usage_schema WHERE schema_name = 'xalt' AND version > 2")
    database.close()
    assert filled.run("createDB", "--schema", "xalt").returncode == 0
    steps = "SELECT version, step FROM usage_schema WHERE schema_name = 'xalt' AND version > 2"
    assert sorted(filled.rows(steps)) == [(3, 1), (4, 1), (4, 2), (4, 3)]


def test_an_upgraded_table_is_like_a_new_one(filled):
    filled.run("createDB", "--schema", "xalt")
    upgraded = indexes_of(filled, "xalt_run")
    filled.run("createDB", "--schema", "xalt", "--drop", "--yes")
    filled.run("createDB", "--schema", "xalt")
    assert indexes_of(filled, "xalt_run") == upgraded


def test_an_upgraded_table_holds_long_accounts(filled, tmp_path):
    filled.run("createDB", "--schema", "xalt")
    (tmp_path / "fields.csv").write_text(f"{'a' * 64},Physics,MPS\n")
    done = filled.run("xalt_load_fos", tmp_path / "fields.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert filled.rows("SELECT account FROM xalt_field_of_science") == [("a" * 64,)]


def test_what_was_rejected_before_is_written_when_it_is_asked_for(site, tmp_path):
    """An earlier version did not note whether a file of --reject holds a record: it may not."""
    log, rejected = tmp_path / "xalt.log-20261121", tmp_path / "rejected"
    log.write_bytes(b"XALT_LOGGING_aurora V:4 kind:none nb:1 idx:0 key:k value:{}\n")
    load = ("xalt_syslog_to_db", "--leftover", tmp_path / "leftover", "--syslog", log)
    assert site.create("xalt").run(*load, "--reject", rejected).returncode == 65
    assert site.rows(REJECTED) == [(1, 1, 1)]
    downgrade(site, "xalt", 3)
    assert site.run("createDB", "--schema", "xalt").returncode == 0
    assert site.rows(REJECTED) == [(1, 0, 0)]
    rejected.unlink()
    for _load in range(2):
        assert site.run(*load, "--reject", rejected).returncode == 0
        assert len(rejected.read_text().splitlines()) == 1
