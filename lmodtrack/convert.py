"""Bring the rows of an older Lmod database (gen_1 or gen_2) over, exactly once and resumable."""

import collections
import dataclasses
import datetime
import logging
import time

from lmodtrack import oldname, record
from lmodtrack.batch import BatchWriter
from lmodtrack.dimensions import Dimensions
from lmodtrack.ledger import LedgerMoved
from lmodtrack.schema import old_generation, old_table
from lmodtrack.tally import Rules, Tally
from usagedb import errors
from usagedb.days import Calendar
from usagedb.dialects.base import BYTES, INTEGER, SECONDS, TEXT
from usagedb.terminal import stored_text

logger = logging.getLogger(__name__)

ROWS_PER_BATCH = 50_000
QUERIES = {
    "gen_2": (
        'SELECT id, "user", path, module, syshost, date FROM {moduleT}'
        " WHERE id > ? ORDER BY id LIMIT ?"
    ),
    "gen_1": (
        'SELECT j.join_id, u."user", m.path, m.module, m.syshost, j.date FROM join_user_module j'
        " LEFT JOIN userT u ON u.user_id = j.user_id LEFT JOIN {moduleT} m ON m.mod_id = j.mod_id"
        " WHERE j.join_id > ? ORDER BY j.join_id LIMIT ?"
    ),
}
TABLES = {"gen_2": ("{moduleT}", "id"), "gen_1": ("join_user_module", "join_id")}
COLUMNS = (
    ("source", TEXT),
    ("position", INTEGER),
    ("row_count", INTEGER),
    ("rejected", INTEGER),
    ("marks", BYTES),
    ("loaded_at", SECONDS),
)


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a source has been taken over."""

    position: int = 0
    row_count: int = 0
    rejected: int = 0
    marks: bytes = b""  # lmodtrack/oldname.py


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
            "UPDATE lmod_conversion SET position = ?, row_count = ?, rejected = ?, marks = ?,"
            " loaded_at = ? WHERE source = ? AND position = ?",
            (*values, time.time(), self.source, self.before.position),
        )
        if changed != 1:
            raise LedgerMoved
        return self.after

    def recorded(self, database):
        """Return the Progress if the place is recorded already, else None."""
        return self.after if progress_of(database, self.source) == self.after else None


@dataclasses.dataclass(frozen=True)
class Comparison:
    """An older table, up to the last row that was taken over, and what is known of it."""

    there: int  # rows that it has now; some may be gone that were taken over by an earlier run
    taken: int  # rows that were taken over, by all runs
    rejected: int  # of these, those that could not be stored
    is_complete: bool  # no row was added or removed while this run read, none added behind it


class KnownClusters:
    """The clusters of an older database: its syshost column holds their names already."""

    def __init__(self, site):
        self.site = site

    def cluster_of(self, name):
        """Return (cluster name, time zone or None)."""
        return self.site.cluster_of("lmod", name)


class Conversion:
    """Takes one older database over."""

    def __init__(
        self, old, new, site, on_reject=lambda row_id, row, reason: None, save_rejects=lambda: None
    ):
        """old and new are Databases, perhaps the same. save_rejects() is called before a batch is
        committed: then what on_reject was told must be on the disk.

        Raises ConfigurationError if old is none, or not one that can be told from a known one.
        """
        self.old, self.new = old, new
        self.on_reject, self.save_rejects = on_reject, save_rejects
        self.generation = old_generation(old)
        if not self.generation:
            raise errors.ConfigurationError(
                f"{old.config.describe()} holds no Lmod tables of gen_1 or gen_2"
            )
        self.site = site
        module_table = old_table(old, self.generation)
        self.query = old.dialect.in_quotes(QUERIES[self.generation].format(moduleT=module_table))
        table, self.id_column = TABLES[self.generation]
        self.table = table.format(moduleT=module_table)
        usual_name = f"{self.generation} of {old.config.describe()}"[:255]
        name = oldname.OldName(new, self.generation, usual_name, self._rows, self._load, site)
        self.source = name.find()
        context = record.Context(time.time(), Calendar(site.zone))
        self.tally = Tally(Rules(KnownClusters(site), context))
        self.writer = BatchWriter(new, Dimensions())
        self.reasons: collections.Counter = collections.Counter()

    def remaining(self):
        """Return the number of rows that have not been taken over. Read-only."""
        position = progress_of(self.new, self.source).position
        sql = f"SELECT COUNT(*) FROM {self.table} WHERE {self.id_column} > ?"  # noqa: S608
        return self.old.rows(sql, (position,))[0][0]

    def _rows(self, after_id, count):
        """Return so many rows of the old table with larger ids than one, in their order."""
        return self.old.rows(self.query, (after_id, count))

    def _load(self, row):
        return load_of(row, self.site)

    def run(self, report=lambda rows: None):
        """Take all remaining rows over and return the Comparison with the old table afterwards.
        Commits batch by batch."""
        began = progress = progress_of(self.new, self.source)
        while True:
            rows = self._rows(progress.position, ROWS_PER_BATCH)
            if not rows:
                return self._compare(began, progress)
            try:
                progress = self._take(rows, progress)
                report(len(rows))
            except LedgerMoved:
                # The lock does not hold on all nodes of a Galera cluster; the ledger does.
                logger.info("%s: another run takes it over too, going on from there", self.source)
                progress = progress_of(self.new, self.source)

    def _take(self, rows, before):
        reasons: collections.Counter = collections.Counter()
        for row in rows:
            try:
                self.tally.add_load(self._load(row), row[0])
            except record.Rejected as reason:
                reasons[str(reason)] += 1
                self.on_reject(row[0], row, str(reason))
        self.save_rejects()
        after = Progress(
            rows[-1][0],
            before.row_count + len(rows),
            before.rejected + sum(reasons.values()),
            oldname.marks_of(before.marks, rows),
        )
        place = ConversionPlace(self.source, before, after)
        after = self.writer.write(self.tally.take(), place)
        self.reasons.update(reasons)
        return after

    def _compare(self, began, ended):
        sql = (
            f"SELECT COUNT(*) FROM {self.table}"  # noqa: S608
            f" WHERE {self.id_column} > ? AND {self.id_column} <= ?"
        )
        there_now = self.old.rows(sql, (began.position, ended.position))[0][0]
        there_before = self.old.rows(sql, (-1, began.position))[0][0]
        return Comparison(
            there=there_before + there_now,
            taken=ended.row_count,
            rejected=ended.rejected,
            is_complete=there_now == ended.row_count - began.row_count
            and there_before <= began.row_count,
        )


def progress_of(database, source):
    """Return the Progress of a source. Read-only."""
    sql = "SELECT position, row_count, rejected, marks FROM lmod_conversion WHERE source = ?"
    found = database.rows(sql, (source,))
    if not found:
        return Progress()
    position, row_count, rejected, marks = found[0]
    return Progress(position, row_count, rejected, bytes(marks or b""))


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
    clean = {key: column_text(value) for key, value in texts.items()}
    _name, zone = site.cluster_of("lmod", clean["host"] or "")
    try:
        moment = Calendar(zone).moment_of(date)
    except (ValueError, OverflowError) as error:  # of the first or the last years there are
        raise record.Rejected(record.TIME_RANGE) from error
    return record.make_load(time=moment, job_id="", **clean)


def column_text(value):
    """Return what a column of an older table holds as storable text, None for no text."""
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
    return stored_text(bytes(value)) if isinstance(value, (bytes, bytearray, memoryview)) else None
