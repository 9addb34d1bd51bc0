"""Print a result: as Python writes it, as EPMT does, or in one of the suite's formats."""

import datetime
import json
import sys

from usagedb.output import write_rows
from usagedb.terminal import visible

PYTHON = "python"
STREAMED = ("csv", "json")  # besides PYTHON; the width of a table is known at its end


def write_list(values, heading, form):
    """Print values that are no dictionaries as a list, under a heading in tables."""
    if form == PYTHON:
        write_python(values)
    else:
        cell = plain if form == "json" else text
        write_rows([heading], ((cell(value),) for value in values), form)


def write_dicts(records, form, keys=None):
    """Print dictionaries as a list; in tables a column of any is one of all.

    Those of STREAMED are written as they come where all their keys are known before.
    """
    if form == PYTHON:
        write_python(records)
        return
    if not keys:
        records = list(records)
        keys = list(dict.fromkeys(key for record in records for key in record))
    cell = plain if form == "json" else text
    rows = ([cell(record.get(key)) for key in keys] for record in records)
    write_rows(keys, rows, form, keys)


def write_python(values):
    """Print values as Python writes a list of them: controls in their texts are escapes."""
    before = "["
    for value in values:
        sys.stdout.write(before + repr(value))
        before = ", "
    sys.stdout.write("[]\n" if before == "[" else "]\n")


def plain(value):
    """Return a value as JSON has it: times in ISO 8601."""
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


def text(value):
    """Return a value as a cell of a table."""
    value = plain(value)
    if isinstance(value, (dict, list)):
        return visible(json.dumps(value, sort_keys=True))
    return value
