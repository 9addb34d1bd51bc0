"""Print a report's rows as a table, CSV, JSON or Markdown."""

import csv
import json
import sys

from usagedb.terminal import visible

FORMATS = ("table", "csv", "json", "markdown")


def write_rows(headings, rows, output_format, keys=None, stream=None):
    """Write rows to stdout (or `stream`).

    headings are the columns' titles for people; keys their names in CSV and JSON (by default made
    from the headings). Rows are sequences of str, int, float or None; in CSV and JSON each is
    written as it comes. An empty result is an empty table, or `[]`.
    """
    stream = stream or sys.stdout
    keys = keys or [heading.lower().replace(" ", "_") for heading in headings]
    if output_format == "json":
        write_json((dict(zip(keys, row)) for row in rows), stream)
    elif output_format == "csv":
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([safe(key) for key in keys])
        writer.writerows([safe(value) for value in row] for row in rows)
    else:
        stream.write(layout(headings, list(rows), output_format) + "\n")


def write_json(records, stream):
    """Write records one after the other, as json.dumps(list(records), indent=1) would."""
    before = "["
    for record in records:
        # A newline inside of a text is an escape: these are those of the indentation.
        stream.write(before + "\n " + json.dumps(record, indent=1).replace("\n", "\n "))
        before = ","
    stream.write("[]\n" if before == "[" else "\n]\n")


def safe(value):
    """Return a value as it goes into a machine format: plain numbers, text without controls."""
    return visible(value) if isinstance(value, str) else value


def layout(headings, rows, output_format, grouped=False):
    """Return a table for people, or one in Markdown; grouped writes 1234567 as 1,234,567."""
    from tabulate import tabulate

    columns = list(zip(*rows)) if rows else [()] * len(headings)
    align = ["right" if is_numeric(column) else "left" for column in columns]
    cells = [[cell(value, output_format, grouped) for value in row] for row in rows]
    return tabulate(
        cells,
        headers=[cell(heading, output_format) for heading in headings],
        tablefmt="github" if output_format == "markdown" else "simple",
        colalign=align if rows else None,
        disable_numparse=True,
    )


def is_numeric(column):
    """Tell whether a column holds numbers (and perhaps gaps)."""
    return any(isinstance(value, (int, float)) for value in column) and not any(
        isinstance(value, str) for value in column
    )


def cell(value, output_format, grouped=False):
    """Return one value of a table as text."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}" if grouped else f"{value:.2f}"
    if grouped and isinstance(value, int):
        return f"{value:,}"
    text = visible(value)
    return text.replace("|", "\\|") if output_format == "markdown" else text
