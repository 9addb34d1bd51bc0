"""A filled database of the version before gets the index by user, and loses nothing."""

import pytest

from epmtlite.schema import EPMT
from tests.epmtlite.made_jobs import epmt, made_job, write_job
from tests.older_schema import downgrade, indexes_of

INDEX = "epmt_job_by_user"
TABLES = [name for _kind, name in EPMT.tables()]


@pytest.fixture
def filled(site, tmp_path):
    """A Site with jobs, in the tables of version 2."""
    site.create("epmt")
    jobs = [made_job(jobid=str(number)) for number in range(3)]
    epmt(site, "submit", *(write_job(job, tmp_path / job.metadata["job_pl_id"]) for job in jobs))
    downgrade(site, "epmt", 2)
    assert INDEX not in indexes_of(site, "epmt_job")
    return site


def rows(site):
    """Return the sorted rows of all tables."""
    return {table: sorted(map(str, site.rows(f"SELECT * FROM {table}"))) for table in TABLES}


def test_it_is_made_and_all_rows_stay(filled):
    before = rows(filled)
    done = filled.run("createDB", "--schema", "epmt")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"epmt 3: CREATE INDEX {INDEX}\n" in done.stdout and done.stdout.count("epmt 3: ") == 1
    assert INDEX in indexes_of(filled, "epmt_job")
    assert rows(filled) == before
    assert filled.run("createDB", "--schema", "epmt").stdout.endswith("nothing to do\n")


def test_lists_go_on_without_it_and_submits_ask_for_it(filled, tmp_path):
    done = epmt(filled, "list")
    assert (done.stdout, done.stderr) == ("['0', '1', '2']\n", "")
    directory = write_job(made_job(jobid="9"), tmp_path / "9")
    if filled.config.backend == "sqlite":
        epmt(filled, "submit", directory)
        assert INDEX in indexes_of(filled, "epmt_job")
    else:
        assert "run epmt migrate" in epmt(filled, "submit", directory, status=78).stderr


def test_an_upgrade_that_was_stopped_before_its_record_goes_on(filled):
    filled.run("createDB", "--schema", "epmt")
    database = filled.connect()
    database.execute("DELETE FROM usage_schema WHERE schema_name = 'epmt' AND version = 3")
    database.close()
    assert filled.run("createDB", "--schema", "epmt").returncode == 0
    steps = "SELECT version, step FROM usage_schema WHERE schema_name = 'epmt' AND version = 3"
    assert filled.rows(steps) == [(3, 1)]
