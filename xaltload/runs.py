"""Store runs: a start and an end become one row, in whatever order and run they come."""

import collections

from usagedb import errors
from usagedb.database import in_parts
from usagedb.dialects.base import BYTES, DATE, INTEGER, NULLABLE
from xaltload import keys
from xaltload.rows import ENDED, RUN_COLUMNS, STARTED

FACT_COLUMNS = (
    ("set_id", INTEGER), ("program_id", INTEGER), ("user_id", INTEGER), ("account_id", INTEGER),
    ("queue_id", INTEGER), ("cluster_id", INTEGER), ("job_number", NULLABLE),
)  # fmt: skip
COLUMNS = (*RUN_COLUMNS, *FACT_COLUMNS)
OBJECT_JOIN = (("obj_id", INTEGER), ("run_id", INTEGER), ("date", DATE))
ENVIRONMENT_JOIN = (
    ("env_id", INTEGER), ("run_id", INTEGER), ("date", DATE), ("env_value", BYTES),
)  # fmt: skip
# What an end record brings to the row of its start; the identity stays.
IDENTITY = ("run_key", "records", "run_uuid", "syshost", "hash_id", "start_time", "date")
UPDATED = tuple(name for name, _kind in RUN_COLUMNS if name not in IDENTITY)


class RunParts:
    """The records of one run in a batch: RunRows by what they are, STARTED or ENDED."""

    def __init__(self, row):
        self.key, self.whole_second_key = row.key, row.whole_second_key
        self.run_uuid, self.date = row.run_uuid, row.date
        self.set_key = row.set_key
        self.rows = {row.records: row}

    def add(self, row, sets):
        """Take in another record of the run; `sets` gets the set of the libraries of both."""
        self.rows.setdefault(row.records, row)
        if row.set_key != self.set_key:
            joined = {*sets.get(self.set_key, ()), *sets.get(row.set_key, ())}
            self.set_key = keys.set_key(rows[0] for rows in joined)
            sets.setdefault(self.set_key, tuple(joined))

    @property
    def records(self):
        """Which records there are: STARTED, ENDED, or both."""
        return sum(self.rows)

    @property
    def best(self):
        """The row whose columns count: that of the end, if there is one."""
        return self.rows.get(ENDED) or self.rows[STARTED]

    def without(self, known):
        """Forget the records that are known; return whether any is left."""
        self.rows = {records: row for records, row in self.rows.items() if not records & known}
        return bool(self.rows)

    def environment(self):
        """Return {name: value}; that of the end counts."""
        return {
            name: value
            for records in sorted(self.rows)
            for name, value in self.rows[records].environment
        }


def fold(rows, sets):
    """Return the RunParts of some RunRows; sets of joined libraries are added to `sets`."""
    parts: dict[bytes, RunParts] = {}
    for row in rows:
        if row.key in parts:
            parts[row.key].add(row, sets)
        else:
            parts[row.key] = RunParts(row)
    return list(parts.values())


def has_rounded_starts(database):
    """Tell whether there are rows of programs that round the start of a run. Read-only."""
    sql = "SELECT 1 FROM xalt_taken_over WHERE table_name = ? AND kept > 0"
    return bool(database.rows(sql, ("xalt_run",)))


def write(database, parts, ids, stored, rounded):
    """Store the runs of a batch inside the caller's transaction; return the uuids of new ones.

    parts are RunParts, ids the Ids of the batch; what was done is counted in `stored`. rounded
    tells whether to look for rows of programs that round the start, too.
    """
    known = known_runs(database, parts, rounded)
    new, grown = [], []
    for run in parts:
        before = known.get(run.key) or known.get(run.whole_second_key)
        if before is None:
            new.append(run)
        elif run.without(before.records):
            grown.append((before, run))
    insert(database, new, ids)
    add_records(database, grown, ids)
    written = [*new, *(run for _before, run in grown)]
    stored.runs += sum(len(run.rows) for run in written)
    ends = (run.rows[ENDED] for run in written if ENDED in run.rows)
    stored.durations += ((end.run_time, end.num_cores) for end in ends)
    return [run.run_uuid for run in new]


KnownRun = collections.namedtuple("KnownRun", "run_id records date set_id")


def known_runs(database, parts, rounded):
    """Return {key: KnownRun} of the runs that the database has."""
    keys = [run.key for run in parts]
    if rounded:
        keys += (run.whole_second_key for run in parts)
    sql = (
        "SELECT run_key, run_id, records, date, set_id, end_time FROM xalt_run"
        " WHERE run_key IN ({})"
    )
    found = {}
    for key, run_id, records, date, set_id, end_time in in_parts(database, sql, keys):
        if records is None:  # of another program, which drops a start that comes after its end
            records = STARTED | ENDED if end_time > 0 else STARTED
        found[bytes(key)] = KnownRun(run_id, records, str(date)[:10], set_id)
    return found


def insert(database, new, ids):
    """Insert new runs with their libraries and environment."""
    new = sorted(new, key=lambda run: run.key)  # the same order in every loader: no deadlock
    rows = []
    for run in new:
        key, _records, *values = run.best.values
        set_id = ids.sets[run.set_key][0]
        rows.append((key, run.records, *values, set_id, *ids.facts[run.best.facts]))
    database.insert_rows("xalt_run", COLUMNS, rows)
    sql = "SELECT run_key, run_id FROM xalt_run WHERE run_key IN ({})"
    found = in_parts(database, sql, [run.key for run in new])
    number_of = {bytes(key): run_id for key, run_id in found}
    placed = [(number_of[run.key], run) for run in new]
    objects = (
        (obj_id, run_id, run.date) for run_id, run in placed for obj_id in ids.sets[run.set_key][1]
    )
    database.insert_rows("join_run_object", OBJECT_JOIN, objects)
    variables = (
        (ids.variables[name], run_id, run.date, value)
        for run_id, run in placed
        for name, value in run.environment().items()
    )
    database.insert_rows("join_run_env", ENVIRONMENT_JOIN, variables)


def add_records(database, grown, ids):
    """Add records to the runs that are there before them; grown are (KnownRun, RunParts) pairs.

    The columns of an end record replace those of its start; libraries and variables are joined.
    Raises ConflictError.
    """
    for before, run in grown:
        update(database, before, run, ids)
    add_objects(database, grown, ids)
    add_variables(database, grown, ids)


def update(database, before, run, ids):
    """Note the records of a run, and the columns of its end. Raises ConflictError."""
    changes: dict = {}
    if ENDED in run.rows:
        value_of = dict(zip((name for name, _kind in RUN_COLUMNS), run.rows[ENDED].values))
        changes = {name: value_of[name] for name in UPDATED}
        names = (name for name, _kind in FACT_COLUMNS[1:])
        changes.update(zip(names, ids.facts[run.rows[ENDED].facts]))
    changes["records"] = before.records | run.records
    sets = ", ".join(f"{database.dialect.quote(name)} = ?" for name in changes)
    sql = f"UPDATE xalt_run SET {sets} WHERE run_id = ? AND COALESCE(records, ?) = ?"  # noqa: S608
    values = (*changes.values(), before.run_id, before.records, before.records)
    if database.execute(sql, values) != 1:
        raise errors.ConflictError(f"{database.config.describe()}: another loader was faster")


def add_objects(database, grown, ids):
    """Add the libraries that the rows of runs do not have; facts.py finds their sets."""
    other = [
        (before, run)
        for before, run in grown
        if {ids.sets[row.set_key][0] for row in run.rows.values()} != {before.set_id}
    ]
    sql = "SELECT run_id, obj_id FROM join_run_object WHERE run_id IN ({})"
    there = set(in_parts(database, sql, [before.run_id for before, _run in other]))
    rows = [
        (obj_id, before.run_id, before.date)
        for before, run in other
        for obj_id in sorted({one for row in run.rows.values() for one in ids.sets[row.set_key][1]})
        if (before.run_id, obj_id) not in there
    ]
    database.insert_rows("join_run_object", OBJECT_JOIN, rows)
    for run_id in sorted({run_id for _obj_id, run_id, _date in rows}):
        database.execute("UPDATE xalt_run SET cluster_id = NULL WHERE run_id = ?", (run_id,))


def add_variables(database, grown, ids):
    """Add the variables that the rows of runs do not have; an end's values replace others."""
    run_of = {before.run_id: (before, run) for before, run in grown}
    wanted = {
        (run_id, ids.variables[name]): value
        for run_id, (_before, run) in run_of.items()
        for name, value in run.environment().items()
    }
    sql = "SELECT join_id, run_id, env_id, env_value FROM join_run_env WHERE run_id IN ({})"
    for join_id, run_id, env_id, value in list(in_parts(database, sql, sorted(run_of))):
        new = wanted.pop((run_id, env_id), None)
        if new is not None and ENDED in run_of[run_id][1].rows and bytes(value) != new:
            wanted[run_id, env_id] = new
            database.execute("DELETE FROM join_run_env WHERE join_id = ?", (join_id,))
    rows = [
        (env_id, run_id, run_of[run_id][0].date, value)
        for (run_id, env_id), value in wanted.items()
    ]
    database.insert_rows("join_run_env", ENVIRONMENT_JOIN, rows)
