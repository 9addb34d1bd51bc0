"""One batch of counts becomes rows, in one transaction with its place in the ledger."""

import collections
import dataclasses

from lmodtrack.months import Summary
from lmodtrack.tally import BITS, MASK, microseconds, split_key
from usagedb.database import with_conflict_retries, with_reconnects
from usagedb.days import Calendar
from usagedb.dialects.base import INTEGER, MICROSECONDS, TEXT

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


@dataclasses.dataclass(frozen=True)
class Ids:
    """The ids of the users, modules and clusters of some Counts, each a list by their numbers."""

    users: list
    modules: list
    clusters: list


def look_up(counted, database, dimensions):
    """Return the Ids of some Counts; makes the users, module files and clusters that are
    missing. Commits."""

    def ids(dimension, values):
        found = with_conflict_retries(lambda: dimension.numbers(database, values))
        return [found[value] for value in values]

    return Ids(
        ids(dimensions.users, counted.users),
        ids(dimensions.modules, counted.modules),
        ids(dimensions.clusters, [name for name, _zone in counted.clusters]),
    )


def use_rows(counted, ids, summary):
    """Yield the rows of lmod_use that some Counts amount to, in key order.

    They are made, and counted in the summary, when they are asked for: while the server is busy
    with those before.
    """
    days = [day.number for day, _cluster_number in counted.spots]
    keys_of: dict = collections.defaultdict(list)  # (day, user id) -> keys
    for user_on_spot, keys in by_user_and_spot(counted.counts).items():
        spot, user = user_on_spot >> BITS, user_on_spot & MASK
        keys_of[days[spot], ids.users[user]] += keys
    make_rows = row_maker(counted, ids)
    for day, user_id in sorted(keys_of):
        rows = make_rows(day, user_id, keys_of[day, user_id])
        summary.add_use_rows(rows)
        yield from rows


def by_user_and_spot(keys):
    """Return the keys in lists, by their spot and user parts."""
    lists = collections.defaultdict(list)
    for key in keys:
        lists[key >> BITS].append(key)
    return lists


def row_maker(counted, ids):
    """Return a function that makes the sorted rows of one day and user from some keys."""
    counts, modules = counted.counts, ids.modules
    spots = [
        (ids.clusters[number], day.utc_offset, Calendar(counted.clusters[number][1]).utc_offset)
        for day, number in counted.spots
    ]

    def make_rows(day, user_id, keys):
        rows = []
        for key in keys:
            first, last, loads, user_loads = counts[key]
            cluster_id, offset, offset_at = spots[key >> 2 * BITS]
            if offset is None:  # the clocks change on that day
                offset = offset_at(float(first))
            module_id = modules[key & MASK]
            start = microseconds(first)
            end = start if last == first else microseconds(last)
            rows.append(
                (day, user_id, module_id, cluster_id, offset, start, end, loads, user_loads)
            )
        rows.sort()
        return rows

    return make_rows


def load_rows(counted, ids, log_id):
    """Yield the rows of lmod_load for the single loads of some Counts."""
    spots = [(day.number, ids.clusters[number]) for day, number in counted.spots]
    for line, item, time, key, loads, user_load, job_id in counted.single_loads:
        spot, user, module = split_key(key)
        day, cluster_id = spots[spot]
        who = (ids.users[user], ids.modules[module], cluster_id)
        yield (day, log_id, line, item, microseconds(time), *who, loads, user_load, job_id)


def write_use(database, counted, ids):
    """Add some Counts to lmod_use and lmod_month, inside the caller's transaction."""
    summary = Summary()
    rows = use_rows(counted, ids, summary)
    database.insert_rows("lmod_use", USE_COLUMNS, rows, USE_KEY, USE_MERGE)
    summary.store(database)


class BatchWriter:
    """Writes batches into one database, each exactly once, whatever happens in between."""

    def __init__(self, database, dimensions):
        self.database, self.dimensions = database, dimensions

    def write(self, counted, place):
        """Commit Counts together with its place in the input; return what the place records.

        A place has record(database), called inside the transaction, and recorded(database), which
        tells after a lost connection whether the commit happened.
        Raises LedgerMoved when another loader was faster, UnavailableError or WriteError when the
        database stays away: then nothing of the batch is stored.
        """
        return with_reconnects(
            self.database,
            lambda: self._write_once(counted, place),
            done=lambda: place.recorded(self.database),
        )

    def _write_once(self, counted, place):
        ids = look_up(counted, self.database, self.dimensions)
        with self.database.transaction():
            new = place.record(self.database)
            write_use(self.database, counted, ids)
            if counted.single_loads:
                singles = load_rows(counted, ids, new.log_id)
                self.database.insert_rows("lmod_load", LOAD_COLUMNS, singles)
        return new
