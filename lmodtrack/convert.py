"""Bring the rows of an older Lmod database (gen_1 or gen_2) over, exactly once and resumable."""

import collections
import dataclasses
import datetime
import time

from lmodtrack import record
from lmodtrack.batch import BatchWriter
from lmodtrack.dimensions import Dimensions
from lmodtrack.ledger import LedgerMoved
from lmodtrack.schema import VIEW_NAME, VIEW_NAME_BESIDE_OLD, old_generation
from lmodtrack.tally import Rules, Tally
from usagedb import errors, schema
from usagedb.days import Calendar
from usagedb.dialects.base import INTEGER, SECONDS, TEXT
from usagedb.terminal import stored_text

ROWS_PER_BATCH = 50_000
QUERIES = {
    "gen_2": (
        'SELECT id, "user", path, module, syshost, date FROM moduleT'
        " WHERE id > ? ORDER BY id LIMIT ?"
    ),
    "gen_1": (
        'SELECT j.join_id, u."user", m.path, m.module, m.syshost, j.date FROM join_user_module j'
        " LEFT JOIN userT u ON u.user_id = j.user_id LEFT JOIN moduleT m ON m.mod_id = j.mod_id"
        " WHERE j.join_id > ? ORDER BY j.join_id LIMIT ?"
    ),
}
TABLES = {"gen_2": ("moduleT", "id"), "gen_1": ("join_user_module", "join_id")}
COLUMNS = (
    ("source", TEXT),
    ("position", INTEGER),
    ("row_count", INTEGER),
    ("rejected", INTEGER),
    ("loaded_at", SECONDS),
)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a source has been taken over."""

    position: int = 0
    row_count: int = 0
    rejected: int = 0


@dataclasses.dataclass(frozen=True)
class ConversionPlace:
    """A place in an older table up to which a batch reaches."""

    source: str
    before: Progress
    after: Progress

    def record(self, database):
        """Record the place inside the caller's transaction. Raises LedgerMoved."""
        values = dataclasses.astuple(self.after)
        if progress_of(database, self.source) != self.before:
            raise LedgerMoved
        if self.before == Progress():
            database.insert_rows("lmod_conversion", COLUMNS, [(self.source, *values, time.time())])
            return self.after
        changed = database.execute(
            "UPDATE lmod_conversion SET position = ?, row_count = ?, rejected = ?, loaded_at = ?"
            " WHERE source = ? AND position = ?",
            (*values, time.time(), self.source, self.before.position),
        )
        if changed != 1:
            raise LedgerMoved
        return self.after

    def recorded(self, database):
        """Return the Progress if the place is recorded already, else None."""
        return self.after if progress_of(database, self.source) == self.after else None


class KnownClusters:
    """The clusters of an older database: its syshost column holds their names already."""

    def __init__(self, site):
        self.site = site

    def cluster_of(self, name):
        """Return (cluster name, time zone or None)."""
        return self.site.cluster_of("lmod", name)


class Conversion:
    """Takes one older database over."""

    def __init__(self, old, new, site, on_reject=lambda row_id, row, reason: None):
        """old and new are Databases, perhaps the same. Raises ConfigurationError if old is none."""
        self.old, self.new, self.on_reject = old, new, on_reject
        self.generation = old_generation(old)
        if not self.generation:
            raise errors.ConfigurationError(
                f"{old.config.describe()} holds no Lmod tables of gen_1 or gen_2"
            )
        self.source = f"{self.generation} of {old.config.describe()}"[:255]
        self.site = site
        context = record.Context(time.time(), Calendar(site.zone))
        self.tally = Tally(Rules(KnownClusters(site), context))
        self.writer = BatchWriter(new, Dimensions())
        self.reasons: collections.Counter = collections.Counter()

    def remaining(self):
        """Return the number of rows that have not been taken over. Read-only."""
        table, id_column = TABLES[self.generation]
        position = progress_of(self.new, self.source).position
        sql = f"SELECT COUNT(*) FROM {table} WHERE {id_column} > ?"  # noqa: S608
        return self.old.rows(sql, (position,))[0][0]

    def run(self, report=lambda rows: None):
        """Take all remaining rows over and return the Progress. Commits batch by batch."""
        progress = progress_of(self.new, self.source)
        query = quoted(self.old, QUERIES[self.generation])
        while True:
            rows = self.old.rows(query, (progress.position, ROWS_PER_BATCH))
            if not rows:
                return progress
            progress = self._take(rows, progress)
            report(len(rows))

    def _take(self, rows, before):
        rejected = 0
        for row in rows:
            try:
                self.tally.add_load(load_of(row, self.site), row[0])
            except record.Rejected as reason:
                rejected += 1
                self.reasons[str(reason)] += 1
                self.on_reject(row[0], row, str(reason))
        after = Progress(rows[-1][0], before.row_count + len(rows), before.rejected + rejected)
        return self.writer.write(self.tally.take(), ConversionPlace(self.source, before, after))

    def compare(self, progress):
        """Return (rows in the old table up to the last one taken over, rows taken over)."""
        table, id_column = TABLES[self.generation]
        sql = f"SELECT COUNT(*) FROM {table} WHERE {id_column} <= ?"  # noqa: S608
        return self.old.rows(sql, (progress.position,))[0][0], progress.row_count


def progress_of(database, source):
    """Return the Progress of a source. Read-only."""
    sql = "SELECT position, row_count, rejected FROM lmod_conversion WHERE source = ?"
    found = database.rows(sql, (source,))
    return Progress(*found[0]) if found else Progress()


def quoted(database, sql):
    """Return a query with its "user" in the quotes of this database."""
    return sql.replace('"user"', database.dialect.quote("user"))


def load_of(row, site):
    """Return the Load of a row (id, user, path, module, syshost, date). Raises Rejected."""
    _row_id, user, path, module, syshost, date = row
    if isinstance(date, str):
        try:
            date = datetime.datetime.fromisoformat(date)
        except ValueError as error:
            raise record.Rejected("date is none") from error
    if not isinstance(date, datetime.datetime):
        raise record.Rejected("no date")
    texts = {"user": user, "path": path, "module": module, "host": syshost}
    clean = {key: text and stored_text(text.encode()) for key, text in texts.items()}
    _name, zone = site.cluster_of("lmod", syshost or "")
    return record.make_load(time=Calendar(zone).moment_of(date), job_id="", **clean)


def rename_old(database, lmod):
    """Give the old table the name moduleT_gen_N, and its name to the view. Commits step by step.

    Returns the old table's new name.
    """
    generation = old_generation(database)
    new_name = f"{VIEW_NAME}_{generation}"
    database.run_ddl(f"ALTER TABLE {VIEW_NAME} RENAME TO {new_name}")
    if database.dialect.has_table(database, VIEW_NAME_BESIDE_OLD):
        database.run_ddl(f"DROP VIEW {VIEW_NAME_BESIDE_OLD}")
    for step in lmod.steps:
        if step.statement.startswith(f"CREATE VIEW {VIEW_NAME} "):
            schema.take_step(database, lmod, step)
    return new_name
