"""What the tables of a schema are made of, read from the steps of its file in sql/."""

import dataclasses
import functools
import operator
import re

from usagedb.dialects.base import BYTES, DATE, DATETIME, INTEGER, NULLABLE, REAL, TEXT

CREATE = re.compile(r"CREATE TABLE (\w+) \((.*)\)", re.DOTALL)
ADD = re.compile(r"ALTER TABLE (\w+) ADD COLUMN (.*)", re.DOTALL)
COLUMN = re.compile(r'\s*"?(\w+)"?\s+([A-Z_]+)(?:\((\d+)\))?(.*)')
KEY = re.compile(r"PRIMARY KEY \((.*)\)")
SERIAL = ("SERIAL_ID", "SERIAL_BIG_ID")
KINDS = {
    **dict.fromkeys((*SERIAL, "INTEGER", "SMALLINT", "BIGINT"), INTEGER),
    **dict.fromkeys(("CHARS", "LONGTEXT"), TEXT),
    **dict.fromkeys(("BYTES", "DIGEST"), BYTES),
    **dict.fromkeys(("DATETIME", "TIMESTAMP"), DATETIME),
    "DATE": DATE,
    "DOUBLE": REAL,
}
# A value of these, or of CHARS of so many characters, may make a row large.
LONG = ("BYTES", "LONGTEXT")
LONG_CHARACTERS = 1024


@dataclasses.dataclass(frozen=True)
class Column:
    """One column: its name, and its kind for a bulk insert."""

    name: str
    kind: str
    is_long: bool = False
    is_serial: bool = False  # the database gives numbers that are not named


@dataclasses.dataclass(frozen=True)
class Table:
    """One table: its columns in order, and the names of those of its primary key."""

    name: str
    columns: tuple
    key: tuple

    @functools.cached_property
    def for_insert(self):
        """The columns as Database.insert_rows takes them."""
        return tuple((column.name, column.kind) for column in self.columns)

    @functools.cached_property
    def long_places(self):
        """Where in a row the values are that may be large."""
        return tuple(place for place, column in enumerate(self.columns) if column.is_long)

    @functools.cached_property
    def serial(self):
        """The name of the column whose numbers the database gives, or None."""
        return next((column.name for column in self.columns if column.is_serial), None)

    @functools.cached_property
    def _key_getter(self):
        names = [column.name for column in self.columns]
        return operator.itemgetter(*(names.index(name) for name in self.key))

    def key_of(self, row):
        """Return the primary key of a row, as a tuple."""
        found = self._key_getter(row)
        return found if len(self.key) > 1 else (found,)


def tables_of(schema):
    """Return the Tables of a usagedb.schema.Schema in the order of making, views left out."""
    columns: dict = {}
    keys: dict = {}
    for step in schema.steps:
        made = CREATE.match(step.statement)
        if made:
            found = map(column_in, made[2].strip().splitlines())
            columns[made[1]] = [column for column in found if column]
            keys[made[1]] = key_in(made[2]) or (columns[made[1]][0].name,)
        added = ADD.match(step.statement)
        if added:
            columns[added[1]].append(column_in(added[2]))
    return [Table(name, tuple(found), keys[name]) for name, found in columns.items()]


def column_in(line):
    """Return the Column that a line of a schema file describes, None if it is about a key."""
    found = COLUMN.match(line)
    if not found or found[2] not in KINDS:
        return None
    name, word, length, rest = found.groups()
    kind = KINDS[word]
    if kind == INTEGER and word not in SERIAL and "NOT NULL" not in rest:
        kind = NULLABLE
    is_long = word in LONG or (word == "CHARS" and int(length) >= LONG_CHARACTERS)
    # In lower case, as PostgreSQL knows a name without quotes; the others do not care.
    return Column(name.lower(), kind, is_long, word in SERIAL)


def key_in(text):
    """Return the names of the columns of the primary key that is written out, or None."""
    found = KEY.search(text)
    return tuple(name.strip(' "').lower() for name in found[1].split(",")) if found else None
