"""Ask for one page of a table of jobs, however many jobs there are."""

from collections.abc import Iterator, Sequence
from typing import Any

from usagedb.database import marks
from usagedb.errors import UsageError
from userportal.slurm import states, stored
from userportal.slurm.asking import Memory
from userportal.slurm.job_queries import JobQueries, of_user
from userportal.slurm.jobset import HIGHEST_JOB_ID
from userportal.slurm.model import JobFilter, JobPage

# What jobs can be sorted by: the names of the fields of Job, and those of the API.
ORDERS = {
    "job_id": "id_job", "name": "job_name", "account": "account", "partition": "partition",
    "state": "state", "submit": "time_submit", "eligible": "time_eligible",
    "start": "time_start", "end": "time_end", "time_limit_minutes": "timelimit",
    "user_id": "id_user",
}  # fmt: skip
COLUMNS = {**ORDERS, **{column: column for column in ORDERS.values()}}
USUAL_ORDER = "-submit"
MOST_ON_PAGE = 1000
LARGEST_OFFSET = 10_000_000
LONGEST_TEXT = 200
# A large number of jobs takes long to count, and one more or less does not show.
LARGE_COUNT = 10_000
COUNTS = Memory(30)
USUAL_SORT = ("time_submit", "DESC")
RECENT_ROWS, GROWTH, TRIES = 500, 8, 3
DAY_SECONDS = 86400
Conditions = tuple[list[str], list[Any]]


class PageQueries(JobQueries):
    """Queries for tables of jobs."""

    def page(
        self, wanted: JobFilter, order: str = USUAL_ORDER, offset: int = 0, limit: int = 10
    ) -> JobPage:
        """Return one page of the jobs that are wanted, at most MOST_ON_PAGE.

        order is one of COLUMNS, with a - before it for descending. Raises UsageError for another.
        """
        sort = checked_order(order)
        owned = self._owned(wanted)
        if owned is None:
            return JobPage(0, 0, [])
        narrowed = narrowing(wanted, self.database)
        total = self._count(owned)
        every = (owned[0] + narrowed[0], owned[1] + narrowed[1])
        bounds = [max(0, min(limit, MOST_ON_PAGE)), max(0, min(offset, LARGEST_OFFSET))]
        filtered = self._kept_count(every) if narrowed[0] else total
        # A text is in few names, and all are read for it: better once. Of many rows, counting them
        # and finding the newest by _recent takes less than sorting all.
        if filtered is None and not (wanted.text.strip() and bounds[0]):
            filtered = self._count(every)
        # The keys first, then the rows of these: sorting whole rows would take much longer.
        keys: list[int] = []
        if filtered is None:
            filtered, keys = self._counted_keys(every, sort, bounds)
        elif bounds[0]:
            keys = self._keys(wanted, every, sort, bounds, filtered)
        return JobPage(total, filtered, self._rows_of(keys))

    def _counted_keys(
        self, every: Conditions, sort: "tuple[str, str]", bounds: "list[int]"
    ) -> "tuple[int, list[int]]":
        """Return how many rows there are and the numbers of those of a page, by one reading."""
        found = self._sorted(every, sort, bounds, ", count(*) OVER ()")
        filtered = int(found[0][2]) if found else self._count(every) if bounds[1] else 0
        self._keep_count(every, filtered)
        return filtered, [int(row[0]) for row in found]

    def _keys(
        self,
        wanted: JobFilter,
        every: Conditions,
        sort: "tuple[str, str]",
        bounds: "list[int]",
        many: int,
    ) -> "list[int]":
        """Return the numbers of the rows of a page; there are so many rows, or were just now."""
        limit, offset = bounds
        for condition, since in self._recent(wanted, sum(bounds)) if sort == USUAL_SORT else ():
            recent = (every[0] + [condition], every[1] + [since])
            found = self._sorted(recent, sort, bounds)
            if len(found) == limit and int(found[-1][1]) >= since:
                return [int(row[0]) for row in found]
        if many >= LARGE_COUNT and many // 2 < offset < many:  # nearer from the other end
            limit = min(limit, many - offset)
            other = (sort[0], "ASC" if sort[1] == "DESC" else "DESC")
            found = self._sorted(every, other, [limit, many - offset - limit])[::-1]
        else:
            found = self._sorted(every, sort, bounds)
        return [int(row[0]) for row in found]

    def _sorted(
        self, conditions: Conditions, sort: "tuple[str, str]", bounds: "list[int]", more: str = ""
    ) -> "list[Any]":
        column, direction = sort
        sql = (
            f'SELECT "job_db_inx", "{column}"{more} FROM {{job_table}}{where_of(conditions)}'  # noqa: S608
            f' ORDER BY "{column}" {direction}, "job_db_inx" {direction} LIMIT ? OFFSET ?'
        )
        return self.ask(sql, [*conditions[1], *bounds])

    def _recent(self, wanted: JobFilter, rows: int) -> "Iterator[tuple[str, int]]":
        """Yield conditions that most likely leave the newest submissions, weaker ones later.

        Each comes with a time: what it leaves out was submitted before. No index has user and time
        of submission, but one has user and end, before which each job was submitted.
        """
        if wanted.user_id is None:
            newest = self.ask('SELECT max("time_submit") FROM {job_table}')[0][0] or 0
            for days in (1, GROWTH, GROWTH**2):
                yield '"time_submit" >= ?', int(newest) - days * DAY_SECONDS
            return
        sql = (
            'SELECT "time_end" FROM {job_table} WHERE "id_user" = ? AND "time_end" > 0'
            ' ORDER BY "time_end" DESC LIMIT 1 OFFSET ?'
        )
        for factor in (GROWTH**power for power in range(TRIES)):
            last = self.ask(sql, (wanted.user_id, (rows * 2 + RECENT_ROWS) * factor))
            if not last:
                return
            yield '("time_end" = 0 OR "time_end" >= ?)', int(last[0][0])

    def _rows_of(self, indexes: "Sequence[int]") -> "list[Any]":
        if not indexes:
            return []
        found = self._jobs(f'WHERE "job_db_inx" IN ({marks(indexes)})', indexes)
        by_index = {job.db_index: job for job in found}
        return [by_index[index] for index in indexes if index in by_index]

    def _owned(self, wanted: JobFilter) -> "Conditions | None":
        """Return the conditions that say whose jobs are wanted, None if there can be none."""
        conditions: list[str] = []
        parameters: list[Any] = []
        if wanted.user_id is not None:
            condition, values = of_user(wanted.user_id, wanted.usernames)
            conditions.append(condition)
            parameters += values
        if wanted.account is not None:
            ids = self.association_ids(wanted.account)
            if not ids:
                return None
            conditions.append(f'"id_assoc" IN ({marks(ids)})')
            parameters += ids
        return conditions, parameters

    def _count(self, conditions: Conditions) -> int:
        counted = self._kept_count(conditions)
        if counted is None:
            sql = f"SELECT count(*) FROM {{job_table}}{where_of(conditions)}"  # noqa: S608 - fixed
            counted = int(self.ask(sql, conditions[1])[0][0])
            self._keep_count(conditions, counted)
        return counted

    def _kept_count(self, conditions: Conditions) -> "int | None":
        counted = COUNTS.get((*self.address(), *conditions[0], *conditions[1]))
        return None if counted is None else int(counted)

    def _keep_count(self, conditions: Conditions, counted: int) -> None:
        if counted >= LARGE_COUNT:
            COUNTS.put((*self.address(), *conditions[0], *conditions[1]), counted)

    def association_ids(self, account: str) -> "list[int]":
        """Return the numbers of an account's associations, deleted ones included."""
        raise NotImplementedError


def checked_order(order: str) -> "tuple[str, str]":
    """Return the column and the direction of an order. Raises UsageError."""
    name = order.removeprefix("-")
    if name not in COLUMNS:
        raise UsageError(f"order {order[:40]!r}: one of {', '.join(ORDERS)}, or -submit and so on")
    return COLUMNS[name], "DESC" if order.startswith("-") else "ASC"


def where_of(conditions: Conditions) -> str:
    """Return the WHERE of some conditions, '' without any."""
    return f" WHERE {' AND '.join(conditions[0])}" if conditions[0] else ""


def narrowing(wanted: JobFilter, database: Any) -> Conditions:
    """Return the conditions of a filter that do not say whose jobs are wanted."""
    conditions: list[str] = []
    parameters: list[Any] = []
    if wanted.states:
        conditions.append(f"({states.BASE_EXPRESSION}) IN ({marks(wanted.states)})")
        parameters += wanted.states
        if set(wanted.states) <= set(states.UNFINISHED):
            conditions.append('"time_end" = 0')  # which has an index
    for condition, bounds in time_conditions(wanted):
        conditions.append(condition)
        parameters += bounds
    if wanted.partition:
        conditions.append('"partition" = ?')
        parameters.append(wanted.partition)
    if wanted.text.strip():
        condition, values = text_condition(wanted.text.strip()[:LONGEST_TEXT], database)
        conditions.append(condition)
        parameters += values
    return conditions, parameters


def time_conditions(wanted: JobFilter) -> "list[tuple[str, list[int]]]":
    """Return (condition, parameters) of the times of a filter."""
    if wanted.has_run and wanted.since is not None and wanted.until is not None:
        return [ran_in(wanted.since, wanted.until)]
    found = []
    if wanted.since is not None:
        found.append(('("time_end" = 0 OR "time_end" > ?)', [wanted.since]))
    if wanted.until is not None:
        found.append(('"time_submit" < ?', [wanted.until]))
    return found


def ran_in(since: int, until: int) -> "tuple[str, list[int]]":
    """Return condition and parameters of the jobs that had their nodes in a window.

    The jobs in a list are so those that the sums of the same window count.
    """
    runs = f'"time_end" = 0 AND {states.BASE_EXPRESSION} IN ({marks(states.STARTED)})'
    condition = f'(("time_end" > ? OR {runs}) AND "time_start" > 0 AND "time_start" < ?)'
    return condition, [since, *states.STARTED, until]


def text_condition(text: str, database: Any) -> "tuple[str, list[Any]]":
    """Return the condition that a job has a text in its name, or as its number."""
    lowered = text.lower()
    # In a latin1 table a name that is not ASCII looks different, and its capitals too.
    spellings = list(dict.fromkeys([lowered, stored.as_stored(text).lower()]))
    likes = [database.like('lower("job_name")')] * len(spellings)
    values: list[Any] = [f"%{escaped(spelling)}%" for spelling in spellings]
    if text.isascii() and text.isdecimal() and int(text) <= HIGHEST_JOB_ID:
        likes += ['"id_job" = ?', '"id_array_job" = ?']
        values += [int(text)] * 2
    return f"({' OR '.join(likes)})", values


def escaped(text: str) -> str:
    """Return a text as a part of a LIKE pattern that stands for itself."""
    for letter in "!%_":
        text = text.replace(letter, f"!{letter}")
    return text.replace("\0", "")
