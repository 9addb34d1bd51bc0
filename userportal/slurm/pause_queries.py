"""Ask when jobs were suspended."""

from collections.abc import Iterable
from typing import Any

from usagedb.database import in_parts
from userportal.slurm.asking import ClusterTables
from userportal.slurm.run_time import Pauses

NEEDED = {"job_db_inx", "time_start", "time_end"}
# Gang scheduling suspends a job every half minute: the database adds up.
CLOSED = '"time_end" >= "time_start"'
SECONDS = f'CASE WHEN {CLOSED} THEN "time_end" - "time_start" ELSE 0 END'


class PauseQueries(ClusterTables):
    """Queries about the pauses of jobs."""

    def pauses_of(self, indices: "Iterable[int]", since: int, until: int) -> "dict[int, Pauses]":
        """Return {job_db_inx: Pauses} of some rows of the job table, with what is in a window.

        Those of which the table has none are left out. {} where this account may not read the
        table, which older lists of grants do not have.
        """
        wanted = list(indices)
        if not wanted or not NEEDED.issubset(self.columns("suspend_table")):
            return {}
        first = f'CASE WHEN "time_start" > {since:d} THEN "time_start" ELSE {since:d} END'
        last = f'CASE WHEN "time_end" < {until:d} THEN "time_end" ELSE {until:d} END'
        touches = f'{CLOSED} AND "time_end" > {since:d} AND "time_start" < {until:d}'
        sql = (
            f'SELECT "job_db_inx", sum({SECONDS}),'  # noqa: S608 - fixed columns and numbers
            f" sum(CASE WHEN {touches} THEN ({last}) - ({first}) ELSE 0 END),"
            ' max(CASE WHEN "time_end" = 0 THEN "time_start" END)'
            ' FROM {suspend_table} WHERE "job_db_inx" IN ({}) GROUP BY "job_db_inx"'
        )
        found = in_parts(self.database, self.written(sql), wanted)
        return {int(index): pauses_of_row(*sums) for index, *sums in found}


def pauses_of_row(seconds: Any, seconds_in_window: Any, open_since: Any) -> Pauses:
    """Return the Pauses of sums as the database's driver gives them."""
    since = None if open_since is None else int(open_since)
    return Pauses(int(seconds), int(seconds_in_window), since)
