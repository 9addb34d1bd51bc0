"""The tables of a report, and how they are printed, one after the other."""

import json
import sys
from typing import NamedTuple

from usagedb import errors
from usagedb.output import layout, write_rows


class Table(NamedTuple):
    """One table of a report."""

    key: str  # by which --table names it
    title: str
    headings: tuple
    rows: list
    notes: tuple = ()  # lines below it


def chosen(tables, keys):
    """Return the Tables with these keys, all without any. Raises UsageError."""
    known = [table.key for table in tables]
    unknown = [key for key in keys if key not in known]
    if unknown:
        raise errors.UsageError(f"--table {unknown[0]}: there are {', '.join(known)}")
    return [table for table in tables if not keys or table.key in keys]


def write_tables(heading, tables, output_format, stream=None):
    """Write tables to stdout (or `stream`).

    JSON is one array with an object for each table; CSV of several tables has a line with the
    title before each, and an empty one between them.
    """
    stream = stream or sys.stdout
    if output_format == "json":
        stream.write(json.dumps([as_object(table) for table in tables], indent=1) + "\n")
    elif output_format == "csv":
        write_csv(tables, stream)
    else:
        write_for_reading(heading, tables, output_format, stream)


def as_object(table):
    """Return a Table as an object for JSON."""
    keys = [key_of(heading) for heading in table.headings]
    rows = [dict(zip(keys, row)) for row in table.rows]
    return {"table": table.key, "title": table.title, "rows": rows}


def key_of(heading):
    """Return the name of a column in CSV and JSON."""
    words = heading.lower().replace("#", "number of").replace("%", "percent").split()
    return "_".join(words)


def write_csv(tables, stream):
    """Write tables as CSV."""
    for number, table in enumerate(tables):
        if len(tables) > 1:
            stream.write(("\n" if number else "") + f"# {table.title}\n")
        keys = [key_of(heading) for heading in table.headings]
        write_rows(table.headings, table.rows, "csv", keys, stream)


def write_for_reading(heading, tables, output_format, stream):
    """Write tables for people."""
    is_markdown = output_format == "markdown"
    stream.write(f"# {heading}\n\n" if is_markdown else f"{heading}\n{'=' * len(heading)}\n\n")
    for number, table in enumerate(tables):
        stream.write("\n" if number else "")
        stream.write(f"## {table.title}\n\n" if is_markdown else f"{table.title}\n\n")
        if table.rows:
            stream.write(layout(table.headings, table.rows, output_format, grouped=True) + "\n")
        else:
            stream.write("(none)\n")
        for note in table.notes:
            stream.write(f"\n{note}\n")
