"""Databases of the other tools, filled by their own commands."""

import pytest

from tests.epmtlite.made_jobs import epmt, write_job
from tests.lmodtrack.logs import log_of
from tests.xaltload.loading import write_records


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path):
    """Keep the settings of EPMT of whoever runs the tests out of them."""
    for name in ("EPMT_DB_URL", "EPMT_DB_PROVIDER", "EPMT_TZ", "EPMT_SETTINGS", "EPMT_JOB_TAGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "no-configuration"))


class Filled:
    """A Site, and what fills it."""

    def __init__(self, site, directory):
        self.site, self.directory = site.create(), directory
        self.opened = []

    def loads(self, loads, *options):
        """Store loads of modules; return self."""
        path = self.directory / "a.log"
        path.write_bytes(log_of(loads))
        done = self.site.run("store_module_data", *options, path)
        assert done.returncode == 0, done.stderr
        return self

    def records(self, records):
        """Store records of XALT; return self."""
        write_records(self.directory / "tree", records)
        done = self.site.run("xalt_file_to_db", self.directory / "tree")
        assert done.returncode == 0, done.stderr
        return self

    def jobs(self, *jobs, options=()):
        """Store MadeJobs; return self."""
        paths = [write_job(job, self.directory / f"job{n}") for n, job in enumerate(jobs)]
        epmt(self.site, "submit", "-q", *options, *paths)
        return self

    def open(self, clusters="", **changes):
        """Return the open Database; clusters is CLUSTERS of its section [SITE]."""
        from usagedb.database import Database

        names = {"CLUSTERS": clusters} if clusters else {}
        config = self.site.config.replaced(site=names, read_only=True, **changes)
        self.opened.append(Database(config))
        return self.opened[-1]

    def close(self):
        """Close what was opened."""
        for database in self.opened:
            database.close()


@pytest.fixture
def filled(site, tmp_path):
    """A Filled on each database in turn."""
    found = Filled(site, tmp_path)
    yield found
    found.close()


@pytest.fixture
def sqlite_filled(sqlite_site, tmp_path):
    """A Filled on SQLite alone."""
    found = Filled(sqlite_site, tmp_path)
    yield found
    found.close()
