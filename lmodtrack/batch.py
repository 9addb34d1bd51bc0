"""One batch of counts becomes rows, in one transaction with its place in the ledger."""

import collections
import dataclasses
import itertools
import logging

from lmodtrack.months import Summary
from lmodtrack.tally import USER_STEP, microseconds
from usagedb import errors
from usagedb.database import with_conflict_retries
from usagedb.dialects.base import INTEGER, MICROSECONDS, TEXT, chunks

logger = logging.getLogger(__name__)

USE_KEY = ("day", "user_id", "module_id", "cluster_id")
USE_COLUMNS = (
    *((name, INTEGER) for name in USE_KEY),
    ("utc_offset", INTEGER),
    ("first_time", MICROSECONDS),
    ("last_time", MICROSECONDS),
    ("loads", INTEGER),
    ("user_loads", INTEGER),
)
USE_MERGE = {
    "utc_offset": "with_min:first_time",
    "first_time": "min",
    "last_time": "max",
    "loads": "add",
    "user_loads": "add",
}
LOAD_COLUMNS = (
    ("day", INTEGER),
    ("log_id", INTEGER),
    ("line", INTEGER),
    ("item", INTEGER),
    ("load_time", MICROSECONDS),
    ("user_id", INTEGER),
    ("module_id", INTEGER),
    ("cluster_id", INTEGER),
    ("loads", INTEGER),
    ("user_load", INTEGER),
    ("job_id", TEXT),
)
ROWS_PER_STEP = 1000
RECONNECTS = 5


@dataclasses.dataclass(frozen=True)
class Ids:
    """The ids of a Tally's users, modules and clusters, each a list by the tally's numbers."""

    users: list
    modules: list
    clusters: list


def look_up(tally, database, dimensions):
    """Return the Ids of a Tally; makes the missing users, module files and clusters. Commits."""

    def ids(dimension, values):
        found = with_conflict_retries(lambda: dimension.numbers(database, values))
        return [found[value] for value in values]

    return Ids(
        ids(dimensions.users, tally.users.values),
        ids(dimensions.modules, tally.modules.values),
        ids(dimensions.clusters, [name for name, _zone in tally.clusters.values]),
    )


def use_rows(tally, ids, summary):
    """Yield lists of rows of lmod_use that a Tally amounts to, in key order.

    Each list is counted in the summary when it is asked for, while the server is busy with the
    one before.
    """
    by_day = collections.defaultdict(list)
    for (day, cluster_number), table in tally.counts.items():
        by_day[day.number].append((day, cluster_number, table))
    for number in sorted(by_day):
        rows = []
        for day, cluster_number, table in by_day[number]:
            rows += table_rows(tally, ids, day, cluster_number, table)
        rows.sort()
        for part in chunks(rows, ROWS_PER_STEP):
            summary.add_use_rows(part)
            yield part


def table_rows(tally, ids, day, cluster_number, table):
    """Return the rows of one day and cluster, in no order."""
    users, modules = ids.users, ids.modules
    cluster_id, offset = ids.clusters[cluster_number], day.utc_offset
    offset_at = tally.calendar_of(cluster_number).utc_offset
    return [
        (
            day.number,
            users[key // USER_STEP],
            modules[key % USER_STEP],
            cluster_id,
            offset_at(float(first)) if offset is None else offset,
            microseconds(first),
            microseconds(last),
            loads,
            user_loads,
        )
        for key, (first, last, loads, user_loads) in table.items()
    ]


def load_rows(tally, ids, log_id):
    """Return the rows of lmod_load for the single loads that a Tally kept."""
    rows = []
    for line, item, time, key, cluster_number, day, loads, user_load, job_id in tally.single_loads:
        user_id, module_id = ids.users[key // USER_STEP], ids.modules[key % USER_STEP]
        who = (user_id, module_id, ids.clusters[cluster_number])
        place = (day.number, log_id, line, item)
        rows.append((*place, microseconds(time), *who, loads, user_load, job_id))
    return rows


def write_use(database, tally, ids):
    """Add a Tally to lmod_use and lmod_month, inside the caller's transaction."""
    summary = Summary()
    rows = itertools.chain.from_iterable(use_rows(tally, ids, summary))
    database.insert_rows("lmod_use", USE_COLUMNS, rows, USE_KEY, USE_MERGE)
    summary.store(database)


class BatchWriter:
    """Writes batches into one database, each exactly once, whatever happens in between."""

    def __init__(self, database, dimensions):
        self.database, self.dimensions = database, dimensions

    def write(self, tally, place):
        """Commit a Tally together with its place in the input; return what the place records.

        A place has record(database), called inside the transaction, and recorded(database), which
        tells after a lost connection whether the commit happened.
        Raises LedgerMoved when another loader was faster, UnavailableError or WriteError when the
        database stays away: then nothing of the batch is stored.
        """
        for attempt in range(RECONNECTS + 1):
            try:
                return with_conflict_retries(lambda: self._write_once(tally, place))
            except errors.ConflictError:
                raise
            except errors.UnavailableError:
                if attempt == RECONNECTS:
                    raise
                logger.info("connection lost, trying again")
                self.database.reconnect()
            self.database.wait_for_cluster()
            done = place.recorded(self.database)
            if done:
                return done
        raise AssertionError("unreachable")

    def _write_once(self, tally, place):
        ids = look_up(tally, self.database, self.dimensions)
        with self.database.transaction():
            new = place.record(self.database)
            write_use(self.database, tally, ids)
            if tally.single_loads:
                singles = load_rows(tally, ids, new.log_id)
                self.database.insert_rows("lmod_load", LOAD_COLUMNS, singles)
        return new
