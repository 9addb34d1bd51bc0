"""epmt migrate --from: the jobs of a database that EPMT filled are taken over whole, once."""

import pytest

from epmtlite import values
from tests.conftest import Site
from tests.epmtlite.made_jobs import contents, epmt, made_job, random_records, write_job
from tests.epmtlite.old_site import OldSite
from usagedb.config import DatabaseConfig

JOBS = {
    "1": made_job(random_records(30, 1), jobid="1"),
    "2": made_job(random_records(30, 2), jobid="2"),
    "3": made_job(random_records(30, 3), jobid="3"),
    "4": made_job([], jobid="4", job_el_exitcode=7),
}


def url_of(config):
    """Return the URL of a DatabaseConfig."""
    if config.backend == "sqlite":
        return f"sqlite:///{config.database}"
    return f"{config.backend}://{config.user}@{config.hosts[0]}:{config.port}/{config.database}"


@pytest.fixture
def old(site):
    """A Site whose database EPMT has filled with JOBS."""
    filled = OldSite(site)
    filled.add(JOBS["1"])
    filled.add(JOBS["2"], has_thread_times=True)
    filled.add(JOBS["3"], is_staged=True)
    filled.add(JOBS["4"], zone_name="UTC-04:00")
    filled.database.close()
    return site


@pytest.fixture
def ours(tmp_path):
    """An empty Site on SQLite."""
    (tmp_path / "ours").mkdir()
    return Site(DatabaseConfig("sqlite", str(tmp_path / "ours" / "usage.db"), "test"),
                tmp_path / "ours")  # fmt: skip


def comparable(jobs):
    """Return contents without what the two ways to store a job do differently: the zone and the
    local times, how info_dict tells about them, and the order of metrics."""
    for job in jobs.values():
        found = job["values"]
        del found[2], found[2], found[4], found[13]
        job["processes"] = [
            (*row[:2], *row[3:-1], threads_of(row[2], row[-1])) for row in job["processes"]
        ]
    return jobs


def threads_of(names, text):
    """Return {metric: value} of each thread of a process."""
    names = names.split(",")
    return values.thread_dicts(names, values.threads_of(text, len(names)))


def test_jobs_are_taken_over_as_if_they_were_submitted(old, ours, tmp_path):
    done = epmt(ours, "migrate", "--from", url_of(old.config), "-n")
    assert len(done.stdout.splitlines()) == 4
    done = epmt(ours, "migrate", "--from", url_of(old.config))
    assert done.stdout.count("Imported successfully - job: ") == 4
    found, orphans = contents(ours)
    assert found["", "1"]["values"][2] == "US/Eastern" and found["", "4"]["values"][2] == "-04:00"
    assert orphans == []
    ((analyses,),) = ours.rows("SELECT DISTINCT analyses FROM epmt_job")
    assert analyses == '{"outlier_detection": [1]}'
    epmt(ours, "delete", *JOBS)
    epmt(ours, "submit", *(write_job(job, tmp_path / name) for name, job in JOBS.items()))
    wanted = contents(ours)[0]
    assert comparable(found) == comparable(wanted)


def test_a_second_time_changes_nothing(old, ours):
    epmt(ours, "migrate", "--from", url_of(old.config))
    before = contents(ours)
    done = epmt(ours, "migrate", "--from", url_of(old.config))
    assert done.stdout.count("is already in database") == 4
    assert contents(ours) == before


def test_the_tables_of_both_may_be_in_one_database(old):
    old.create()
    epmt(old, "migrate", "--from", url_of(old.config), "--cluster", "old")
    assert set(contents(old)[0]) == {("old", name) for name in JOBS}
    assert old.rows("SELECT COUNT(*) FROM jobs") == [(4,)]


def test_a_job_that_cannot_be_is_told_and_the_others_are_taken_over(old, ours):
    database = old.connect()
    database.execute("UPDATE jobs SET jobid = 'a/b' WHERE jobid = '1'")
    database.close()
    done = epmt(ours, "migrate", "--from", url_of(old.config), status=3)
    assert "a/b" in done.stderr and len(contents(ours)[0]) == 3


def test_a_short_form_of_a_zone_needs_the_zone_of_the_site(sqlite_site, ours, monkeypatch):
    filled = OldSite(sqlite_site)
    filled.add(JOBS["1"])
    sql = "UPDATE jobs SET info_dict = replace(info_dict, 'US/Eastern', ?)"
    for short, zone, stored in (
        ("EST", None, "EST"), ("EDT", None, None), ("IST", "Asia/Kolkata", "Asia/Kolkata"),
        ("IST", "UTC", None),
    ):  # fmt: skip
        filled.database.execute(sql, (short,))
        if zone:
            monkeypatch.setenv("EPMT_TZ", zone)
        status = 0 if stored else 78
        done = epmt(ours, "migrate", "--from", url_of(sqlite_site.config), status=status)
        filled.database.execute(sql.replace("US/Eastern", short), ("US/Eastern",))
        if stored:
            assert ours.rows("SELECT zone FROM epmt_job") == [(stored,)]
            epmt(ours, "delete", "1")
        else:
            assert f"the time zone {short} has no full name: say EPMT_TZ" in done.stderr
    filled.database.close()


def test_what_is_no_database_of_epmt_is_told(sqlite_site, ours, tmp_path):
    for url in (f"sqlite:///{tmp_path}/none.db", "nonsense"):
        done = epmt(ours, "migrate", "--from", url, status=78)
        assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "none.db").exists()
    sqlite_site.create()
    done = epmt(ours, "migrate", "--from", url_of(sqlite_site.config), status=78)
    assert "no table users of EPMT" in done.stderr
