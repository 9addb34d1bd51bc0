"""Read the jobs of one page: as many as it shows, however many there are."""

import contextlib
import functools
import heapq
import itertools
import json

from epmtlite import filtering, selection, tag_search, values
from epmtlite.analysis.errors import BadArgument
from epmtlite.gui.wanted_jobs import ORDERS
from epmtlite.jobs import names_by_job
from usagedb.database import marks

KEYS = (
    "id", "cluster", "jobid", "user", "jobname", "zone", "start_local", "end_local", "duration",
    "cpu_time", "num_procs", "num_threads", "peak_rss", "exitcode", "tags",
)  # fmt: skip
COLUMNS = ", ".join("u.name" if key == "user" else f"j.{key}" for key in KEYS)
TABLES = "epmt_job j JOIN epmt_user u ON u.id = j.user_id"


def conditions_of(database, wanted):
    """Return (SQL, values) of what the database is asked."""
    found: list = [
        ("j.user_id IN (SELECT id FROM epmt_user WHERE name = ?)", wanted.user or None),
        (
            "j.id IN (SELECT jh.job_id FROM epmt_job_host jh JOIN epmt_host h ON h.id = jh.host_id"
            " WHERE h.name = ?)",
            wanted.host or None,
        ),
        ("j.cluster = ?", wanted.cluster),
        ("j.day = ?", wanted.day),
        ("j.start >= ?", wanted.after),
        ('j."end" <= ?', wanted.before),
    ]
    found = [(condition, value) for condition, value in found if value is not None]
    conditions = ["1 = 1", *(condition for condition, _value in found)]
    values_ = [value for _condition, value in found]
    for tags in wanted.tags:  # all of them have to fit: only such jobs need to be looked at
        condition, patterns = tag_search.condition(database, (tags,), "j.tags")
        conditions.append(condition)
        values_ += patterns
    return " AND ".join(conditions), values_


def column_of(database, key):
    """Return the SQL of the column that has a key."""
    return "u.name" if key == "user" else f"j.{database.dialect.quote(key)}"


def order_of(database, wanted):
    """Return the SQL of the order; jobs with equal values by id."""
    direction = "DESC" if wanted.order.startswith("-") else "ASC"
    key = ORDERS[wanted.order.removeprefix("-")]
    return f"{column_of(database, key)} {direction}, j.id {direction}"


def page(database, wanted, offset, limit):
    """Return (dictionaries of the jobs of a page with KEYS and hosts, how many jobs there are in
    all). Read-only. Raises BadArgument for an unknown name in a condition.

    The numbers of the jobs are found first: for most orders an index has these, and rows are large.
    """
    find = scanned_page if wanted.is_scanned() else counted_page
    numbers, count = find(database, wanted, offset, limit)
    jobs = [job_of(row) for row in rows_of(database, numbers)]
    hosts = names_by_job(database, [job["id"] for job in jobs])
    for job in jobs:
        job["hosts"] = sorted(hosts.get(job["id"], ()))
    return jobs, count


def counted_page(database, wanted, offset, limit):
    """Return (numbers, count), of which the database has done all."""
    conditions, values_ = conditions_of(database, wanted)
    sql = f"SELECT COUNT(*) FROM epmt_job j WHERE {conditions}"  # noqa: S608
    ((count,),) = database.rows(database.dialect.in_quotes(sql), values_)
    tables = TABLES if wanted.order.endswith("user") else "epmt_job j"
    sql = (
        f"SELECT j.id FROM {tables} WHERE {conditions} ORDER BY {order_of(database, wanted)}"  # noqa: S608
        " LIMIT ? OFFSET ?"
    )
    rows = database.rows(database.dialect.in_quotes(sql), (*values_, limit, offset))
    return [row[0] for row in rows], count


def scanned_page(database, wanted, offset, limit):
    """Return (numbers, count). Of the jobs until the end of the page the numbers, and what they
    are sorted by, are in memory: to sort whole rows takes databases long."""
    count = 0

    def entries():
        nonlocal count
        key = ORDERS[wanted.order.removeprefix("-")]
        for number, (value,) in accepted_rows(database, wanted, (key,), is_ordered=False):
            count += 1
            yield value, number

    first = heapq.nlargest if wanted.order.startswith("-") else heapq.nsmallest
    found = first(offset + limit, entries())
    return [number for _value, number in found[offset:]], count


def rows_of(database, numbers):
    """Return the rows of COLUMNS of some jobs, in the order of their numbers. Read-only."""
    if not numbers:
        return []
    sql = f"SELECT {COLUMNS} FROM {TABLES} WHERE j.id IN ({marks(numbers)})"  # noqa: S608
    found = {row[0]: row for row in database.rows(sql, numbers)}
    return [found[number] for number in numbers if number in found]


def accepted_rows(database, wanted, keys, is_ordered=True):
    """Yield (number, values of some keys) of the jobs that meet all conditions, in their order or
    in any, a few in memory at a time. Read-only. Raises BadArgument for an unknown name."""
    test = Test(database, wanted)
    conditions, values_ = conditions_of(database, wanted)
    names = ["j.id", *test.columns, *(column_of(database, key) for key in keys)]
    sql = f"SELECT {', '.join(names)} FROM {TABLES} WHERE {conditions}"  # noqa: S608
    if is_ordered:
        sql += f" ORDER BY {order_of(database, wanted)}"
    end = 1 + len(test.columns)
    for row in database.stream(database.dialect.in_quotes(sql), values_):
        if test.accepts(row[1:end]):
            yield row[0], row[end:]


def selected(database, wanted, most):
    """Return the selection.Jobs that are wanted, the first `most` and one more, in the order of
    their starts. Read-only."""
    keys = ("cluster", "jobid", "start", "end", "num_procs")
    rows = accepted_rows(database, wanted, keys, is_ordered=False)
    with contextlib.closing(rows):
        found = [
            selection.Job(number, *cells) for number, cells in itertools.islice(rows, most + 1)
        ]
    return sorted(found, key=lambda job: (job.start, job.number))


class Test:
    """Tells which jobs meet the tags and the condition that are wanted."""

    __test__ = False  # for pytest

    def __init__(self, database, wanted):
        self.wanted, self.fltr = wanted, wanted.fltr
        used = self.fltr.columns() if self.fltr else set()
        self.own = sorted(used & set(filtering.JOB_COLUMNS))
        metrics = used - set(filtering.JOB_COLUMNS) - {"user"}
        check_metrics(database, metrics)
        self.columns = [f"j.{database.dialect.quote(name)}" for name in self.own]
        self.columns += ["u.name"] * ("user" in used) + ["j.proc_sums"] * bool(metrics)
        self.columns += ["j.tags"] * bool(wanted.tags)
        self.names = [*self.own, *["user"] * ("user" in used), *["proc_sums"] * bool(metrics)]

    def accepts(self, cells):
        """Tell whether a job meets them, of which these are the values of .columns."""
        if self.wanted.tags:
            tags = parsed_tags(cells[-1])
            if not all(selection.matches(tags, one) for one in self.wanted.tags):
                return False
        if self.fltr is None:
            return True
        known = dict(zip(self.names, cells))
        known = {**json.loads(known.pop("proc_sums", "{}")), **known}
        return self.fltr.accepts(filtering.row_of(self.fltr, known))


@functools.lru_cache(maxsize=4096)
def parsed_tags(text):
    """Return the tags of a text of JSON, which nobody may change: many jobs share theirs."""
    return json.loads(text)


def check_metrics(database, names):
    """Raise BadArgument for a name that is no sum of metrics in any job. Read-only."""
    if not names:
        return
    known: set = set()
    for (text,) in database.stream("SELECT DISTINCT names FROM epmt_metric_names"):
        known.update(text.split(","))
    known -= values.NOT_SUMMED
    wrong = sorted(set(names) - known)
    if wrong:
        there = ("user", *filtering.JOB_COLUMNS)
        raise BadArgument(
            f"{wrong[0]} is nothing of jobs; there are {', '.join(there)}, and the metrics"
            f" {', '.join(sorted(known)) or 'none'}"
        )


def each(database, wanted):
    """Yield dictionaries of all jobs that are wanted, without their hosts. Read-only."""
    for _number, row in accepted_rows(database, wanted, KEYS):
        yield job_of(row)


def job_of(row):
    """Return the dictionary of a row of COLUMNS."""
    job = dict(zip(KEYS, row))
    job["tags"] = json.loads(job["tags"])
    return job


def has_several_clusters(database):
    """Tell whether the jobs are of several clusters. Read-only."""
    ((first, last),) = database.rows("SELECT MIN(cluster), MAX(cluster) FROM epmt_job")
    return first != last
