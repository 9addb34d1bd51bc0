"""Ask for the jobs that run now in some partitions."""

from collections.abc import Sequence

from userportal.slurm import states
from userportal.slurm.job_queries import JobQueries
from userportal.slurm.model import Job
from userportal.slurm.page_queries import escaped

MOST_FOUND = 1000
RUNNING = f'{states.BASE_EXPRESSION} = {states.RUNNING} AND "time_end" = 0'


class RunningQueries(JobQueries):
    """Queries about running jobs."""

    def running_in_partitions(
        self,
        parts: "Sequence[str]",
        started_before: float,
        eligible_after: float,
        limit: int = MOST_FOUND,
    ) -> "list[Job]":
        """Return running jobs in partitions whose names have one of these parts, in any case.

        started_before and eligible_after are seconds since the epoch. The first started first.
        """
        if not parts:
            return []
        names = " OR ".join([self.database.like('LOWER("partition")')] * len(parts))
        where = (
            f'WHERE {RUNNING} AND "time_start" BETWEEN 1 AND ? AND "time_eligible" >= ?'
            f' AND ({names}) ORDER BY "time_start" LIMIT ?'
        )
        patterns = [f"%{escaped(part.lower())}%" for part in parts]
        times = [int(started_before), int(eligible_after)]
        return self._jobs(where, [*times, *patterns, min(limit, MOST_FOUND)])
