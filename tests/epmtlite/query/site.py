"""Databases with jobs for the tests of epmtlite.query, and what these ask."""

import contextlib
import datetime

from epmtlite import query
from epmtlite.collect import settings as collect_settings
from tests.epmtlite.made_jobs import BEGIN, epmt, made_job, record, write_job

DAY = datetime.timedelta(days=1)
MICROSECONDS_PER_DAY = 86_400_000_000


def shifted(jobid, days, tags, hosts=("n1",), records=None, lasts=None, **changes):
    """Return a MadeJob that began some days later, with some tags; it lasts an hour, or so many
    seconds."""
    start = BEGIN + days * DAY
    records = records or [record(hostname=host, pid=10 + n) for n, host in enumerate(hosts)]
    moved = [
        one._replace(
            start=one.start + days * MICROSECONDS_PER_DAY, end=one.end + days * MICROSECONDS_PER_DAY
        )
        for one in records
    ]
    values = {
        "job_pl_submit_ts": start, "job_pl_start_ts": start,
        "job_el_stop_ts": start + datetime.timedelta(seconds=lasts or 3600),
        "job_el_env": {"EPMT_JOB_TAGS": tags}, **changes,
    }  # fmt: skip
    return made_job(moved, jobid=jobid, **values)


@contextlib.contextmanager
def asked(site, **settings):
    """Let epmtlite.query ask the database of a Site in the block, with settings of EPMT."""
    database = site.connect()
    try:
        with query.using(database, collect_settings.Settings(settings)):
            yield database
    finally:
        database.close()


@contextlib.contextmanager
def stored(site, place, jobs, **settings):
    """Store MadeJobs in the database of a Site, and let epmtlite.query ask it in the block."""
    submit(site.create(), place, jobs)
    with asked(site, **settings) as database:
        yield database


def submit(site, place, jobs, *words):
    """Store MadeJobs in the database of a Site."""
    paths = [write_job(job, place / "jobs" / job.metadata["job_pl_id"]) for job in jobs]
    epmt(site, "submit", *words, *paths)
