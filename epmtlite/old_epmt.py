"""Read the tables that EPMT itself makes, versions 4 and 5. Nothing of them is changed.

What is known of them: users, hosts, jobs, processes (with the metrics of threads as JSON, and
moments as the clocks of the job showed them) and processes_staging, where jobs wait that nobody
has looked at yet.
"""

import json
import math
import re
from pathlib import Path

from epmtlite.collect import errors, metaformat
from epmtlite.collect.metric_names import refusal
from epmtlite.collect.papiex import PER_PROCESS, PER_THREAD, ProcessRecord
from epmtlite.collect.tags import written
from epmtlite.facts import Facts, exit_code, job_number, name_of, submitted, text_value
from epmtlite.zones import LAST_RESORTS, named_zone, stored_zone
from usagedb.database import Database
from usagedb.errors import ConfigurationError
from usagedb.terminal import stored_text

ROWS_PER_PAGE = 2000
NEEDED = ("users", "hosts", "jobs", "processes")
OFFSET = re.compile(r"([+-]\d\d):?(\d\d)$")
JOB_COLUMNS = (
    "jobid", "user_id", "jobname", "start", "end", "submit", "exitcode", "tags", "annotations",
    "analyses", "info_dict", "env_dict", "env_changes_dict",
)  # fmt: skip
PROCESS_COLUMNS = (
    "id", "tags", "host_id", "exename", "path", "args", "exitcode", "pid", "gen", "ppid", "pgid",
    "sid", "start", "end", "threads_df",
)  # fmt: skip
STAGED_COLUMNS = (
    "id", "tags", "hostname", "exename", "path", "args", "exitcode", "exitsignal", "pid",
    "generation", "ppid", "pgid", "sid", "start", "finish", "threads_df",
)  # fmt: skip
# Not metrics of a thread, though EPMT may have them beside these.
NO_METRICS = frozenset(PER_PROCESS + PER_THREAD)


class OldDatabase:
    """A database of EPMT."""

    def __init__(self, config, site_zone=None):
        """Connect. site_zone names the zone of jobs that do not say theirs.

        Raises ConfigurationError if it has no tables of EPMT, UnavailableError or RefusedError.
        """
        if config.backend == "sqlite" and not Path(config.database).is_file():
            raise ConfigurationError(f"{config.database}: there is no such database")
        self.database = Database(config.replaced(read_only=True))
        if config.backend == "sqlite":  # which has stored whatever bytes came
            self.database.connection.text_factory = stored_text
        for name in NEEDED:
            if not self.database.dialect.has_table(self.database, name):
                raise ConfigurationError(f"{config.describe()} has no table {name} of EPMT")
        self.site_zone = site_zone
        self._names: dict = {}  # tuple of metrics -> the same tuple, one object for all processes

    def job_ids(self):
        """Return the ids of all jobs, the oldest first. Read-only."""
        return [row[0] for row in self.database.rows("SELECT jobid FROM jobs ORDER BY start")]

    def job(self, jobid):
        """Return the OldJob of an id. Read-only. Raises MalformedError."""
        sql = f"SELECT {self.database.dialect.quote_all(JOB_COLUMNS)} FROM jobs WHERE jobid = ?"  # noqa: S608
        found = self.database.rows(sql, (jobid,))
        if len(found) != 1:
            raise errors.MalformedError(f"job {jobid} is not there any more, or several times")
        return OldJob(self, dict(zip(JOB_COLUMNS, found[0])))

    def pages(self, table, columns, condition, values):
        """Yield rows of a table in the order of their ids, as dictionaries. Read-only."""
        last_id = -1
        names = self.database.dialect.quote_all(columns)
        sql = (
            f"SELECT {names} FROM {table} WHERE {condition} AND id > ?"  # noqa: S608
            f" ORDER BY id LIMIT {ROWS_PER_PAGE}"
        )
        while True:
            rows = self.database.rows(sql, (*values, last_id))
            for row in rows:
                yield dict(zip(columns, row))
            if len(rows) < ROWS_PER_PAGE:
                return
            last_id = rows[-1][0]

    def names(self, names):
        """Return one tuple for all equal lists of metrics. Raises MalformedError."""
        names = tuple(names)
        if names not in self._names:
            if any("," in name for name in names):
                raise errors.MalformedError(f"a metric with a comma in its name: {names}")
            if refusal(names):
                raise errors.MalformedError(refusal(names))
        return self._names.setdefault(names, names)

    def close(self):
        """Close the connection."""
        self.database.close()


class OldJob:
    """A job of a database of EPMT: .facts, and records()."""

    def __init__(self, old, row):
        """Raises MalformedError for what no job can have."""
        self.old, self.jobid = old, row["jobid"]
        self.info = mapping(row, "info_dict")
        first = self._moment(row["start"])
        self.zone = zone_of(str(self.info.get("tz") or ""), first, old.site_zone)
        start, end = self.zone.span(first, self._moment(row["end"]), self._when_it_ran)
        self.facts = Facts(
            jobid=job_number(row["jobid"]),
            user=name_of(str(row["user_id"] or "unknown")),
            jobname=str(row["jobname"] or "unknown"),
            zone=self.zone,
            start=start,
            end=end,
            submit=submitted(self.zone.meanings(self._moment(row["submit"])), start),
            exitcode=exit_code(whole(row["exitcode"])),
            tags={key: text_value(value) for key, value in mapping(row, "tags").items()},
            annotations=mapping(row, "annotations"),
            status=mapping(self.info, "status"),
            environment=mapping(row, "env_dict"),
            environment_changes=mapping(row, "env_changes_dict"),
            analyses=mapping(row, "analyses"),
        )

    def _microseconds(self, moment):
        """Return a moment of the job's clocks in microseconds since the epoch."""
        return self.zone.microseconds(self._moment(moment))

    def _moment(self, moment):
        """Return a moment of the job's clocks, which is a text in SQLite, as a datetime."""
        try:
            return metaformat.parsed_time(moment) if isinstance(moment, str) else moment.replace()
        except (ValueError, AttributeError, TypeError) as error:
            raise errors.MalformedError(f"job {self.jobid}: {moment} is no time") from error

    def _when_it_ran(self):
        """Return when the first process began and the last one ended; (None, None) without any.
        Read-only. Raises MalformedError."""
        first = last = None
        for one in self.records():
            first = one.start if first is None else min(first, one.start)
            last = one.end if last is None else max(last, one.end)
        return first, last

    def records(self):
        """Yield a ProcessRecord of each process. Raises MalformedError."""
        rows = self.old.pages("processes", PROCESS_COLUMNS, "jobid = ?", (self.jobid,))
        for row in rows:
            yield self._record(row)
        first_last = self.info.get("procs_staging_ids")
        if first_last and not self.info.get("procs_in_process_table", 1):
            if not isinstance(first_last, list) or len(first_last) != 2:
                raise errors.MalformedError(f"job {self.jobid}: procs_staging_ids are no two ids")
            names = self.old.names(str(self.info.get("metric_names") or "").split(","))
            condition = "id BETWEEN ? AND ?"
            ids = tuple(map(whole, first_last))
            rows = self.old.pages("processes_staging", STAGED_COLUMNS, condition, ids)
            for row in rows:
                yield self._staged_record(row, names)

    def _record(self, row):
        """Return the ProcessRecord of a row of processes."""
        threads = decoded(row["threads_df"]) or [{}]
        if not isinstance(threads, list) or not all(isinstance(one, dict) for one in threads):
            raise errors.MalformedError(f"process {row['pid']}: threads_df is no list of threads")
        names = self.old.names(name for name in threads[0] if name not in NO_METRICS)
        first = threads[0]
        if "start" in first and "end" in first:
            start, end = whole(first["start"]), whole(first["end"])
        else:
            start, end = self._microseconds(row["start"]), self._microseconds(row["end"])
        values = [tuple(whole(one.get(name)) for name in names) for one in threads]
        found = {"hostname": row["host_id"], "generation": row["gen"], "exitsignal": 0}
        return record_of({**row, **found}, start, end, names, values)

    def _staged_record(self, row, names):
        """Return the ProcessRecord of a row of processes_staging."""
        found = decoded(row["threads_df"])
        flat = [whole(value) for value in found] if isinstance(found, list) else []
        if not names or not flat or len(flat) % len(names):
            raise errors.MalformedError(f"job {self.jobid}: a staged process has odd metrics")
        threads = list(zip(*[iter(flat)] * len(names)))
        start, end = whole(row["start"]), whole(row["finish"])
        return record_of(row, start, end, names, threads)


def record_of(row, start, end, names, threads):
    """Return a ProcessRecord of the columns of a row that are the process's own."""
    tags = row["tags"]
    if not isinstance(tags, str) or tags[:1] == "{":
        tags = written(mapping(row, "tags"))
    own = {key: str(row[key] or "") for key in ("hostname", "exename", "path", "args")}
    numbers = [
        whole(row[key])
        for key in ("exitcode", "exitsignal", "pid", "generation", "ppid", "pgid", "sid")
    ]
    return ProcessRecord._make(
        (tags, *own.values(), *numbers, len(threads), start, end, names, threads)
    )


def decoded(value):
    """Return what a column of JSON holds, as texts or decoded by the driver; {} for nothing.

    Raises MalformedError.
    """
    try:
        return (json.loads(value) if isinstance(value, (str, bytes)) else value) or {}
    except (ValueError, RecursionError) as error:
        raise errors.MalformedError(f"{value[:40]!r} is no JSON") from error


def mapping(row, key):
    """Return the dictionary under a key, {} for nothing. Raises MalformedError for another type."""
    found = decoded(row.get(key))
    if not isinstance(found, dict):
        raise errors.MalformedError(f"its {key} is no object: {str(found)[:40]}")
    return found


def whole(value):
    """Return a number of EPMT as an integer: what is missing there is 0. Raises MalformedError."""
    try:
        return 0 if value is None or math.isnan(value) else round(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise errors.MalformedError(f"{value!r} is no number") from error


def zone_of(text, moment, site_zone=None):
    """Return the Zone of a job of which EPMT noted `text`; moment is one of its clocks.

    The text is a name, an offset, or a short form such as EST, which several zones share: then the
    zone of the site, if its clocks say so too. Without a text it is that of the site, else EPMT's.
    Raises ConfigurationError if it cannot be told.
    """
    offset = OFFSET.search(text)
    if offset:
        return stored_zone(f"{offset[1]}:{offset[2]}")
    zone = named_zone(text)
    if zone:
        return zone
    usual = filter(None, map(named_zone, filter(None, (site_zone, *LAST_RESORTS))))
    for zone in usual:
        if not text or moment.replace(tzinfo=zone.tzinfo).tzname() == text:
            return zone
    raise errors.ConfigurationError(
        f"the time zone {text} has no full name: say EPMT_TZ, for instance EPMT_TZ=Asia/Kolkata"
    )
