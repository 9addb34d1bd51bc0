"""Find and change rows that name a person in some text: those of others, or of nobody.

A whole table is read, in the order of its key, some rows at a time; the database itself leaves out
most of those that do not name the person.
"""

import dataclasses
import functools
import re
import time
from typing import Any

from usagedb.database import in_transaction
from usagedb.person import CHANGED, ROWS_PER_STEP
from usagedb.widths import longest_texts, shortened

TEXT, BYTES = "text", "bytes"


@dataclasses.dataclass(frozen=True)
class Mentions:
    """A table whose texts may name people."""

    table: str
    key: str  # its key column; or two of numbers, "job_id, number"
    columns: tuple  # (name, TEXT or BYTES)
    first_key: Any = -1  # less than any
    # (name, unpack(value) -> text, pack(old value, text) -> value): the database cannot look into
    # these
    packed: tuple = ()
    also: str = ""  # further columns to set in a row that changes: SQL
    unless: str = ""  # SQL of the rows that are the person's own; its ? is the name
    json_columns: tuple = ()  # those of the texts that are JSON
    changed_at: str = ""  # the column that says when a row was changed, seconds since the epoch
    dated: tuple = ()  # what it is about, if it is not any column
    unique: str = ""  # the column of which no two rows have the same text

    @property
    def keys(self):
        """Return the names of the key columns."""
        return tuple(self.key.split(", "))

    @property
    def is_row(self):
        """Return the condition of one row; its ? are the values of the key columns."""
        return " AND ".join(f"{name} = ?" for name in self.keys)


def sweep(database, mentions, change):
    """Change all rows of a table that name the person; count them. Commits step by step."""
    longest = longest_texts(database, mentions.table)
    for changed in changed_rows(database, mentions, change.renaming):
        change.count(mentions.table, CHANGED, len(changed))
        if not change.dry_run:
            step = functools.partial(write, database, mentions, changed, longest)
            in_transaction(database, step)


def naming_rows(database, mentions, renaming):
    """Yield the {column: text} of the rows that name the person, as they are. Read-only."""
    for changed in changed_rows(database, mentions, renaming):
        for key, old, _new in changed:
            numbers = key if isinstance(key, tuple) else (key,)
            yield {**dict(zip(mentions.keys, numbers)), **old}


def changed_rows(database, mentions, renaming):
    """Yield lists of (key, {column: old text}, {column: new value}) of rows that change.

    A key of two columns is a tuple.
    """
    last = (mentions.first_key,) * len(mentions.keys)
    sql, parameters = query(database, mentions, renaming)
    while True:
        rows = database.rows(sql, (*last[:-1], *last, *parameters))
        found = [one for one in (changed_row(mentions, renaming, row) for row in rows) if one]
        if found:
            yield found
        if len(rows) < ROWS_PER_STEP:
            return
        last = tuple(rows[-1][: len(last)])


def query(database, mentions, renaming):
    """Return (SQL, parameters after the last key) of the next rows that may name the person."""
    quote = database.dialect.quote
    names = [name for name, _kind in mentions.columns] + [one[0] for one in mentions.packed]
    first, *second = mentions.keys
    after = f"{first} >= ? AND ({first} > ? OR {second[0]} > ?)" if second else f"{first} > ?"
    sql = (
        f"SELECT {mentions.key}, {database.dialect.quote_all(names)} FROM {mentions.table}"  # noqa: S608
        f" WHERE {after}"
    )
    parameters: list = []
    # In JSON a name may be written with escapes.
    is_plain = renaming.name.isascii() and renaming.name.isprintable()
    if not mentions.packed and (is_plain or not mentions.json_columns):
        tests = [holds(database, quote(name), kind) for name, kind in mentions.columns]
        sql += f" AND ({' OR '.join(tests)})"
        parameters = [
            renaming.raw if kind == BYTES else renaming.name for _name, kind in mentions.columns
        ]
    if mentions.unless:
        unless = re.sub(r'"(\w+)"', lambda found: quote(found[1]), mentions.unless)
        sql += f" AND NOT ({unless})"
        parameters.append(renaming.name)
    return f"{sql} ORDER BY {mentions.key} LIMIT {ROWS_PER_STEP}", parameters


def holds(database, column, kind):
    """Return the SQL that tells whether a column holds a parameter, byte by byte."""
    if database.config.backend == "postgresql":
        form = "position(?::bytea IN {}) > 0" if kind == BYTES else "strpos({}, ?) > 0"
        return form.format(column)
    return f"INSTR({column}, ?) > 0"


def changed_row(mentions, renaming, row):
    """Return (key, {column: old text}, {column: new value}) of a row, None if it stays."""
    count = len(mentions.keys)
    key, values = row[0] if count == 1 else tuple(row[:count]), row[count:]
    old, new = {}, {}
    for (name, kind), value in zip(mentions.columns, values):
        if value is None:
            continue
        if kind == BYTES:
            value = bytes(value)
            changed = renaming.in_bytes(value, renaming.shared)
        elif name in mentions.json_columns:
            changed = renaming.in_json(value, renaming.shared)
        else:
            changed = renaming.shared(value)
        if changed != value:
            old[name] = value.decode("utf-8", "backslashreplace") if kind == BYTES else value
            new[name] = changed
    for (name, unpack, pack), value in zip(mentions.packed, values[len(mentions.columns) :]):
        text = unpack(value) if value is not None else ""
        changed = renaming.in_json(text, renaming.shared)
        if changed != text:
            old[name], new[name] = text, pack(value, changed)
    return (key, old, new) if new else None


def write(database, mentions, changed, longest):
    """Write changed rows, inside the caller's transaction.

    longest is {column: most characters}: a pseudonym may be longer than the name.
    """
    for key, _old, new in changed:
        new = {name: fitted(value, longest.get(name)) for name, value in new.items()}
        if mentions.unique in new:
            free = free_text(database, mentions, key, new[mentions.unique], longest)
            new[mentions.unique] = free
        if mentions.changed_at and (not mentions.dated or set(mentions.dated) & set(new)):
            new[mentions.changed_at] = time.time()
        sets = ", ".join(f"{database.dialect.quote(name)} = ?" for name in new)
        also = f", {mentions.also}" if mentions.also else ""
        sql = f"UPDATE {mentions.table} SET {sets}{also} WHERE {mentions.is_row}"  # noqa: S608
        database.execute(sql, (*new.values(), *as_tuple(key)))


def as_tuple(key):
    """Return the values of the key columns of a row."""
    return key if isinstance(key, tuple) else (key,)


def free_text(database, mentions, key, text, longest):
    """Return a text for the column that is unique; with a number behind it if another row has it,
    as one that named another person does."""
    column, most = mentions.unique, longest.get(mentions.unique)
    has_it = f"{database.dialect.quote(column)} = ?"
    # This row may have it already: the answer to a COMMIT may have been lost.
    sql = f"SELECT count(*) FROM {mentions.table} WHERE {has_it} AND NOT ({mentions.is_row})"  # noqa: S608
    free, number = text, 1
    while database.rows(sql, (free, *as_tuple(key)))[0][0]:
        number += 1
        tail = f"-{number}"
        free = (text if most is None else text[: most - len(tail)]) + tail
    return free


def fitted(value, longest):
    """Return a text cut to so many characters; anything else, and with None, as it is."""
    is_long = longest is not None and isinstance(value, str) and len(value) > longest
    return shortened(value, longest) if is_long else value
