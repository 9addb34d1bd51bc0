"""Read the rows of a table in the order of its key, in batches of bounded size."""

import contextlib
import logging

from usagedb import errors, keyset
from usagedb.ahead import ahead, has_second_processor
from usagedb.database import RECONNECTS, Database
from usagedb.dialects.base import chunks

logger = logging.getLogger(__name__)

ROWS_PER_BATCH = 10_000
BATCH_CHARACTERS = 8_000_000


def batches(config, table, after=None, upto=None, most_rows=None):
    """Yield lists of the rows of a range of a Table, or of its first ones; see usagedb.keyset.

    Reads by a connection of its own, and goes on behind the last list when that was lost.
    Raises UnavailableError when the database stays away, MalformedInputError for a value that
    cannot be read. Read-only.
    """
    database = Database(config)
    try:
        for attempt in range(RECONNECTS + 1):
            try:
                for batch in read_once(database, table, after, upto, most_rows):
                    yield batch
                    after = table.key_of(batch[-1])
                return
            except errors.UnavailableError:
                if attempt == RECONNECTS:
                    raise
            logger.info("connection lost, trying again")
            database.reconnect()
    finally:
        database.close()


def beside(make, after=None):
    """Yield the items of a table, all but the first made in a process of its own if it can.

    make(key, most_rows) is a generator over (last key, number of rows, item) that begins behind a
    key, and ends after so many rows. Most tables are small: no process is worth its while for them.
    """
    row_count = 0
    most_rows = ROWS_PER_BATCH
    for key, rows_of_item, item in make(after, most_rows):
        after, row_count = key, row_count + rows_of_item
        yield item
    if row_count >= most_rows:
        rest = make(after, None)
        yield from (one[-1] for one in (ahead(rest) if has_second_processor() else rest))


def batches_beside(config, table, after=None, upto=None):
    """Yield what `batches` yields, read beside the process that stores it."""

    def make(after, most_rows):
        for batch in batches(config, table, after, upto, most_rows):
            yield table.key_of(batch[-1]), len(batch), batch

    return beside(make, after)


def read_once(database, table, after, upto, most_rows=None):
    """Yield lists of the rows of a range, read by one query. Read-only."""
    sql, parameters = keyset.select(database.dialect, table, after, upto, most_rows)
    with told(database, f"{table.name}, rows {span(table, after, upto)}"):
        rows = database.stream(sql, parameters)
        with contextlib.closing(rows):
            yield from in_batches(rows, table.long_places)


def in_batches(rows, long_places):
    """Yield lists of at most ROWS_PER_BATCH rows, and of about BATCH_CHARACTERS."""
    if not long_places:
        yield from chunks(rows, ROWS_PER_BATCH)
        return
    batch, characters = [], 0
    for row in rows:
        batch.append(row)
        characters += sum(len(row[place]) for place in long_places if row[place])
        if len(batch) >= ROWS_PER_BATCH or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


@contextlib.contextmanager
def told(database, where):
    """Turn what a driver raises for a value that it or the database does not take into a
    MalformedInputError that says where."""
    try:
        yield
    except errors.UsageDBError:
        raise
    except (TypeError, OverflowError, UnicodeError, database.connection.Error) as error:
        reason = " ".join(str(error).split())
        raise errors.MalformedInputError(
            f"{database.config.describe()}: {where}: {reason}: mend the row where it comes from"
        ) from error


def span(table, after, upto):
    """Return a range of keys in words."""
    behind = f"behind {shown_key(table, after)}" if after is not None else "from the first one"
    until = f"up to {shown_key(table, upto)}" if upto is not None else "to the last one"
    return f"{behind} {until}"


def shown_key(table, key):
    """Return a key as `name=value,name=value`."""
    return ",".join(f"{name}={shown(value)}" for name, value in zip(table.key, key))


def shown(value):
    """Return one value of a key as text."""
    return bytes(value).hex() if isinstance(value, (bytes, memoryview)) else value
