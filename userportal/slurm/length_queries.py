"""Ask how long jobs waited and ran: how many of each length, by partition."""

from collections import defaultdict

from userportal.slurm import stored
from userportal.slurm.model import PartitionLengths
from userportal.slurm.statistics_queries import MOST_PARTITIONS, StatisticsQueries

MINUTE, HOUR, DAY = 60, 3600, 86400
# Seconds at which the next length begins: the first one has all below a minute.
LENGTHS = (
    MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 3 * DAY, 7 * DAY,
)  # fmt: skip
WAITED = '("time_start" - "time_eligible")'
# Numbers without sign have no difference below 0.
KNOWN_WAIT = '"time_eligible" > 0 AND "time_start" >= "time_eligible"'
UNKNOWN = -1


class LengthQueries(StatisticsQueries):
    """Queries about how long jobs waited and ran."""

    def partition_lengths(
        self, since: int, until: int, account: "str | None" = None
    ) -> "list[PartitionLengths]":
        """Return the PartitionLengths of the jobs that began and ended in a window, by name.

        Jobs of all states count. A job waits from when nothing but a place to run was missing.
        """
        window = self._window(since, until, account)
        if window is None:
            return []
        waited = f"CASE WHEN {KNOWN_WAIT} THEN {place_of(WAITED)} ELSE {UNKNOWN} END"
        sql = (
            f'SELECT "partition", {place_of(self._ran_seconds())} AS ran, {waited} AS waited,'  # noqa: S608
            f' count(*) FROM {{job_table}} WHERE {window[0]} GROUP BY "partition", ran, waited'
            " LIMIT ?"
        )  # fixed columns and numbers
        most = MOST_PARTITIONS * (len(LENGTHS) + 1) * (len(LENGTHS) + 2)
        found: dict[str, PartitionLengths] = defaultdict(empty)
        for partition, ran, waited, count in self.ask(sql, [*window[1], most]):
            lengths = found[stored.text(partition)]
            lengths.ran[int(ran)] += int(count)
            if int(waited) != UNKNOWN:
                lengths.waited[int(waited)] += int(count)
        return [
            PartitionLengths(name, found[name].ran, found[name].waited) for name in sorted(found)
        ]


def place_of(seconds: str) -> str:
    """Return the SQL expression for the place in LENGTHS of an expression of seconds."""
    cases = " ".join(f"WHEN {seconds} < {end} THEN {place}" for place, end in enumerate(LENGTHS))
    return f"CASE {cases} ELSE {len(LENGTHS)} END"


def empty() -> PartitionLengths:
    """Return PartitionLengths of no jobs, of no partition."""
    return PartitionLengths("", [0] * (len(LENGTHS) + 1), [0] * (len(LENGTHS) + 1))
