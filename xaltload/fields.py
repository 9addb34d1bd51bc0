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
                if len(values) != len(COLUMNS) or not all(
                    0 < len(value) <= limit and value.isprintable()
                    for value, limit in zip(values, longest)
                ):
                    logger.warning("%s, line %d: not account,field,directorate", path, number)
                    rejected += 1
                    continue
                found[values[0]] = values
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise errors.MissingInputError(f"cannot read {path}: {error}") from error
    return sorted(found.values()), rejected


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
