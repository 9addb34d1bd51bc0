"""The tables of XALT, registered for createDB, delete_old_records and usage_status."""

import re

from usagedb.schema import Schema

INDEX = re.compile(r"CREATE INDEX \w+ ON (\w+) \(\"?(\w+)")


def adapt(database, statement):
    """Leave out an index where a site's table has one that begins with the same column."""
    found = INDEX.match(statement)
    if found and found[2] in database.dialect.indexed_columns(database, found[1]):
        return None
    return statement


def complete(database, say):
    """Take over the rows of other programs; see xaltload/takeover.py."""
    from xaltload import takeover

    takeover.complete(database, say)


def purge(database, options, report):
    """Delete or anonymize old records; see xaltload/purge.py."""
    from xaltload import purge as module

    return module.purge(database, options, report)


XALT = Schema(
    "xalt",
    "xalt.sql",
    adapt=adapt,
    complete=complete,
    purge=purge,
    can_anonymize=True,
    default_dbname="xalt",
)
