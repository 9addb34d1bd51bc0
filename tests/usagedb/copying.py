"""What the tests of copies share: rows that are hard to keep, and what the tables hold."""

import random
import struct

from usagedb import keyset, schema
from usagedb.copy_places import copied_tables
from usagedb.dialects.base import BYTES, DATE, DATETIME, INTEGER, NULLABLE, REAL, TEXT

TEXTS = (
    "", " ", "trailing  ", "\ttab\n\r newline", "\\", "'\"`%s%%;--", "\\x00\\xff", "naïve ŝ",
    "\U0001f600 four bytes \U0010ffff", "A", "a", "ä", "a\u0308", "NULL", "0", '{"a": [1, "ü"]}',
)  # fmt: skip
NUMBERS = (0.1, 1e-300, 1.7976931348623157e308, 5e-324, 0.0, -0.0, 1 / 3, 1772352000.123456, -2.5)
BLOBS = (b"", b"\0", bytes(range(256)), b"\\x41", b"'\"%s", b"\xff" * 3)
MOMENTS = ("2026-03-01 08:00:00", "1999-12-31 23:59:59", "2024-02-29 12:34:56")


def hard_row(table, number, source):
    """Return a row of a Table whose values databases like to change; its key is number."""
    row = []
    for column in table.columns:
        if column.name in table.key and column.kind in (INTEGER, NULLABLE):
            row.append(number)
        elif column.name in table.key:
            row.append(key_value(column.kind, number))
        else:
            row.append(hard_value(column, number, source))
    return tuple(row)


def key_value(kind, number):
    """Return a value that tells row from row."""
    if kind == BYTES:
        return struct.pack(">q", number * 7919) + bytes(24)
    return f"{number:05d}" if kind == TEXT else number


def hard_value(column, number, source):
    """Return any value that a column may hold; names and columns of unique keys differ."""
    if column.kind == TEXT:
        text = source.choice(TEXTS)
        return (
            f"{number}:{text}"[:40] if is_unique(column) else text[:2] if is_short(column) else text
        )
    if column.kind == BYTES:
        return source.choice(BLOBS) if column.is_long else source.randbytes(32)
    if column.kind == REAL:
        return source.choice(NUMBERS)
    if column.kind == DATETIME:
        return source.choice(MOMENTS)
    if column.kind == DATE:
        return source.choice(MOMENTS)[:10]
    if column.kind == NULLABLE:
        return source.choice((None, 0, -1, 2**31 - 1))
    return number if is_unique(column) else source.choice((0, 1, 77))


def is_unique(column):
    """Tell whether a column may be part of a unique key."""
    return column.name.endswith(("name", "uuid", "jobid", "fork", "_id"))


def is_short(column):
    """Tell whether a column holds a few characters only."""
    return column.name in ("lib_type", "exec_type", "program", "anon_user")


def fill(site, rows_per_table=40, seed=1, names=()):
    """Make the tables of all schemas, or of those named, and put hard rows into each; return the
    Site."""
    site.create(*names)
    source = random.Random(seed)
    database = site.connect()
    for table in all_tables():
        if not database.dialect.has_table(database, table.name):
            continue
        first = 0 if not table.serial else 1
        rows = [hard_row(table, first + 3 * n, source) for n in range(rows_per_table)]
        database.insert_rows(table.name, table.for_insert, rows)
    database.close()
    return site


def all_tables():
    """Return the Tables that a copy moves."""
    return copied_tables(schema.known_schemas().values())


def everything(site):
    """Return {table: rows in the order of the key} of all tables, read as a copy reads them."""
    database = site.connect()
    try:
        return {
            table.name: [
                tuple(row) for row in database.rows(*keyset.select(database.dialect, table))
            ]
            for table in all_tables()
            if database.dialect.has_table(database, table.name)
        }
    finally:
        database.close()
