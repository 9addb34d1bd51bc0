"""Which jobs are meant: by their ids, tags, times and machines."""

import json
import time
from typing import NamedTuple, Optional

from epmtlite import filtering, filters, tag_search
from epmtlite.collect import tags as tag_grammar
from epmtlite.ordering import order_sql
from usagedb import errors
from usagedb.database import KEYS_PER_QUERY, in_parts, marks

# What jobs can be sorted by; with a - before it the other way round.
ORDERS = (
    "start", "end", "submit", "duration", "cpu_time", "num_procs", "num_threads", "peak_rss",
    "exitcode", "jobid", "jobname", "cluster", "created_at", "updated_at",
)  # fmt: skip


class JobFilter(NamedTuple):
    """Conditions that all have to be met; what is None or empty is none."""

    jobs: tuple = ()  # ids, or cluster/id
    cluster: Optional[str] = None
    tags: Optional[tuple] = None  # of dictionaries, one of which fits; {}: those without tags
    exact_tag_only: bool = False  # the tags are these and no others
    annotations: Optional[dict] = None
    analyses: Optional[dict] = None
    is_unanalyzed: bool = False  # no analysis has found anything about it
    hosts: tuple = ()
    before: Optional[int] = None  # ended until then, microseconds since the epoch
    old_by: Optional[int] = None  # ended until then, or says it ends yet and was stored until then
    after: Optional[int] = None  # began since then
    when: Optional[tuple] = None  # ran at some time between these two moments
    fltr: Optional[filters.Filter] = None
    order: str = "start"
    limit: Optional[int] = None
    offset: int = 0


class Job(NamedTuple):
    """What tells a job from others."""

    number: int  # epmt_job.id
    cluster: str
    jobid: str
    start: int
    end: int
    num_procs: int

    def full_name(self):
        """Return the job id with its cluster, if that has a name."""
        return f"{self.cluster}/{self.jobid}" if self.cluster else self.jobid


NO_ANALYSES = "{}"  # in epmt_job.analyses
MOST_LATEST = 20_000
JOB_SQL = 'SELECT id, cluster, jobid, start, "end", num_procs FROM epmt_job'


def select_jobs(database, wanted=JobFilter()):  # noqa: B008 - it cannot be changed
    """Return the Jobs that meet a JobFilter, in its order. Read-only.

    A job that is named and not there is left out. Raises UsageError for a job id that several
    clusters have, and for an unknown order.
    """
    conditions, values = conditions_of(database, wanted)
    numbers = None
    if wanted.jobs:
        numbers = {job.number for job in named_jobs(database, wanted.jobs, wanted.cluster)}
        if len(numbers) <= KEYS_PER_QUERY:
            conditions += f" AND id IN ({', '.join('?' * len(numbers)) or 'NULL'})"
            values += sorted(numbers)
    sql = f"{JOB_SQL} WHERE {conditions} ORDER BY {order_sql(database, wanted.order, ORDERS)}"
    found = (Job(*row) for row in database.rows(database.dialect.in_quotes(sql), values))
    jobs = [job for job in found if numbers is None or job.number in numbers]
    jobs = with_texts(database, jobs, wanted)
    if wanted.fltr:
        jobs = filtering.filtered_jobs(database, jobs, wanted.fltr)
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    return jobs[wanted.offset : end]


def latest_jobs(database):
    """Yield (Job, its tags), the job that began last first, until nobody asks for more. Read-only.

    At most MOST_LATEST: what is older says nothing about a new job.
    """
    sql = f"{JOB_SQL.replace(' FROM', ', tags FROM')} ORDER BY start DESC, id DESC"
    rows = database.stream(database.dialect.in_quotes(f"{sql} LIMIT {MOST_LATEST}"))
    try:
        for *columns, tags in rows:
            yield Job(*columns), json.loads(tags)
    finally:
        rows.close()


def conditions_of(database, wanted):
    """Return (SQL, values) of what can be asked in SQL."""
    conditions, values = ["1 = 1"], []
    for condition, value in (
        ("analyses = ?", NO_ANALYSES if wanted.is_unanalyzed else None),
        ("cluster = ?", wanted.cluster),
        ('"end" <= ?', wanted.before),
        ("start >= ?", wanted.after),
        ("start <= ?", wanted.when and wanted.when[1]),
        ('"end" >= ?', wanted.when and wanted.when[0]),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if wanted.old_by is not None:
        # Any clock may have been wrong: when it was stored counts only where its end is none.
        conditions.append('("end" <= ? OR ("end" > ? AND created_at <= ?))')
        values += [wanted.old_by, round(time.time() * 1e6), wanted.old_by / 1e6]
    if wanted.hosts:
        conditions.append(
            "id IN (SELECT j.job_id FROM epmt_job_host j JOIN epmt_host h ON h.id = j.host_id"  # noqa: S608
            f" WHERE h.name IN ({marks(wanted.hosts)}))"
        )
        values += wanted.hosts
    if wanted.tags:
        condition, patterns = tag_search.condition(database, wanted.tags)
        conditions.append(condition)
        values += patterns
    return " AND ".join(conditions), values


def named_jobs(database, names, cluster=None):
    """Return the Jobs with these ids; a name may be cluster/id. Read-only.

    Raises UsageError for a job id that several clusters have, unless cluster says which.
    """
    pairs = [pair_of(name, cluster) for name in names]
    found: dict = {}
    sql = database.dialect.in_quotes(JOB_SQL + " WHERE jobid IN ({})")
    for row in in_parts(database, sql, sorted({jobid for _cluster, jobid in pairs})):
        found.setdefault(row[2], []).append(Job(*row))
    jobs: dict = {}
    for one_cluster, jobid in pairs:
        meant = [job for job in found.get(jobid, ()) if one_cluster in (None, job.cluster)]
        if len(meant) > 1:
            clusters = ", ".join(sorted(f"{job.cluster}/{jobid}" for job in meant))
            raise errors.UsageError(f"several clusters have a job {jobid}: say one of {clusters}")
        jobs.update((job.number, job) for job in meant)
    return list(jobs.values())


def missing_names(names, jobs):
    """Return the names that stand for none of the Jobs, each once."""
    known = {name for job in jobs for name in (job.jobid, f"{job.cluster}/{job.jobid}")}
    return [name for name in dict.fromkeys(names) if name not in known]


def pair_of(name, cluster):
    """Return (cluster or None, job id) of a name: job ids have no slash."""
    before, slash, after = name.rpartition("/")
    return (before, after) if slash else (cluster, name)


def with_texts(database, jobs, wanted):
    """Return the jobs whose tags, annotations and analyses are those wanted. Read-only."""
    for column, values, is_exact in (
        ("tags", wanted.tags, wanted.exact_tag_only),
        ("annotations", single(wanted.annotations), False),
        ("analyses", single(wanted.analyses), False),
    ):
        if values is not None and jobs:
            sql = f"SELECT id, {column} FROM epmt_job WHERE id IN ({{}})"  # noqa: S608
            texts = dict(in_parts(database, sql, [job.number for job in jobs]))
            fits = {text: fits_one(json.loads(text), values, is_exact) for text in texts.values()}
            jobs = [job for job in jobs if fits[texts.get(job.number)]]
    return jobs


def single(value):
    """Return a tuple of one value, None for None."""
    return None if value is None else (value,)


def fits_one(mapping, alternatives, is_exact=False):
    """Tell whether a mapping matches one of several."""
    return any(matches(mapping, wanted, is_exact) for wanted in alternatives)


def matches(mapping, wanted, is_exact=False):
    """Tell whether a mapping has all wanted keys with these values, compared as text.

    {} is wanted for a mapping without keys; with is_exact it must have no others.
    """
    if is_exact or not wanted:
        return {key: str(value) for key, value in mapping.items()} == wanted
    return all(key in mapping and str(mapping[key]) == value for key, value in wanted.items())


def wanted_tags(text):
    """Return the tags of a condition k1:v1;k2:v2; {} for "". A ; may stand at the end.

    Raises UsageError for a part that is no tag: without it the condition would be another one.
    """
    parts = text.split(";")
    if not parts[-1].strip():
        parts.pop()
    pairs = [tag_grammar.pair_of(part) for part in parts]
    if None in pairs:
        wrong = parts[pairs.index(None)].strip()
        what = f"{filters.shown(wrong)} is no tag" if wrong else "a tag is missing beside a ;"
        raise errors.UsageError(f"tags {filters.shown(text)}: {what}: write key:value;key:value")
    return dict(pairs)
