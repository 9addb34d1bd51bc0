"""Ask how all jobs of some time went: by partition, by user."""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from usagedb.database import marks
from userportal.slurm import rows, run_time, states, stored
from userportal.slurm.account_queries import AccountQueries
from userportal.slurm.model import JobStart, PartitionStatistics, UserUsage
from userportal.slurm.page_queries import ran_in
from userportal.slurm.pause_queries import PauseQueries

BINS = 20
MOST_STARTS = 100_000
MOST_PARTITIONS = 1000
ENDED = (states.COMPLETED, states.TIMEOUT)
BASE = f"({states.BASE_EXPRESSION})"
# No difference of numbers without sign becomes negative where these hold.
RAN = '"time_start" > 0 AND "time_end" >= "time_start"'
MEASURED = f'"timelimit" BETWEEN 1 AND {stored.NO_VALUE - 1}'
USAGE_COLUMNS = (
    "id_user", "id_assoc", "job_db_inx", "time_start", "time_end", "time_suspended",
    *rows.PER_JOB_COLUMNS,
)  # fmt: skip


class StatisticsQueries(AccountQueries, PauseQueries):
    """Queries about all jobs of some time."""

    def _window(
        self, since: int, until: int, account: "str | None"
    ) -> "tuple[str, list[Any]] | None":
        """Return the condition for jobs that began and ended in a window, None if none can."""
        condition = f'"time_end" BETWEEN ? AND ? AND "time_start" >= ? AND {RAN}'
        parameters: list[Any] = [since, until, since]
        if account is not None:
            ids = self.association_ids(account)
            if not ids:
                return None
            condition += f' AND "id_assoc" IN ({marks(ids)})'
            parameters += ids
        return condition, parameters

    def _ran_seconds(self) -> str:
        """Return the SQL expression of how long a job of _window ran."""
        suspended = self.selected("job_table", ("time_suspended",))
        return f"({run_time.ENDED_RUN_SECONDS.format(suspended=suspended)})"

    def partition_statistics(
        self, since: int, until: int, account: "str | None" = None
    ) -> "list[PartitionStatistics]":
        """Return the PartitionStatistics of the jobs that began and ended in a window, by name."""
        window = self._window(since, until, account)
        if window is None:
            return []
        limit = '("timelimit" * 60)'
        ran = '"ran"'
        bins = " ".join(f"WHEN {ran} * {BINS} < {limit} * {number} THEN {number - 1}"
                        for number in range(1, BINS + 1))  # fmt: skip
        sql = (
            f'SELECT "partition", "base",'  # noqa: S608 - fixed columns
            f" CASE WHEN {MEASURED} THEN CASE {bins} ELSE {BINS} END ELSE -1 END AS bin, count(*),"
            f" sum(CASE WHEN {MEASURED} THEN {ran} * 1.0 / {limit} ELSE 0 END)"
            f' FROM (SELECT "partition", "timelimit", {BASE} AS "base",'
            f' {self._ran_seconds()} AS "ran" FROM {{job_table}} WHERE {window[0]}) AS ended'
            f' WHERE "base" IN ({marks(ENDED)}) GROUP BY "partition", "base", bin LIMIT ?'
        )
        most = MOST_PARTITIONS * len(ENDED) * (BINS + 2)
        groups = defaultdict(list)
        for partition, *rest in self.ask(sql, [*window[1], *ENDED, most]):
            groups[stored.text(partition)].append(tuple(rest))
        return [partition_of(name, groups[name]) for name in sorted(groups)]

    def starts(
        self, since: int, until: int, account: "str | None" = None, limit: int = MOST_STARTS
    ) -> "list[JobStart]":
        """Return when jobs of a window began, in which account and partition, the newest ends
        first; at most `limit`."""
        window = self._window(since, until, account)
        if window is None:
            return []
        sql = (
            'SELECT "time_start", "account", "partition" FROM {job_table}'  # noqa: S608 - fixed
            f' WHERE {window[0]} ORDER BY "time_end" DESC LIMIT ?'
        )
        found = self.ask(sql, [*window[1], max(0, min(limit, MOST_STARTS))])
        return [JobStart(int(row[0]), stored.text(row[1]), stored.text(row[2])) for row in found]

    def largest_users(
        self, since: int, until: int, account: "str | None" = None
    ) -> "list[UserUsage]":
        """Return the users with most core hours in a window, the largest first: of one uid each
        that had it then.

        Of each job that time counts which is in the window, but not what it was suspended; one
        that was so all the time is among the jobs.
        """
        totals: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
        for whose, seconds, used in self._running_in(since, until, account):
            total = totals[whose]
            total["jobs"] += 1
            total["cores"] += used["cores"] * seconds
            total["gpus"] += sum(used["gpus"].values()) * seconds
            total["memory"] += (used["memory_bytes"] or 0) * seconds
        names = self.users_of_associations({association for _user, association in totals})
        of_users: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
        for (user, association), one in totals.items():
            of_users[user, names.get(association, "")].update(one)
        found = [
            UserUsage(user, name, one["jobs"], one["cores"], one["gpus"], one["memory"])
            for (user, name), one in of_users.items()
        ]
        found.sort(key=lambda one: (-one.core_seconds, one.user_id, one.name))
        return found

    def _running_in(
        self, since: int, until: int, account: "str | None"
    ) -> "Iterator[tuple[tuple[int, int], int, dict[str, Any]]]":
        """Yield (user, association), seconds in a window and resources of all jobs that had nodes
        in it.

        The suspended ones come last: when they were so is asked of these alone.
        """
        owner, ids = "", self.association_ids(account) if account is not None else []
        if account is not None:
            if not ids:
                return
            owner = f' AND "id_assoc" IN ({marks(ids)})'
        selected = self.selected("job_table", USAGE_COLUMNS)
        condition, bounds = ran_in(since, until)
        sql = self.written(
            f"SELECT {selected} FROM {{job_table}} WHERE {condition}{owner}"  # noqa: S608 - fixed
        )
        names, now = self.tres_names(), max(until, int(time.time()))
        paused: dict[int, tuple[tuple[int, int], tuple[int, int, int], dict[str, Any]]] = {}
        # A stream: it may be all jobs of a month.
        for row in self.database.stream(sql, [*bounds, *ids]):
            user, association, index, start, end, suspended = map(stored.number, row[:6])
            used, times = rows.resources(row[6:], names), (start, end or now, suspended)
            if suspended:
                paused[index] = (user, association), times, used
            else:
                yield (user, association), run_time.run_seconds_in((since, until), *times), used
        pauses = self.pauses_of(paused, since, until)
        for index, (whose, times, used) in paused.items():
            known = pauses.get(index, run_time.NO_PAUSES)
            yield whose, run_time.run_seconds_in((since, until), *times, known), used


def partition_of(name: str, groups: "list[tuple[Any, ...]]") -> PartitionStatistics:
    """Return the PartitionStatistics of the rows (state, bin, jobs, sum of ratios)."""
    ended: Counter[int] = Counter()
    histogram, ratios = [0] * (BINS + 1), 0.0
    for state, place, count, ratio in groups:
        ended[int(state)] += int(count)
        if int(state) == states.COMPLETED and place >= 0:
            histogram[int(place)] += int(count)
            ratios += float(ratio)
    measured = sum(histogram)
    return PartitionStatistics(
        name, ended[states.COMPLETED], ended[states.TIMEOUT], measured,
        ratios / measured if measured else None, histogram,
    )  # fmt: skip
