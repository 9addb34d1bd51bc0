"""What the accounts of a site are for: read from a CSV file, and stored."""

import csv
import logging
from pathlib import Path

from usagedb import errors
from usagedb.dialects.base import TEXT
from xaltload.bulk import delete_rows
from xaltload.widths import own_widths

logger = logging.getLogger(__name__)

COLUMNS = (("account", TEXT), ("field_of_science", TEXT), ("directorate", TEXT))


def read_fields(path):
    """Return (rows of COLUMNS by account, number of rejected lines) of a CSV file.

    Raises MissingInputError.
    """
    widths = own_widths()
    longest = [widths["xalt_field_of_science", name] for name, _kind in COLUMNS]
    found, rejected = {}, 0
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                values = tuple(value.strip() for value in row)
                if not any(values) or values == tuple(name for name, _kind in COLUMNS):
                    continue
                wrong = fault_of(values, longest)
                if wrong:
                    logger.warning("%s, line %d: %s", path, number, wrong)
                    rejected += 1
                    continue
                found[values[0]] = values
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise errors.MissingInputError(f"cannot read {path}: {errors.reason(error)}") from error
    return sorted(found.values()), rejected


def fault_of(values, longest):
    """Return what is wrong with the values of a line, None for nothing.

    longest are the most characters of each of COLUMNS.
    """
    if len(values) != len(COLUMNS) or not all(value and value.isprintable() for value in values):
        return "not account,field,directorate"
    for (name, _kind), value, limit in zip(COLUMNS, values, longest):
        if len(value) > limit:
            return f"{name} is too long: {len(value)} characters, {limit} at most"
    return None


def not_named(database, rows):
    """Return how many accounts have a field and are not among some rows. Read-only."""
    accounts = {row[0] for row in rows}
    found = database.rows("SELECT DISTINCT account FROM xalt_field_of_science")
    return sum(account not in accounts for (account,) in found)


def store(database, rows, replace):
    """Replace the rows of some accounts, or with `replace` all rows, in one transaction."""
    accounts = [row[0] for row in rows]
    with database.transaction():
        if replace:
            database.execute("DELETE FROM xalt_field_of_science")
        delete_rows(database, "xalt_field_of_science", "account", accounts)
        database.insert_rows("xalt_field_of_science", COLUMNS, rows)
