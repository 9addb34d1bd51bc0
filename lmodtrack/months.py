"""The monthly summary lmod_month: kept in step with lmod_use, in the same transactions."""

from lmodtrack import userset
from usagedb.dialects.base import BYTES, INTEGER

KEY = ("month", "module_id", "cluster_id")
COLUMNS = tuple((name, INTEGER) for name in KEY) + (
    ("first_day", INTEGER),
    ("last_day", INTEGER),
    ("loads", INTEGER),
    ("user_loads", INTEGER),
    ("users", BYTES),
)
REPLACE = {name: "replace" for name, _kind in COLUMNS[3:]}
USE_ROWS = (
    "SELECT day, user_id, module_id, cluster_id, utc_offset, first_time, last_time, loads,"
    " user_loads FROM lmod_use WHERE day = ?"
)
SELECT = (
    "SELECT module_id, cluster_id, first_day, last_day, loads, user_loads, users FROM lmod_month"
)


class Summary:
    """What some rows of lmod_use add up to, month by month."""

    def __init__(self):
        # month -> (module_id, cluster_id) -> [first day, last day, loads, user loads, users]
        self.months = {}

    def add_use_rows(self, rows):
        """Count rows of lmod_use, in the order of its columns; those of a day follow each other."""
        counted_day, month = 0, {}
        for day, user_id, module_id, cluster_id, _offset, _first, _last, loads, user_loads in rows:
            if day != counted_day:
                counted_day, month = day, self.months.setdefault(day // 100, {})
            key = module_id, cluster_id
            if key not in month:
                month[key] = [day, day, loads, user_loads, {user_id}]
                continue
            row = month[key]
            if day < row[0]:
                row[0] = day
            elif day > row[1]:
                row[1] = day
            row[2] += loads
            row[3] += user_loads
            row[4].add(user_id)

    def store(self, database):
        """Add everything to lmod_month, inside the caller's transaction.

        Raises ConflictError if another loader made the same row meanwhile.
        """
        for month, added in sorted(self.months.items()):
            stored = locked_rows(database, month)
            new, changed = [], []
            for key, row in sorted(added.items()):
                if key in stored:
                    changed.append((month, *key, *merged(stored[key], row)))
                else:
                    new.append((month, *key, *row[:4], userset.encode(userset.of(row[4]))))
            database.insert_rows("lmod_month", COLUMNS, new)
            database.insert_rows("lmod_month", COLUMNS, changed, KEY, REPLACE)


def locked_rows(database, month):
    """Return the rows of a month by (module_id, cluster_id), locked until the commit."""
    for_update = "" if database.config.backend == "sqlite" else " FOR UPDATE"
    found = database.rows(SELECT + " WHERE month = ?" + for_update, (month,))
    return {row[:2]: row[2:] for row in found}


def merged(stored, added):
    """Return the values of a stored row with those of an added one."""
    users = userset.decode(stored[4]) | userset.of(added[4])
    return (
        min(stored[0], added[0]),
        max(stored[1], added[1]),
        stored[2] + added[2],
        stored[3] + added[3],
        userset.encode(users),
    )


def rebuild(database, month):
    """Make the rows of one month anew from lmod_use, in one transaction. Commits."""
    with database.transaction():
        rebuild_inside(database, month)


def rebuild_inside(database, month):
    """Make the rows of one month anew from lmod_use, inside the caller's transaction."""
    locked_rows(database, month)
    summary = Summary()
    for day in range(month * 100 + 1, month * 100 + 32):
        summary.add_use_rows(database.rows(USE_ROWS, (day,)))
    database.execute("DELETE FROM lmod_month WHERE month = ?", (month,))
    summary.store(database)
