"""Jobs as dictionaries, with the keys of EPMT."""

import json

from epmtlite.selection import matches
from epmtlite.zones import EPOCH, MICROSECOND, stored_zone
from usagedb.database import in_parts

JSON_COLUMNS = ("tags", "annotations", "analyses", "info_dict", "env_dict", "env_changes_dict")
COLUMNS = (
    "id", "cluster", "jobid", "created_at", "updated_at", "jobname", "zone", "start", "end",
    "submit", "duration", "exitcode", "cpu_time", "peak_rss", *JSON_COLUMNS, "proc_sums",
)  # fmt: skip
# The keys of every dictionary of a job, besides its metrics.
KEYS = (
    "cluster", "jobid", "jobname", "user", "hosts", "zone", "start", "end", "submit", "duration",
    "exitcode", "num_procs", "num_threads", "cpu_time", "peak_rss", "tags", "all_proc_tags",
    "annotations", "analyses", "created_at", "updated_at", "info_dict", "env_dict",
    "env_changes_dict",
)  # fmt: skip
JOBS_PER_QUERY = 100


def job_dicts(database, jobs, merge_sums=True):
    """Yield a dictionary of each of some selection.Jobs, in their order. Read-only.

    start, end and submit are datetimes in the zone of the job; the sums over its processes stand
    at the top level, or with merge_sums=False under proc_sums. One that was deleted meanwhile is
    left out.
    """
    for begin in range(0, len(jobs), JOBS_PER_QUERY):
        part = jobs[begin : begin + JOBS_PER_QUERY]
        numbers = [job.number for job in part]
        found = rows_of(database, numbers)
        hosts = names_by_job(database, numbers)
        tags = process_tags(database, numbers)
        for number in numbers:
            if number not in found:
                continue
            job = found[number]
            job["hosts"] = sorted(hosts.get(number, ()))
            own = {"all_proc_tags": tags.get(number, [])}
            sums = {**own, **job.pop("proc_sums"), **own}
            # A metric of an older release may have the name of a key: it replaces none.
            yield {**job, **sums, **job} if merge_sums else {**job, "proc_sums": sums}


def rows_of(database, numbers):
    """Return {number: dictionary} of jobs. Read-only."""
    columns = ", ".join(f"j.{database.dialect.quote(column)}" for column in COLUMNS)
    sql = (
        f"SELECT {columns}, u.name FROM epmt_job j JOIN epmt_user u ON u.id = j.user_id"  # noqa: S608
        " WHERE j.id IN ({})"
    )
    return {row[0]: job_of(row) for row in in_parts(database, sql, numbers)}


def job_of(row):
    """Return the dictionary of a row of rows_of."""
    job = dict(zip((*COLUMNS, "user"), row))
    del job["id"]
    clock = Clock(job["zone"])
    for key in ("start", "end", "submit"):
        job[key] = clock.moment(job[key])
    for key in ("created_at", "updated_at"):
        job[key] = clock.moment(round(job[key] * 1e6))
    for key in (*JSON_COLUMNS, "proc_sums"):
        job[key] = json.loads(job[key])
    return job


class Clock:
    """Shows moments as the clocks of a time zone do."""

    def __init__(self, zone_name):
        self.tzinfo = stored_zone(zone_name).tzinfo

    def moment(self, microseconds):
        """Return microseconds since the epoch as a datetime of the zone, None if no clock can show
        them: then what else is known can be shown."""
        try:
            return (EPOCH + microseconds * MICROSECOND).astimezone(self.tzinfo)
        except (OverflowError, ValueError):
            return None


def names_by_job(database, numbers):
    """Return {number: names of its hosts}. Read-only."""
    sql = (
        "SELECT j.job_id, h.name FROM epmt_job_host j JOIN epmt_host h ON h.id = j.host_id"
        " WHERE j.job_id IN ({})"
    )
    found: dict = {}
    for number, name in in_parts(database, sql, numbers):
        found.setdefault(number, []).append(name)
    return found


def process_tags(database, numbers):
    """Return {number: tags that processes of the job have}, in the order of their JSON.

    Read-only.
    """
    sql = "SELECT job_id, tags FROM epmt_process_tags WHERE job_id IN ({})"
    found: dict = {}
    for number, text in sorted(in_parts(database, sql, numbers)):
        found.setdefault(number, []).append(json.loads(text))
    return found


def distinct_process_tags(database, jobs, excluded=(), wanted=None):
    """Return the different tags that processes of selection.Jobs have, in order. Read-only.

    Those that match `wanted`, a dictionary, if there is one; without the keys that are excluded.
    """
    by_job = process_tags(database, [job.number for job in jobs])
    distinct: dict = {}
    for tags in (tags for some in by_job.values() for tags in some):
        if wanted is None or matches(tags, wanted):
            left = {key: value for key, value in tags.items() if key not in excluded}
            distinct.setdefault(tuple(sorted(left.items())), left)
    return [distinct[key] for key in sorted(distinct) if key]


def job_names(database, jobs):
    """Return the job ids of selection.Jobs; as cluster/id where several clusters have that id, also
    for the one without a name: each is what other commands take. Read-only.
    """
    sql = "SELECT jobid FROM epmt_job GROUP BY jobid HAVING COUNT(*) > 1"
    ambiguous = {row[0] for row in database.rows(sql)}
    return [f"{job.cluster}/{job.jobid}" if job.jobid in ambiguous else job.jobid for job in jobs]


def unanalyzed(database, jobs):
    """Return those of the jobs of which no analysis is stored. Read-only."""
    sql = "SELECT id FROM epmt_job WHERE analyses = '{{}}' AND id IN ({})"  # selection.NO_ANALYSES
    numbers = {row[0] for row in in_parts(database, sql, [job.number for job in jobs])}
    return [job for job in jobs if job.number in numbers]
