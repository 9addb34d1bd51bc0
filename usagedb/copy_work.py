"""Copy tables into another database, and mend what differs: interrupted, it goes on."""

import logging
from functools import partial

from usagedb import errors, keyset
from usagedb.compare import compare
from usagedb.copy_rows import ROWS_PER_BATCH, batches_beside, span, told
from usagedb.database import with_reconnects

logger = logging.getLogger(__name__)

# What was written into the source while it was read is found by the comparison, and mended.
MENDING_ROUNDS = 3


class Copy:
    """One copy: the configuration of its source, and the open database that it fills."""

    def __init__(self, source_config, target, state, progress=lambda row_count: None):
        """state is a usagedb.copy_state.State; progress is told of rows copied or compared."""
        self.source_config, self.target, self.state = source_config, target, state
        self.progress = progress
        self.stored = 0  # rows, by this run

    def copy(self, table):
        """Copy the rows of a Table that are still to be copied. Commits batch by batch."""
        after, row_count, is_whole = self.state.position(table)
        if is_whole:
            self.progress(row_count)
            return
        self.progress(row_count)
        try:
            self._copy_from(table, after)
        except errors.ConflictError as error:
            if after is None:
                raise
            # A key that belongs to another row of the source now, since the last run.
            logger.info("%s: the source has changed: %s", table.name, error)
            for one in self._differences(table, upto=after):
                self._clear(table, one.after, one.upto)
            self._copy_from(table, self.state.position(table)[0])
        with_reconnects(self.target, lambda: self.state.set_whole(table))

    def _copy_from(self, table, after):
        for batch in self._batches(table, after):
            self._write(table, batch, after)
            after = table.key_of(batch[-1])

    def _batches(self, table, after, upto=None):
        return batches_beside(self.source_config, table, after, upto)

    def _write(self, table, batch, after):
        """Store a batch together with how far the table has come then."""
        key = table.key_of(batch[-1])

        def once():
            with self.target.transaction():
                self.target.insert_rows(table.name, table.for_insert, batch)
                self.state.advance(table, key, len(batch))

        with told(self.target, f"{table.name}, rows {span(table, after, key)}"):
            with_reconnects(self.target, once, lambda: self.state.is_at(table, key))
        self._count(len(batch))

    def _count(self, row_count):
        self.stored += row_count
        self.progress(row_count)

    def settle(self, tables):
        """Compare all tables, and mend those that differ, a bounded number of times.

        Returns {table: Comparison}: the last one of each. Commits.
        """
        found = {table: self._compare(table) for table in tables}
        for _round in range(MENDING_ROUNDS):
            different = {table: one for table, one in found.items() if one.differences}
            if not different:
                break
            for table, one in different.items():
                logger.info("%s: %d ranges differ, mending", table.name, len(one.differences))
                for part in one.differences:
                    self._clear(table, part.after, part.upto)
            # Only now: a key may have moved from one row to another.
            for table, one in different.items():
                for part in one.differences:
                    self._fill(table, part.after, part.upto)
            found.update((table, self._compare(table)) for table in different)
        for table in tables:
            if table.serial:
                with_reconnects(self.target, partial(self._continue_ids, table))
        return found

    def _continue_ids(self, table):
        self.target.dialect.continue_ids(self.target, table.name, table.serial)

    def _compare(self, table):
        return compare(self.source_config, self.target.config, table, progress=self.progress)

    def _differences(self, table, upto):
        return compare(self.source_config, self.target.config, table, upto).differences

    def _clear(self, table, after, upto):
        """Delete the rows of a range from the target. Commits, some thousand rows at a time."""
        dialect = self.target.dialect

        def once():
            sql, parameters = keyset.key_at(dialect, table, ROWS_PER_BATCH - 1, after, upto)
            found = self.target.rows(sql, parameters)
            sql, parameters = keyset.delete(dialect, table, after, found[0] if found else upto)
            self.target.execute(sql, parameters)
            return bool(found)

        while with_reconnects(self.target, once):
            pass

    def _fill(self, table, after, upto):
        """Copy the rows of a range that is empty in the target. Commits batch by batch.

        The position stays: an interrupted run finds what is missing by comparing.
        """
        for batch in self._batches(table, after, upto):
            key = table.key_of(batch[-1])
            with told(self.target, f"{table.name}, rows {span(table, after, key)}"):
                with_reconnects(self.target, partial(self._replace, table, batch, after, key))
            after = key
            self._count(len(batch))

    def _replace(self, table, batch, after, key):
        """Store a batch in the place of the rows of its range. Commits."""
        sql, parameters = keyset.delete(self.target.dialect, table, after, key)
        with self.target.transaction():
            self.target.execute(sql, parameters)  # of a commit whose answer was lost
            self.target.insert_rows(table.name, table.for_insert, batch)


def count_rows(database, table):
    """Return the number of rows that a copy of a Table concerns; 0 without it. Read-only."""
    if not database.dialect.has_table(database, table.name):
        return 0
    return database.rows(*keyset.count(database.dialect, table))[0][0]


def keep_alive(database):
    """Make sure that a connection that only holds locks holds them."""
    with_reconnects(database, lambda: database.rows("SELECT 1"))
