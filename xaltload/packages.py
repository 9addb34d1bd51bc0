"""Store packages: each belongs to a run, and waits in the database until that has come."""

import time

from usagedb.database import in_parts, with_conflict_retries
from usagedb.dialects.base import BYTES, INTEGER, SECONDS, TEXT
from xaltload.bulk import delete_rows

PACKAGE = (
    ("program", TEXT), ("pkg_name", TEXT), ("pkg_version", TEXT), ("pkg_path", TEXT),
)  # fmt: skip
COLUMNS = (("pkg_key", BYTES), ("run_id", INTEGER), *PACKAGE)
WAITING_COLUMNS = (("pkg_key", BYTES), ("run_uuid", TEXT), *PACKAGE, ("came_at", SECONDS))
WAITING = "SELECT pkg_key, run_uuid, program, pkg_name, pkg_version, pkg_path FROM xalt_pkg_waiting"
# A uuid of more runs than this tells nothing: older XALT had one for all where it lacked a library.
MOST_SIBLINGS = 100
UUIDS_PER_SWEEP = 500
FILTERED_COLUMNS = (("run_uuid", TEXT), ("filtered_at", SECONDS))
# A load every night, and one that failed: a record of the same uuid has come by then.
FILTERED_SECONDS = 2.5 * 86400
# How the executables of the interpreters are called whose packages XALT records.
INTERPRETERS = {"python": ("python", "pypy", "ipython", "jupyter"), "r": ("r", "rscript")}


def write(database, rows, new_uuids, stored):
    """Store the packages of a batch, and those that waited for its runs, in the caller's
    transaction.

    rows are PackageRows, new_uuids those of runs that this batch made; what was done is counted in
    `stored`.
    """
    settle_siblings(database, new_uuids)
    attach_waiting(database, new_uuids)
    new = unknown(database, {row.key: row for row in rows})
    owners = find_owners(database, {row.run_uuid for row in new})
    attached = [row for row in new if row.run_uuid in owners]
    waiting = [row for row in new if row.run_uuid not in owners]
    insert(database, attached, owners)
    now = time.time()
    database.insert_rows(
        "xalt_pkg_waiting", WAITING_COLUMNS, [(*row, now) for row in waiting], key=("pkg_key",)
    )
    stored.packages += len(attached)
    stored.waiting += len(waiting)


def unknown(database, row_of):
    """Return the rows that the database does not have, in the order of their keys."""
    known = set()
    for table in ("xalt_pkg", "xalt_pkg_waiting"):
        sql = f"SELECT pkg_key FROM {table} WHERE pkg_key IN ({{}})"  # noqa: S608
        known |= {bytes(row[0]) for row in in_parts(database, sql, row_of)}
    return sorted(row for key, row in row_of.items() if key not in known)


def insert(database, rows, owners):
    """Insert packages as those of their runs."""
    values = [(row[0], owners[row[1]].run_of(row[2]), *row[2:]) for row in rows]
    database.insert_rows("xalt_pkg", COLUMNS, values, key=("pkg_key",))


class Owners:
    """The runs that share one uuid."""

    def __init__(self, first_run_id):
        self.first_run_id = first_run_id
        self.candidates = []  # (start_time, run_id, name of the executable), if there are several

    def run_of(self, program):
        """Return the run_id of the run that imports packages of a program.

        It is the first whose executable is called like the program, else the first of all: the
        same in whatever order the runs come.
        """
        names = INTERPRETERS.get(program.lower(), (program.lower(),))
        called = (one for one in sorted(self.candidates) if one[2].lower().startswith(names))
        found = next(called, None) or min(self.candidates, default=None)
        return found[1] if found else self.first_run_id


def find_owners(database, uuids):
    """Return {run_uuid: Owners} for the uuids that are those of runs. Read-only."""
    sql = (
        "SELECT run_uuid, MIN(run_id), COUNT(*) FROM xalt_run WHERE run_uuid IN ({})"
        " GROUP BY run_uuid"
    )
    owners, shared = {}, []
    for uuid, run_id, count in in_parts(database, sql, sorted(uuids)):
        owners[uuid] = Owners(run_id)
        if 1 < count <= MOST_SIBLINGS:
            shared.append(uuid)
    sql = "SELECT run_uuid, start_time, run_id, exec_path FROM xalt_run WHERE run_uuid IN ({})"
    for uuid, start_time, run_id, exec_path in in_parts(database, sql, shared):
        name = exec_path.rpartition("/")[2]
        owners[uuid].candidates.append((start_time, run_id, name))
    return owners


def settle_siblings(database, new_uuids):
    """Give packages to another run of their uuid if that, which came later, is the right one."""
    owners = find_owners(database, set(new_uuids))
    for uuid in sorted(uuid for uuid, one in owners.items() if one.candidates):
        run_ids = [run_id for _start, run_id, _name in owners[uuid].candidates]
        sql = "SELECT pkg_id, run_id, program FROM xalt_pkg WHERE run_id IN ({})"
        for pkg_id, run_id, program in in_parts(database, sql, run_ids):
            right = owners[uuid].run_of(program)
            if right != run_id:
                database.execute("UPDATE xalt_pkg SET run_id = ? WHERE pkg_id = ?", (right, pkg_id))


def attach_waiting(database, uuids):
    """Move the packages that waited for some runs to them; return how many there were."""
    uuids = sorted(set(uuids))
    rows = list(in_parts(database, f"{WAITING} WHERE run_uuid IN ({{}})", uuids))
    if rows:
        owners = find_owners(database, {row[1] for row in rows})
        rows = sorted((bytes(row[0]), *row[1:]) for row in rows if row[1] in owners)
        insert(database, rows, owners)
        remove_waiting(database, owners)
    return len(rows)


def remove_waiting(database, uuids):
    """Remove the waiting packages of some uuids; return how many there were."""
    removed = 0
    for uuid in sorted(uuids):
        removed += database.execute("DELETE FROM xalt_pkg_waiting WHERE run_uuid = ?", (uuid,))
    return removed


def sweep(database):
    """Attach packages that still wait though their run has come: a loader beside this one stored
    it. Commits; returns how many there were."""
    sql = (
        "SELECT DISTINCT w.run_uuid FROM xalt_pkg_waiting w"
        " JOIN xalt_run r ON r.run_uuid = w.run_uuid LIMIT ?"
    )
    attached = 0
    while True:
        uuids = [row[0] for row in database.rows(sql, (UUIDS_PER_SWEEP,))]
        if not uuids:
            return attached

        def attach(uuids=uuids):
            with database.transaction():
                return attach_waiting(database, uuids)

        attached += with_conflict_retries(attach)


def leave_filtered(database, uuids, clock=time.time):
    """Note that packages wait for runs which the site's filter left out; return how many are new
    among these. Commits.

    They stay for some days: the filter may keep another program of the same uuid, whose record
    comes in a later load.
    """
    sql = "SELECT run_uuid FROM xalt_pkg_filtered WHERE run_uuid IN ({})"
    known = {row[0] for row in in_parts(database, sql, sorted(uuids))}
    sql = "SELECT run_uuid, COUNT(*) FROM xalt_pkg_waiting WHERE run_uuid IN ({}) GROUP BY run_uuid"
    counts = dict(in_parts(database, sql, sorted(set(uuids) - known)))
    now = clock()
    rows = [(uuid, now) for uuid in sorted(counts)]
    if rows:
        insert = database.insert_rows
        with_conflict_retries(
            lambda: insert("xalt_pkg_filtered", FILTERED_COLUMNS, rows, key=("run_uuid",))
        )
    return sum(counts.values())


def drop_left(database, clock=time.time):
    """Remove the packages of filtered runs for which no other program came in time. Commits."""
    limit = clock() - FILTERED_SECONDS
    sql = "SELECT run_uuid FROM xalt_pkg_filtered WHERE filtered_at < ? ORDER BY run_uuid"
    uuids = [row[0] for row in database.rows(sql, (limit,))]
    for start in range(0, len(uuids), UUIDS_PER_SWEEP):
        some = uuids[start : start + UUIDS_PER_SWEEP]

        def drop(some=some):
            with database.transaction():
                drop_old(database, some, limit)

        with_conflict_retries(drop)


def drop_old(database, uuids, limit):
    """Remove the packages of some filtered runs that came before a moment, in the caller's
    transaction. Younger ones may be those of another program: they have their time too."""
    sql = "DELETE FROM xalt_pkg_waiting WHERE run_uuid = ? AND came_at < ?"
    for uuid in uuids:
        database.execute(sql, (uuid, limit))
    sql = "SELECT DISTINCT run_uuid FROM xalt_pkg_waiting WHERE run_uuid IN ({})"
    younger = {row[0] for row in in_parts(database, sql, uuids)}
    done = [uuid for uuid in uuids if uuid not in younger]
    delete_rows(database, "xalt_pkg_filtered", "run_uuid", done)
