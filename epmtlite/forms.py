"""Print a result: as Python writes it, as EPMT does, or in one of the suite's formats."""

import datetime
import json
import sys

from usagedb.output import write_rows
from usagedb.terminal import visible

PYTHON = "python"


def write_list(values, heading, form):
    """Print a list of values that are no dictionaries, under a heading in tables."""
    if form == PYTHON:
        write_python(values)
    else:
        cell = plain if form == "json" else text
        write_rows([heading], [(cell(value),) for value in values], form)


def write_dicts(records, form):
    """Print a list of dictionaries; in tables a column of any is one of all."""
    if form == PYTHON:
        write_python(records)
        return
    keys = list(dict.fromkeys(key for record in records for key in record))
    if form == "json":
        rows = [[plain(record.get(key)) for key in keys] for record in records]
    else:
        rows = [[text(record.get(key)) for key in keys] for record in records]
    write_rows(keys, rows, form, keys)


def write_python(value):
    """Print a value as Python writes it: controls in its texts are escapes."""
    sys.stdout.write(repr(value) + "\n")


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
